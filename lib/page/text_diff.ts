/** Text of stored files: previews, and differences between two versions. */

import type { StructuredPatchHunk } from "diff";
import { formatBytes } from "../report/format.ts";

/** Longest file whose text is compared, in bytes. */
export const MAX_DIFF_BYTES = 1_000_000;
/** Bytes read for a preview. */
export const PREVIEW_BYTES = 16 * 1024;
/** Lines of a preview. */
const PREVIEW_LINES = 20;
/** Columns of a line that are shown. */
const MAX_COLUMNS = 1_000;

/** Time for a comparison in milliseconds: it blocks the process, and so a run in progress. */
const TIMEOUT_MS = 500;
/** Changed lines up to which texts are compared; beyond, they have little in common. */
const MAX_EDITS = 4_000;
/** Lines of a difference that are shown. */
const MAX_LINES = 2_000;

/** The beginning of a file: some lines, or why there are none. */
export type Preview =
  | { readonly kind: "lines"; readonly lines: readonly string[]; readonly isWhole: boolean }
  | { readonly kind: "binary" };

/** A line of a difference. */
export interface DiffLine {
  readonly kind: "added" | "removed" | "same";
  readonly text: string;
}

/** Adjacent changed lines with some lines around them. */
export interface DiffPart {
  /** Number of the first line in the older and in the newer file, from 1. */
  readonly oldStart: number;
  readonly newStart: number;
  readonly lines: readonly DiffLine[];
}

/** The difference of two files, or why it is not shown. */
export type TextDiff =
  | { readonly kind: "equal" }
  | { readonly kind: "unavailable"; readonly reason: string }
  | {
    readonly kind: "text";
    readonly added: number;
    readonly removed: number;
    readonly parts: readonly DiffPart[];
    /** Whether some lines of the difference are not in `parts`. */
    readonly isCut: boolean;
  };

/**
 * Decodes a text: UTF-8, or else Windows-1252, as browsers do.
 *
 * @param isWhole Whether the file has no further bytes: otherwise a character may be incomplete.
 * @returns Null if the bytes are not text.
 */
export function decodeText(bytes: Uint8Array, isWhole: boolean): string | null {
  // Text has no control characters except tabs, line breaks, form feeds and escapes.
  if (bytes.some((byte) => byte < 0x20 && !TEXT_CONTROLS.has(byte))) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: !isWhole });
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

const TEXT_CONTROLS = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x1b]);

/** The first lines of a file, each cut if it is very long. */
export function preview(bytes: Uint8Array, isWhole: boolean): Preview {
  const text = decodeText(bytes, isWhole);
  if (text === null) return { kind: "binary" };
  const lines = linesOf(text);
  return {
    kind: "lines",
    lines: lines.slice(0, PREVIEW_LINES).map(cutLine),
    isWhole: isWhole && lines.length <= PREVIEW_LINES,
  };
}

/** Compares two whole files line by line, with limits on time and size. */
export async function diffText(older: Uint8Array, newer: Uint8Array): Promise<TextDiff> {
  const [oldText, newText] = [decodeText(older, true), decodeText(newer, true)];
  if (oldText === null || newText === null) {
    return equalBytes(older, newer) ? { kind: "equal" } : unavailable(binaryReason(older, newer));
  }
  if (equalBytes(older, newer)) return { kind: "equal" };
  const { structuredPatch } = await import("diff");
  const patch = structuredPatch("", "", normalized(oldText), normalized(newText), "", "", {
    context: 3,
    maxEditLength: MAX_EDITS,
    timeout: TIMEOUT_MS,
  });
  if (patch === undefined) return unavailable("The versions differ in too many lines.");
  if (patch.hunks.length === 0) {
    return unavailable("Only line breaks or the encoding of characters differ.");
  }
  return partsOf(patch.hunks);
}

function partsOf(hunks: readonly StructuredPatchHunk[]): TextDiff {
  const parts: DiffPart[] = [];
  const counts = { "+": 0, "-": 0 };
  let left = MAX_LINES;
  for (const { oldStart, newStart, lines } of hunks) {
    for (const line of lines) {
      if (line.startsWith("+")) counts["+"]++;
      else if (line.startsWith("-")) counts["-"]++;
    }
    if (left <= 0) continue;
    // A line with a backslash is a remark of the format: no line break at the end of the file.
    const shown = lines.filter((line) => !line.startsWith("\\")).slice(0, left);
    left -= shown.length;
    parts.push({ oldStart, newStart, lines: shown.map(lineOf) });
  }
  const { "+": added, "-": removed } = counts;
  return { kind: "text", added, removed, parts, isCut: left <= 0 };
}

function lineOf(line: string): DiffLine {
  const kind = line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : "same";
  return { kind, text: cutLine(line.slice(1)) };
}

/** Where binary files differ first. */
function binaryReason(older: Uint8Array, newer: Uint8Array): string {
  const shorter = Math.min(older.length, newer.length);
  let at = 0;
  while (at < shorter && older[at] === newer[at]) at++;
  return `The files are binary: ${formatBytes(older.length)} and ${formatBytes(newer.length)}, ` +
    `different from byte ${at.toLocaleString("en-US")}.`;
}

/** A difference that is not shown. */
export function unavailable(reason: string): TextDiff {
  return { kind: "unavailable", reason };
}

function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

function normalized(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
}

function linesOf(text: string): string[] {
  const lines = normalized(text).split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function cutLine(line: string): string {
  return line.length <= MAX_COLUMNS ? line : `${line.slice(0, MAX_COLUMNS).toWellFormed()}…`;
}
