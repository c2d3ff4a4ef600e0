/** Numbers and foreign text, made fit to be read by people. */

import { displayWidth } from "./width.ts";
import prettyBytes from "pretty-bytes";
import prettyMilliseconds from "pretty-ms";

/**
 * Everything that acts on a terminal or hides from the eye: control characters,
 * line separators, format characters such as the bidi overrides, and halves of
 * surrogate pairs. The two joiners stay, for the scripts that are written with them.
 */
const HIDDEN = /[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]--[\u200c\u200d]]/gv;

const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Shows text from outside as one line that cannot act on a terminal, start a
 * new line or turn the reading direction: `\n`, `\u{1b}`, `\u{202e}`. For eyes;
 * it cannot be read back, since a backslash stays as it is.
 *
 * @param text Any text.
 * @returns The text with every hidden character spelled out.
 */
export function escapeControl(text: string): string {
  return text.replace(
    HIDDEN,
    (character) =>
      SHORT_ESCAPES[character] ?? `\\u{${character.codePointAt(0)?.toString(16) ?? ""}}`,
  );
}

/**
 * Spells out hidden characters within JSON text, where they can stand inside
 * strings alone, so that the text stays the same value (RFC 8259, section 7).
 *
 * @param json JSON text without white space between its tokens.
 * @returns JSON text of the same value.
 */
export function escapeControlInJson(json: string): string {
  return json.replace(
    HIDDEN,
    (character) =>
      character.split("").map((unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0"))
        .join(""),
  );
}

/** A size in decimal units: `1.34 MB`. */
export function formatBytes(sizeBytes: number): string {
  return prettyBytes(sizeBytes);
}

/** A duration in its two or three largest units: `1.3s`, `2h 3m 4s`. */
export function formatDuration(durationMs: number): string {
  return prettyMilliseconds(durationMs);
}

/** A count with thousands set apart: `12,345`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** A count and its noun: `1 task`, `1,200 tasks`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * Lays out pairs in two columns, labels to the left and values to the right.
 *
 * @param rows Label and value, plain text of single-width characters.
 * @returns One line a row, all of one length.
 */
export function table(rows: readonly (readonly [label: string, value: string])[]): string[] {
  const labelWidth = Math.max(0, ...rows.map(([label]) => label.length));
  const valueWidth = Math.max(0, ...rows.map(([, value]) => value.length));
  return rows.map(([label, value]) => `${label.padEnd(labelWidth)}  ${value.padStart(valueWidth)}`);
}

/**
 * Lays out rows in columns, all to the left, with two spaces in between.
 *
 * @param rows Cells of text; escaped where it comes from outside.
 * @returns One line a row, without blanks at its end.
 */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell));
    });
  }
  return rows.map((row) =>
    row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - displayWidth(cell)))
      .join("  ").trimEnd()
  );
}
