/** Labels and figures derived from records. Pure. */

import { ERROR_CODES, type ErrorCode, hintFor } from "../core/errors.ts";
import { exitCodeMeaning } from "../core/result.ts";
import type { RecentResult, TaskRecord } from "../state/state.ts";
import type { PageTask } from "./source.ts";

/** The meaning of an error code and a hint. */
export interface CodeExplanation {
  /** Null for a code that only another version has. */
  readonly meaning: string | null;
  /** A hint in the imperative, or null. */
  readonly hint: string | null;
}

/** Explains the code of a result; null if it has none. */
export function explainCode(
  { code, httpStatus }: Pick<RecentResult, "code" | "httpStatus">,
): CodeExplanation | null {
  if (code === null) return null;
  if (!isErrorCode(code)) return { meaning: null, hint: null };
  return { meaning: ERROR_CODES[code].meaning, hint: hintFor(code, httpStatus) };
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}

/** Durations of the recent results that made a request, oldest first, in milliseconds. */
export function recentDurations(record: TaskRecord | null): number[] {
  return oldestFirst(record).flatMap(({ durationMs, attempts }) =>
    durationMs === undefined || attempts === 0 ? [] : [durationMs]
  );
}

/** Sizes of the recent versions of a file, oldest first, in bytes. */
export function recentSizes(record: TaskRecord | null): number[] {
  return oldestFirst(record)
    .filter(({ status }) => status === "created" || status === "updated")
    .map(({ bytes }) => bytes);
}

function oldestFirst(record: TaskRecord | null): RecentResult[] {
  return (record?.results ?? []).toReversed();
}

/**
 * The elapsed share of the time from the last success to staleness; 1 and more is stale.
 *
 * @returns Null for a task that never succeeded or is never due.
 */
export function ageShare(task: PageTask, now: Temporal.Instant): number | null {
  const success = task.record?.lastSuccessAt ?? null;
  if (success === null || task.staleFrom === null) return null;
  const from = Temporal.Instant.from(success).epochMilliseconds;
  const until = Temporal.Instant.from(task.staleFrom).epochMilliseconds;
  return until <= from ? null : Math.max(0, (now.epochMilliseconds - from) / (until - from));
}

/** A short label of an exit code. */
export function exitCodeLabel(exitCode: number): string {
  return exitCodeMeaning(exitCode)?.label ?? `exit code ${exitCode}`;
}
