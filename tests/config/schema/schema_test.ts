import { assert, assertEquals, assertNotEquals } from "@std/assert";
import * as z from "zod";
import {
  configJsonSchema,
  type JsonSchema,
  optionRows,
} from "../../../lib/config/schema/json_schema.ts";
import {
  type ConfigInput,
  DEFAULTS,
  type ListTaskInput,
  type TaskInput,
} from "../../../lib/config/input.ts";
import type { configSchema } from "../../../lib/config/schema/schema.ts";
import type { taskSchema } from "../../../lib/config/schema/task_schema.ts";
import { loadInput, loadText, problemLinesOf } from "../loading.ts";

/** True if two types are assignable to each other, including optional keys. */
type Same<A, B> = [A, Required<A>, keyof A] extends [B, Required<B>, keyof B]
  ? [B, Required<B>, keyof B] extends [A, Required<A>, keyof A] ? true : false
  : false;

/** Does not compile unless its type argument is true. */
function holds<_Claim extends true>(): void {}

Deno.test("ConfigInput and TaskInput: equal to the input of the schema", () => {
  // The types tell tasks with a URL from lists; the schema has both, for better messages.
  type Written = z.input<typeof taskSchema>;
  holds<Same<Omit<ConfigInput, "tasks">, Omit<z.input<typeof configSchema>, "tasks">>>();
  holds<Same<Omit<TaskInput, "url">, Omit<Written, "url" | "from">>>();
  holds<Same<ListTaskInput["from"], NonNullable<Written["from"]>>>();
  type Part<Key extends keyof TaskInput> = Extract<TaskInput[Key], object>;
  type SchemaTask = z.input<typeof taskSchema>;
  holds<Same<Part<"timeout">, Extract<SchemaTask["timeout"], object>>>();
  holds<Same<Part<"retry">, Extract<SchemaTask["retry"], object>>>();
  holds<Same<Part<"expect">, Extract<SchemaTask["expect"], object>>>();
  type SchemaConfig = z.input<typeof configSchema>;
  holds<Same<NonNullable<ConfigInput["limits"]>, NonNullable<SchemaConfig["limits"]>>>();
  holds<Same<NonNullable<ConfigInput["defaults"]>, NonNullable<SchemaConfig["defaults"]>>>();
});

const SCHEMA_FILE = new URL("../../../cronfetch.schema.json", import.meta.url);

