/** One line of text per event or result. */

import { ERROR_CODES, hintFor } from "../core/errors.ts";
import type { RunEvent } from "../core/event.ts";
import {
  type AttemptResult,
  type TaskResult,
  type TaskStatus,
  type Warning,
  workMs,
} from "../core/result.ts";
import { escapeControl } from "../core/text.ts";
import { formatBytes, formatDuration, type Paint, plural, type Style } from "./format.ts";

/** Failures only, results, or every step. */
export type Verbosity = "quiet" | "normal" | "verbose";

/** Text of each warning. */
export const WARNINGS = {
  lengthUnknown: "the response declared no length, so the body may be incomplete",
  olderThanPublished: "the server sent an older file than the published one",
  sameInSubstance: "other bytes with the same substance were not published",
} as const satisfies Record<Warning, string>;

/** Colour of each status. */
export const STATUS_STYLES = {
  created: "good",
  updated: "good",
  unchanged: "faint",
  skipped: "faint",
  deferred: "warning",
  failed: "bad",
  cancelled: "warning",
} as const satisfies Record<TaskStatus, Style>;

/** Whether a status needs the user's attention. */
export function isFailedOrDeferred(status: TaskStatus): boolean {
  return status === "failed" || status === "deferred";
}

/** Width of `unchanged` and `cancelled`, the longest statuses. */
const FIRST_COLUMN = 9;

/**
 * The line of an event, or null if the verbosity omits it.
 *
 * @returns One line without a line feed, escaped for terminals.
 */
export function eventLine(event: RunEvent, verbosity: Verbosity, paint: Paint): string | null {
  switch (event.type) {
    case "task.finished":
      if (verbosity === "quiet" && !isFailedOrDeferred(event.result.status)) return null;
      return resultLine(event.result, verbosity, paint);
    case "run.started":
      if (verbosity !== "verbose") return null;
      return line("run", "strong", event.run, [plural(event.tasks, "task")], paint);
    case "task.started":
      if (verbosity !== "verbose") return null;
      return line("started", "faint", event.task, [event.url], paint);
    case "task.retrying": {
      if (verbosity !== "verbose") return null;
      const when = `attempt ${event.attempt} in ${formatDuration(event.delayMs)}`;
      return line("retrying", "warning", event.task, [`${when} after ${event.code}`], paint);
    }
    case "task.health":
      return healthLine(event, verbosity, paint);
    case "run.finished":
      return null;
    default:
      return event satisfies never;
  }
}

/** Becoming unhealthy is always shown, recovering unless quiet, `failing` only if verbose. */
function healthLine(
  { task, before, health, failures }: Extract<RunEvent, { type: "task.health" }>,
  verbosity: Verbosity,
  paint: Paint,
): string | null {
  if (health === "unhealthy") {
    return line("unhealthy", "bad", task, [`${plural(failures, "failure")} in a row`], paint);
  }
  if (verbosity === "verbose" || (before === "unhealthy" && verbosity === "normal")) {
    return line(health, health === "healthy" ? "good" : "warning", task, [`was ${before}`], paint);
  }
  return null;
}

/**
 * The line of a result: status, id and details; for a failure its code, message and hint.
 *
 * @param verbosity `verbose` adds the attempts, the timings and the URL that responded.
 * @returns One line without a line feed, escaped for terminals.
 */
export function resultLine(result: TaskResult, verbosity: Verbosity, paint: Paint): string {
  const details = [
    ...resultDetails(result),
    ...(verbosity === "verbose" ? attemptDetails(result) : []),
  ];
  return line(result.status, STATUS_STYLES[result.status], result.task, details, paint);
}

function line(
  word: string,
  style: Style,
  subject: string,
  details: readonly string[],
  paint: Paint,
): string {
  const start = `${paint(style, word.padEnd(FIRST_COLUMN))}  ${escapeControl(subject)}`;
  return details.length === 0 ? start : `${start}  ${escapeControl(details.join("; "))}`;
}

/** Details of a result, besides its status and task. Not escaped. */
export function resultDetails(result: TaskResult): string[] {
  const details: string[] = [];
  if (result.status === "created" || result.status === "updated") {
    const duration = formatDuration(workMs(result.timings));
    details.push(`${formatBytes(result.bytes)} in ${duration}`);
  }
  const reason = resultReason(result);
  if (reason !== null) details.push(reason);
  if (result.notBefore !== undefined) {
    details.push(`next request after ${toNextSecond(result.notBefore)}`);
  }
  for (const warning of result.warnings) details.push(WARNINGS[warning]);
  return details;
}

/** An RFC 3339 time without a fraction of a second, and not earlier. */
function toNextSecond(time: string): string {
  return Temporal.Instant.from(time).toString({ smallestUnit: "second", roundingMode: "ceil" });
}

/** The code, message and hint of a result, or null. Not escaped. */
export function resultReason({ status, code, message, httpStatus }: TaskResult): string | null {
  if (code === undefined) return message ?? null;
  const reason = `${code}: ${message ?? ERROR_CODES[code].meaning}`;
  const todo = status === "failed" ? hintFor(code, httpStatus) : null;
  return todo === null ? reason : `${reason} → ${todo}`;
}

function attemptDetails({ attempts, timings, servedFrom, url }: TaskResult): string[] {
  const { queuedMs, responseMs, bodyMs, publishMs } = timings;
  const details = [
    `queued ${formatDuration(queuedMs)}, response ${formatDuration(responseMs)}, ` +
    `body ${formatDuration(bodyMs)}, publish ${formatDuration(publishMs)}`,
  ];
  if (attempts.length > 1) details.unshift(`attempts: ${attempts.map(describeAttempt).join(", ")}`);
  if (servedFrom !== null && servedFrom !== url) details.push(`served from ${servedFrom}`);
  return details;
}

function describeAttempt({ code, httpStatus, delayMs }: AttemptResult): string {
  const outcome = code === null
    ? `${httpStatus ?? "done"}`
    : httpStatus === null
    ? code
    : `${code} ${httpStatus}`;
  return delayMs === 0 ? outcome : `${outcome} after ${formatDuration(delayMs)}`;
}
