/** The job summary of a GitHub Actions step: Markdown with a table in HTML. */

import {
  type RunSummary,
  TASK_STATUSES,
  type TaskResult,
  type TaskStatus,
} from "../core/result.ts";
import { escapeControl } from "../core/text.ts";
import { formatBytes, formatCount, truncate } from "./format.ts";
import { resultDetails } from "./lines.ts";
import { closingLine } from "./summary.ts";

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
  const cells = [word, code(task), code(key), size, code(resultDetails(result).join("; "))];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>\n`;
}

/** Text from outside as inert HTML. */
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
