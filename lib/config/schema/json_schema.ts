/** The config schema as JSON Schema, for editors, and as a table of options, for the docs. */

import * as z from "zod/mini";
import { configSchema } from "./schema.ts";

/** The keywords of a JSON Schema that this program reads. */
export interface JsonSchema {
  /** Other keywords. */
  readonly [keyword: string]: unknown;
  /** Kind of the value. */
  readonly title?: string;
  /** One or two sentences. */
  readonly description?: string;
  /** Default value. */
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
  /** Schema of the values of an object with any keys; false for an object without other keys. */
  readonly additionalProperties?: JsonSchema | boolean;
}

/** A row of the table of options. */
export interface OptionRow {
  /** Path, such as `limits.rate`, `hosts.*.proxy` or `tasks[].expect.type`. */
  readonly path: string;
  /** Kind of the value, in a few words. */
  readonly type: string;
  /** Default value as JSON; empty without one. */
  readonly default: string;
  /** One or two sentences. */
  readonly description: string;
}

/** Returns the JSON Schema (draft 2020-12) of a config file. */
export function configJsonSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, {
    io: "input",
    override({ jsonSchema }) {
      // zod drops the `default` of a transformed value, so `option` uses another keyword.
      if (!("standard" in jsonSchema)) return;
      jsonSchema.default = jsonSchema["standard"] as z.core.JSONSchema.JSONSchema["default"];
      delete jsonSchema["standard"];
    },
  }) as JsonSchema;
}

/** Returns every option of a config, in the order of the schema. */
export function optionRows(): readonly OptionRow[] {
  rows ??= rowsBelow(configJsonSchema(), "");
  return rows;
}

/** Cached, because every unknown key is compared with them. */
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
    // The options in `defaults` are those of a task.
    if (path === "defaults") return [row];
    const { items, additionalProperties: values } = part;
    if (typeof values === "object") return [row, ...rowsBelow(objectIn(values), `${path}.*.`)];
    const [inner, suffix] = items ? [items, "[]."] : [part, "."];
    return [row, ...rowsBelow(objectIn(inner), path + suffix)];
  });
}

/** The alternative of a schema that has keys, or an empty schema. */
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
