/** Formats numbers, times and foreign text for terminals and pages. */

import prettyBytes from "pretty-bytes";
import prettyMilliseconds from "pretty-ms";

/** A size in decimal units: `1.34 MB`. */
export function formatBytes(sizeBytes: number): string {
  return prettyBytes(sizeBytes);
}

/** A duration in its two or three largest units: `1.3s`, `2h 3m 4s`. */
export function formatDuration(durationMs: number): string {
  return prettyMilliseconds(durationMs);
}

/** The time until something ends, rounded up, in its two largest units: `1h 2m`, `7s`. */
export function formatRemaining(durationMs: number): string {
  return prettyMilliseconds(Math.ceil(durationMs / 1_000) * 1_000, { unitCount: 2 });
}

/** The difference of two sizes with its sign: `+12.3 kB`, `-1 B`, `same size`. */
export function formatSizeChange(beforeBytes: number, afterBytes: number): string {
  if (afterBytes === beforeBytes) return "same size";
  return prettyBytes(afterBytes - beforeBytes, { signed: true });
}

/**
 * A size, and how it differs from an earlier one: `1.34 MB (+40 B)`.
 *
 * @param previousSizeBytes Null if there was none.
 */
export function formatSize(sizeBytes: number, previousSizeBytes: number | null): string {
  const size = formatBytes(sizeBytes);
  if (previousSizeBytes === null) return size;
  return `${size} (${formatSizeChange(previousSizeBytes, sizeBytes)})`;
}

let countFormat: Intl.NumberFormat | null = null;

/** A count with thousands separators: `12,345`. */
export function formatCount(count: number): string {
  // `toLocaleString` makes a format for each call.
  return (countFormat ??= new Intl.NumberFormat("en-US")).format(count);
}

/** A count and its noun: `1 task`, `1,200 tasks`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Numbers of a list's items: `1,000 items, 2 gone, 30 left out`. */
export function itemsText(counts: {
  /** Items that are tasks. */
  readonly tasks: number;
  readonly gone: number;
  readonly leftOut: number;
}): string {
  const { tasks, gone, leftOut } = counts;
  return [
    plural(tasks, "item"),
    ...(gone > 0 ? [`${formatCount(gone)} gone`] : []),
    ...(leftOut > 0 ? [`${formatCount(leftOut)} left out`] : []),
  ].join(", ");
}

/**
 * Counts with their names, without those that are 0: `9 updated`, `3 failed`.
 *
 * @param names The order of the result.
 */
export function countWords<Name extends string>(
  counts: Readonly<Record<Name, number>>,
  names: readonly Name[],
): string[] {
  return names.filter((name) => counts[name] > 0)
    .map((name) => `${formatCount(counts[name])} ${name}`);
}

/** East Asian Wide and Fullwidth characters (UAX 11), in order. */
const WIDE_RANGES: readonly (readonly [first: number, last: number])[] = [
  [0x1100, 0x115f], // Hangul initials
  [0x2e80, 0x303e], // CJK radicals and punctuation
  [0x3041, 0xa4cf], // Kana, CJK ideographs, Yi
  [0xa960, 0xa97c], // Hangul initials, extended
  [0xac00, 0xd7a3], // Hangul syllables
  [0xf900, 0xfaff], // CJK compatibility ideographs
  [0xfe10, 0xfe19], // vertical forms
  [0xfe30, 0xfe6f], // CJK compatibility and small forms
  [0xff01, 0xff60], // full-width ASCII
  [0xffe0, 0xffe6], // full-width signs
  [0x16fe0, 0x18dff], // Tangut, Khitan
  [0x1aff0, 0x1b2ff], // Kana, Nushu
  [0x1f200, 0x1f265], // enclosed ideographs
  [0x20000, 0x3fffd], // CJK ideographs, supplementary
];

/** Characters that terminals draw as emoji, two columns wide. */
const WIDE_EMOJI = /\p{Emoji_Presentation}/u;

/**
 * Combining marks. The selector of emoji presentation (U+FE0F) counts as one column instead, since it
 * makes the preceding character wide.
 */
const ZERO_WIDTH = /[[\p{Mn}\p{Me}\u1160-\u11ff\u200b-\u200d\u2060]--[\ufe0f]]/v;

/** Printable ASCII, the fast path. */
const NARROW = /^[\x20-\x7e]*$/;

/**
 * The width of a text in terminal columns. Sequences that some terminals join into one emoji count
 * as their parts: overestimating is safer than a wrapped line.
 *
 * @param text One line, without control characters.
 * @returns A whole number of columns.
 */
