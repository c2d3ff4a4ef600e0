/** Labels and figures derived from records. Pure. */

import { ERROR_CODES, type ErrorCode } from "../core/errors.ts";
import {
  exitCodeMeaning,
  type RunSummary,
  type RunTrigger,
  TASK_STATUSES,
} from "../core/result.ts";
import { capitalized } from "../core/text.ts";
import { countWords, formatBytes, formatDuration } from "../report/format.ts";
import { shortReason } from "../report/reason.ts";
import type { RecordedAttempt } from "../state/run_record.ts";
import type { TaskRecord } from "../state/state.ts";
import type { PageTask } from "./model.ts";

/** The meaning of an error code; null for one that only another version has. */
export function codeMeaning(code: string): string | null {
  return Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[code as ErrorCode].meaning : null;
}

/** Why the last result of a task is not good, in a few words; null if it is. */
export function problemOf({ record, dates }: PageTask): string | null {
  const last = record?.results[0];
  // The note of a task with dates counts those that are pending.
  if (last?.status === "pending") return dates === undefined ? "not published yet" : null;
  return last === undefined || last.code === null ? null : shortReason(last);
}

/** A message with a capital first letter, unless it begins with a name such as `text/html`. */
export function sentence(message: string): string {
  const [word = ""] = message.split(" ", 1);
  return /[^A-Za-z,:]/.test(word) ? message : capitalized(message);
}

/** When the content of a task's file last changed, RFC 3339; null if there is none. */
export function changedAt(record: TaskRecord | null): string | null {
  return record?.changedAt ?? record?.publishedAt ?? null;
}

/** How long a change counts as recent. */
export const RECENT_MS = 24 * 60 * 60_000;

/** Whether the content of a task's file changed within a day. */
export function isRecentlyChanged({ record }: PageTask, now: Temporal.Instant): boolean {
  const at = changedAt(record);
  // `Temporal.Instant.from` takes ten times as long, for each task of a large config.
  return at !== null && now.epochMilliseconds - Date.parse(at) < RECENT_MS;
}

/** The zone of most tasks, for times that belong to no task; UTC without tasks. */
export function commonZone(tasks: readonly Pick<PageTask, "timezone">[]): string {
  const counts = new Map<string, number>();
  for (const { timezone } of tasks) counts.set(timezone, (counts.get(timezone) ?? 0) + 1);
  let zone = "UTC";
  for (const [one, count] of counts) if (count > (counts.get(zone) ?? 0)) zone = one;
  return zone;
}

/** `9 updated, 18 unchanged, 3 failed`. */
export function countsLabel(counts: RunSummary["counts"]): string {
  return countWords(counts, TASK_STATUSES).join(", ") || "no task";
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

const TRIGGERS: Readonly<Record<RunTrigger, string>> = {
  manual: "command",
  schedule: "command, for due tasks",
  watch: "watch",
  page: "this page",
  deploy: "cron of Deno Deploy",
};

/** What started a run; of another version, its own word. */
export function triggerLabel(trigger: RunTrigger | undefined): string {
  return trigger === undefined ? "" : TRIGGERS[trigger] ?? trigger;
}

/** `503, then 503 after 1s, then 200 after 4s`. */
export function attemptsLabel(attempts: readonly RecordedAttempt[]): string {
  return attempts.map(({ code, httpStatus, delayMs }) => {
    const outcome = httpStatus === null || (code !== null && code !== "http.status")
      ? code ?? "success"
      : `${httpStatus}`;
    return delayMs === 0 ? outcome : `${outcome} after ${formatDuration(delayMs)}`;
  }).join(", then ");
}

/** `+1.2 kB`, `−3 B`; empty for no change. */
export function sizeChangeLabel(beforeBytes: number, afterBytes: number): string {
  const change = afterBytes - beforeBytes;
  if (change === 0) return "";
  return `${change > 0 ? "+" : "−"}${formatBytes(Math.abs(change))}`;
}

/** A short label of an exit code. */
export function exitCodeLabel(exitCode: number): string {
  return exitCodeMeaning(exitCode)?.label ?? `exit code ${exitCode}`;
}
