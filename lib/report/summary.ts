/** What is said at the end of a run. */

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

/** Troubles listed at the end; a run may have 100,000. */
const LISTED = 20;

/** The lines of so many results are still in sight when the run ends: none is told twice. */
const IN_SIGHT = 20;

/** The first results of a run that need a look, and how many there were. */
export interface FailureList {
  /** The first {@linkcode LISTED}. */
  readonly first: TaskResult[];
  /** All of them. */
  count: number;
}

/** A list without troubles. */
export function emptyFailureList(): FailureList {
  return { first: [], count: 0 };
}

/** Adds a result to the list if it is one of trouble. */
export function addFailure(troubles: FailureList, result: TaskResult): void {
  if (!isFailedOrDeferred(result.status)) return;
  troubles.count++;
  if (troubles.first.length < LISTED) troubles.first.push(result);
}

/**
 * The end of a run: a table, the troubles, and what the exit code means.
 *
 * @param summary The run in numbers.
 * @param troubles The results that need a look.
 * @param paint Puts colours on.
 * @returns Lines without line feeds.
 */
export function summaryLines(summary: RunSummary, troubles: FailureList, paint: Paint): string[] {
  const results = Object.values(summary.counts).reduce((sum, count) => sum + count, 0);
  return [
    "",
    ...summaryTable(summary, paint),
    "",
    ...(results > IN_SIGHT ? failureLines(troubles, paint) : []),
    closingLine(summary, paint),
  ];
}

/**
 * One sentence about what the exit code means, with the code unless it is 0.
 *
 * @param summary The run in numbers.
 * @param paint Puts colours on.
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
        ? "1 task failed for good"
        : `${formatCount(counts.failed)} tasks failed, at least one of them for good`;
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
    return `${plural(failed, "task")} failed for now, ${formatCount(deferred)} deferred`;
  }
  if (failed > 0) return `${plural(failed, "task")} failed for now`;
  if (deferred > 0) return `${plural(deferred, "task")} deferred`;
  return "Not everything could be done for now";
}