export function displayWidth(text: string): number {
  if (NARROW.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += characterWidth(character);
  return columns;
}

/**
 * Cuts a text to a width and marks the cut with `…`.
 *
 * @param text One line, without control characters.
 * @param columns The maximum width; at least 1.
 * @returns The text, or its beginning and `…`.
 */
export function truncate(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let kept = "";
  let free = columns - 1;
  for (const character of text) {
    free -= characterWidth(character);
    if (free < 0) break;
    kept += character;
  }
  return kept + "…";
}

/** Cuts a text like {@linkcode truncate}, but in its middle: a path ends with the file's name. */
export function truncateMiddle(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  const characters = [...text];
  let start = "";
  let end = "";
  for (let free = columns - 1; free > 0;) {
    const isEnd = displayWidth(end) <= displayWidth(start);
    const next = (isEnd ? characters.pop() : characters.shift()) ?? "";
    free -= characterWidth(next);
    if (free < 0) break;
    if (isEnd) end = next + end;
    else start += next;
  }
  return `${start}…${end}`;
}

/** Pads a text with spaces to a width. */
export function padColumns(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - displayWidth(text)));
}

/** Where wrapped text may be, in columns. */
export interface WrapColumns {
  /** Columns that the first line has left. */
  readonly first: number;
  /** Columns of each further line. */
  readonly rest: number;
}

/**
 * Joins words with spaces to lines of a width.
 *
 * @param words Without control characters.
 * @returns At least one line. A word longer than a line is not broken.
 */
export function wrapWords(words: readonly string[], { first, rest }: WrapColumns): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    const columns = lines.length === 0 ? first : rest;
    const longer = line === "" ? word : `${line} ${word}`;
    if (line === "" || displayWidth(longer) <= columns) {
      line = longer;
      continue;
    }
    lines.push(line);
    line = word;
  }
  return [...lines, line];
}

function characterWidth(character: string): number {
  if (ZERO_WIDTH.test(character)) return 0;
  const codePoint = character.codePointAt(0) ?? 0;
  const wide = WIDE_RANGES.some(([first, last]) => first <= codePoint && codePoint <= last);
  return wide || WIDE_EMOJI.test(character) ? 2 : 1;
}

/** The meaning of a colour. The text always expresses it too. */
export type Style = "good" | "warning" | "bad" | "faint" | "strong";

/** Applies a style to a text, or returns it unchanged. */
export type Paint = (style: Style, text: string) => string;

/** Attributes that enable and disable a style (ECMA-48, section 8.3.117, SGR). */
const ATTRIBUTES = {
  good: [32, 39],
  warning: [33, 39],
  bad: [31, 39],
  faint: [2, 22],
  strong: [1, 22],
} as const satisfies Record<Style, readonly [on: number, off: number]>;

/**
 * Whether to use colours, by the conventions of no-color.org and force-color.org; the former has
 * precedence.
 *
 * @param env Reads an environment variable.
 * @param isTerminal Whether the output is a terminal.
 */
export function colorWanted(
  env: (name: string) => string | undefined,
  isTerminal: boolean,
): boolean {
  if (isSet(env("NO_COLOR"))) return false;
  if (isSet(env("FORCE_COLOR"))) return true;
  return isTerminal && env("TERM") !== "dumb";
}

/** A text without the attributes of {@linkcode painter}. */
export function withoutStyles(text: string): string {
  // deno-lint-ignore no-control-regex -- attributes begin with ESC
  return text.includes("\x1b") ? text.replace(/\x1b\[\d{1,2}m/g, "") : text;
}

/** Creates a {@linkcode Paint}; without `color` it returns texts unchanged. */
export function painter(color: boolean): Paint {
  if (!color) return (_style, text) => text;
  return (style, text) => {
    const [on, off] = ATTRIBUTES[style];
    return `\x1b[${on}m${text}\x1b[${off}m`;
  };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}

const UNITS = [
  [24 * 60 * 60 * 1000, "d"],
  [60 * 60 * 1000, "h"],
  [60 * 1000, "min"],
  [1000, "s"],
] as const;

/**
 * The distance of a time from now, in its largest whole unit: days, hours, minutes or seconds.
 *
 * @returns `2 h ago`, `in 5 min`, or `now` for less than a second.
 */
export function relativeTime(time: Temporal.Instant, now: Temporal.Instant): string {
  const aheadMs = time.epochMilliseconds - now.epochMilliseconds;
  const [unitMs, unit] = UNITS.find(([unitMs]) => Math.abs(aheadMs) >= unitMs) ?? [1, null];
  if (unit === null) return "now";
  const distance = `${Math.floor(Math.abs(aheadMs) / unitMs)} ${unit}`;
  return aheadMs < 0 ? `${distance} ago` : `in ${distance}`;
}
