/**
 * The last outcomes of a task, as a short text in its record. Pure.
 *
 * The text has up to four parts, separated by a space, each with the newest outcome first:
 *
 * 1. The statuses: a letter, a capital letter for the code if there is one, and the number of
 *    consecutive equal ones if there are several: `s37fA3s10`.
 * 2. The seconds from the second outcome to the first one, whose time is that of the newest result.
 * 3. The difference of each further interval from the one before, which is small for a regular
 *    schedule: a number in digits of 5 bits, the least significant first; all but its last digit have
 *    the sixth bit, and the sign is its lowest bit.
 * 4. The codes that A, B and so on stand for, separated by commas.
 */

import type { TaskStatus } from "../core/result.ts";
import type { RecentResult, TaskRecord } from "./state.ts";

/** The outcome of a task in a run. */
export interface Outcome {
  /** When the task ended, in whole seconds, RFC 3339 in UTC. */
  readonly at: string;
  /** The status of its result. */
  readonly status: TaskStatus;
  /** Why the file is not known to be good: a code of the version that wrote it; or null. */
  readonly code: string | null;
}

/** Outcomes per task. */
export const OUTCOMES_KEPT = 50;

/** An {@linkcode Outcome} whose time is in seconds since the epoch. */
interface KnownOutcome extends Omit<Outcome, "at"> {
  readonly seconds: number;
}

/** The parts of a record that have its outcomes. */
type OutcomeRecord = Pick<TaskRecord, "outcomes" | "results">;

/**
 * Reads the last outcomes of a task. A record of an older version has fewer of them.
 *
 * @param record Its record.
 * @returns The newest first, at most 50.
 *
 * @example
 * ```ts
 * import { recentOutcomes } from "@cronfetch/cronfetch";
 * import { assertEquals } from "@std/assert";
 *
 * const at = "2026-01-15T12:00:00Z";
 * const outcome = { status: "unchanged", code: null } as const;
 * const newest = { ...outcome, at, since: at, times: 2, message: null, httpStatus: 304, bytes: 0 };
 * const results = [{ ...newest, run: "2026-01-15T12:00:00Z-abc123" }];
 * assertEquals(recentOutcomes({ results, outcomes: "s2 86400" }), [
 *   { ...outcome, at },
 *   { ...outcome, at: "2026-01-14T12:00:00Z" },
 * ]);
 * ```
 */
export function recentOutcomes(record: Pick<TaskRecord, "outcomes" | "results">): Outcome[] {
  return knownOutcomes(record).map(({ seconds, status, code }) => ({
    at: Temporal.Instant.fromEpochMilliseconds(seconds * 1000).toString(),
    status,
    code,
  }));
}

/**
 * Adds an outcome to those of a record.
 *
 * @returns The text for the next record.
 */
export function addOutcome(
  record: OutcomeRecord,
  { at, status, code }: Pick<RecentResult, "at" | "status" | "code">,
): string {
  const added = { seconds: secondsOf(at), status, code };
  const prepended = record.outcomes ? prepend(record, added) : null;
  return prepended ?? print([added, ...knownOutcomes(record)].slice(0, OUTCOMES_KEPT));
}

function knownOutcomes({ outcomes, results }: OutcomeRecord): KnownOutcome[] {
  // A record of an older version, or of a state of the caller's, has none.
  if (!outcomes) return results.flatMap(expand).slice(0, OUTCOMES_KEPT);
  const [newest] = results;
  return newest ? parse(outcomes, secondsOf(newest.at)) : [];
}

/** The outcomes of equal results whose times are known: the last and the first one. */
function expand({ at, since, times, status, code }: RecentResult): KnownOutcome[] {
  const last = { seconds: secondsOf(at), status, code };
  return times > 1 ? [last, { ...last, seconds: secondsOf(since) }] : [last];
}

function secondsOf(at: string): number {
  return Math.floor(Date.parse(at) / 1000);
}

/** States contain them, so a letter never changes. */
const LETTERS: Readonly<Record<TaskStatus, string>> = {
  created: "c",
  updated: "u",
  unchanged: "s",
  pending: "p",
  skipped: "k",
  deferred: "d",
  failed: "f",
  cancelled: "x",
};

const STATUSES = new Map(
  Object.entries(LETTERS).map(([status, letter]) => [letter, status as TaskStatus]),
);

/** Codes per text; an outcome with a further one has none. */
const MOST_CODES = 26;

function print(outcomes: readonly KnownOutcome[]): string {
  const spans: Span[] = [];
  const codes: string[] = [];
  let firstInterval: number | null = null;
  let differences = "";
  let [lastSeconds, lastInterval] = [0, 0];
  for (const [index, { seconds, status, code }] of outcomes.entries()) {
    const kind = LETTERS[status] + printCode(code, codes);
    const last = spans.at(-1);
    if (last?.kind === kind) last.count++;
    else spans.push({ kind, count: 1 });
    const interval = lastSeconds - seconds;
    if (index === 1) firstInterval = interval;
    else if (index > 1) differences += printNumber(interval - lastInterval);
    [lastSeconds, lastInterval] = [seconds, interval];
  }
  return join(spans.map(printSpan).join(""), firstInterval, differences, codes.join(","));
}

/** The text without empty parts at its end. */
function join(
  statuses: string,
  firstInterval: number | null,
  differences: string,
  codes: string,
): string {
  const text = `${statuses} ${firstInterval ?? ""} ${differences}`;
  return codes === "" ? text.trimEnd() : `${text} ${codes}`;
}

