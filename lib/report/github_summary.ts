/** A run as the job summary of a GitHub Actions step: Markdown with a table in HTML. */

import {
  type RunSummary,
  TASK_STATUSES,
  type TaskResult,
  type TaskStatus,
} from "../core/result.ts";
import { escapeControl, formatBytes, formatCount, truncate } from "./format.ts";
import { resultDetails } from "./lines.ts";
import { closingLine } from "./summary.ts";

/** GitHub takes 1 MiB a step, in bytes, and throws away a summary that is larger. */
export const SUMMARY_LIMIT_BYTES = 1024 * 1024 - 1;

/** The order of the rows: what needs a look comes first, what has nothing to tell last. */
const ROW_ORDER: readonly TaskStatus[] = [
  "failed",
  "deferred",
  "cancelled",
  "created",
  "updated",
  "unchanged",
  "skipped",
];

/** Columns of the longest text in a cell. */
const LONGEST_CELL = 400;

/** The rows that may find a place in the table; a run may have 100,000 results. */
export interface SummaryRows {
  readonly byStatus: Readonly<Record<TaskStatus, { rows: string[]; sizeBytes: number }>>;
}

/** No rows. */
export function noRows(): SummaryRows {
  const empty = TASK_STATUSES.map((status) => [status, { rows: [], sizeBytes: 0 }] as const);
  return { byStatus: Object.fromEntries(empty) as unknown as SummaryRows["byStatus"] };
}

/** Adds the row of a result, unless those of its status already fill a summary. */
export function addRow({ byStatus }: SummaryRows, result: TaskResult): void {
  const list = byStatus[result.status];
  if (list.sizeBytes > SUMMARY_LIMIT_BYTES) return;
  const row = rowOf(result);
  list.rows.push(row);
  list.sizeBytes += bytesOf(row);
}

/**
 * The summary of a run, or null where there is no room for its first sentence.
 *
 * The table is HTML, in which Markdown has no say: it ends at an empty line,
 * and no cell has one. Text from outside stands in `<code>`, where GitHub makes
 * no links of addresses, names and numbers of issues either.
 *
 * @param summary The run in numbers.
 * @param rows The results.
 * @param freeBytes How much room there is.
 * @returns Text to be put on a line of its own.
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
    `</table>\n${left === 0 ? "" : `\nand ${formatCount(left)} more, left out for their number\n`}`;
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
  const cells = [word, code(task), code(key), size, code(resultDetails(result).join("; "))];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>\n`;
}

/** Text from outside as HTML that shows it and does nothing else. */
function code(text: string): string {
  if (text === "") return "";
  const shown = truncate(escapeControl(text), LONGEST_CELL);
  return `<code>${
    shown.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
  }</code>`;
}

/** Size in UTF-8. */
export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
