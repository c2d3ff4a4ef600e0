import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { isWorkday, localTimeText, parseHttpDate } from "../../lib/core/time.ts";

const NOW_MS = Date.UTC(2026, 0, 15, 12);
/** The example of RFC 9110. */
const EXAMPLE_MS = Date.UTC(1994, 10, 6, 8, 49, 37);

Deno.test("localTimeText: the city of the time zone, and seconds only if there are any", () => {
  const table: [instant: string, timezone: string, text: string][] = [
    ["2026-11-27T05:00:00Z", "Europe/Berlin", "2026-11-27 06:00 Berlin"],
    ["2026-11-27T05:00:00.999Z", "UTC", "2026-11-27 05:00 UTC"],
    ["2026-11-27T05:00:07.5Z", "UTC", "2026-11-27 05:00:07 UTC"],
    ["2026-07-01T23:30:00Z", "America/Argentina/Buenos_Aires", "2026-07-01 20:30 Buenos Aires"],
    ["2026-07-01T23:30:00Z", "America/New_York", "2026-07-01 19:30 New York"],
    ["2026-07-01T23:30:00Z", "Etc/GMT+3", "2026-07-01 20:30 GMT+3"],
  ];
  for (const [instant, timezone, text] of table) {
    assertEquals(localTimeText(Temporal.Instant.from(instant), timezone), text);
  }
});

