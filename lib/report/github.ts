/** Output for GitHub Actions: groups and annotations in the log, a job summary, and outputs. */

import type { Reporter } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import {
  type RunSummary,
  TASK_STATUSES,
  type TaskResult,
  type TaskStatus,
} from "../core/result.ts";
import { errorMessage, escapeControl } from "../core/text.ts";
import { formatBytes, formatCount, plural, truncate } from "./format.ts";
import { resultDetails, resultReason } from "./lines.ts";
import type { WorkflowLog } from "./workflow_log.ts";
import { closingLine } from "./summary.ts";

/** Options of {@linkcode githubReporter}. */
export interface GithubOptions {
  /** The log of the step. */
  readonly log: WorkflowLog;
  readonly host: Pick<Host, "appendFile" | "fileSize" | "random">;
  /** `$GITHUB_STEP_SUMMARY`, the file of the job summary; null for none. */
  readonly summaryFile: string | null;
  /** `$GITHUB_OUTPUT`, the file of the outputs; null for none. */
  readonly outputFile: string | null;
  /** Further outputs, by name. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Returns where a task is in the repository, for its annotation; null if it is unknown. */
  readonly placeOf: (task: string) => RepositoryPlace | null;
  /** Whether the output of the run is in a collapsed group. */
  readonly group: boolean;
}

/** A line of a file. */
export interface RepositoryPlace {
  /** Path from the root of the repository. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** GitHub shows at most this many errors of a step. */
const ANNOTATIONS = 10;

/** Maximum width of titles and messages of annotations. */
const LONGEST_TITLE = 200;
const LONGEST_SENTENCE = 1_000;

/**
 * Reports a run to GitHub Actions. It must receive events before the console reporter on the same
 * log, whose lines then are in the group and whose summary follows it. Files are written on `close`;
 * a failed write is logged and does not fail the run.
 *
 * @param options The log and the files.
 */
export function githubReporter(options: GithubOptions): Reporter {
  const { log } = options;
  const rows = noRows();
  const changed = keyList();
  const failed: TaskResult[] = [];
  let failures = 0;
  let grouped = false;
  let summary: RunSummary | null = null;

  function endGroup(): void {
    if (grouped) log.command("endgroup");
    grouped = false;
  }

  return {
    report: (event) => {
      switch (event.type) {
        case "run.started":
          grouped = options.group;
          if (grouped) log.command("group", `cronfetch: ${plural(event.tasks, "task")}`);
          break;
        case "task.finished": {
          const { result } = event;
          addRow(rows, result);
          if (result.status === "created" || result.status === "updated") changed.add(result.key);
          if (result.status === "failed" && failures++ < ANNOTATIONS) failed.push(result);
          break;
        }
        case "run.finished":
          endGroup();
          summary = event.summary;
          annotate(failed, failures, options);
          break;
        case "task.started":
        case "task.retrying":
        case "task.health":
          break;
        default:
          event satisfies never;
      }
    },
    close: async () => {
      endGroup();
      if (summary === null) return;
      const run = summary;
      const { summaryFile, outputFile, outputs, host } = options;
      const allOutputs = { ...outputsOf(run, changed), ...outputs };
      if (outputFile !== null) {
        const text = outputText(allOutputs, `cronfetch-${host.random.name()}`);
        await writeOrLog("The outputs", log, () => host.appendFile(outputFile, text));
        if (changed.omitted() > 0) {
          const left = `${formatCount(changed.omitted())} of the changed keys`;
          log.write(`${left} were left out of the output \`changed\`, which would be too long.\n`);
        }
      }
      if (summaryFile !== null) {
        await writeOrLog("The job summary", log, async () => {
          // The limit applies to the whole file, which earlier commands may have written to.
          const sizeBytes = await host.fileSize(summaryFile);
          const start = sizeBytes === 0 ? "" : "\n\n";
          const room = SUMMARY_LIMIT_BYTES - sizeBytes - start.length;
          const text = summaryText(run, rows, room);
          if (text === null) throw new Error("no space is left in the summary of this step");
          await host.appendFile(summaryFile, start + text);
        });
      }
    },
  };
}

/** One error annotation per failure; beyond the limit the last one counts the others. */
function annotate(
  failed: readonly TaskResult[],
  failures: number,
  { log, placeOf }: Pick<GithubOptions, "log" | "placeOf">,
): void {
  const shown = failures > ANNOTATIONS ? failed.slice(0, ANNOTATIONS - 1) : failed;
  for (const result of shown) {
    const sentence = truncate(escapeControl(resultReason(result) ?? ""), LONGEST_SENTENCE);
    const title = truncate(escapeControl(`cronfetch: ${result.task} failed`), LONGEST_TITLE);
    const place = placeOf(result.task);
    const at = place === null ? {} : { file: place.file, line: `${place.line}` };
    log.command("error", sentence, { ...at, title });
  }
  if (failures > shown.length) {
    const others = plural(failures - shown.length, "more task");
    log.command("error", `${others} failed; see the job summary`, { title: "cronfetch" });
  }
}

async function writeOrLog(
  what: string,
  log: WorkflowLog,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const why = errorMessage(error);
    log.write(`${what} could not be written: ${escapeControl(why)}\n`);
  }
}

/** Outputs are limited to 1 MB per job in UTF-16 (two bytes a unit); this leaves room for others. */
const LONGEST_LIST = 400_000;

