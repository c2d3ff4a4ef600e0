/** Texts beside and below the beginning of a line, wrapped to the width of a terminal. Pure. */

import { displayWidth, type Paint, type Style, truncateMiddle, wrapWords } from "./format.ts";

/** The beginning of a line, already coloured and escaped. */
export interface LineHead {
  readonly text: string;
  /** Width of the text in columns. */
  readonly columns: number;
  /** Indentation of the lines below it. */
  readonly indent: number;
}

/** A text after a head, and the colour of its first word. */
export interface LineText {
  readonly text: string;
  readonly prefix?: Style;
  /** Not broken between words; cut where it is longer than a line. */
  readonly isUrl?: boolean;
}

/** How lines are laid out. */
export interface LineLayout {
  readonly paint: Paint;
  /** Width that lines fit in; null for no limit. */
  readonly columns: number | null;
}

/** The least width for text beside a head; otherwise the text begins below it. */
const LEAST_COLUMNS = 12;
/** Narrower terminals have a small indentation, and long URLs everywhere. */
const WIDE_COLUMNS = 60;
const SMALL_INDENT = 4;

/**
 * A head, the first text beside it, and the others below, one line each. Texts that do not fit are
 * wrapped.
 *
 * @param texts Escaped.
 */
export function hangingLines(
  head: LineHead,
  texts: readonly LineText[],
  { columns, paint }: LineLayout,
): string[] {
  const free = columns === null ? Infinity : columns - 1;
  const indent = columns === null || columns >= WIDE_COLUMNS ? head.indent : SMALL_INDENT;
  const beside = free - head.columns;
  const [first] = texts;
  const isTooLong = first?.isUrl === true && displayWidth(first.text) > beside;
  const isBeside = columns === null ||
    (head.columns <= head.indent && beside >= LEAST_COLUMNS && !isTooLong);
  const lines: string[] = isBeside && texts.length > 0 ? [] : [head.text.trimEnd()];
  for (const [index, { text, prefix, isUrl }] of texts.entries()) {
    const isFirst = index === 0 && isBeside;
    // Long URLs may use the columns of the indentation.
    const start = isUrl && displayWidth(text) > free - indent
      ? Math.min(indent, SMALL_INDENT)
      : indent;
    const rest = free - start;
    const wrapped = isUrl && !isFirst
      ? [truncateMiddle(text, Math.max(1, rest))]
      : wrapWords(text.split(" "), { first: isFirst ? beside : rest, rest });
    wrapped.forEach((line, part) => {
      const [word = ""] = line.split(" ", 1);
      const painted = prefix && part === 0 ? paint(prefix, word) + line.slice(word.length) : line;
      lines.push((isFirst && part === 0 ? head.text : " ".repeat(start)) + painted);
    });
  }
  return lines;
}
