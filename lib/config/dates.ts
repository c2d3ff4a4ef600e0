/** The option `dates`: one task per date. Loaded only for a config that has it. */

import { MAX_ID_BYTES } from "../core/task.ts";
import { type Calendar, DAY_RULES, daysBetween, parseDays } from "../cron/calendar.ts";
import { keyFor } from "./keys.ts";
import { didYouMean, quote, withGuess, withHint } from "./problem.ts";
import type { DatedTask, DatesRule, Path, Scope } from "./scope.ts";
import type { TaskOptions } from "./schema/task_schema.ts";
import { createRenderer, type Template, tokensOf } from "./template.ts";

/** Length of `@2026-11-27`. */
const SUFFIX_BYTES = 11;

/** Longest window, in days. */
const MOST_DAYS = 3_660;

const UNITS = { d: "days", w: "weeks", M: "months", y: "years" } as const;

/**
 * Reads the option `dates` of a task; problems are reported below `path`.
 *
 * @param path Path of the task in its source.
 * @returns Null after a problem.
 */
export function readDates(
  own: TaskOptions,
  task: DatedTask,
  path: Path,
  scope: Scope,
): DatesRule | null {
  const { dates } = own;
  if (!dates) return null;
  const place = [...path, "dates"];
  const last = readWindow(dates.last, [...place, "last"], scope);
  const days = readDays(dates.on ?? "days", [...place, "on"], scope);
  const holidays = readHolidays(dates.holidays ?? [], [...place, "holidays"], scope);
  if (own.unchangedFor) {
    scope.addProblem(
      [...path, "unchangedFor"],
      withHint(
        'cannot be combined with "dates", whose files are not expected to change',
        'an alert about failures reports missing dates; see "publishedWithin"',
      ),
    );
  }
  if (new TextEncoder().encode(task.id).length > MAX_ID_BYTES - SUFFIX_BYTES) {
    scope.addProblem([...path, "id"], `must have at most ${MAX_ID_BYTES - SUFFIX_BYTES} bytes`);
  }
  if (last === null || days === null || holidays === null) return null;
  const rule: DatesRule = { last, days, holidays, finalMs: dates.final ?? null };
  if (!task.url.dated && task.body?.dated !== true) {
    scope.addProblem(
      place,
      withHint("needs a date in the URL", "for example {date:YYYY-MM-DD}"),
    );
    return null;
  }
  const same = sameNames(task, rule);
  if (same === null) return rule;
  const [one, other, key] = same;
  scope.addProblem(
    own.to === undefined ? [...path, "url"] : [...path, "to"],
    withHint(
      `gives ${one} and ${other} the same file ${quote(key)}`,
      "write a date with the year, month and day, such as {date:YYYY-MM-DD}; for a file per month, " +
        '"on": "first day"',
    ),
  );
  return null;
}

function readWindow(text: string, path: Path, scope: Scope): Temporal.DurationLike | null {
  const [, count, unit] = /^([1-9][0-9]{0,3})([dwMy])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) {
    scope.addProblem(
      path,
      withGuess(
        "must be a number of days, weeks, months or years: 20d, 3w, 6M or 1y",
        guessWindow(text),
      ),
    );
    return null;
  }
  const last = { [UNITS[unit as keyof typeof UNITS]]: Number(count) };
  const today = Temporal.PlainDate.from("2026-12-31");
  if (today.subtract(last).until(today).days < MOST_DAYS) return scope.intern(last);
  scope.addProblem(
    path,
    withHint(`must be at most ${MOST_DAYS} days`, "cronfetch run --since DATE fetches older dates"),
  );
  return null;
}

function guessWindow(text: string): string | null {
  const [, count, word = ""] = /^([1-9][0-9]{0,3}) ?([a-z]{0,6})$/i.exec(text.trim()) ?? [];
  if (count === undefined) return null;
  const unit = word === "" ? "d" : word === "m" ? "M" : word.toLowerCase();
  const known = Object.entries(UNITS).find(([letter, name]) =>
    letter === unit || name === unit || name === `${unit}s`
  );
  return known === undefined ? null : `${count}${known[0]}`;
}

function readDays(text: string, path: Path, scope: Scope): Calendar["days"] | null {
  const days = parseDays(text);
  if (Array.isArray(days)) {
    if (/^[1-5]-[5-7]$/.test(text.trim())) {
      const [from = 1, to = 5] = text.trim().split("-").map(Number);
      const meant = `${WEEKDAYS[from - 1]}-${WEEKDAYS[to - 1]}`;
      scope.addWarning(path, withGuess(`is day ${from} to ${to} of each month`, meant));
    }
    return days;
  }
  const guess = guessDays(days.invalid);
  scope.addProblem(
    path,
    withHint(
      `contains ${quote(days.invalid)}, which is no day`,
      didYouMean(guess) ?? `days are ${DAY_RULES}`,
    ),
  );
  return null;
}

const WEEKDAYS = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
const PLACES = ["first", "second", "third", "fourth", "fifth"];