Deno.test("configJsonSchema: cronfetch.schema.json is current", async () => {
  assertEquals(
    await Deno.readTextFile(SCHEMA_FILE),
    `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
    "refresh it: deno task cronfetch schema > cronfetch.schema.json",
  );
});

Deno.test("optionRows: every option has a type and a description, and its default if it has one", () => {
  const rows = optionRows();
  for (const { path, type, description } of rows) {
    assert(/^[A-Z].*\.$/.test(description), `${path}: ${description}`);
    assertNotEquals(type, "", path);
  }
  const byPath = new Map(rows.map((row) => [row.path, row]));
  assertEquals(byPath.size, rows.length);
  const table: [path: string, type: string, standard: string][] = [
    ["store", "text", '"./downloads"'],
    ["schedule", "text", '"0 6 * * *"'],
    ["misfire", '"once" or "skip"', '"once"'],
    ["limits", "object", ""],
    ["limits.rate", "size or null", "null"],
    ["limits.deadline", "duration or null", '"30m"'],
    ["defaults", "object", ""],
    ["tasks", "list", ""],
    ["tasks[].url", "text", ""],
    ["tasks[].schedule", "text", ""],
    ["tasks[].timeout", "duration or object", ""],
    ["tasks[].timeout.connect", "duration", '"10s"'],
    ["tasks[].timeout.response", "duration", '"10s"'],
    ["tasks[].retry.attempts", "whole number", "4"],
    ["tasks[].expect.sha256", "text or object or null", "null"],
    ["tasks[].expect.sha256.name", "text", ""],
    ["tasks[].keep", "whole number", "0"],
  ];
  for (const [path, type, standard] of table) {
    assertEquals([byPath.get(path)?.type, byPath.get(path)?.default], [type, standard], path);
  }
  assertEquals(rows.some(({ path }) => path.startsWith("defaults.")), false);
});

Deno.test("DEFAULTS: the values that an empty config has", async () => {
  const { store, state, schedule, timezone, misfire, jitter, sync, alertAfter, limits, history } =
    DEFAULTS;
  const { timeout, retry, expect, keep, quarantine, allowPrivate, conditional } = DEFAULTS;
  const settings = {
    store,
    state,
    schedule,
    timezone,
    misfire,
    jitter,
    sync,
    alertAfter,
    limits,
    history,
  };
  const defaults = { timeout, retry, expect, keep, quarantine, allowPrivate, conditional };
  const tasks = ["https://example.org/a"];
  assertEquals(await loadInput({ ...settings, defaults, tasks }), await loadInput({ tasks }));
});

Deno.test("ConfigInput: the comments name the values of DEFAULTS", async () => {
  const text = await Deno.readTextFile(new URL("../../../lib/config/input.ts", import.meta.url));
  const pattern = /Default: (?:`([^`]+)`|(null|true|false|\d+)\b)[^/]*\*\/\s+(\w+)\?:/g;
  const named = [...text.matchAll(pattern)].map(([, quoted, plain, name]) => ({
    name,
    value: quoted === undefined ? plain : JSON.stringify(quoted),
  })).filter(({ value }) => value !== '"to"');
  assert(named.length > 20, `${named.length}`);
  for (const { name, value } of named) {
    const values = optionRows().filter(({ path }) => path.split(".").at(-1) === name)
      .map((row) => row.default);
    assert(values.includes(value ?? ""), `${name}: ${value}`);
  }
});

const SCHEMA = z.fromJSONSchema(configJsonSchema() as z.core.JSONSchema.JSONSchema);

const URL_ONLY = { url: "https://example.org/a" };

const VALID: readonly unknown[] = [
  {},
  { tasks: [] },
  { $schema: "./cronfetch.schema.json", tasks: ["https://example.org/b", URL_ONLY] },
  { limits: { concurrency: 1, perHost: 1_000, spacing: "0s", rate: null, deadline: null } },
  { limits: { rate: 1, deadline: "365d" } },
  { limits: { rate: "2MB" }, jitter: "365d", alertAfter: 1_000, sync: true, history: "365d" },
  { tasks: [{ ...URL_ONLY, timeout: "1ms", retry: { attempts: 1, budget: "0s" }, keep: 1_000 }] },
  { tasks: [{ ...URL_ONLY, timeout: { response: "24d" }, retry: { attempts: 100 } }] },
  { tasks: [{ ...URL_ONLY, expect: { minSize: 0, maxSize: "1.5GiB", minRatio: 1 } }] },
  { defaults: { expect: { type: null, maxSize: null, minRatio: null, sha256: null } } },
];

Deno.test("configJsonSchema: accepts valid configs", async () => {
  for (const config of VALID) {
    const text = JSON.stringify(config);
    await loadText(text);
    assertEquals(SCHEMA.safeParse(config).error?.message, undefined, text);
  }
});

const INVALID: readonly (readonly [config: unknown, problem: string])[] = [
  [{ limits: { concurrency: 0 } }, "limits.concurrency must be a whole number from 1 to 1000"],
  [{ limits: { concurrency: -1 } }, "limits.concurrency must be a whole number from 1 to 1000"],
  [{ limits: { concurrency: 1.5 } }, "limits.concurrency must be a whole number from 1 to 1000"],
  [{ limits: { concurrency: 1e9 } }, "limits.concurrency must be a whole number from 1 to 1000"],
  [{ limits: { concurrency: "8" } }, "limits.concurrency must be a whole number from 1 to 1000"],
  [{ limits: { perHost: null } }, "limits.perHost must be a whole number from 1 to 1000"],
  [{ history: "soon" }, "history must be a duration"],
  [{ alertAfter: 0 }, "alertAfter must be a whole number from 1 to 1000"],
  [{ sync: "yes" }, "sync must be true or false"],
  [{ defaults: { conditional: null } }, "defaults.conditional must be true or false"],
  [{ tasks: [{ ...URL_ONLY, conditional: "no" }] }, "tasks[0].conditional must be true or false"],
  [{ tasks: {} }, "tasks must be a list of tasks"],
  [{ defaults: { decode: "gzip" } }, 'defaults.decode must be "auto" or "keep"'],
  [{ defaults: { same: "zip" } }, "defaults.same must be an object of zip, json or lines"],
  [{ defaults: { same: { zip: 1 } } }, "defaults.same.zip must be true or false"],
  [{ defaults: { same: { json: "$.a" } } }, "defaults.same.json must be a list of JSONPath"],
  [{ defaults: [] }, "defaults must be an object of task options"],
  [{ tasks: [{ ...URL_ONLY, mirrors: "x" }] }, "tasks[0].mirrors must be a list of URLs"],
  [{ defaults: { retry: { attempts: 0 } } }, "defaults.retry.attempts must be a whole number"],
  [{ defaults: { retry: { attempts: 101 } } }, "defaults.retry.attempts must be a whole number"],
  [{ defaults: { segments: 17 } }, "defaults.segments must be a whole number from 1 to 16"],
  [{ defaults: { keep: -1 } }, "defaults.keep must be a whole number from 0 to 1000"],
  [{ defaults: { expect: { minRatio: 2 } } }, "defaults.expect.minRatio must be a number from 0"],
  [{ defaults: { expect: { minRatio: -1 } } }, "defaults.expect.minRatio must be a number from 0"],
  [{ defaults: { expect: { minSize: -1 } } }, "defaults.expect.minSize must be a size such as"],
  [{ defaults: { expect: { minSize: 1.5 } } }, "defaults.expect.minSize must be a size such as"],
  [{ defaults: { expect: { maxSize: 0 } } }, "defaults.expect.maxSize must be a size such as"],
  [{ defaults: { expect: { maxSize: 1e16 } } }, "defaults.expect.maxSize must be a size such as"],
  [{ defaults: { expect: { maxSize: "10" } } }, "defaults.expect.maxSize must be a size such as"],
  [{ defaults: { timeout: 30 } }, "defaults.timeout must be a duration, or an object of"],
  [{ defaults: { timeout: { idle: 30 } } }, "defaults.timeout.idle must be a duration such as"],
  [{ defaults: { timeout: "-5s" } }, "defaults.timeout must be a duration such as 30s, 5m or"],
  [{ defaults: { headers: { a: 1 } } }, "defaults.headers.a must be text"],
  [{ jitter: "1y" }, "jitter must be a duration such as 30s, 5m or 1h30m, from 0s to 365d"],
  [{ store: "" }, 'store must be a folder, "s3://bucket/prefix" or "memory:"'],
];

Deno.test("row 95: invalid values are problems that name what is allowed; the JSON Schema rejects them", async () => {
  for (const [config, problem] of INVALID) {
    const text = JSON.stringify(config);
    const [message = "", ...others] = await problemLinesOf(loadText(text));
    assertEquals(others, [], text);
    assertEquals(message.replace(/^\d+:\d+: /, "").slice(0, problem.length), problem);
    assertEquals(SCHEMA.safeParse(config).success, false, text);
  }
});

/** Ranges that a JSON Schema pattern cannot express. */
const OUT_OF_RANGE: readonly (readonly [config: ConfigInput, problem: string])[] = [
  [{ defaults: { timeout: "0s" } }, "defaults.timeout must be a duration such as"],
  [{ defaults: { timeout: { idle: "25d" } } }, "defaults.timeout.idle must be a duration such as"],
  [{ limits: { deadline: "366d" } }, "limits.deadline must be a duration such as"],
  [{ limits: { deadline: "0ms" } }, "limits.deadline must be a duration such as"],
  [{ limits: { rate: "0B" } }, "limits.rate must be a size such as 512B, 10MB or 10MiB, from 1B"],
  [{ limits: { rate: "1001TB" } }, "limits.rate must be a size such as"],
  [{ jitter: `${"9".repeat(400)}s` }, "jitter must be a duration such as"],
];

Deno.test("row 95: durations and sizes out of range are problems", async () => {
  for (const [config, problem] of OUT_OF_RANGE) {
    const [message = "", ...others] = await problemLinesOf(loadInput(config));
    assertEquals(others, []);
    assertEquals(message.replace(/^\d+:\d+: /, "").slice(0, problem.length), problem);
  }
});

Deno.test("row 95: NaN, infinity and large numbers in YAML are problems", async () => {
  for (const number of [".nan", ".inf", "-.inf", "1e400", "0x10000"]) {
    const problems = await problemLinesOf(loadText(`alertAfter: ${number}`));
    assertEquals(problems, ["1:13: alertAfter must be a whole number from 1 to 1000"], number);
  }
});

Deno.test("configJsonSchema: no object allows additional properties", () => {
  const open: string[] = [];
  const visit = (schema: JsonSchema, path: string): void => {
    if (schema.properties && schema["additionalProperties"] !== false) open.push(path);
    for (const [name, part] of Object.entries(schema.properties ?? {})) {
      visit(part, `${path}.${name}`);
    }
    for (const part of schema.anyOf ?? []) visit(part, path);
    if (schema.items) visit(schema.items, `${path}[]`);
  };
  visit(configJsonSchema(), "");
  assertEquals(open, []);
});
