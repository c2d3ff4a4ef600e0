/** Templates: `{date:YYYY-MM-DD}` in names and URLs; `{name}` and parts of the URL in names. */

import { isWorkday } from "../core/time.ts";
import { type Complaint, didYouMean, type Parsed, quote, withGuess, withHint } from "./problem.ts";
import { type Nearest, nearest } from "./suggest.ts";

/** A text with placeholders. */
export interface Template {
  /** Literal text, dates, and parts of the task's URL. */
  readonly parts: readonly (string | DatePart | UrlPart)[];
  /** Whether it contains a date. */
  readonly dated: boolean;
  /** Whether it contains `{name}`, which is not rendered: only the server knows it. */
  readonly hasServerName: boolean;
  /** Whether it contains parts of the task's URL. */
  readonly fromUrl: boolean;
}

/** A part of the task's URL in a name; `keys.ts` renders it. */
export interface UrlPart {
  readonly part: (typeof URL_PARTS)[number] | "query" | "field";
  /** Name of the query parameter, or of the field of a list's item; empty for other parts. */
  readonly parameter: string;
}

/**
 * Where a template is written: in a URL, in the name of a file, or in the name of the file of a list's
 * item, which may contain the fields of the item.
 */
export type TemplatePlace = "url" | "name" | "item";

/** Parts of a URL that a name may contain, besides `{query.NAME}`. */
const URL_PARTS = ["host", "path", "stem", "ext"] as const;

/** A date. */
export interface DatePart {
  /** The text between the braces. */
  readonly source: string;
  readonly format: string;
  /** Offset from the time of the run, or from the date of the task. */
  readonly offset: Temporal.DurationLike;
  /** Which day of that month; null for the same day. */
  readonly day: MonthDay | null;
}

/** A day of a month that its calendar determines. */
type MonthDay = "first day" | "last day" | "first workday" | "last workday";

type Token = (time: Temporal.ZonedDateTime) => string;

const MONTHS = ["January", "February", "March", "April", "May", "June"]
  .concat(["July", "August", "September", "October", "November", "December"]);

/** Tokens of a date format. Other letters are rejected, other characters are literal. */
const TOKENS: Readonly<Record<string, Token>> = {
  YYYY: (time) => String(time.year).padStart(4, "0"),
  YY: (time) => twoDigits(time.year % 100),
  MM: (time) => twoDigits(time.month),
  M: (time) => String(time.month),
  MMM: (time) => (MONTHS[time.month - 1] ?? "").slice(0, 3),
  MMMM: (time) => MONTHS[time.month - 1] ?? "",
  DD: (time) => twoDigits(time.day),
  D: (time) => String(time.day),
  DDD: (time) => String(time.dayOfYear).padStart(3, "0"),
  GGGG: (time) => String(time.yearOfWeek).padStart(4, "0"),
  WW: (time) => twoDigits(time.weekOfYear ?? 0),
  HH: (time) => twoDigits(time.hour),
  mm: (time) => twoDigits(time.minute),
  ss: (time) => twoDigits(time.second),
};

const TOKEN_LIST =
  "YYYY YY MM M MMM (Jan) MMMM (January) DD D DDD (day of the year) GGGG WW (ISO " +
  "year and week) HH mm ss";

const DATE_PART = "the placeholder is {date:YYYY-MM-DD}";
const NAME_PARTS =
  "placeholders are {date:YYYY-MM-DD}, {name}, {host}, {path}, {stem}, {ext} and {query.NAME}";

/** A field of a list's item. */
const FIELD = /^[A-Za-z_][\w.-]*$/;

const OFFSET_UNITS = { h: "hours", d: "days", w: "weeks", M: "months", y: "years" } as const;

