/**
 * Writes the generated parts of the README, the docs and `tests/README.md`: help, options,
 * results, codes, and the tests of each fault. Run by `deno task readme`; tests verify that the
 * pages are current.
 */

import { exitCodeRows, main } from "../lib/cli/main.ts";
import { optionRows } from "../lib/config/json_schema.ts";
import { OVERRIDES } from "../lib/config/input.ts";
import { ERROR_CODES } from "../lib/core/errors.ts";
import type { RunEvent } from "../lib/core/event.ts";
import type { Host } from "../lib/core/host.ts";
import { TASK_STATUSES, type TaskStatus } from "../lib/core/result.ts";
import { realHost } from "../lib/host.ts";
import { type EventJsonSchema, eventJsonSchema } from "../lib/report/event_schema.ts";
import { rowsByFile, table as alignedTable, withTestColumn } from "./fault_rows.ts";

/** What a command line prints on standard output. */
async function printed(args: readonly string[]): Promise<string> {
  let text = "";
  const stdout = {
    write: (more: string) => Boolean(text += more),
    ready: () => null,
    end: () => Promise.resolve(true),
    isTerminal: () => false,
    columns: () => 80,
  };
  const host: Host = { ...realHost(), stdout };
  await main(args, host);
  return text;
}

async function help(): Promise<string> {
  const shown: string[] = [];
  const commands = ["run", "watch", "serve", "status", "verify"];
  for (const args of [["--help"], ...commands.map((command) => [command, "--help"])]) {
    shown.push(`$ cronfetch ${args.join(" ")}\n${await printed(args)}`);
  }
  return "```console\n" + shown.join("\n") + "```";
}

/** A table whose cells may hold bars. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return alignedTable(heads, rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|"))));
}

function options(): string {
  const rows = optionRows().map(({ path, type, default: standard, description }) => [
    `\`${path}\``,
    type,
    standard === "" ? "" : `\`${standard}\``,
    description,
  ]);
  return table(["option", "value", "default", "meaning"], rows);
}

function overrides(): string {
  const rows = Object.values(OVERRIDES)
    .map(({ flag, variable, option }) => [flag, variable, option].map(code));
  return table(["flag", "variable", "option"], rows);
}

function errors(): string {
  const rows = Object.entries(ERROR_CODES).map(([name, { meaning, retry, hint }]) => [
    code(name),
    meaning,
    retry,
    hint ?? "",
  ]);
  return table(["code", "meaning", "again", "what to do"], rows);
}

const STATUS_MEANINGS = {
  created: "the file was not there, and is now",
  updated: "the file has new content",
  unchanged: "the server says, or the digest shows, that the file is still the newest",
  skipped: "another run works on the task; nothing was requested",
  deferred: "the server asks for a pause; the file stays as it was",
  failed: "the file stays as it was, and the code says why",
  cancelled: "the run ended before the task did; the file stays as it was",
} as const satisfies Record<TaskStatus, string>;

function statuses(): string {
  return table(
    ["status", "meaning"],
    TASK_STATUSES.map((name) => [
      code(name),
      STATUS_MEANINGS[name],
    ]),
  );
}

const EVENT_MEANINGS = {
  "run.started": "a run begins",
  "task.started": "a task is begun",
  "task.retrying": "an attempt has failed, and another one will be made",
  "task.finished": "a task has its result",
  "task.health": "the health of a task is another one than before",
  "run.finished": "the run is over",
} as const satisfies Record<RunEvent["type"], string>;

function events(): string {
  const { oneOf } = eventJsonSchema() as { readonly oneOf: readonly EventJsonSchema[] };
  const rows = oneOf.map(({ properties }) => {
    const { type, time: _time, run: _run, ...carried } = properties as Properties;
    const name = type?.["const"] as RunEvent["type"];
    return [code(name), EVENT_MEANINGS[name], Object.keys(carried).map(code).join(", ")];
  });
  return table(["type", "when", "beside `type`, `time` and `run`"], rows);
}

type Properties = Readonly<Record<string, EventJsonSchema>>;

function resultFields(): string {
  const { $defs } = eventJsonSchema() as { readonly $defs: Properties };
  const { properties } = $defs["result"] as { readonly properties: Properties };
  const rows = Object.entries(properties).map(([name, field]) => [
    code(name),
    String(field["description"]),
  ]);
  return table(["field", "meaning"], rows);
}

function code(text: string): string {
  return `\`${text}\``;
}

/** Text of the blocks by name. */
export const BLOCKS: Readonly<Record<string, () => string | Promise<string>>> = {
  "help": help,
  "options": options,
  "overrides": overrides,
  "statuses": statuses,
  "result": resultFields,
  "events": events,
  "errors": errors,
  "exit-codes": () => table(["exit code", "meaning"], exitCodeRows()),
};

/** The pages that hold blocks. */
export const WRITTEN = ["README.md", "docs/config.md", "docs/results.md"];

/** The page with the fault tables, whose "Tests" column is derived from the names of tests. */
export const FAULT_TABLES = "tests/README.md";

/** A page with its blocks as they should be. */
export async function refreshed(page: string): Promise<string> {
  let text = page;
  for (const [name, make] of Object.entries(BLOCKS)) {
    const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from < 0 && to < 0) continue;
    if (from < 0 || to < from) throw new Error(`the block ${name} is not whole`);
    text = `${text.slice(0, from)}${start}\n\n${await make()}\n\n${text.slice(to)}`;
  }
  return text;
}

if (import.meta.main) {
  for (const path of WRITTEN) {
    await Deno.writeTextFile(path, await refreshed(await Deno.readTextFile(path)));
  }
  const tests = await Deno.readTextFile(FAULT_TABLES);
  await Deno.writeTextFile(FAULT_TABLES, withTestColumn(tests, await rowsByFile()));
}
