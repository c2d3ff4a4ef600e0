/** The job summary on GitHub: totals, and a table of results. Pure. */

import {
  type RunSummary,
  TASK_STATUSES,
  type TaskResult,
  type TaskStatus,
} from "../core/result.ts";
import { escapeControl } from "../core/text.ts";
import {
  countWords,
  formatBytes,
  formatCount,
  formatDuration,
  formatSize,
  truncate,
} from "./format.ts";
import {
  failureMessage,
  failureOf,
  isFailedOrDeferred,
  isWritten,
  pendingMessage,
  STATUS_ORDER,
  WARNINGS,
} from "./lines.ts";
import { failureHint } from "./reason.ts";
import { closingLine } from "./summary.ts";

/** GitHub discards summaries of more than 1 MiB per step. */
export const SUMMARY_LIMIT_BYTES = 1024 * 1024 - 1;

/** Maximum width of a cell. */
const LONGEST_CELL = 400;

/** Candidate rows of the table, limited in size: a run may have 100,000 results; and totals. */
export interface SummaryRows {
  readonly byStatus: Readonly<Record<TaskStatus, { rows: string[]; sizeBytes: number }>>;
  /** Of all written files, and of those that they have replaced. */
  readonly written: { sizeBytes: number; previousSizeBytes: number };
}

/** Creates an empty set of rows. */
export function noRows(): SummaryRows {
  const empty = TASK_STATUSES.map((status) => [status, { rows: [], sizeBytes: 0 }] as const);
  const byStatus = Object.fromEntries(empty) as unknown as SummaryRows["byStatus"];
  return { byStatus, written: { sizeBytes: 0, previousSizeBytes: 0 } };
}

/** Adds a result to the totals and its row, unless the rows of its status already fill a summary. */
export function addRow({ byStatus, written }: SummaryRows, result: TaskResult): void {
  if (isWritten(result.status)) {
    written.sizeBytes += result.sizeBytes ?? 0;
    written.previousSizeBytes += result.previousSizeBytes ?? 0;
  }
  const list = byStatus[result.status];
  if (list.sizeBytes > SUMMARY_LIMIT_BYTES) return;
  const row = rowOf(result);
  list.rows.push(row);
  list.sizeBytes += bytesOf(row);
}

/**
 * Renders the summary of a run.
 *
 * The table is one HTML block, which Markdown ends at an empty line; no cell contains one. Names are
 * in `<code>`, where GitHub links no URLs, mentions or issue numbers; see `plain` for other text.
 *
 * @param freeBytes Available space.
 * @returns Text that starts on a new line; null if there is no space for its first sentence.
 */
export function summaryText(
  summary: RunSummary,
  rows: SummaryRows,
  freeBytes: number,
): string | null {
  const closing = closingLine(summary, (_style, text) => text);
  const sentence = `### cronfetch\n\n${closing}\n\n${totalsOf(summary, rows)}\n`;
  const total = Object.values(summary.counts).reduce((sum, count) => sum + count, 0);
  const head = `${sentence}\n<table>\n${HEADS}\n`;
  const foot = (left: number) =>
    `</table>\n${left === 0 ? "" : `\nand ${formatCount(left)} more, omitted for size\n`}`;
  let room = freeBytes - bytesOf(head) - bytesOf(foot(total));
  const shown: string[] = [];
  for (const row of STATUS_ORDER.flatMap((status) => rows.byStatus[status].rows)) {
    room -= bytesOf(row);
    if (room < 0) break;
    shown.push(row);
  }
  if (shown.length > 0) return head + shown.join("") + foot(total - shown.length);
  return bytesOf(sentence) <= freeBytes ? sentence : null;
}

const HEADS = "<tr><th>status</th><th>task</th><th>file</th><th>size</th><th>remarks</th></tr>";

/** Counts, transfer and sizes in one line. */
function totalsOf({ counts, bytes, durationMs }: RunSummary, { written }: SummaryRows): string {
  const statuses = countWords(counts, STATUS_ORDER);
  const { sizeBytes, previousSizeBytes } = written;
  const isWriting = counts.created + counts.updated > 0;
  const parts = [
    statuses.join(", "),
    `${formatBytes(bytes)} received in ${formatDuration(durationMs)}`,
    isWriting ? `changed files: ${formatSize(sizeBytes, previousSizeBytes)}` : "",
  ];
  return parts.filter((part) => part !== "").join(" · ");
}

function rowOf(result: TaskResult): string {
  const { status, task, key, sizeBytes, previousSizeBytes } = result;
  const word = status === "failed" ? `<strong>${status}</strong>` : status;
  const cells = [
    word,
    linked(code(task), result.url),
    // A failed task may have an older file, or none.
    sizeBytes === null ? "" : code(key),
    sizeBytes === null ? "" : formatSize(sizeBytes, previousSizeBytes).replaceAll(" ", "&nbsp;"),
    remarksOf(result).join("<br>"),
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>\n`;
}

/** What failed and what to do, or warnings; a line each. */
function remarksOf(result: TaskResult): string[] {
  const { status, code: failureCode, message = "", warnings } = result;
  if (status === "pending") return [plain(pendingMessage(result))];
  const isFailure = isFailedOrDeferred(status);
  const hint = status === "failed" ? failureHint(failureOf(result)) : null;
  return [
    plain(isFailure ? failureMessage(result) : message),
    // The status of a response is in the message.
    isFailure && failureCode !== "http.status" ? code(failureCode ?? "") : "",
    hint === null ? "" : `hint: ${plain(hint)}`,
    ...warnings.map((warning) => `warning: ${plain(WARNINGS[warning])}`),
  ].filter((line) => line !== "");
}

/**
 * Text with words from outside as inert HTML: a word joiner, which has no width, separates the signs
 * that begin a mention or the number of an issue from what follows.
 */
function plain(text: string): string {
  const shown = truncate(escapeControl(text), LONGEST_CELL);
  return escapeHtml(shown.replace(/[@#](?=[\p{L}\p{N}])|\bGH-(?=\d)/giu, "$&\u2060"));
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
