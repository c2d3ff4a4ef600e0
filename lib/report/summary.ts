/** The summary at the end of a run. */

import {
  EXIT,
  exitCodeMeaning,
  type RunSummary,
  TASK_STATUSES,
  type TaskResult,
} from "../core/result.ts";
import { capitalized } from "../core/text.ts";
import {
  alignPairs,
  formatBytes,
  formatCount,
  formatDuration,
  type Paint,
  plural,
} from "./format.ts";
import { isFailedOrDeferred, resultLine, STATUS_STYLES } from "./lines.ts";

/** Failures listed at the end; a run may have 100,000. */
const LISTED = 20;

/** Up to this many results are still visible at the end of the run and not listed again. */
const VISIBLE = 20;

/** The first failed and deferred results of a run, and their number. */
export interface FailureList {
  /** The first {@linkcode LISTED}. */
  readonly first: TaskResult[];
  /** Number of all. */
  count: number;
}

/** Creates an empty list. */
export function emptyFailureList(): FailureList {
  return { first: [], count: 0 };
}

/** Adds a result to the list if it is failed or deferred. */
export function addFailure(failures: FailureList, result: TaskResult): void {
  if (!isFailedOrDeferred(result.status)) return;
  failures.count++;
  if (failures.first.length < LISTED) failures.first.push(result);
}

/**
 * The summary: a table of counts, the failures, and the meaning of the exit code.
 *
 * @returns Lines without line feeds.
 */
export function summaryLines(summary: RunSummary, failures: FailureList, paint: Paint): string[] {
  const results = Object.values(summary.counts).reduce((sum, count) => sum + count, 0);
  return [
    "",
    ...summaryTable(summary, paint),
    "",
    ...(results > VISIBLE ? failureLines(failures, paint) : []),
    closingLine(summary, paint),
  ];
}

/**
 * The meaning of the exit code as one sentence, with the code unless it is 0.
 */
export function closingLine(summary: RunSummary, paint: Paint): string {
  const sentence = meaningOf(summary);
  if (summary.exitCode === EXIT.good) return paint("good", `${sentence}.`);
  const style = summary.exitCode === EXIT.temporary ? "warning" : "bad";
  return paint(style, `${sentence} (exit code ${summary.exitCode}).`);
}

function summaryTable({ counts, bytes, durationMs }: RunSummary, paint: Paint): string[] {
  const statuses = TASK_STATUSES.filter((status) => counts[status] > 0);
  const rows = alignPairs([
    ...statuses.map((status) => [status, formatCount(counts[status])] as const),
    ["received", formatBytes(bytes)],
    ["time", formatDuration(durationMs)],
  ]);
  return rows.map((row, index) => {
    const status = statuses[index];
    return status === undefined ? row : paint(STATUS_STYLES[status], row);
  });
}

function failureLines({ first, count }: FailureList, paint: Paint): string[] {
  if (count === 0) return [];
  const lines = first.map((result) => resultLine(result, "normal", paint));
  if (count > first.length) {
    lines.push(`and ${formatCount(count - first.length)} more; see --json`);
  }
  return [...lines, ""];
}

function meaningOf({ counts, exitCode }: RunSummary): string {
  switch (exitCode) {
    case EXIT.good:
      return describeGood(counts);
    case EXIT.failed:
      return counts.failed === 1
        ? "1 task failed permanently"
        : `${formatCount(counts.failed)} tasks failed, at least one of them permanently`;
    case EXIT.temporary:
      return `${describeTemporary(counts)}; try again later`;
    default:
      return capitalized(exitCodeMeaning(exitCode)?.meaning ?? "the run ended early");
  }
}

function describeGood({ created, updated, unchanged, skipped }: RunSummary["counts"]): string {
  const good = created + updated + unchanged;
  if (skipped === 0) return good === 0 ? "There was nothing to do" : "Everything is up to date";
  const others = `${plural(skipped, "task")} left to another run`;
  return good === 0 ? others : `Everything else is up to date, ${others}`;
}

function describeTemporary({ failed, deferred }: RunSummary["counts"]): string {
  if (failed > 0 && deferred > 0) {
    return `${plural(failed, "task")} failed temporarily, ${formatCount(deferred)} deferred`;
  }
  if (failed > 0) return `${plural(failed, "task")} failed temporarily`;
  if (deferred > 0) return `${plural(deferred, "task")} deferred`;
  return "Some tasks could not be finished";
}
