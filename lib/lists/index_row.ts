/** Dates and sizes beside the links of index pages. Pure. */

import { readDate, readSize } from "./values.ts";

/** Text beside a link that is read; descriptions of Apache follow the size. */
export const MAX_ROW_TEXT = 200;

/**
 * A date, and perhaps a size:
 * - `27-Nov-2026 06:00  1234`: nginx; Apache with `UseOldDateFormat`
 * - `2026-11-27 06:00  1.2K`: Apache
 * - `2026-Nov-27 06:00:00 1.2K`: lighttpd
 */
const ROW =
  /^\s*(\d{4}|\d\d)-(\d\d|[A-Z][a-z]{2})-(\d{4}|\d\d) +(\d\d:\d\d(?::\d\d)?)(?:\s+(\S+))?/;

const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

/** What an index page has beside a link. */
export interface IndexRow {
  /** RFC 3339 in UTC; null if there is none. */
  readonly date: string | null;
  /** Null if there is none, or it is rounded. */
  readonly sizeBytes: number | null;
}

/**
 * Reads the text between a link of an index page and the next one. Times have no zone there, and are
 * read as UTC. Only a number without a unit is an exact size: nginx has such ones by default, Apache
 * for files of less than 973 bytes, lighttpd never.
 *
 * @param text The first {@linkcode MAX_ROW_TEXT} characters.
 *
 * @example
 * ```ts
 * import { readIndexRow } from "./index_row.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(readIndexRow(" 27-Nov-2026 06:00    1234\n"), {
 *   date: "2026-11-27T06:00:00.000Z",
 *   sizeBytes: 1234,
 * });
 * assertEquals(readIndexRow(" 2026-11-27 06:00  1.2K").sizeBytes, null);
 * ```
 */
export function readIndexRow(text: string): IndexRow {
  const [whole, first = "", month = "", last = "", time, size] = ROW.exec(text) ?? [];
  if (whole === undefined) return { date: null, sizeBytes: null };
  const [year, day] = first.length === 4 ? [first, last] : [last, first];
  return {
    date: readDate(`${year}-${monthDigits(month)}-${day}T${time}`),
    sizeBytes: size === undefined ? null : readSize(size),
  };
}

/** Two digits, or a name that is no month. */
function monthDigits(month: string): string {
  const index = MONTHS.indexOf(month);
  return index >= 0 && index % 3 === 0 ? String(index / 3 + 1).padStart(2, "0") : month;
}
