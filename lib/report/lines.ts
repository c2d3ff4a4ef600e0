/** One line of text for one thing that happened. */

import { ERROR_CODES, hintFor } from "../core/errors.ts";
import type { RunEvent } from "../core/event.ts";
import type { AttemptResult, TaskResult, TaskStatus, Warning } from "../core/result.ts";
import {
  escapeControl,
  formatBytes,
  formatDuration,
  type Paint,
  plural,
  type Style,
} from "./format.ts";

/** How much is told: failures only, results, or every step. */
export type Verbosity = "quiet" | "normal" | "verbose";

/** What each warning says to people. */
export const WARNINGS = {
  lengthUnknown: "nothing showed that the body was complete",
  olderThanPublished: "the server sent an older file than the published one",
} as const satisfies Record<Warning, string>;

/** How each status is coloured. */
export const STATUS_STYLES = {
  created: "good",
  updated: "good",
  unchanged: "faint",
  skipped: "faint",
  deferred: "warning",
  failed: "bad",
  cancelled: "warning",
} as const satisfies Record<TaskStatus, Style>;

/** Statuses that leave a task without a fresh file and a person with a question. */
export function isFailedOrDeferred(status: TaskStatus): boolean {
  return status === "failed" || status === "deferred";
}

/** `unchanged` and `cancelled`, the longest words in the first column. */
const FIRST_COLUMN = 9;

/**
 * The line of an event, or null where nothing is to be said about it.
 *
 * @param event What happened.
 * @param verbosity How much is told.
 * @param paint Puts colours on.
 * @returns One line without a line feed, fit for a terminal.
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

/** Becoming unhealthy, and the end of that, are told to everybody; the steps in between are not. */
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
 * The line of a result: status, id, and what there is to know; for a failure
 * its code, its message and what to do.
 *
 * @param result What became of a task.
 * @param verbosity `verbose` adds the attempts, the timings and what answered.
 * @param paint Puts colours on.
 * @returns One line without a line feed, fit for a terminal.
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

/** What there is to know about a result, beside its status and its task; text is as it came. */
export function resultDetails(result: TaskResult): string[] {
  const details: string[] = [];
  if (result.status === "created" || result.status === "updated") {
    const { responseMs, bodyMs, publishMs } = result.timings;
    const tookMs = responseMs + bodyMs + publishMs;
    details.push(`${formatBytes(result.bytes)} in ${formatDuration(tookMs)}`);
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

/** Why a result is what it is, and for a failure what to do; null where there is nothing to say. */
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