function printCode(code: string | null, codes: string[]): string {
  if (code === null || /[\s,]/.test(code)) return "";
  let index = codes.indexOf(code);
  if (index === -1) {
    if (codes.length === MOST_CODES) return "";
    index = codes.push(code) - 1;
  }
  return String.fromCharCode(A + index);
}

/**
 * Adds an outcome to a text without parsing all of it: this is done for every result of a run.
 *
 * @returns The text; null if it has fewer than two outcomes, or does not have the code.
 */
function prepend(
  { outcomes, results: [newest] }: OutcomeRecord,
  { seconds, status, code }: KnownOutcome,
): string | null {
  const [statuses = "", interval = "", differences = "", codes = ""] = outcomes.split(" ");
  if (newest === undefined || interval === "" || !STATUSES.has(statuses.charAt(0))) return null;
  const index = code === null ? -1 : codes.split(",").indexOf(code);
  if (code !== null && index === -1) return null;
  const kind = LETTERS[status] + (code === null ? "" : String.fromCharCode(A + index));
  const newInterval = seconds - secondsOf(newest.at);
  const newDifferences = printNumber(Number(interval) - newInterval) + differences;
  // Usually all outcomes are equal.
  const count = statuses.startsWith(kind) ? Number(statuses.slice(kind.length) || 1) : NaN;
  if (count < OUTCOMES_KEPT) return join(`${kind}${count + 1}`, newInterval, newDifferences, codes);
  const spans = spansOf(statuses);
  const [first] = spans;
  if (first?.kind === kind) first.count++;
  else spans.unshift({ kind, count: 1 });
  let kept = newDifferences;
  let surplus = spans.reduce((sum, span) => sum + span.count, 0) - OUTCOMES_KEPT;
  for (; surplus > 0; surplus--) {
    const last = spans.at(-1);
    if (last && --last.count === 0) spans.pop();
    kept = kept.slice(0, startOfLastNumber(kept));
  }
  return join(spans.map(printSpan).join(""), newInterval, kept, codes);
}

/**
 * Parses the text of {@linkcode print}; what follows an unknown character is omitted.
 *
 * @param newestSeconds When the newest outcome was.
 */
function parse(text: string, newestSeconds: number): KnownOutcome[] {
  const [statuses = "", firstInterval = "", differences = "", codes = ""] = text.split(" ");
  const names = codes.split(",");
  const outcomes: KnownOutcome[] = [];
  const numbers = new NumberReader(differences);
  let [seconds, interval] = [newestSeconds, Number(firstInterval)];
  for (const { kind, count } of spansOf(statuses)) {
    const status = STATUSES.get(kind.charAt(0));
    if (status === undefined) break;
    const code = kind.length === 1 ? null : names[kind.charCodeAt(1) - A] ?? null;
    for (let left = count; left > 0; left--) {
      if (outcomes.length > 0) {
        const difference = outcomes.length === 1 ? 0 : numbers.next();
        if (difference === null) return outcomes;
        interval += difference;
        seconds -= interval;
      }
      if (!(Math.abs(seconds) <= LATEST_SECONDS)) return outcomes;
      outcomes.push({ seconds, status, code });
    }
  }
  return outcomes;
}

/** Consecutive equal outcomes: a status's letter with the letter of a code, and their number. */
interface Span {
  kind: string;
  count: number;
}

function spansOf(statuses: string): Span[] {
  const spans: Span[] = [];
  for (let at = 0; at < statuses.length; at++) {
    const unit = statuses.charCodeAt(at);
    const last = spans.at(-1);
    if (unit >= LOWER_A) spans.push({ kind: statuses.charAt(at), count: 0 });
    else if (last && unit >= A) last.kind += statuses.charAt(at);
    else if (last && unit >= ZERO) last.count = last.count * 10 + unit - ZERO;
  }
  // Of a damaged text, the number may be very large.
  for (const span of spans) span.count = Math.min(span.count || 1, OUTCOMES_KEPT);
  return spans;
}

function printSpan({ kind, count }: Span): string {
  return count > 1 ? `${kind}${count}` : kind;
}

const [ZERO, A, LOWER_A] = [48, 65, 97];
/** The range of an instant, before and after the epoch. */
const LATEST_SECONDS = 8.64e12;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUES = new Map([...DIGITS].map((digit, value) => [digit.charCodeAt(0), value]));

/** Not by shifts, which are limited to 32 bits. */
function printNumber(number: number): string {
  let rest = number < 0 ? -2 * number - 1 : 2 * number;
  let text = "";
  while (rest >= 32) {
    text += DIGITS[32 + rest % 32];
    rest = Math.floor(rest / 32);
  }
  return text + DIGITS[rest];
}

/** Where the last number of a text begins: after the last digit of the one before. */
function startOfLastNumber(text: string): number {
  let start = text.length - 1;
  while (start > 0 && (VALUES.get(text.charCodeAt(start - 1)) ?? 0) >= 32) start--;
  return Math.max(0, start);
}

/** Reads numbers from the beginning of a text. */
class NumberReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads the next number; null at the end. */
  next(): number | null {
    let sum = 0;
    for (let weight = 1; this.#at < this.#text.length; weight *= 32) {
      const value = VALUES.get(this.#text.charCodeAt(this.#at++));
      if (value === undefined) return null;
      sum += value % 32 * weight;
      if (value < 32) return sum % 2 === 1 ? -(sum + 1) / 2 : sum / 2;
    }
    return null;
  }
}
