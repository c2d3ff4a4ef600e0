/** What is remembered of a task, in words and numbers for people. Pure. */

import { ERROR_CODES, type ErrorCode } from "../core/errors.ts";
import { advice } from "../report/advice.ts";
import type { RecentResult, TaskRecord } from "../state/state.ts";
import type { PageTask } from "./source.ts";

/** A failure in plain words. */
export interface CodeExplanation {
  /** What the code means; null for a code of another version. */
  readonly meaning: string | null;
  /** What a person can do, or null. */
  readonly advice: string | null;
}

/** Explains a result that has a code; null for one without. */
export function explainCode(
  { code, httpStatus }: Pick<RecentResult, "code" | "httpStatus">,
): CodeExplanation | null {
  if (code === null) return null;
  if (!isErrorCode(code)) return { meaning: null, advice: null };
  return { meaning: ERROR_CODES[code].meaning, advice: advice(code, httpStatus) };
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}

/** Durations of the recent results that asked a server, the oldest first, in milliseconds. */
export function recentDurations(record: TaskRecord | null): number[] {
  return oldestFirst(record).flatMap(({ durationMs, attempts }) =>
    durationMs === undefined || attempts === 0 ? [] : [durationMs]
  );
}

/** Sizes of the recent versions of a file, the oldest first, in bytes. */
export function recentSizes(record: TaskRecord | null): number[] {
  return oldestFirst(record)
    .filter(({ status }) => status === "created" || status === "updated")
    .map(({ bytes }) => bytes);
}

function oldestFirst(record: TaskRecord | null): RecentResult[] {
  return (record?.results ?? []).toReversed();
}

/**
 * How much of the time from the last success to being stale has passed.
 *
 * @returns Null for a task that never succeeded, or never comes due.
 */
export function ageShare(task: PageTask, now: Temporal.Instant): number | null {
  const success = task.record?.lastSuccessAt ?? null;
  if (success === null || task.staleFrom === null) return null;
  const from = Temporal.Instant.from(success).epochMilliseconds;
  const until = Temporal.Instant.from(task.staleFrom).epochMilliseconds;
  return until <= from ? null : Math.max(0, (now.epochMilliseconds - from) / (until - from));
}

/** What an exit code means, in a few words. */
export function exitCodeLabel(exitCode: number): string {
  switch (exitCode) {
    case 0:
      return "all well";
    case 1:
      return "a bug in cronfetch";
    case 3:
      return "some failed for good";
    case 4:
      return "some failed for now";
    case 10:
      return "deadline passed";
    case 130:
    case 143:
      return "interrupted";
    default:
      return `exit code ${exitCode}`;
  }
}