/** An escaped brace, a placeholder, or a brace without its end. */
const BRACES = /\{\{|\}\}|\{([^{}]*)\}|\{/g;

/** Runs of one letter, each a token or invalid. */
export const LETTERS = /([A-Za-z])\1*/g;

const DATE = /^date(?:([+-])([0-9]{1,3})([hdwMy]))?(?: ((?:first|last) (?:day|workday)))?:(.+)$/;

/**
 * Parses a template. `{date:FORMAT}` is the time of the run, `{date-1d:FORMAT}` one day earlier
 * (units `h d w M y`), `{date last workday:FORMAT}` another day of the same month, `{{` and `}}` are
 * escaped braces.
 *
 * @param place A name may contain parts of the URL, and `{name}`: once, unless it is that of an item.
 * @param findNearest Finds the allowed word nearest to an unknown one.
 */
export function parseTemplate(
  text: string,
  place: TemplatePlace,
  findNearest: Nearest = nearest,
): Parsed<Template> {
  if (!text.includes("{") && !text.includes("}}")) {
    return { value: { parts: [text], dated: false, hasServerName: false, fromUrl: false } };
  }
  const parts: (string | DatePart | UrlPart)[] = [];
  let names = 0;
  let end = 0;
  for (const match of text.matchAll(BRACES)) {
    const [whole, placeholder] = match;
    parts.push(text.slice(end, match.index));
    end = match.index + whole.length;
    if (whole === "{{" || whole === "}}") parts.push(whole.charAt(0));
    else if (placeholder === undefined) {
      return { problem: "contains a { without its }; write {{ for a brace" };
    } else if (placeholder === "name" && place === "name") {
      names++;
      parts.push("{name}");
    } else {
      const part = parsePlaceholder(placeholder, place, findNearest);
      if (part.problem !== undefined) return part;
      parts.push(part.value);
    }
  }
  if (names > 1) return { problem: "may contain {name} only once" };
  parts.push(text.slice(end));
  const dated = parts.some((part) => typeof part !== "string" && "format" in part);
  const fromUrl = parts.some((part) => typeof part !== "string" && "part" in part);
  return { value: { parts, dated, hasServerName: names > 0, fromUrl } };
}

/** Parses the text between the braces of a placeholder. */
export function parsePlaceholder(
  placeholder: string,
  place: TemplatePlace,
  findNearest: Nearest,
): Parsed<DatePart | UrlPart> {
  const isName = place !== "url";
  const urlPart = isName ? parseUrlPart(placeholder) : null;
  if (urlPart !== null) return { value: urlPart };
  if (place === "item" && placeholder !== "date" && FIELD.test(placeholder)) {
    return { value: { part: "field", parameter: placeholder } };
  }
  if (placeholder.startsWith("env:")) {
    return { problem: "contains an environment variable, which only URLs and headers may" };
  }
  if (placeholder.startsWith("file:")) {
    return { problem: "contains a secret file, which only URLs and headers may" };
  }
  const match = DATE.exec(placeholder);
  if (!match) {
    const guess = guessPlaceholder(placeholder, isName) ??
      (isName ? findNearest(placeholder, ["name", ...URL_PARTS]) : null);
    const message = `contains ${quote(`{${placeholder}}`)}, which is not a placeholder`;
    return {
      problem: guess === null
        ? { message, hint: `${isName ? NAME_PARTS : DATE_PART}; {{ is a brace` }
        : withGuess(message, `{${guess}}`),
    };
  }
  const [, sign, count, unit, day = null, format = ""] = match;
  const part = { source: placeholder, format, day: day as MonthDay | null };
  for (const [letters] of format.matchAll(LETTERS)) {
    if (Object.hasOwn(TOKENS, letters)) continue;
    return {
      problem: withHint(
        `contains the date part ${quote(letters)}, which is unknown`,
        didYouMean(
          guessDate(placeholder)?.replace(/^.*$/s, "{$&}") ??
            (letters.length > 1 ? findNearest(letters, Object.keys(TOKENS)) : null),
        ) ?? `parts are ${TOKEN_LIST}`,
      ),
    };
  }
  if (unit === undefined) return { value: { ...part, offset: { days: 0 } } };
  const amount = Number(count) * (sign === "-" ? -1 : 1);
  const offset = { [OFFSET_UNITS[unit as keyof typeof OFFSET_UNITS]]: amount };
  return { value: { ...part, offset } };
}

/** Placeholders of other programs, with the corresponding ones. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  ...{ date: "date:YYYY-MM-DD", today: "date:YYYY-MM-DD", now: "date:YYYY-MM-DD" },
  ...{ yesterday: "date-1d:YYYY-MM-DD", tomorrow: "date+1d:YYYY-MM-DD" },
  ...{ year: "date:YYYY", month: "date:MM", day: "date:DD", hour: "date:HH", time: "date:HHmmss" },
  ...{ week: "date:GGGG-WW", timestamp: "date:YYYYMMDDHHmmss", datetime: "date:YYYY-MM-DD" },
};

/** Placeholders of other programs that only names have. */
const NAME_PLACEHOLDERS: Readonly<Record<string, string>> = {
  ...{ filename: "name", file: "name", basename: "stem", base: "stem", domain: "host" },
  ...{ hostname: "host", extension: "ext", suffix: "ext", folder: "path", dir: "path" },
};

/** Returns the content of the braces that were meant; null if it is unknown. */
function guessPlaceholder(text: string, isName: boolean): string | null {
  const word = text.toLowerCase();
  const table = isName ? { ...PLACEHOLDERS, ...NAME_PLACEHOLDERS } : PLACEHOLDERS;
  if (Object.hasOwn(table, word)) return table[word] ?? null;
  // `{YYYY-MM-DD}` and `{%Y-%m-%d}` lack only their beginning.
  return /^(?:[%ymdh_. :-]{2,40})$/i.test(text) && /[ymd]/i.test(text)
    ? guessDate(`date:${text.replace(/^:/, "")}`)
    : null;
}

/** Tokens of strftime. */
const STRFTIME: Readonly<Record<string, string>> = {
  ...{ Y: "YYYY", y: "YY", m: "MM", d: "DD", j: "DDD", H: "HH", M: "mm", S: "ss" },
  ...{ F: "YYYY-MM-DD", G: "GGGG", V: "WW", b: "MMM", B: "MMMM" },
};

/** A date in the letters of strftime or Java as one of ours; null if that is not possible. */
function guessDate(placeholder: string): string | null {
  const [, start = "", format = ""] = /^(date[^:]*:)(.+)$/.exec(placeholder) ?? [];
  const guess = format.includes("%")
    ? format.replaceAll(/%-?(\w)/g, (whole, letter: string) => STRFTIME[letter] ?? whole)
    // Minutes without hours are months.
    : format.replaceAll("y", "Y").replaceAll("d", "D")
      .replaceAll("mm", /[Hh]/.test(format) ? "mm" : "MM").replaceAll("hh", "HH");
  const isValid = [...guess.matchAll(LETTERS)].every(([letters]) => Object.hasOwn(TOKENS, letters));
  return start === "" || !isValid || guess.includes("%") ? null : start + guess;
}

/** Dates of strftime, also as the command line of a shell. */
const STRFTIME_DATES =
  /(?:\$\(date \+)?(%(?![0-9A-F]{2})[YymdjHMSFGV](?:[-_.:/T]?%[YymdjHMSFGV]){0,9})\)?/g;

/**
 * Describes text of a template that is valid but probably unintended: a date of strftime, which is
 * not substituted, and months and minutes that are mistaken for each other.
 *
 * @returns Null without such text.
 */
export function templateWarning(text: string): Complaint | null {
  for (const [whole, date = ""] of text.includes("%") ? text.matchAll(STRFTIME_DATES) : []) {
    // A lone %S may be part of a name.
    if (!/%[YyF]|%.*%/.test(date)) continue;
    const guess = text.replaceAll(
      STRFTIME_DATES,
      (_whole, each: string) => `{${guessDate(`date:${each}`)}}`,
    );
    return withGuess(`contains ${quote(whole)}, which is not substituted`, guess);
  }
  for (const [whole, format = ""] of text.matchAll(/\{date[^:{}]{0,5}:([^{}]*)\}/g)) {
    const isMinute = /mm/.test(format) && !/MM|HH/.test(format);
    const isMonth = /HH[:_.-]?MM/.test(format) && !/mm/.test(format);
    if (!isMinute && !isMonth) continue;
    const meant = isMinute ? whole.replace("mm", "MM") : whole.replace(/(HH[:_.-]?)MM/, "$1mm");
    return withGuess(
      `contains ${quote(whole)}, in which ${isMinute ? "mm is the minute" : "MM is the month"}`,
      text.replace(whole, meant),
    );
  }
  return null;
}

function parseUrlPart(text: string): UrlPart | null {
  if (text.startsWith("query.") && text !== "query.") {
    return { part: "query", parameter: text.slice("query.".length) };
  }
  const part = URL_PARTS.find((name) => name === text);
  return part === undefined ? null : { part, parameter: "" };
}

/** Renders a template; `ofUrl` returns the text of a part of the URL. */
export type Render = (
  template: Template,
  timezone: string,
  ofUrl?: (part: UrlPart) => string,
) => string;

/**
 * Creates a function that renders templates for one instant and caches equal dates.
 *
 * @param holidays Days that are no workdays: `YYYY-MM-DD`, or `MM-DD` for every year. Default: none.
 */
export function createRenderer(
  at: Temporal.Instant,
  holidays: ReadonlySet<string> = NO_HOLIDAYS,
): Render {
  const zones = new Map<string, Map<string, string>>();
  return (template, timezone, ofUrl = () => "") => {
    if (!template.dated && !template.fromUrl) return template.parts.join("");
    let known = zones.get(timezone);
    if (!known) zones.set(timezone, known = new Map());
    let text = "";
    for (const part of template.parts) {
      if (typeof part === "string") text += part;
      else text += "part" in part ? ofUrl(part) : renderDate(known, part, timezone);
    }
    return text;
  };

  function renderDate(known: Map<string, string>, part: DatePart, timezone: string): string {
    const before = known.get(part.source);
    if (before !== undefined) return before;
    const time = timeOf(part, at.toZonedDateTimeISO(timezone), holidays);
    const text = part.format.replace(LETTERS, (letters) => TOKENS[letters]?.(time) ?? letters);
    known.set(part.source, text);
    return text;
  }
}

const NO_HOLIDAYS: ReadonlySet<string> = new Set();

/** The time that a date of a template denotes. */
function timeOf(
  { offset, day }: DatePart,
  at: Temporal.ZonedDateTime,
  holidays: ReadonlySet<string>,
): Temporal.ZonedDateTime {
  const time = at.add(offset);
  if (day === null) return time;
  const isFirst = day.startsWith("first");
  let found = time.with({ day: isFirst ? 1 : time.daysInMonth });
  if (!day.endsWith("workday")) return found;
  const step = { days: isFirst ? 1 : -1 };
  // A month without workdays has its first or last day.
  const start = found;
  while (!isWorkday(found.toPlainDate(), holidays)) {
    found = found.add(step);
    if (found.month !== time.month) return start;
  }
  return found;
}

/** The tokens of all dates of a template. */
export function tokensOf({ parts }: Template): ReadonlySet<string> {
  return new Set(
    parts.flatMap((part) =>
      typeof part === "object" && "format" in part && part.day === null
        ? part.format.match(LETTERS) ?? []
        : []
    ),
  );
}

/**
 * When the date in a URL begins: 00:00 of its day; of a URL with only weeks, months or years, of the
 * first day of that. Of several dates, the latest one counts.
 *
 * @param at The time of the run.
 * @returns Null if the template has no date.
 */
export function startOfDate(
  { parts }: Template,
  timezone: string,
  at: Temporal.Instant,
): Temporal.Instant | null {
  const dates = parts.filter((part) => typeof part === "object" && "format" in part);
  const now = at.toZonedDateTimeISO(timezone);
  const [latest] = dates.map((part) => timeOf(part, now, NO_HOLIDAYS).startOfDay())
    .sort((one, other) => Temporal.ZonedDateTime.compare(other, one));
  if (latest === undefined) return null;
  const tokens = new Set(dates.flatMap(({ format }) => format.match(LETTERS) ?? []));
  const has = (...names: readonly string[]) => names.some((name) => tokens.has(name));
  const start = has("D", "DD", "DDD", "HH", "mm", "ss")
    ? latest
    : has("WW")
    ? latest.subtract({ days: latest.dayOfWeek - 1 })
    : has("M", "MM", "MMM", "MMMM")
    ? latest.with({ day: 1 })
    : has("GGGG")
    ? startOfIsoYear(latest)
    : latest.with({ month: 1, day: 1 });
  return start.startOfDay().toInstant();
}

/** The Monday of the first week of the ISO year, which has the fourth of January. */
function startOfIsoYear(date: Temporal.ZonedDateTime): Temporal.ZonedDateTime {
  const fourth = date.with({ year: date.yearOfWeek ?? date.year, month: 1, day: 4 });
  return fourth.subtract({ days: fourth.dayOfWeek - 1 });
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
