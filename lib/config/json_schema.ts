/** The schema for editors and for the docs: JSON Schema, and the table of options. */

import * as z from "zod/mini";
import { configSchema } from "./schema.ts";

/** A JSON Schema, or a part of one, as far as it is read here. */
export interface JsonSchema {
  /** Further keywords. */
  readonly [keyword: string]: unknown;
  /** What kind of value, for people. */
  readonly title?: string;
  /** One sentence or two. */
  readonly description?: string;
  /** What counts where the value is left out. */
  readonly default?: unknown;
  /** JSON type. */
  readonly type?: string;
  /** Allowed values. */
  readonly enum?: readonly unknown[];
  /** Keys of an object. */
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  /** Alternatives. */
  readonly anyOf?: readonly JsonSchema[];
  /** Schema of a list's entries. */
  readonly items?: JsonSchema;
}

/** An option, for the docs. */
export interface OptionRow {
  /** Where it stands: `limits.rate`, `tasks[].expect.type`. Task options may stand in `defaults` too. */
  readonly path: string;
  /** What kind of value, in a few words. */
  readonly type: string;
  /** What counts where it is left out, as JSON; empty if nothing does. */
  readonly default: string;
  /** One sentence or two. */
  readonly description: string;
}

/** The JSON Schema (draft 2020-12) of what a person may write. */
export function configJsonSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, {
    io: "input",
    override({ jsonSchema }) {
      // zod drops the `default` of what it transforms, so it travels under another name.
      if (!("standard" in jsonSchema)) return;
      jsonSchema.default = jsonSchema["standard"] as z.core.JSONSchema.JSONSchema["default"];
      delete jsonSchema["standard"];
    },
  }) as JsonSchema;
}

/** Every option of a config, in the order of the schema. */
export function optionRows(): readonly OptionRow[] {
  rows ??= rowsBelow(configJsonSchema(), "");
  return rows;
}

/** Worked out once: every unknown key is held against them. */
let rows: readonly OptionRow[] | undefined;

function rowsBelow(schema: JsonSchema, prefix: string): OptionRow[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, part]) => {
    const path = prefix + name;
    const row: OptionRow = {
      path,
      type: typeOf(part),
      default: part.default === undefined ? "" : JSON.stringify(part.default),
      description: part.description ?? "",
    };
    // The options of `defaults` are the tasks', told once.
    if (path === "defaults") return [row];
    const [inner, suffix] = part.items ? [part.items, "[]."] : [part, "."];
    return [row, ...rowsBelow(objectIn(inner), path + suffix)];
  });
}

/** The alternative of a schema that has keys, if any. */
function objectIn(schema: JsonSchema): JsonSchema {
  if (schema.properties) return schema;
  return schema.anyOf?.map(objectIn).find((part) => part.properties) ?? {};
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (schema.title) return schema.title;
  const parts = schema.anyOf?.map(typeOf) ?? [schema.type ?? "anything"];
  return [...new Set(parts)].join(" or ");
}