/** A JSON list of keys, cut at the length limit of outputs. */
export interface KeyList {
  /** Adds a key. */
  add(key: string): void;
  /** The list in JSON. */
  json(): string;
  /** Number of omitted keys. */
  omitted(): number;
}

/** Creates an empty list. */
export function keyList(): KeyList {
  const listed: string[] = [];
  let length = 2;
  let omitted = 0;
  return {
    add: (key) => {
      const text = JSON.stringify(key);
      // Once a key is omitted all later ones are, so that the list is a prefix.
      if (omitted > 0 || length + text.length + 1 > LONGEST_LIST) omitted++;
      else {
        listed.push(text);
        length += text.length + 1;
      }
    },
    json: () => `[${listed.join(",")}]`,
    omitted: () => omitted,
  };
}

/** The outputs of a run, by name: the counts, the exit code, and the keys that changed. */
export function outputsOf(summary: RunSummary, changed: KeyList): Record<string, string> {
  const counts = TASK_STATUSES.map((status) => [status, `${summary.counts[status]}`] as const);
  return {
    ...Object.fromEntries(counts),
    "changed": changed.json(),
    "exit-code": `${summary.exitCode}`,
  };
}

/**
 * Outputs in the multiline format, the only one in which a value cannot start another output.
 *
 * @param outputs Values by name.
 * @param delimiter An unguessable line, so that no value can contain it.
 */
export function outputText(outputs: Readonly<Record<string, string>>, delimiter: string): string {
  return Object.entries(outputs)
    .map(([name, value]) => `${name}<<${delimiter}\n${value}\n${delimiter}\n`)
    .join("");
}

/** GitHub discards summaries of more than 1 MiB per step. */
export const SUMMARY_LIMIT_BYTES = 1024 * 1024 - 1;

/** Order of the rows: failures first, results without a change last. */
const ROW_ORDER: readonly TaskStatus[] = [
  "failed",
  "deferred",
  "cancelled",
  "created",
  "updated",
  "unchanged",
  "skipped",
];

/** Maximum width of a cell. */
const LONGEST_CELL = 400;

/** Candidate rows of the table, limited in size: a run may have 100,000 results. */
export interface SummaryRows {
  readonly byStatus: Readonly<Record<TaskStatus, { rows: string[]; sizeBytes: number }>>;
}

/** Creates an empty set of rows. */
export function noRows(): SummaryRows {
  const empty = TASK_STATUSES.map((status) => [status, { rows: [], sizeBytes: 0 }] as const);
  return { byStatus: Object.fromEntries(empty) as unknown as SummaryRows["byStatus"] };
}

/** Adds the row of a result, unless the rows of its status already fill a summary. */
export function addRow({ byStatus }: SummaryRows, result: TaskResult): void {
  const list = byStatus[result.status];
  if (list.sizeBytes > SUMMARY_LIMIT_BYTES) return;
  const row = rowOf(result);
  list.rows.push(row);
  list.sizeBytes += bytesOf(row);
}

/**
 * Renders the summary of a run.
 *
 * The table is one HTML block, which Markdown ends at an empty line; no cell contains one. Text from
 * outside is in `<code>`, where GitHub links no URLs, mentions or issue numbers.
 *
 * @param freeBytes Available space.
 * @returns Text that starts on a new line; null if there is no space for its first sentence.
 */
export function summaryText(
  summary: RunSummary,
  rows: SummaryRows,
  freeBytes: number,
): string | null {
  const sentence = `### cronfetch\n\n${closingLine(summary, (_style, text) => text)}\n`;
  const total = Object.values(summary.counts).reduce((sum, count) => sum + count, 0);
  const head = `${sentence}\n<table>\n${HEADS}\n`;
  const foot = (left: number) =>
    `</table>\n${left === 0 ? "" : `\nand ${formatCount(left)} more, omitted for size\n`}`;
  let room = freeBytes - bytesOf(head) - bytesOf(foot(total));
  const shown: string[] = [];
  for (const row of ROW_ORDER.flatMap((status) => rows.byStatus[status].rows)) {
    room -= bytesOf(row);
    if (room < 0) break;
    shown.push(row);
  }
  if (shown.length > 0) return head + shown.join("") + foot(total - shown.length);
  return bytesOf(sentence) <= freeBytes ? sentence : null;
}

const HEADS = "<tr><th>status</th><th>task</th><th>file</th><th>size</th><th>remarks</th></tr>";

function rowOf(result: TaskResult): string {
  const { status, task, key, bytes } = result;
  const word = status === "failed" ? `<strong>${status}</strong>` : status;
  const size = status === "created" || status === "updated" ? formatBytes(bytes) : "";
  const cells = [
    word,
    linked(code(task), result.url),
    code(key),
    size,
    code(resultDetails(result).join("; ")),
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>\n`;
}

/** Text from outside as inert HTML. */
function code(text: string): string {
  return text === ""
    ? ""
    : `<code>${escapeHtml(truncate(escapeControl(text), LONGEST_CELL))}</code>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Links HTML to the source, unless a part of its URL is redacted or it is long. */
function linked(html: string, url: string): string {
  const href = URL.parse(url)?.href ?? "";
  if (!/^https?:/.test(href) || url.includes("***") || href.length > LONGEST_CELL) return html;
  return `<a href="${escapeHtml(href)}">${html}</a>`;
}

/** Size in UTF-8. */
export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
