/** Durations as text, instants in order, HTTP-dates, delays before a retry, and time limits. */

import type { Timers } from "./host.ts";
import type { HeaderFields } from "./http.ts";

/** Units of a duration in a config, the largest first, in milliseconds. */
export const DURATION_UNITS = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
} as const;

/** The duration as a config has it: `1h30m`, `250ms`. */
export function durationText(durationMs: number): string {
  let restMs = durationMs;
  let text = "";
  for (const [unit, unitMs] of Object.entries(DURATION_UNITS)) {
    const count = Math.floor(restMs / unitMs);
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * unitMs;
  }
  return text || "0s";
}

/**
 * An instant in a time zone, named by its city: `2026-11-27 06:00 Berlin`. Seconds are shown only if
 * there are any.
 *
 * @param timezone Name in the IANA database.
 */
export function localTimeText(instant: Temporal.Instant, timezone: string): string {
  const zoned = instant.toZonedDateTimeISO(timezone);
  const smallestUnit = zoned.second === 0 ? "minute" : "second";
  const time = zoned.toPlainTime().toString({ smallestUnit });
  return `${zoned.toPlainDate()} ${time} ${cityOf(timezone)}`;
}

/** A recorded time to the minute: `2026-01-15 06:00 UTC`. It is RFC 3339 in UTC. */
export function utcMinuteText(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}

function cityOf(timezone: string): string {
  return timezone.slice(timezone.lastIndexOf("/") + 1).replaceAll("_", " ");
}

export function isBefore(one: Temporal.Instant, other: Temporal.Instant): boolean {
  return Temporal.Instant.compare(one, other) < 0;
}

/**
 * Whether a day is Monday to Friday, and no holiday.
 *
 * @param holidays `YYYY-MM-DD`, or `MM-DD` for every year.
 */
export function isWorkday(date: Temporal.PlainDate, holidays: ReadonlySet<string>): boolean {
  return date.dayOfWeek <= 5 && !isHoliday(date, holidays);
}

/** Whether holidays, in the form of {@linkcode isWorkday}, contain a day. */
export function isHoliday(date: Temporal.PlainDate, holidays: ReadonlySet<string>): boolean {
  if (holidays.size === 0) return false;
  const text = date.toString();
  return holidays.has(text) || holidays.has(text.slice(-"MM-DD".length));
}

type MaybeInstant = Temporal.Instant | null;

/** The earlier of two instants; null only if both are. */
export function earlier(one: MaybeInstant, other: Temporal.Instant): Temporal.Instant;
export function earlier(one: MaybeInstant, other: MaybeInstant): MaybeInstant;
export function earlier(one: MaybeInstant, other: MaybeInstant): MaybeInstant {
  if (!one || !other) return one ?? other;
  return isBefore(other, one) ? other : one;
}

