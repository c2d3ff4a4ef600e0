/** Days on which files are published: `on` and `holidays` of the option `dates`. Pure. */

import { isHoliday, isWorkday } from "../core/time.ts";

/** Days of the week, Monday is 1. */
const WEEKDAYS = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

/** Places within a month; `last` counts from its end. */
const ORDINALS = ["first", "second", "third", "fourth", "fifth"];

/** One element of `on`. */
export type DayRule =
  /** Every day. */
  | { readonly kind: "days" }
  /** Monday to Friday, without holidays. */
  | { readonly kind: "workdays" }
  /** Days of the week, 1 is Monday; a range may pass Sunday. */
  | { readonly kind: "weekdays"; readonly from: number; readonly to: number }
  /** Days of the month. */
  | { readonly kind: "month"; readonly from: number; readonly to: number }
  /** The nth day of a kind in a month: 1 to 5, or -1 for the last one. */
  | {
    readonly kind: "nth";
    readonly place: number;
    /** A day of the week, 1 is Monday; or any day, or a workday. */
    readonly of: number | "day" | "workday";
  }
  /** A day of the month, or a workday near it if it is none. */
  | { readonly kind: "moved"; readonly day: number; readonly to: "next" | "previous" | "nearest" };

/** Which days have a file. */
export interface Calendar {
  /** A day has a file if one of them matches. */
  readonly days: readonly DayRule[];
  /** Days that are no workdays: `YYYY-MM-DD`, or `MM-DD` for every year. */
  readonly holidays: ReadonlySet<string>;
}

/** What `on` may contain, for messages. */
export const DAY_RULES = '"days", "workdays", weekdays such as "MON-FRI", days of the month such ' +
  'as "1,15", "first day", "last workday", "third WED" or "15 or next workday"';

/**
 * Parses a value of `on`: elements with a comma between them, in any case.
 *
 * @returns The rules; or the first element that is invalid.
 */
export function parseDays(text: string): DayRule[] | { readonly invalid: string } {
  const rules: DayRule[] = [];
  for (const element of text.split(",")) {
    const rule = parseElement(element.trim());
    if (rule === null) return { invalid: element.trim() };
    rules.push(rule);
  }
  return rules;
}

const ELEMENT = new RegExp(
  "^(?:(?<all>days|workdays)" +
    `|(?<weekday>${WEEKDAYS.join("|")})(?:-(?<lastWeekday>${WEEKDAYS.join("|")}))?` +
    "|(?<day>[0-9]{1,2})(?:-(?<lastDay>[0-9]{1,2})| or (?<to>next|previous|nearest) workday)?" +
    `|(?<place>${ORDINALS.join("|")}|last) (?<unit>day|workday|${WEEKDAYS.join("|")}))$`,
  "i",
);

function parseElement(text: string): DayRule | null {
  const { all, weekday, lastWeekday, day, lastDay, to, place, unit } = ELEMENT.exec(text)?.groups ??
    {};
  if (all !== undefined) {
    return { kind: all.toLowerCase() === "days" ? "days" : "workdays" };
  }
  if (weekday !== undefined) {
    return { kind: "weekdays", from: numberOf(weekday), to: numberOf(lastWeekday ?? weekday) };
  }
  if (day !== undefined) {
    const [from, until] = [Number(day), Number(lastDay ?? day)];
    if (from < 1 || until > 31 || from > until) return null;
    const moved = to?.toLowerCase() as "next" | "previous" | "nearest" | undefined;
    return moved === undefined
      ? { kind: "month", from, to: until }
      : { kind: "moved", day: from, to: moved };
  }
  if (place === undefined || unit === undefined) return null;
  const word = unit.toLowerCase();
  return {
    kind: "nth",
    place: place.toLowerCase() === "last" ? -1 : ORDINALS.indexOf(place.toLowerCase()) + 1,
    of: word === "day" || word === "workday" ? word : numberOf(unit),
  };
}

function numberOf(weekday: string): number {
  return WEEKDAYS.indexOf(weekday.toUpperCase()) + 1;
}

/**
 * The days of a calendar within a range.
 *
 * @param first First day of the range.
 * @param last Last day of the range.
 * @returns Ascending, as `YYYY-MM-DD`.
 */
export function daysBetween(
  calendar: Calendar,
  first: Temporal.PlainDate,
  last: Temporal.PlainDate,
): string[] {
  const found: string[] = [];
  for (
    let date = first;
    Temporal.PlainDate.compare(date, last) <= 0;
    date = date.add({ days: 1 })
  ) {
    if (calendar.days.some((rule) => matches(rule, date, calendar))) found.push(date.toString());
  }
  return found;
}

function matches(rule: DayRule, date: Temporal.PlainDate, calendar: Calendar): boolean {
  switch (rule.kind) {
    case "days":
      return !isHoliday(date, calendar.holidays);
    case "workdays":
      return isWorkday(date, calendar.holidays);
    case "weekdays":
      return isBetween(date.dayOfWeek, rule) && !isHoliday(date, calendar.holidays);
    // A file that is published on a day of the month is so on a holiday, too.
    case "month":
      return isBetween(date.day, rule);
    case "nth":
      return isNth(rule, date, calendar);
    case "moved":
      return isMoved(rule, date, calendar);
    default:
      return rule satisfies never;
  }
}

function isBetween(value: number, { from, to }: { from: number; to: number }): boolean {
  return from <= to ? value >= from && value <= to : value >= from || value <= to;
}

function isNth(
  { place, of }: Extract<DayRule, { kind: "nth" }>,
  date: Temporal.PlainDate,
  calendar: Calendar,
): boolean {
  const fromEnd = place < 0;
  const { day, daysInMonth } = date;
  const count = Math.abs(place);
  if (of === "day") return (fromEnd ? daysInMonth - day + 1 : day) === count;
  if (of !== "workday") {
    const weeks = Math.ceil((fromEnd ? daysInMonth - day + 1 : day) / 7);
    return date.dayOfWeek === of && weeks === count;
  }
  if (!isWorkday(date, calendar.holidays)) return false;
  let found = 1;
  const step = { days: fromEnd ? 1 : -1 };
  for (let other = date.add(step); other.month === date.month; other = other.add(step)) {
    if (isWorkday(other, calendar.holidays)) found++;
  }
  return found === count;
}

function isMoved(
  { day, to }: Extract<DayRule, { kind: "moved" }>,
  date: Temporal.PlainDate,
  calendar: Calendar,
): boolean {
  if (!isWorkday(date, calendar.holidays)) return false;
  if (to === "nearest") {
    const nearest = day <= date.daysInMonth ? nearestWorkday(date.with({ day }), calendar) : null;
    return nearest?.equals(date) ?? false;
  }
  // The days without work on the other side belong to this workday.
  const step = { days: to === "next" ? -1 : 1 };
  let other = date;
  do {
    if (other.day === day) return true;
    other = other.add(step);
  } while (!isWorkday(other, calendar.holidays) && Math.abs(date.until(other).days) <= 31);
  return false;
}

/** The workday of the same month nearest to a day, the earlier one of two; null without any. */
function nearestWorkday(
  date: Temporal.PlainDate,
  calendar: Calendar,
): Temporal.PlainDate | null {
  for (let days = 0; days <= 31; days++) {
    for (const other of [date.subtract({ days }), date.add({ days })]) {
      if (other.month === date.month && isWorkday(other, calendar.holidays)) return other;
    }
  }
  return null;
}
