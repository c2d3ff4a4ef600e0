/** The syntax of cron expressions. Pure. */

/** One of the five fields. */
interface Field {
  readonly name: string;
  readonly first: number;
  readonly last: number;
  /** Largest step that selects anything different from a smaller one. */
  readonly count: number;
  /** Names of the values from `first` on. */
  readonly words: readonly string[];
}

// deno-fmt-ignore
const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/** Sunday is both 0 and 7. */
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

const FIELDS: readonly Field[] = [
  { name: "minute", first: 0, last: 59, count: 60, words: [] },
  { name: "hour", first: 0, last: 23, count: 24, words: [] },
  { name: "day-of-month", first: 1, last: 31, count: 31, words: [] },
  { name: "month", first: 1, last: 12, count: 12, words: MONTHS },
  { name: "day-of-week", first: 0, last: 7, count: 7, words: WEEKDAYS },
];

/** Nicknames of Vixie cron, and their five fields. */
const NICKNAMES: ReadonlyMap<string, string> = new Map([
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  ["@monthly", "0 0 1 * *"],
  ["@weekly", "0 0 * * 0"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@hourly", "0 * * * *"],
]);

/** The nicknames that {@linkcode expandNickname} knows. */
export const NICKNAME_NAMES: readonly string[] = [...NICKNAMES.keys()];

/** The five fields of a nickname such as `@daily`, in any case; null for other text. */
export function expandNickname(text: string): string | null {
  return NICKNAMES.get(text.trim().toLowerCase()) ?? null;
}

const FIVE_FIELDS = `must have 5 fields: ${FIELDS.map((field) => field.name).join(" ")}`;

/** An element of a field's list: `*`, a value or a range, and an optional step. */
const ELEMENT = /^(?:\*|(?<from>\w+)(?:-(?<to>\w+))?)(?:\/(?<step>\d+))?$/;

/**
 * Checks an expression against the common grammar (POSIX crontab, with the ranges, steps and names of
 * Vixie cron): five fields separated by blanks, each a list of `*`, `a`, `a-b`, `*` `/n` or `a-b/n`.
 * Months and weekdays may be named by three letters; Sunday is 0 and 7. Extensions (`?`, `L`, `W`,
 * `#`, seconds, years) are rejected, as implementations differ in their meaning. A nickname must be
 * expanded before.
 *
 * @returns What is wrong, the rest of a sentence that begins with the expression; or null. Whether a
 * matching date exists is not checked.
 */
export function checkFields(expression: string): string | null {
  const text = expression.trim();
  const parts = text.split(/[ \t]+/);
  if (parts.length > FIELDS.length) {
    return `${FIVE_FIELDS}, has ${parts.length}; seconds and years are not supported`;
  }
  if (text === "" || parts.length < FIELDS.length) {
    return `${FIVE_FIELDS}, has ${text === "" ? 0 : parts.length}`;
  }
  for (const [index, field] of FIELDS.entries()) {
    for (const element of parts[index]?.split(",") ?? []) {
      const problem = checkElement(element, field);
      if (problem !== null) return `has ${field.name} ${JSON.stringify(element)}, ${problem}`;
    }
  }
  return null;
}

function checkElement(element: string, field: Field): string | null {
  const { first, last, count, words } = field;
  const match = ELEMENT.exec(element);
  const { from, to, step } = match?.groups ?? {};
  const begin = from === undefined ? first : valueOf(from, words.indexOf(upper(from)), field);
  const end = to === undefined ? begin : valueOf(to, words.lastIndexOf(upper(to)), field);
  const names = words.length === 0 ? "" : ` or ${words[0]}-${words[count - 1]}`;
  if (!match || begin === null || end === null) {
    const extension = extensionOf(element, field);
    if (extension !== null) return `${extension.meaning} is not supported`;
    return `must be *, ${first}-${last}${names}, a range a-b, or a step */n or a-b/n`;
  }
  if (Math.min(begin, end) < first || Math.max(begin, end) > last) {
    return `must be within ${first}-${last}${names}`;
  }
  if (begin > end) return "which runs backwards: must be two ranges with a comma between them";
  if (step === undefined) return null;
  if (from !== undefined && to === undefined) {
    return `must be a range with a step, such as ${from}-${last}/${step}`;
  }
  if (Number(step) < 1 || Number(step) > count) return `must have a step within 1-${count}`;
  return null;
}

/** An extension of other programs. */
interface Extension {
  readonly pattern: RegExp;
  /** Name of the field that has it. */
  readonly field: string;
  readonly meaning: string;
  /** The element nearest in meaning, with the captured text for `$1`, and what it selects. */
  readonly nearest: string;
  readonly selects: string;
  /** The same days in `on` of the option `dates`, of the captured texts; null without. */
  readonly on: (...captured: readonly string[]) => string | null;
}

const EXTENSIONS: readonly Extension[] = [
  {
    pattern: /^L(W?|-[0-9]+)$/i,
    field: "day-of-month",
    meaning: "the last day of a month",
    nearest: "28",
    selects: "the 28th of each month",
    on: (rest = "") => rest === "" ? "last day" : rest.length === 1 ? "last workday" : null,
  },
  {
    pattern: /^([0-9]{1,2})W$/i,
    field: "day-of-month",
    meaning: "the weekday nearest to a date",
    nearest: "$1",
    selects: "this date, also at a weekend",
    on: (day) => `${day} or nearest workday`,
  },
  {
    pattern: /^(\w{1,3})(L|#[0-9L]+)$/i,
    field: "day-of-week",
    meaning: "the nth or last weekday of a month",
    nearest: "$1",
    selects: "this day of every week",
    on: (day = "", place = "") => nthWeekday(day, place),
  },
];

/** `third FRI` for `FRI` or `5` and `#3`; `last FRI` for `L`. */
function nthWeekday(day: string, place: string): string | null {
  const index = /^[0-7]$/.test(day) ? Number(day) : WEEKDAYS.indexOf(upper(day));
  const name = WEEKDAYS[index];
  const ordinal = /^#?L$/i.test(place) ? "last" : ORDINALS[Number(place.slice(1)) - 1];
  return name === undefined || ordinal === undefined ? null : `${ordinal} ${name}`;
}

const ORDINALS = ["first", "second", "third", "fourth", "fifth"];

function extensionOf(element: string, { name }: Field): Extension | null {
  return EXTENSIONS.find(({ field, pattern }) => field === name && pattern.test(element)) ?? null;
}

/** What the values of a field are, for a number outside of its range. */
const VALUES: Readonly<Record<string, string>> = {
  "hour": "hours are 0 (midnight) to 23 (11 pm)",
  "day-of-week": "days are 0 (SUN) to 6 (SAT); 7 is SUN, too",
};

/**
 * Returns a hint for an expression that {@linkcode checkFields} rejects and that has no equivalent:
 * the expression nearest in meaning, or the meaning of the values of a field.
 *
 * @returns Null without a hint.
 */
export function adviseFields(text: string): string | null {
  const parts = text.trim().split(/\s+/);
  if (text.length > MAX_REPAIRED_LENGTH || parts.length !== FIELDS.length) return null;
  for (const [index, field] of FIELDS.entries()) {
    for (const element of parts[index]?.split(",") ?? []) {
      const problem = checkElement(element, field);
      if (problem === null) continue;
      const extension = extensionOf(element, field);
      if (extension === null) {
        return problem.startsWith("must be within") ? VALUES[field.name] ?? null : null;
      }
      const { pattern, nearest, selects, on } = extension;
      const expression = parts.with(index, element.replace(pattern, nearest)).join(" ");
      if (checkFields(expression) !== null) return null;
      const advice = `the nearest is ${JSON.stringify(expression)}: ${selects}`;
      const days = on(...pattern.exec(element)?.slice(1) ?? []);
      return days === null ? advice : `${advice}; to fetch a file of each such day, write ` +
        `"dates": {"last": "3M", "on": ${JSON.stringify(days)}}`;
    }
  }
  return null;
}

/** Longest expression that is repaired. */
const MAX_REPAIRED_LENGTH = 200;

/**
 * Returns the expression that a text with seconds, a year, `?`, whole names, blanks after commas,
 * missing fields, reversed ranges, a minute of 60, an hour of 24, a day after the end of its month, or
 * hour and minute in the wrong order was meant as.
 *
 * @returns An expression that differs from the text and that {@linkcode checkFields} accepts; null
 * without one. It may still name a date that does not exist.
 */
export function repairFields(text: string): string | null {
  if (text.length > MAX_REPAIRED_LENGTH) return null;
  const parts = text.trim().replaceAll(/, /g, ",").split(/\s+/);
  const candidates = withFiveFields(parts).flatMap((fields) => {
    const repaired = withExistingDay(
      fields.map((part, index) => repairField(part, FIELDS[index])),
    ).join(" ");
    const [minute = "", hour = "", ...days] = repaired.split(" ");
    // With a minute of 0, the order is unknown.
    const isSwapped = Number(minute) > 0 && Number(hour) > 23;
    return isSwapped ? [[hour, minute, ...days].join(" ")] : [repaired];
  });
  return candidates.find((one) => one !== text && checkFields(one) === null) ?? null;
}

function withFiveFields(parts: readonly string[]): (readonly string[])[] {
  const isYear = /^(?:19|20)[0-9][0-9]/.test(parts.at(-1) ?? "");
  switch (parts.length) {
    case 5:
      return [parts];
    case 6:
      return isYear ? [parts.slice(0, 5)] : /^[0-9]+$/.test(parts[0] ?? "") ? [parts.slice(1)] : [];
    case 7:
      return /^[0-9]+$/.test(parts[0] ?? "") ? [parts.slice(1, 6)] : [];
    default:
      // `*/5` and `0 6 * *` lack the fields at their end.
      return parts.length < 5 && parts.every((part) => /^[0-9*][0-9*,/-]*$/.test(part)) &&
          (parts.length > 1 || /[*]/.test(parts[0] ?? ""))
        ? [[...parts, ...Array<string>(5 - parts.length).fill("*")]]
        : [];
  }
}

function repairField(part: string, field: Field | undefined): string {
  if (field === undefined) return part;
  if (part === "?") return "*";
  if (field.name === "hour" && part === "24" || field.name === "minute" && part === "60") {
    return "0";
  }
  return part.split(",").map((element) => repairElement(element, field)).join(",");
}

/** Number of days of each month; every year has them. */
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** The fields with the last day of the month for a later one. */
function withExistingDay(fields: readonly string[]): readonly string[] {
  const [, , day = "", month = ""] = fields;
  const place = /^[0-9]{1,2}$/.test(month) ? Number(month) - 1 : MONTHS.indexOf(upper(month));
  const last = DAYS[place] ?? 31;
  return /^(?:29|3[01])$/.test(day) && Number(day) > last && !(place === 1 && day === "29")
    ? fields.with(2, String(last))
    : fields;
}

function repairElement(element: string, field: Field): string {
  const { first, last, words } = field;
  const short = words.length === 0 ? element : element.replaceAll(
    /[a-z]{2,9}/gi,
    (word) => shortName(word, words) ?? word,
  );
  const { from, to, step } = ELEMENT.exec(short)?.groups ?? {};
  if (from !== undefined && to === undefined && step !== undefined) {
    return `${from}-${last}/${step}`;
  }
  if (from === undefined || to === undefined || step !== undefined) return short;
  const begin = valueOf(from, words.indexOf(upper(from)), field);
  const end = valueOf(to, words.lastIndexOf(upper(to)), field);
  if (begin === null || end === null || begin <= end) return short;
  // Sunday ends a week as well as it begins one.
  const newLast = field.name === "day-of-week" ? 6 : last;
  const until = begin === newLast ? from : `${from}-${words[newLast - first] ?? newLast}`;
  return end === first ? `${until},${to}` : `${until},${words[0] ?? first}-${to}`;
}

/** The whole names of months and weekdays. */
const WHOLE_NAMES = [
  ...["january", "february", "march", "april", "may", "june", "july", "august", "september"],
  ...["october", "november", "december"],
  ...["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"],
];

/** The three letters of a name that is written in full or in part; null if it is ambiguous. */
function shortName(word: string, words: readonly string[]): string | null {
  const [name, ...others] = WHOLE_NAMES.filter((whole) => whole.startsWith(word.toLowerCase()))
    .map((whole) => whole.slice(0, 3).toUpperCase()).filter((short) => words.includes(short));
  return name === undefined || others.length > 0 ? null : name;
}

/**
 * The minutes of an hour at which an expression can come.
 *
 * @param expression One that {@linkcode checkFields} accepts.
 * @returns Ascending, each once.
 */
export function minutesOf(expression: string): number[] {
  const [list = ""] = expression.trim().split(/[ \t]+/);
  const minutes = list.split(",").flatMap((element) => {
    const { from, to, step = "1" } = ELEMENT.exec(element)?.groups ?? {};
    const first = Number(from ?? 0);
    const last = from === undefined ? 59 : Number(to ?? first);
    const size = Math.floor((last - first) / Number(step)) + 1;
    return Array.from({ length: size }, (_, index) => first + index * Number(step));
  });
  return [...new Set(minutes)].sort((one, other) => one - other);
}

function upper(word: string): string {
  return word.toUpperCase();
}

/** The value of a number or, by its place among the words, of a name; null for anything else. */
function valueOf(text: string, place: number, { first }: Field): number | null {
  if (/^\d+$/.test(text)) return Number(text);
  return place < 0 ? null : first + place;
}
