/** Tables of requested output: aligned columns that fit the terminal. Pure. */

import { escapeControl } from "../core/text.ts";
import {
  displayWidth,
  padColumns,
  type Paint,
  type Style,
  truncate,
  wrapWords,
} from "../report/format.ts";

/** A column of a table. */
export interface TableColumn {
  /** Its heading. */
  readonly name: string;
  /**
   * What happens on a narrow terminal. `keep`: never changed. `cut`: cut to {@linkcode CUT_COLUMNS}
   * at least. `wrap`: broken between words, or below the others. A number: omitted, the highest first.
   */
  readonly narrow: "keep" | "cut" | "wrap" | number;
  /** Width of a wrapped column up to which others are omitted for it. Default: 20. */
  readonly least?: number;
}

/** A row of a table. */
export interface TableRow {
  /** Colour of the first cell. */
  readonly style: Style;
  /** One per column. Control characters are escaped. */
  readonly cells: readonly string[];
}

/** How a table is shown. */
export interface TableFormat {
  /** Width of the terminal; null for none, where lines are not broken. */
  readonly width: number | null;
  readonly paint: Paint;
}

const GAP = "  ";

/** Least width of a column that is cut. */
const CUT_COLUMNS = 12;

/** Least width of a wrapped column beside others. */
const WRAP_COLUMNS = 20;

/** Indentation of a wrapped cell that has no room beside the others. */
const INDENT = "  ";

/** A column with its cells. */
interface Filled extends TableColumn {
  readonly cells: readonly string[];
  width: number;
}

/**
 * Formats rows as a table with a heading. A column without content is omitted.
 *
 * @returns Lines without trailing spaces; none of them is wider than the terminal.
 */
export function tableLines(
  columns: readonly TableColumn[],
  rows: readonly TableRow[],
  { width, paint }: TableFormat,
): string[] {
  if (rows.length === 0) return [];
  const escaped = rows.map(({ cells }) => cells.map(escapeControl));
  const filled = columns.map((column, index): Filled => {
    const cells = escaped.map((cells) => cells[index] ?? "");
    const width = cells.reduce(
      (most, cell) => Math.max(most, displayWidth(cell)),
      displayWidth(column.name),
    );
    return { ...column, cells, width };
  }).filter(({ cells }) => cells.some((cell) => cell !== ""));
  const shown = width === null ? filled : fitted(filled, width);
  const heading = lineOf(
    shown.filter(({ width }) => width > 0)
      .map(({ name, width }) => [truncate(name, width), width]),
  );
  return [
    paint("faint", heading),
    ...rows.flatMap(({ style }, index) => rowLines(shown, index, style, { width, paint })),
  ];
}

/** The columns that fit, and their widths. A wrapped column without room has the width 0. */
function fitted(columns: readonly Filled[], width: number): Filled[] {
  const total = (shown: readonly Filled[], wrapColumns: (column: Filled) => number) =>
    shown.reduce((sum, column) => {
      const { narrow, width } = column;
      const least = narrow === "wrap" ? Math.min(width, wrapColumns(column)) : width;
      return sum + least + GAP.length;
    }, -GAP.length);
  let shown = columns;
  const droppable = columns.filter(({ narrow }) => typeof narrow === "number")
    .toSorted((one, other) => Number(other.narrow) - Number(one.narrow));
  for (const column of droppable) {
    if (total(shown, ({ least }) => least ?? WRAP_COLUMNS) <= width) break;
    shown = shown.filter((other) => other !== column);
  }
  const [cut, hasRoom] = cutTo(shown, total(shown, () => WRAP_COLUMNS) - width);
  if (!hasRoom) {
    const below = shown.map((column) =>
      column.narrow === "wrap" ? { ...column, width: 0 } : column
    );
    const beside = below.filter(({ narrow }) => narrow !== "wrap");
    return cutTo(below, total(beside, () => WRAP_COLUMNS) - width)[0];
  }
  const fixed = cut.reduce(
    (sum, { narrow, width }) => sum + GAP.length + (narrow === "wrap" ? 0 : width),
    -GAP.length,
  );
  return shared(cut, width - fixed);
}

