/** Events and results as lines of text. */

import { hangingLines, type LineHead, type LineLayout, type LineText } from "./hanging_lines.ts";
import { ERROR_CODES, hintFor } from "../core/errors.ts";
import type { RunEvent } from "../core/event.ts";
import type { AttemptResult, TaskResult, TaskStatus, Warning } from "../core/result.ts";
import { isListKey } from "../core/key.ts";
import { escapeControl } from "../core/text.ts";
import {
  countWords,
  displayWidth,
  formatDuration,
  formatSize,
  padColumns,
  plural,
  type Style,
} from "./format.ts";
import { type Failure, failureHint, messageOf } from "./reason.ts";

/** Failures only, results, or every step. */
export type Verbosity = "quiet" | "normal" | "verbose";

/** How lines are rendered. */
export interface LineStyle extends LineLayout {
  readonly verbosity: Verbosity;
  /** Width of the ids of the tasks. */
  readonly idColumns: number;
  readonly destination: Destination;
}

/** Where files go, and how they are named. */
export interface Destination {
  /** The store, as people write it; null for files in memory. */
  readonly store: string | null;
  /** Whether files are shown with their paths, as those of URLs on the command line. */
  readonly showsPaths: boolean;
}

/** The name of a file as shown. Not escaped. */
export function fileName(
  { key }: Pick<TaskResult, "key">,
  { store, showsPaths }: Destination,
): string {
  return showsPaths && store !== null && store !== "." ? `${store}/${key}` : key;
}

/** Text of each warning. */
export const WARNINGS = {
  lengthUnknown: "the response declared no length, so the body may be incomplete",
  olderThanPublished: "the server sent an older file than the published one",
  sameInSubstance: "other bytes with the same substance were not published",
  itemsLeftOut: "items of the list are left out; status with its id lists them",
} as const satisfies Record<Warning, string>;

/** Colour of each status. */
export const STATUS_STYLES = {
  created: "good",
  updated: "good",
  unchanged: "faint",
  pending: "faint",
  skipped: "faint",
  deferred: "warning",
  failed: "bad",
  cancelled: "warning",
} as const satisfies Record<TaskStatus, Style>;

/** Statuses in the order in which they are listed: failures first, then changes. */
export const STATUS_ORDER = [
  "failed",
  "deferred",
  "cancelled",
  "created",
  "updated",
  "pending",
  "unchanged",
  "skipped",
] as const satisfies readonly TaskStatus[];

/** Whether a status needs the user's attention. */
export function isFailedOrDeferred(status: TaskStatus): boolean {
  return status === "failed" || status === "deferred";
}

/** Width of `unchanged` and `cancelled`, the longest statuses. */
const FIRST_COLUMN = 9;

/**
 * The lines of an event; none if the verbosity omits it.
 *
 * @returns Lines without line feeds, escaped for terminals.
 */
export function eventLines(event: RunEvent, style: LineStyle): string[] {
  const { verbosity } = style;
  switch (event.type) {
    case "task.finished":
      if (verbosity === "quiet" && !isFailedOrDeferred(event.result.status)) return [];
      return resultLines(event.result, style);
    case "run.started":
      if (verbosity !== "verbose") return [];
      return entry("run", "strong", event.run, [plural(event.tasks, "task")], style);
    case "task.started":
      if (verbosity !== "verbose") return [];
      return hangingEntry("started", "faint", event.task, [
        { text: escapeControl(event.url), isUrl: true },
      ], style);
    case "task.retrying": {
      if (verbosity !== "verbose") return [];
      const when = `attempt ${event.attempt} in ${formatDuration(event.delayMs)}`;
      return entry("retrying", "warning", event.task, [`${when} after ${event.code}`], style);
    }
    case "task.health":
      return healthLines(event, style);
    case "hook.finished":
      // A failure is a warning on standard error.
      if (verbosity !== "verbose" || event.status !== "delivered") return [];
      return entry("delivered", "faint", event.task, [`to ${escapeControl(event.hook)}`], style);
    case "task.gone":
      if (verbosity === "quiet") return [];
      return entry(
        "gone",
        "warning",
        event.task,
        [`no longer in ${escapeControl(event.list)}`],
        style,
      );
    case "run.finished":
      return [];
    default:
      return event satisfies never;
  }
}

/** Becoming unhealthy is always shown, recovering unless quiet, `failing` only if verbose. */
function healthLines(
  { task, before, health, failures }: Extract<RunEvent, { type: "task.health" }>,
  style: LineStyle,
): string[] {
  if (health === "unhealthy") {
    return entry("unhealthy", "bad", task, [`${plural(failures, "failure")} in a row`], style);
  }
  const { verbosity } = style;
  if (verbosity === "verbose" || (before === "unhealthy" && verbosity === "normal")) {
    return entry(health, health === "healthy" ? "good" : "warning", task, [`was ${before}`], style);
  }
  return [];
}

