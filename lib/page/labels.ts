/** Labels and figures derived from records. Pure. */

import { ERROR_CODES, type ErrorCode, hintFor } from "../core/errors.ts";
import {
  exitCodeMeaning,
  type RunSummary,
  TASK_STATUSES,
  type TaskStatus,
} from "../core/result.ts";
import { capitalized } from "../core/text.ts";
import { formatCount } from "../report/format.ts";
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

/** Why a task has a problem, in one line without its URL; null if its last result is good. */
export function problemOf({ record }: PageTask): string | null {
  const last = record?.results[0];
  return last === undefined || last.code === null ? null : reasonOf(last);
}

/** The message of a result without the URL, which the page shows beside it. */
export function reasonOf(result: Pick<RecentResult, "code" | "httpStatus" | "message">): string {
  const { message, code } = result;
  if (message === null) return explainCode(result)?.meaning ?? code ?? "";
  const [, rest] = /^fetching \S+: (.*)$/s.exec(message) ?? [];
  return rest ?? message;
}

/** A message with a capital first letter, unless it begins with a name such as `text/html`. */
export function sentence(message: string): string {
  const [word = ""] = message.split(" ", 1);
  return /[^A-Za-z,:]/.test(word) ? message : capitalized(message);
}

/** A result in a strip. */
export interface Outcome {
  /** When the task ended, RFC 3339 in UTC. */
  readonly at: string;
  readonly status: TaskStatus;
  /** Null for a good result. */
  readonly code: string | null;
}

/** The recent results of a task, newest first. */
export function outcomesOf(record: TaskRecord | null): Outcome[] {
  return (record?.results ?? []).flatMap(({ at, since, times, status, code }) =>
    Array.from({ length: Math.min(times, 50) }, (_, index) => ({
      at: index === times - 1 ? since : at,
      status,
      code,
    }))
  );
}

/** When the content of a task's file last changed, RFC 3339; null if there is none. */
export function changedAt(record: TaskRecord | null): string | null {
  return record?.publishedAt ?? null;
}

/** How long a change counts as recent. */
const RECENT_MS = 24 * 60 * 60_000;

/** Whether the content of a task's file changed within a day. */
export function isRecentlyChanged({ record }: PageTask, now: Temporal.Instant): boolean {
  const at = changedAt(record);
  return at !== null &&
    now.epochMilliseconds - Temporal.Instant.from(at).epochMilliseconds < RECENT_MS;
}

/** The zone of most tasks, for times that belong to no task; UTC without tasks. */
export function commonZone(tasks: readonly PageTask[]): string {
  const counts = new Map<string, number>();
  for (const { timezone } of tasks) counts.set(timezone, (counts.get(timezone) ?? 0) + 1);
  let zone = "UTC";
  for (const [one, count] of counts) if (count > (counts.get(zone) ?? 0)) zone = one;
  return zone;
}

/** `9 updated, 18 unchanged, 3 failed`. */
export function countWords(counts: RunSummary["counts"]): string {
  return TASK_STATUSES
    .filter((status) => counts[status] > 0)
    .map((status) => `${formatCount(counts[status])} ${status}`)
    .join(", ") || "no task";
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
