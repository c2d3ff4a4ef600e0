import { assertEquals } from "@std/assert";
import { type Calendar, daysBetween, parseDays } from "../../lib/cron/calendar.ts";

function calendar(on: string, holidays: readonly string[] = []): Calendar {
  const days = parseDays(on);
  if (!Array.isArray(days)) throw new Error(`invalid: ${days.invalid}`);
  return { days, holidays: new Set(holidays) };
}

function days(on: string, month: string, holidays: readonly string[] = []): string {
  const first = Temporal.PlainYearMonth.from(month).toPlainDate({ day: 1 });
  const last = first.with({ day: first.daysInMonth });
  return daysBetween(calendar(on, holidays), first, last).map((date) => date.slice(-2)).join(" ");
}

// May 2026 begins on a Friday, and ends on a Sunday.
const DAYS: readonly (readonly [on: string, days: string, holidays?: readonly string[]])[] = [
  ["workdays", "01 04 05 06 07 08 11 12 13 14 15 18 19 20 21 22 25 26 27 28 29"],
  ["MON-FRI", "01 04 05 06 07 08 11 12 13 14 15 18 19 20 21 22 25 26 27 28 29"],
  ["mon,wed", "04 06 11 13 18 20 25 27"],
  ["SAT-MON", "02 03 04 09 10 11 16 17 18 23 24 25 30 31"],
  ["WED", "06 20 27", ["05-13"]],
  ["days", "31", Array.from({ length: 30 }, (_, day) => `05-${`${day + 1}`.padStart(2, "0")}`)],
  ["workdays", "04 05 06 07 08 11 12 13 15 18 19 20 21 22 26 27 28 29", [
    "2026-05-01",
    "2026-05-14",
    "05-25",
    "2025-05-26",
  ]],
  ["1,15", "01 15", ["05-01"]],
  ["1-3, 30-31", "01 02 03 30 31"],
  ["first day", "01", ["05-01"]],
  ["last day", "31"],
  ["first workday", "04", ["05-01"]],
  ["last workday", "29"],
  ["last workday", "28", ["2026-05-29"]],
  ["second workday", "04"],
  ["first MON", "04"],
  ["third fri", "15"],
  ["fifth SUN", "31"],
  ["fifth MON", ""],
  ["last MON", "25"],
  ["Last Workday, First Day", "01 29"],
  ["2 or next workday", "04"],
  ["31 or previous workday", "29"],
  ["31 or next workday", "", []],
  ["31 or nearest workday", "29"],
  ["9 or nearest workday", "08"],
  ["10 or nearest workday", "11"],
  ["15 or nearest workday", "15"],
  ["1 or nearest workday", "04", ["05-01"]],
  ["1 or previous workday", "", ["05-01"]],
];

Deno.test("daysBetween: every element of on, with holidays", () => {
  for (const [on, expected, holidays] of DAYS) {
    assertEquals(days(on, "2026-05", holidays), expected, `${on} without ${holidays}`);
  }
  // The day moved out of a month is one of the neighbour.
  assertEquals(days("31 or next workday", "2026-06"), "01");
  assertEquals(days("1 or previous workday", "2026-04", ["05-01"]), "01 30");
});

Deno.test("daysBetween: a leap year, and a month without the day", () => {
  assertEquals(days("29", "2024-02"), "29");
  assertEquals(days("29,30", "2026-02"), "");
  assertEquals(days("last day", "2024-02"), "29");
  assertEquals(days("30 or nearest workday", "2026-02"), "");
});

Deno.test("daysBetween: both ends belong to the range", () => {
  const date = Temporal.PlainDate.from("2026-05-04");
  assertEquals(daysBetween(calendar("days"), date, date), ["2026-05-04"]);
  assertEquals(daysBetween(calendar("days"), date, date.subtract({ days: 1 })), []);
});

Deno.test("parseDays: the first invalid element", () => {
  const table: [on: string, invalid: string][] = [
    ["", ""],
    ["MON,", ""],
    ["weekly", "weekly"],
    ["MON-FRI,Monday", "Monday"],
    ["0", "0"],
    ["32", "32"],
    ["15-1", "15-1"],
    ["sixth MON", "sixth MON"],
    ["first week", "first week"],
    ["1st workday", "1st workday"],
    ["15  or next workday", "15  or next workday"],
    ["L", "L"],
  ];
  for (const [on, invalid] of table) assertEquals(parseDays(on), { invalid }, on);
});
