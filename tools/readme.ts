/**
 * Writes the generated parts of the README, CONTRIBUTING, the docs and `tests/README.md`: help,
 * options, results, codes, the diagram of rooms, and the tests of each fault. Run by
 * `deno task readme`; tests verify that the pages are current.
 */

import { commandNames, main } from "../lib/cli/main.ts";
import { optionRows } from "../lib/config/schema/json_schema.ts";
import { OVERRIDES } from "../lib/config/override_table.ts";
import { ERROR_CODES } from "../lib/core/errors.ts";
import type { AlertFormat, RunEvent } from "../lib/core/event.ts";
import type { Host } from "../lib/core/host.ts";
import { exitCodeRows, TASK_STATUSES, type TaskStatus } from "../lib/core/result.ts";
import { realHost } from "../lib/host.ts";
import type { AlertNotice } from "../lib/report/alerts/changes.ts";
import { alertPayload } from "../lib/report/alerts/formats.ts";
import { alertMessage } from "../lib/report/alerts/message.ts";
import { type EventJsonSchema, eventJsonSchema } from "../lib/report/event_schema.ts";
import { diagramOf, LAYOUT } from "./rooms.ts";
import { rowsByFile, table as alignedTable, withTestColumn } from "./fault_rows.ts";

/** The standard output of a command line. */
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

/** The help of the program and of each command, each below a heading of its own. */
async function help(): Promise<string> {
  const shown = [shownHelp("cronfetch --help", await printed(["--help"]))];
  for (const command of commandNames(realHost())) {
    const text = await printed([command, "--help"]);
    shown.push(`## ${command}`, shownHelp(`cronfetch ${command} --help`, text));
  }
  return shown.join("\n\n");
}

function shownHelp(command: string, text: string): string {
  return "```console\n" + `$ ${command}\n${text}` + "```";
}

/** A Markdown table; bars in cells are escaped. */
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
  return table(["code", "meaning", "retry", "hint"], rows);
}

const STATUS_MEANINGS = {
  created: "the file was new and is now published",
  updated: "the file has new content",
  unchanged: "the server or the digest confirms that the file is up to date",
  pending: "the server does not have the file yet; tried again until `publishedWithin` has passed",
  skipped: "another run has the task; no request was sent",
  deferred: "the server requests a pause; the file is unchanged",
  failed: "the file is unchanged; the code gives the reason",
  cancelled: "the run ended before the task did; the file is unchanged",
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
  "run.started": "a run starts",
  "task.started": "a task starts",
  "task.retrying": "an attempt failed, and another one follows",
  "task.finished": "a task has its result",
  "task.health": "the health of a task changed",
  "hook.finished": "a hook received a change, or did not",
  "task.gone": "an item has disappeared from a list; its file stays",
  "run.finished": "a run has ended",
} as const satisfies Record<RunEvent["type"], string>;

function events(): string {
  const { oneOf } = eventJsonSchema() as { readonly oneOf: readonly EventJsonSchema[] };
  const rows = oneOf.flatMap(({ properties }) => {
    const { type, time: _time, run: _run, ...carried } = properties as Properties;
    if (!Object.hasOwn(EVENT_MEANINGS, String(type?.["const"]))) return [];
    const name = type?.["const"] as RunEvent["type"];
    return [[code(name), EVENT_MEANINGS[name], Object.keys(carried).map(code).join(", ")]];
  });
  return table(["type", "when", "besides `type`, `time` and `run`"], rows);
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

/** The notices of the examples. */
const ALERT_NOTICES: readonly AlertNotice[] = [
  {
    ...{ event: "unhealthy", task: "rates.csv", health: "unhealthy", failures: 3 },
    ...{ code: "http.status", message: "fetching https://example.org/rates.csv: 404 Not Found" },
    since: "2026-01-15T06:00:00Z",
  },
  {
    ...{ event: "recovered", task: "f1040.pdf", health: "healthy", failures: 0 },
    ...{ code: null, message: null, since: "2026-01-14T06:00:00Z" },
  },
];

/** What a webhook of each format receives. */
function alertExamples(): string {
  const message = alertMessage(ALERT_NOTICES, {
    run: "2026-01-15T08:00:00Z-4f1c2a",
    link: "https://status.example.org/",
  });
  const formats = ["json", "slack", "discord", "teams", "ntfy"] as const satisfies AlertFormat[];
  return formats.map((format) => {
    const { headers, body } = alertPayload(message, format);
    if (format === "ntfy") {
      const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      return `### ${format}\n\n\`\`\`http\n${fields.join("\n")}\n\n${body}\n\`\`\``;
    }
    const text = JSON.stringify(JSON.parse(body), null, 2);
    return `### ${format}\n\n\`\`\`json\n${text}\n\`\`\``;
  }).join("\n\n");
}

function problemFields(): string {
  const { oneOf } = eventJsonSchema() as { readonly oneOf: readonly EventJsonSchema[] };
  const { properties } = oneOf.at(-1) as { readonly properties: Properties };
  const rows = Object.entries(properties)
    .map(([name, field]) => [code(name), String(field["description"] ?? "Always `problem`.")]);
  return table(["field", "meaning"], rows);
}

function code(text: string): string {
  return `\`${text}\``;
}

/** Renders each block by name. */
export const BLOCKS: Readonly<Record<string, () => string | Promise<string>>> = {
  "help": help,
  "options": options,
  "overrides": overrides,
  "statuses": statuses,
  "result": resultFields,
  "events": events,
  "problem": problemFields,
  "errors": errors,
  "alerts": alertExamples,
  "rooms": () => "```\n" + diagramOf(LAYOUT) + "\n```",
  "exit-codes": () => table(["exit code", "meaning"], exitCodeRows()),
};

/** The pages with generated blocks. */
export const WRITTEN = [
  "README.md",
  "CONTRIBUTING.md",
  "docs/cli.md",
  "docs/config.md",
  "docs/operating.md",
  "docs/results.md",
];

/** The page of the fault tables, whose "Tests" column is generated from test names. */
export const FAULT_TABLES = "tests/README.md";

/** Replaces the blocks of a page. */
export async function refreshed(page: string): Promise<string> {
  let text = page;
  for (const [name, make] of Object.entries(BLOCKS)) {
    const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from < 0 && to < 0) continue;
    if (from < 0 || to < from) throw new Error(`the block ${name} lacks a mark`);
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