/** The later of two instants; null only if both are. */
export function later(one: MaybeInstant, other: MaybeInstant): MaybeInstant {
  if (!one || !other) return one ?? other;
  return isBefore(one, other) ? other : one;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun"]
  .concat(["Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]);
const MONTH = `(?<month>${MONTHS.join("|")})`;
const TIME = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)`;
const SHORT_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const LONG_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day";

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
const IMF_FIXDATE = new RegExp(
  `^${SHORT_DAY}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`,
);
/** `Sun Nov  6 08:49:37 1994` */
const ASCTIME = new RegExp(`^${SHORT_DAY} ${MONTH} (?<day>\\d\\d| \\d) ${TIME} (?<year>\\d{4})$`);
/** `Sunday, 06-Nov-94 08:49:37 GMT` */
const RFC_850 = new RegExp(`^${LONG_DAY}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`);

/** Length of `Wednesday, 09-Nov-94 08:49:37 GMT`, the longest form. */
const MAX_LENGTH = 33;

/**
 * Parses a date of a header field: IMF-fixdate, or one of the obsolete forms of RFC 850 and
 * asctime. Everything else is no date, even where `Date.parse` accepts it: that reads `12.5`
 * as a day in 2001. The name of the day is not compared with the date, as in other clients.
 *
 * A two-digit year is the latest year with these digits in which the date is at most 50 years
 * in the future. A leap second counts as the second after it.
 *
 * @param text Value of the field, without surrounding whitespace.
 * @param nowMs Wall clock, milliseconds since the epoch; gives a two-digit year its century.
 * @returns Milliseconds since the epoch, a multiple of 1,000; null if the text is no HTTP-date.
 *
 * @example
 * ```ts
 * import { parseHttpDate } from "./time.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT", Date.now()), 784_111_777_000);
 * assertEquals(parseHttpDate("2024-01-01", Date.now()), null);
 * ```
 */
export function parseHttpDate(text: string, nowMs: number): number | null {
  if (text.length > MAX_LENGTH) return null;
  const full = (IMF_FIXDATE.exec(text) ?? ASCTIME.exec(text))?.groups;
  if (full) return toEpochMs(full, Number(full.year));
  const short = RFC_850.exec(text)?.groups;
  if (!short) return null;
  const latest = new Date(nowMs);
  const latestMs = latest.setUTCFullYear(latest.getUTCFullYear() + 50);
  const year = Math.floor(latest.getUTCFullYear() / 100) * 100 + Number(short.year);
  const dateMs = toEpochMs(short, year);
  return dateMs !== null && dateMs <= latestMs ? dateMs : toEpochMs(short, year - 100);
}

/** The longest pause that a server can request by Retry-After: a day. */
export const MAX_PAUSE_MS = 24 * 60 * 60 * 1000;

/**
 * Parses Retry-After: seconds, which may have a fraction, or an HTTP-date (RFC 9110, 10.2.3).
 * Anything else is ignored, and so is a pause of zero or in the past.
 *
 * @param headers Of the response. Its Date, if present, is the clock of the server.
 * @param nowMs Wall clock, milliseconds since the epoch.
 * @returns Milliseconds from now, over 0 and up to {@linkcode MAX_PAUSE_MS}; null without a pause.
 */
export function requestedPauseMs(headers: HeaderFields, nowMs: number): number | null {
  const value = headers.get("retry-after")?.trim();
  if (!value) return null;
  const pauseMs = /^\d+(?:\.\d+)?$/.test(value)
    ? Math.ceil(Number(value) * 1000)
    : delayUntil(value, headers, nowMs);
  return pauseMs !== null && pauseMs > 0 ? Math.min(pauseMs, MAX_PAUSE_MS) : null;
}

/** The delay until an HTTP-date, by the clock of the server if the response has a Date. */
function delayUntil(value: string, headers: HeaderFields, nowMs: number): number | null {
  const untilMs = parseHttpDate(value, nowMs);
  const servedMs = parseHttpDate(headers.get("date")?.trim() ?? "", nowMs);
  return untilMs === null ? null : untilMs - (servedMs ?? nowMs);
}

/** The date of matched digits, or null where a field is beyond its range. */
function toEpochMs(fields: Record<string, string | undefined>, year: number): number | null {
  const { month = "", day, hour, minute, second } = fields;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return null;
  // Most dates need none of the checks below.
  if (year >= 100 && Number(day) >= 1 && Number(day) <= 28) {
    const monthIndex = MONTHS.indexOf(month);
    return Date.UTC(year, monthIndex, Number(day), Number(hour), Number(minute), Number(second));
  }
  const date = new Date(0);
  // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, MONTHS.indexOf(month), Number(day));
  // A day that the month does not have has become one of another month.
  if (date.getUTCDate() !== Number(day)) return null;
  return date.setUTCHours(Number(hour), Number(minute), Number(second));
}

/**
 * Exponential backoff without jitter: doubles with each failure.
 *
 * @param failures In a row, at least 1.
 * @returns Milliseconds from `firstMs` to `longestMs`.
 */
export function backoffMs(failures: number, firstMs: number, longestMs: number): number {
  return Math.min(longestMs, firstMs * 2 ** (failures - 1));
}

/**
 * Runs work with a time limit.
 *
 * @param work Should observe the signal, which is aborted with the error.
 * @throws What `timedOut` returns, as soon as the time is over; or what the work throws.
 */
export async function withTimeout<Result>(
  timers: Pick<Timers, "after">,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<Result>,
  timedOut: () => Error,
): Promise<Result> {
  const controller = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const cancel = timers.after(timeoutMs, () => {
    const error = timedOut();
    reject(error);
    controller.abort(error);
  });
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    cancel();
  }
}