/**
 * The lines of a result: status, id and details; for a failure what happened, its URL and a hint.
 *
 * @param style `verbose` adds the attempts, the timings and the URL that responded.
 * @returns Lines without line feeds, escaped for terminals.
 */
export function resultLines(result: TaskResult, style: LineStyle): string[] {
  const { status, task } = result;
  const texts = isFailedOrDeferred(status)
    ? failureTexts(result)
    : successTexts(result, style.destination);
  if (style.verbosity === "verbose") {
    texts.push(...attemptDetails(result).map((text) => ({ text: escapeControl(text) })));
  }
  return hangingEntry(status, STATUS_STYLES[status], task, texts, style);
}

function successTexts(result: TaskResult, destination: Destination): LineText[] {
  const { status, task, warnings } = result;
  const message = status === "pending" ? pendingMessage(result) : messageOf(failureOf(result));
  const details = [...sizeDetails(result), ...(message === null ? [] : [message])];
  const name = fileName(result, destination);
  if (isWritten(status) && name !== task && !isListKey(result.key)) details.push(name);
  return [
    { text: escapeControl(details.join("; ")) },
    ...warnings.map((warning): LineText => ({
      text: `warning: ${WARNINGS[warning]}`,
      prefix: "warning",
    })),
  ];
}

/** Whether a status means that a file was written. */
export function isWritten(status: TaskStatus): boolean {
  return status === "created" || status === "updated";
}

/** `not published yet; next try at 2026-01-15T16:31:00Z`. */
export function pendingMessage({ notBefore }: Pick<TaskResult, "notBefore">): string {
  const next = notBefore === undefined ? "" : `; next try at ${toNextSecond(notBefore)}`;
  return `not published yet${next}`;
}

/** What failed or was deferred, and until when, as part of a sentence. Not escaped. */
export function failureMessage(result: TaskResult): string {
  const { notBefore } = result;
  const next = notBefore === undefined ? [] : [`next request after ${toNextSecond(notBefore)}`];
  return [messageOf(failureOf(result)) ?? result.status, ...next].join("; ");
}

/**
 * What failed or was deferred, where, and what to do: a line each. Escaped.
 *
 * @param note More about the failure.
 */
export function failureTexts(result: TaskResult, note = ""): LineText[] {
  const { url, code, status } = result;
  // The status of a response is in the message.
  const shownCode = code === undefined || code === "http.status" ? "" : ` (${code})`;
  const hint = status === "failed" ? failureHint(failureOf(result)) : null;
  return [
    { text: escapeControl(failureMessage(result) + shownCode + note) },
    { text: escapeControl(url), isUrl: true },
    ...(hint === null ? [] : [{ text: `hint: ${hint}`, prefix: "good" } as const]),
  ];
}

/** A result as a failure. */
export function failureOf({ code, message, httpStatus }: TaskResult): Failure {
  return { code: code ?? null, message: message ?? null, httpStatus };
}

function entry(
  word: string,
  wordStyle: Style,
  subject: string,
  details: readonly string[],
  style: LineStyle,
): string[] {
  const texts = details.map((text) => ({ text: escapeControl(text) }));
  return hangingEntry(word, wordStyle, subject, texts, style);
}

function hangingEntry(
  word: string,
  wordStyle: Style,
  subject: string,
  texts: readonly LineText[],
  style: LineStyle,
): string[] {
  const shown = escapeControl(subject);
  const present = texts.filter(({ text }) => text !== "");
  const start = `${style.paint(wordStyle, padColumns(word, FIRST_COLUMN))}  `;
  const name = present.length === 0 ? shown : `${padColumns(shown, style.idColumns)}  `;
  const head: LineHead = {
    text: start + name,
    columns: FIRST_COLUMN + 2 + displayWidth(name),
    indent: FIRST_COLUMN + 2 + style.idColumns + 2,
  };
  return hangingLines(head, present, style);
}

/** Size, change of size, and duration of a written file, and the members of an unpacked archive. */
function sizeDetails(
  { status, sizeBytes, previousSizeBytes, bytes, timings, members }: TaskResult,
): string[] {
  if (!isWritten(status)) return [];
  const size = formatSize(sizeBytes ?? bytes, sizeBytes === null ? null : previousSizeBytes);
  const details = [`${size} in ${formatDuration(timings.totalMs)}`];
  if (members === undefined) return details;
  const counts = countWords(members, ["created", "updated", "unchanged"]);
  return [...details, `members: ${counts.length === 0 ? "none" : counts.join(", ")}`];
}

/** Details of a result, besides its status and task, for tables. Not escaped. */
export function resultDetails(result: TaskResult): string[] {
  if (result.status === "pending") return [pendingMessage(result)];
  const details = sizeDetails(result);
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

/** The code, message and hint of a result in one line, or null. Not escaped. */
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