/** Days in words of people and of other programs. */
const OTHER_DAYS: Readonly<Record<string, string>> = {
  ...{ daily: "days", day: "days", every: "days", "every day": "days", "*": "days", all: "days" },
  ...{ weekday: "workdays", weekdays: "workdays", workday: "workdays", working: "workdays" },
  ...{ "business days": "workdays", "working days": "workdays", bdays: "workdays" },
  ...{ weekend: "SAT,SUN", weekends: "SAT,SUN", weekly: "MON", monthly: "first day" },
  ...{ l: "last day", lw: "last workday", eom: "last day", "month end": "last day" },
  ...{ "end of month": "last day", "month-end": "last day", last: "last day", first: "first day" },
};

/** Returns what was meant by an element of `on`; null if it is unknown. */
function guessDays(text: string): string | null {
  const word = text.toLowerCase().slice(0, 30);
  if (Object.hasOwn(OTHER_DAYS, word)) return OTHER_DAYS[word] ?? null;
  const [, day] = /^([0-9]{1,2})(?:st|nd|rd|th)$/.exec(word) ?? [];
  if (day !== undefined) return day;
  const [, nearest] = /^([0-9]{1,2})w$/.exec(word) ?? [];
  if (nearest !== undefined) return `${nearest} or nearest workday`;
  const [, weekday, sign, place] = /^([0-7]|[a-z]{3})(#|l)([1-5]?)$/.exec(word) ?? [];
  if (weekday !== undefined) {
    const name = /^[0-7]$/.test(weekday)
      ? WEEKDAYS[(Number(weekday) + 6) % 7]
      : weekday.toUpperCase();
    if (name === undefined || !WEEKDAYS.includes(name)) return null;
    return sign === "l" ? `last ${name}` : `${PLACES[Number(place) - 1] ?? "first"} ${name}`;
  }
  const short = word.replaceAll(/[a-z]{4,9}/g, (whole) => {
    const name = whole.slice(0, 3).toUpperCase();
    return /days?$/.test(whole) && WEEKDAYS.includes(name) ? name : whole;
  }).replace(/^1st|2nd|3rd|[45]th/, (ordinal) => PLACES[Number(ordinal[0]) - 1] ?? ordinal);
  return short !== word && Array.isArray(parseDays(short)) ? short : null;
}

function readHolidays(
  texts: readonly string[],
  path: Path,
  scope: Scope,
): ReadonlySet<string> | null {
  let isValid = true;
  for (const [index, text] of texts.entries()) {
    if (isHoliday(text)) continue;
    isValid = false;
    scope.addProblem(
      [...path, index],
      withGuess(
        `is no date: ${quote(text)} must be YYYY-MM-DD, or MM-DD for every year`,
        guessHoliday(text),
      ),
    );
  }
  return isValid ? new Set(texts) : null;
}

function isHoliday(text: string): boolean {
  if (!/^(?:[0-9]{4}-)?[0-9]{2}-[0-9]{2}$/.test(text)) return false;
  try {
    // A leap year has every day.
    Temporal.PlainDate.from(text.length === 5 ? `2024-${text}` : text);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function guessHoliday(text: string): string | null {
  const [, year, month = "", day = ""] =
    /^([0-9]{4})?[-/.]?([0-9]{1,2})[-/.]([0-9]{1,2})(?:T.{0,30})?$/.exec(text) ?? [];
  const [, local = "", ofYear = "", germanYear] =
    /^([0-9]{1,2})\. ?([0-9]{1,2})\. ?([0-9]{4})?$/.exec(text) ?? [];
  const parts = local === ""
    ? [year, month.padStart(2, "0"), day.padStart(2, "0")]
    : [germanYear, ofYear.padStart(2, "0"), local.padStart(2, "0")];
  const guess = parts.filter((part) => part !== undefined).join("-");
  return isHoliday(guess) ? guess : null;
}

/** A span in which every name occurs that occurs again: two years, one of them a leap year. */
const [SAMPLE_FIRST, SAMPLE_LAST] = ["2023-07-01", "2025-06-30"] as const;

/** Two dates whose files have the same name, and that name; null if all names differ. */
function sameNames(
  { url, to, namedByServer }: DatedTask,
  rule: DatesRule,
): readonly [one: string, other: string, key: string] | null {
  // Only the server knows the rest of the name.
  if (namedByServer || isUnique(to ?? url)) return null;
  const [first, last] = [SAMPLE_FIRST, SAMPLE_LAST].map((date) => Temporal.PlainDate.from(date));
  if (first === undefined || last === undefined) return null;
  const dates = new Map<string, string>();
  for (const date of daysBetween(rule, first, last)) {
    const render = createRenderer(Temporal.Instant.from(`${date}T00:00:00Z`));
    const rendered = URL.parse(render(url, "UTC"));
    const key = rendered && keyFor(to, rendered, "UTC", render).value;
    if (!key) continue;
    const before = dates.get(key);
    if (before !== undefined) return [before, date, key];
    dates.set(key, date);
  }
  return null;
}

/** Whether a template has a whole date, so that most configs need no rendering. */
function isUnique(template: Template): boolean {
  const tokens = tokensOf(template);
  const has = (...names: readonly string[]) => names.some((name) => tokens.has(name));
  return has("YYYY", "YY") &&
    (has("DDD") || has("MM", "MMM", "MMMM") && has("DD"));
}
