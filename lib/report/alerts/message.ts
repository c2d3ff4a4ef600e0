/** The message of an alert, before it takes the form of a service. Pure. */

import { escapeControl } from "../../core/text.ts";
import { formatCount, plural } from "../format.ts";
import type { AlertEvent, AlertNotice } from "./changes.ts";

/** How bad the worst notice is. */
export type Severity = "critical" | "warning" | "good";

/** One line: `unhealthy: rates.csv, 3 failures in a row (404 Not Found)`. */
export interface AlertLine {
  readonly label: string;
  /** The task's id, on one line and cut; null for events about all tasks. */
  readonly subject: string | null;
  /** On one line and cut; empty for none. */
  readonly detail: string;
}

/** A message. Its texts have no control characters, but may have the markup of a service. */
export interface AlertMessage {
  readonly severity: Severity;
  /** One line, without text from outside. */
  readonly title: string;
  /** The worst first, at most {@linkcode MOST_LINES}. */
  readonly lines: readonly AlertLine[];
  /** The notices that have no line. */
  readonly more: number;
  /** The status page, or null. */
  readonly link: string | null;
  /** The id of the run; null if nothing was due. */
  readonly run: string | null;
  /** All notices, in the order of the lines. */
  readonly notices: readonly AlertNotice[];
}

/** Most lines of one message; the rest is a count. */
export const MOST_LINES = 20;

const LONGEST_SUBJECT = 100;
const LONGEST_DETAIL = 300;

/** The events in the order of the lines, with their words. */
const EVENTS: Readonly<
  Record<AlertEvent, { readonly label: string; readonly severity: Severity }>
> = {
  "run.failed": { label: "run failed", severity: "critical" },
  "unhealthy": { label: "unhealthy", severity: "critical" },
  "stale": { label: "stale", severity: "warning" },
  "unchanged": { label: "unchanged", severity: "warning" },
  "run.recovered": { label: "running again", severity: "good" },
  "recovered": { label: "recovered", severity: "good" },
  "changed": { label: "changed", severity: "good" },
  "test": { label: "test", severity: "good" },
};

const ORDER = Object.keys(EVENTS) as readonly AlertEvent[];
const SEVERITIES: readonly Severity[] = ["critical", "warning", "good"];

/**
 * Makes one message of all notices of an evaluation.
 *
 * @param notices At least one.
 * @param link The status page, or null.
 */
export function alertMessage(
  notices: readonly AlertNotice[],
  { run, link }: Pick<AlertMessage, "run" | "link">,
): AlertMessage {
  const sorted = notices.toSorted((a, b) => ORDER.indexOf(a.event) - ORDER.indexOf(b.event));
  const severities = new Set(sorted.map(({ event }) => EVENTS[event].severity));
  const lines = sorted.slice(0, MOST_LINES).map(lineOf);
  return {
    severity: SEVERITIES.find((severity) => severities.has(severity)) ?? "good",
    title: `cronfetch: ${titleOf(sorted)}`,
    lines,
    more: sorted.length - lines.length,
    ...{ link, run, notices: sorted },
  };
}

/** `2 tasks unhealthy, 1 stale, 1 recovered` */
function titleOf(notices: readonly AlertNotice[]): string {
  let hasNoun = false;
  const parts = ORDER.flatMap((event) => {
    const count = notices.filter((notice) => notice.event === event).length;
    if (count === 0) return [];
    const { label } = EVENTS[event];
    if (event === "test") return ["test of alerts"];
    if (event.startsWith("run.")) return [label];
    const noun = hasNoun ? formatCount(count) : plural(count, "task");
    hasNoun = true;
    return [`${noun} ${label}`];
  });
  return parts.join(", ");
}

function lineOf({ event, task, failures, message }: AlertNotice): AlertLine {
  const reason = message === null ? "" : cut(message, LONGEST_DETAIL);
  const inRow = `${plural(failures, "failure")} in a row`;
  return {
    label: EVENTS[event].label,
    subject: task === null ? null : cut(task, LONGEST_SUBJECT),
    detail: event === "unhealthy" ? inRow + (reason === "" ? "" : ` (${reason})`) : reason,
  };
}

/** The text on one line; a cut one ends in `…`. */
function cut(text: string, longest: number): string {
  const line = escapeControl(text);
  return line.length <= longest ? line : `${line.slice(0, longest - 1).toWellFormed()}…`;
}

/** The subject and the detail of a line, as far as it has them. */
export function factsOf({ subject, detail }: Pick<AlertLine, "subject" | "detail">): string[] {
  return [subject ?? "", detail].filter((fact) => fact !== "");
}

/** A line as plain text. */
export function lineText(line: AlertLine): string {
  const facts = factsOf(line);
  return facts.length === 0 ? line.label : `${line.label}: ${facts.join(", ")}`;
}

/**
 * The rendered lines that fit a limit of the service, and a count of those that do not.
 *
 * @param render A line in the markup of the service.
 * @param limit What all of them may take.
 * @param sizeOf What one takes, separators included.
 */
export function fittingLines<Rendered>(
  { lines, more }: Pick<AlertMessage, "lines" | "more">,
  render: (line: AlertLine) => Rendered,
  limit: number,
  sizeOf: (rendered: Rendered) => number,
): Rendered[] {
  const moreLine = (count: number) =>
    render({ label: `and ${formatCount(count)} more`, subject: null, detail: "" });
  const fitting: Rendered[] = [];
  let left = limit - sizeOf(moreLine(lines.length + more));
  for (const line of lines) {
    const rendered = render(line);
    left -= sizeOf(rendered);
    if (left < 0) break;
    fitting.push(rendered);
  }
  const hidden = lines.length + more - fitting.length;
  return hidden === 0 ? fitting : [...fitting, moreLine(hidden)];
}
