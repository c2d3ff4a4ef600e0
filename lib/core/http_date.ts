/** HTTP-date: the only date formats of HTTP header fields (RFC 9110, section 5.6.7). */

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
 * import { parseHttpDate } from "./http_date.ts";
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

/** The date of matched digits, or null where a field is beyond its range. */
function toEpochMs(fields: Record<string, string | undefined>, year: number): number | null {
  const { month = "", day, hour, minute, second } = fields;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return null;
  const date = new Date(0);
  // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, MONTHS.indexOf(month), Number(day));
  // A day that the month does not have has become one of another month.
  if (date.getUTCDate() !== Number(day)) return null;
  return date.setUTCHours(Number(hour), Number(minute), Number(second));
}