/** Columns that are narrower by `excessColumns`, and whether that was possible. */
function cutTo(columns: readonly Filled[], excessColumns: number): [Filled[], boolean] {
  let excess = excessColumns;
  const cut = columns.map((column) => {
    if (column.narrow !== "cut" || excess <= 0) return column;
    const next = Math.min(column.width, Math.max(CUT_COLUMNS, column.width - excess));
    excess -= column.width - next;
    return { ...column, width: next };
  });
  return [cut, excess <= 0];
}

/** Shares the rest of the width among the wrapped columns; narrow ones get what they need. */
function shared(columns: readonly Filled[], restColumns: number): Filled[] {
  const widths = new Map<string, number>();
  const wrapped = columns.filter(({ narrow }) => narrow === "wrap")
    .toSorted((one, other) => one.width - other.width);
  let rest = restColumns;
  for (const [index, { name, width }] of wrapped.entries()) {
    const share = Math.min(width, Math.floor(rest / (wrapped.length - index)));
    widths.set(name, share);
    rest -= share;
  }
  return columns.map((column) => ({ ...column, width: widths.get(column.name) ?? column.width }));
}

function rowLines(
  columns: readonly Filled[],
  index: number,
  style: Style,
  { width, paint }: TableFormat,
): string[] {
  const cells = columns.map(({ narrow, width: cellWidth, cells }) => {
    const text = cells[index] ?? "";
    const isBelow = narrow === "wrap" && cellWidth === 0;
    const lines = narrow !== "wrap"
      ? [truncate(text, cellWidth)]
      : wrapText(text, isBelow ? Math.max(1, (width ?? Infinity) - INDENT.length) : cellWidth);
    return { isBelow, cellWidth, lines };
  });
  const beside = cells.filter(({ isBelow }) => !isBelow);
  const height = Math.max(1, ...beside.map(({ lines }) => lines.length));
  const [first = "", ...others] = Array.from(
    { length: height },
    (_, line) => lineOf(beside.map(({ lines, cellWidth }) => [lines[line] ?? "", cellWidth])),
  );
  const [word = ""] = /^\S*/.exec(first) ?? [];
  const below = cells.filter(({ isBelow }) => isBelow).flatMap(({ lines }) => lines)
    .filter((line) => line !== "");
  return [
    paint(style, word) + first.slice(word.length),
    ...others,
    ...below.map((line) => INDENT + line),
  ];
}

function lineOf(cells: readonly (readonly [text: string, width: number])[]): string {
  return cells
    .map(([text, width]) => padColumns(text, width)).join(GAP).trimEnd();
}

/** Breaks a line that is wider than the terminal. The lines keep its indentation. */
export function wrapLine(line: string, { width }: Pick<TableFormat, "width">): string[] {
  if (width === null) return [line];
  const [indent = ""] = /^ */.exec(line) ?? [];
  return wrapText(line.slice(indent.length), Math.max(1, width - indent.length))
    .map((part) => indent + part);
}

/**
 * Breaks a text between words; a word that is longer than a line is broken as well.
 *
 * @param width At least 1.
 * @returns At least one line.
 */
export function wrapText(text: string, width: number): string[] {
  if (displayWidth(text) <= width) return [text];
  const words = text.split(" ").flatMap((word) => piecesOf(word, width));
  return wrapWords(words, { first: width, rest: width });
}

/** A word in pieces that fit a line. */
function piecesOf(word: string, width: number): string[] {
  if (displayWidth(word) <= width) return [word];
  const pieces = [""];
  for (const character of word) {
    const longer = pieces.at(-1) + character;
    if (displayWidth(longer) > width && pieces.at(-1) !== "") pieces.push(character);
    else pieces[pieces.length - 1] = longer;
  }
  return pieces;
}