Deno.test("parseHttpDate: reads the three forms of RFC 9110 and nothing else", () => {
  const table: readonly (readonly [text: string, expected: number | null])[] = [
    ["Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE_MS],
    ["Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE_MS],
    ["Sun Nov  6 08:49:37 1994", EXAMPLE_MS],
    ["Sun Nov 16 08:49:37 1994", Date.UTC(1994, 10, 16, 8, 49, 37)],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["Wed, 31 Dec 1969 23:59:59 GMT", -1000],
    ["Fri, 31 Dec 9999 23:59:59 GMT", Date.UTC(9999, 11, 31, 23, 59, 59)],
    ["Mon, 01 Jan 0001 00:00:00 GMT", -62_135_596_800_000],
    ["Thu, 29 Feb 2024 00:00:00 GMT", Date.UTC(2024, 1, 29)],
    // A leap second.
    ["Sat, 31 Dec 2016 23:59:60 GMT", Date.UTC(2017, 0, 1)],
    // The wrong name of a day.
    ["Mon, 06 Nov 1994 08:49:37 GMT", EXAMPLE_MS],
    // Fields beyond their ranges.
    ["Wed, 29 Feb 2023 00:00:00 GMT", null],
    ["Sun, 00 Nov 1994 08:49:37 GMT", null],
    ["Sun, 31 Nov 1994 08:49:37 GMT", null],
    ["Sun, 06 Nov 1994 24:00:00 GMT", null],
    ["Sun, 06 Nov 1994 08:60:37 GMT", null],
    ["Sun, 06 Nov 1994 08:49:61 GMT", null],
    ["Wednesday, 29-Feb-23 00:00:00 GMT", null],
    // Other separators, cases, zones and lengths.
    ["Sun, 6 Nov 1994 08:49:37 GMT", null],
    ["Sun 06 Nov 1994 08:49:37 GMT", null],
    ["Sun,  06 Nov 1994 08:49:37 GMT", null],
    ["sun, 06 nov 1994 08:49:37 gmt", null],
    ["Sun, 06 Nov 1994 08:49:37 UTC", null],
    ["Sun, 06 Nov 1994 08:49:37 +0000", null],
    ["Sun, 06 Nov 1994 08:49:37", null],
    ["Sun, 06 Nov 94 08:49:37 GMT", null],
    ["Sunday, 06 Nov 1994 08:49:37 GMT", null],
    ["Sun, 06-Nov-94 08:49:37 GMT", null],
    ["Sunday, 06-Nov-1994 08:49:37 GMT", null],
    ["Sun Nov 6 08:49:37 1994", null],
    ["Sun Nov 06 08:49:37 1994 GMT", null],
    ["Sun Nov  0 08:49:37 1994", null],
    [" Sun, 06 Nov 1994 08:49:37 GMT", null],
    ["Sun, 06 Nov 1994 08:49:37 GMT\n", null],
    ["Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT", null],
    ["Sun, \u0660\u0666 Nov 1994 08:49:37 GMT", null],
    // What Date.parse accepts.
    ["12.5", null],
    ["1", null],
    ["-1", null],
    ["0", null],
    ["1994", null],
    ["2024-01-01", null],
    ["2024-01-01T00:00:00Z", null],
    ["06 Nov 1994", null],
    ["11/06/1994", null],
    ["Nov 6, 1994 08:49:37", null],
    ["v1 2024", null],
    ["May 5", null],
    ["784111777", null],
    ["", null],
    ["never", null],
  ];
  for (const [text, expected] of table) {
    assertEquals(parseHttpDate(text, NOW_MS), expected, JSON.stringify(text));
  }
});

Deno.test("parseHttpDate: gives a two-digit year the latest century within 50 years", () => {
  const table: readonly (readonly [now: number, text: string, expected: number | null])[] = [
    [NOW_MS, "Thursday, 15-Jan-26 12:00:00 GMT", NOW_MS],
    [NOW_MS, "Saturday, 01-Jan-00 00:00:00 GMT", Date.UTC(2000, 0, 1)],
    [NOW_MS, "Friday, 31-Dec-99 23:59:59 GMT", Date.UTC(1999, 11, 31, 23, 59, 59)],
    // Exactly 50 years ahead, and a second more.
    [NOW_MS, "Wednesday, 15-Jan-76 12:00:00 GMT", Date.UTC(2076, 0, 15, 12)],
    [NOW_MS, "Thursday, 15-Jan-76 12:00:01 GMT", Date.UTC(1976, 0, 15, 12, 0, 1)],
    // At the turn of a century, from both sides.
    [Date.UTC(2099, 11, 31), "Friday, 01-Jan-00 00:00:00 GMT", Date.UTC(2100, 0, 1)],
    [Date.UTC(2100, 0, 1), "Thursday, 31-Dec-99 00:00:00 GMT", Date.UTC(2099, 11, 31)],
    [Date.UTC(2080, 0, 1), "Sunday, 06-Nov-94 08:49:37 GMT", Date.UTC(2094, 10, 6, 8, 49, 37)],
    // 2100 has no such day, 2000 has.
    [Date.UTC(2060, 0, 1), "Tuesday, 29-Feb-00 00:00:00 GMT", Date.UTC(2000, 1, 29)],
  ];
  for (const [now, text, expected] of table) {
    assertEquals(parseHttpDate(text, now), expected, text);
  }
});

const FULL_DAYS = [
  "Sunday",
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
] as const;

/** Writes a date in each form, from the IMF-fixdate that `toUTCString` yields. */
function forms(epochMs: number): { imf: string; rfc850: string; asctime: string } {
  const date = new Date(epochMs);
  const imf = date.toUTCString();
  const [, day = "", month = "", year = "", time = ""] = imf.split(" ");
  const weekday = FULL_DAYS[date.getUTCDay()] ?? "";
  return {
    imf,
    rfc850: `${weekday}, ${day}-${month}-${year.slice(2)} ${time} GMT`,
    asctime: `${weekday.slice(0, 3)} ${month} ${day.replace(/^0/, " ")} ${time} ${year}`,
  };
}

const aSecond = (from: number, to: number) =>
  fc.integer({ min: from / 1000, max: to / 1000 }).map((seconds) => seconds * 1000);

Deno.test("property: parseHttpDate reads back each date in each form", () => {
  const date = aSecond(Date.UTC(1000, 0, 1), Date.UTC(9999, 11, 31));
  fc.assert(
    fc.property(date, (epochMs) => {
      const { imf, asctime } = forms(epochMs);
      assertEquals(parseHttpDate(imf, NOW_MS), epochMs);
      assertEquals(parseHttpDate(asctime, NOW_MS), epochMs);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("property: parseHttpDate reads back RFC 850 dates from 49 years before to 49 after", () => {
  const years = (count: number) => count * 365 * 24 * 60 * 60 * 1000;
  const now = aSecond(Date.UTC(1970, 0, 1), Date.UTC(2200, 0, 1));
  const offset = aSecond(-years(49), years(49));
  fc.assert(
    fc.property(now, offset, (nowMs, offsetMs) => {
      assertEquals(parseHttpDate(forms(nowMs + offsetMs).rfc850, nowMs), nowMs + offsetMs);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("property: parseHttpDate returns null or whole seconds for any text", () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(..."SunMonday, 0123456789:-GMT") }),
    fc.tuple(fc.nat(28), fc.string({ maxLength: 2 })).map(([at, insertion]) => {
      const { imf } = forms(EXAMPLE_MS);
      return imf.slice(0, at) + insertion + imf.slice(at + insertion.length);
    }),
  );
  fc.assert(
    fc.property(text, (it) => {
      const parsed = parseHttpDate(it, NOW_MS);
      assert(parsed === null || parsed % 1000 === 0);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("isWorkday: no weekend, and no holiday", () => {
  const holidays = new Set(["12-25", "2026-01-01"]);
  const table: [date: string, expected: boolean][] = [
    ["2026-12-24", true],
    ["2026-12-25", false],
    ["2026-12-26", false],
    ["2026-01-01", false],
    ["2027-01-01", true],
  ];
  for (const [date, expected] of table) {
    assertEquals(isWorkday(Temporal.PlainDate.from(date), holidays), expected, date);
  }
});
