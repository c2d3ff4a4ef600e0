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

/** Nicknames of other cron implementations, and their five fields. */
const NICKNAMES: ReadonlyMap<string, string> = new Map([
  ["@yearly", '"0 0 1 1 *"'],
  ["@annually", '"0 0 1 1 *"'],
  ["@monthly", '"0 0 1 * *"'],
  ["@weekly", '"0 0 * * 0"'],
  ["@daily", '"0 0 * * *"'],
  ["@midnight", '"0 0 * * *"'],
  ["@hourly", '"0 * * * *"'],
]);

const FIVE_FIELDS = `must have 5 fields: ${FIELDS.map((field) => field.name).join(" ")}`;

/** An element of a field's list: `*`, a value or a range, and an optional step. */
const ELEMENT = /^(?:\*|(?<from>\w+)(?:-(?<to>\w+))?)(?:\/(?<step>\d+))?$/;

/**
 * Checks an expression against the common grammar (POSIX crontab, with the ranges, steps and names of
 * Vixie cron): five fields separated by blanks, each a list of `*`, `a`, `a-b`, `*` `/n` or `a-b/n`.
 * Months and weekdays may be named by three letters; Sunday is 0 and 7. Extensions (`@daily`, `?`,
 * `L`, `W`, `#`, seconds, years) are rejected, as implementations differ in their meaning.
 *
 * @returns What is wrong, the rest of a sentence that begins with the expression; or null. Whether a
 * matching date exists is not checked.
 */
export function checkFields(expression: string): string | null {
  const text = expression.trim();
  if (text.startsWith("@")) {
    return `must be ${
      NICKNAMES.get(text.toLowerCase()) ?? "5 fields"
    }; nicknames are not supported`;
  }
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
  if (!match || begin === null || end === null) {
    const names = words.length === 0 ? "" : ` or ${words[0]}-${words[count - 1]}`;
    return `must be *, ${first}-${last}${names}, a range a-b, or a step */n or a-b/n; ` +
      "?, L, W and # are not supported";
  }
  if (Math.min(begin, end) < first || Math.max(begin, end) > last) {
    return `must be within ${first}-${last}`;
  }
  if (begin > end) return "which runs backwards: must be two ranges with a comma between them";
  if (step === undefined) return null;
  if (from !== undefined && to === undefined) {
    return `must be a range with a step, such as ${from}-${last}/${step}`;
  }
  if (Number(step) < 1 || Number(step) > count) return `must have a step within 1-${count}`;
  return null;
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
