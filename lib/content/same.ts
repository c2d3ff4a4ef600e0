/** Whether two files have the same substance, although their bytes differ. */

import type { SameRule } from "../core/task.ts";
import { Sha256 } from "../core/sha256.ts";

/** A file to compare. */
export interface ComparedFile {
  readonly sizeBytes: number;
  /** Reads it from its beginning. */
  readonly pieces: () => AsyncIterable<Uint8Array>;
}

/** Largest JSON document that is compared: in memory it takes about 50 times its size. */
export const LARGEST_JSON_BYTES = 16 * 1024 * 1024;

/** Bytes at the beginning of a line that a pattern is matched against. */
const MATCHED_LINE_BYTES = 16 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/**
 * Whether two files have the same substance by a rule. Files that cannot be read by the rule, or are too
 * large for it, are different.
 *
 * @throws What reading a file throws.
 */
export async function isSame(
  rule: SameRule,
  one: ComparedFile,
  other: ComparedFile,
): Promise<boolean> {
  if (rule.kind === "zip") {
    const { haveSameMembers } = await import("./zip.ts");
    return await haveSameMembers(one, other);
  }
  const digest = await substanceOf(rule, one);
  return digest !== null && digest === await substanceOf(rule, other);
}

/** The digest of a file's substance, or null if it has none by the rule. */
function substanceOf(
  rule: Exclude<SameRule, { kind: "zip" }>,
  file: ComparedFile,
): Promise<string | null> {
  switch (rule.kind) {
    case "json":
      return jsonSubstance(rule.ignored, file);
    case "lines":
      return linesSubstance(rule.ignored, file);
    default:
      return rule satisfies never;
  }
}

async function jsonSubstance(
  ignored: readonly string[],
  file: ComparedFile,
): Promise<string | null> {
  if (file.sizeBytes > LARGEST_JSON_BYTES) return null;
  const { canonicalJson } = await import("./canonical_json.ts");
  const text = await textOf(file);
  const canonical = text === null ? null : canonicalJson(text, ignored);
  return canonical === null ? null : await digestOf([new TextEncoder().encode(canonical)]);
}

/** The text of a file in UTF-8, or null: other bytes would all become U+FFFD, and be equal. */
async function textOf(file: ComparedFile): Promise<string | null> {
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  try {
    for await (const piece of file.pieces()) text += utf8.decode(piece, { stream: true });
    return text + utf8.decode();
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** Digest of the lines that a pattern does not match, with their line ends. */
async function linesSubstance(pattern: string, file: ComparedFile): Promise<string> {
  const { loadPatternEngine } = await import("../core/pattern.ts");
  const engine = await loadPatternEngine();
  const isIgnored = (line: Uint8Array) => engine.test(pattern, decoder.decode(line));
  return await digestOf(linesWithout(isIgnored, file.pieces()));
}

const decoder = new TextDecoder();

/**
 * The lines that are not ignored. A line ends with LF, CR or CRLF, and is matched without its end. It is
 * buffered up to what is matched of it, so that lines of any length need little memory.
 */
async function* linesWithout(
  isIgnored: (line: Uint8Array) => boolean,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const start = new Uint8Array(MATCHED_LINE_BYTES);
  let filled = 0;
  /** Whether the rest of the line is part of the substance; null while the line is buffered. */
  let isKept: boolean | null = null;
  /** Whether the last byte was a CR, which an LF may follow. */
  let isAfterCr = false;
  for await (const piece of pieces) {
    const lineEnds = lineEndsOf(piece);
    let lineEnd = lineEnds();
    for (let at = 0; at < piece.length;) {
      if (lineEnd < at) lineEnd = lineEnds();
      if (isAfterCr && piece[at] !== LF) isKept = null;
      isAfterCr = false;
      if (isKept === null) {
        const part = piece.subarray(at, Math.min(lineEnd, at + start.length - filled));
        start.set(part, filled);
        filled += part.length;
        at += part.length;
        if (at === piece.length || (at < lineEnd && filled < start.length)) continue;
        isKept = !isIgnored(start.subarray(0, filled));
        if (isKept) yield start.slice(0, filled);
        filled = 0;
      } else {
        const end = Math.min(lineEnd + 1, piece.length);
        if (isKept) yield piece.slice(at, end);
        at = end;
        if (at > lineEnd) {
          if (piece[lineEnd] === LF) isKept = null;
          else isAfterCr = true;
        }
      }
    }
  }
  if (filled > 0 && !isIgnored(start.subarray(0, filled))) yield start.slice(0, filled);
}

/** Returns the positions of LF and CR one after the other, and then the length of the piece. */
function lineEndsOf(piece: Uint8Array): () => number {
  const next = (byte: number, from: number) => {
    const at = piece.indexOf(byte, from);
    return at === -1 ? piece.length : at;
  };
  let lf = next(LF, 0);
  let cr = next(CR, 0);
  return () => {
    const at = Math.min(lf, cr);
    if (at === lf) lf = next(LF, at + 1);
    if (at === cr) cr = next(CR, at + 1);
    return at;
  };
}

async function digestOf(
  pieces: Iterable<Uint8Array<ArrayBuffer>> | AsyncIterable<Uint8Array<ArrayBuffer>>,
): Promise<string> {
  const sha256 = new Sha256();
  for await (const piece of pieces) {
    const added = sha256.update(piece);
    if (added) await added;
  }
  return await sha256.hex();
}
