/** Whether two files have the same substance, although their bytes differ. */

import type { SameRule } from "../core/task.ts";
import { Sha256 } from "../core/sha256.ts";

/** A file to compare. */
export interface ComparedFile {
  readonly sizeBytes: number;
  /** Reads it from its beginning. */
  readonly pieces: () => AsyncIterable<Uint8Array>;
}

/** Largest JSON document that is compared: it is parsed in memory. */
export const LARGEST_JSON_BYTES = 64 * 1024 * 1024;

/** Bytes at the beginning of a line that a pattern is matched against. */
const MATCHED_LINE_BYTES = 16 * 1024;

const LF = 0x0a;

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
  const digest = await substanceOf(rule, one);
  return digest !== null && digest === await substanceOf(rule, other);
}

/** The digest of a file's substance, or null if it has none by the rule. */
function substanceOf(rule: SameRule, file: ComparedFile): Promise<string | null> {
  switch (rule.kind) {
    case "zip":
      return zipSubstance(file);
    case "json":
      return jsonSubstance(rule.ignored, file);
    case "lines":
      return linesSubstance(rule.ignored, file);
    default:
      return rule satisfies never;
  }
}

/** Digest of the members in the order of their names, without times, attributes and comments. */
async function zipSubstance(file: ComparedFile): Promise<string | null> {
  const { readZipDirectory } = await import("./zip_directory.ts");
  const members = await readZipDirectory(file);
  if (members === null) return null;
  const lines = members.map(({ name, sizeBytes, crc32 }) => `${name} ${sizeBytes} ${crc32}\n`);
  return await digestOf(lines.sort().map((line) => new TextEncoder().encode(line)));
}

async function jsonSubstance(
  ignored: readonly string[],
  file: ComparedFile,
): Promise<string | null> {
  if (file.sizeBytes > LARGEST_JSON_BYTES) return null;
  const { canonicalJson } = await import("./canonical_json.ts");
  const text = await new Response(ReadableStream.from(file.pieces())).text();
  const canonical = canonicalJson(text, ignored);
  return canonical === null ? null : await digestOf([new TextEncoder().encode(canonical)]);
}

/** Digest of the lines that a pattern does not match, with their line ends. */
async function linesSubstance(pattern: string, file: ComparedFile): Promise<string> {
  const { loadPatternEngine } = await import("../core/pattern.ts");
  const engine = await loadPatternEngine();
  const isIgnored = (line: Uint8Array) =>
    engine.test(pattern, decoder.decode(line.subarray(0, MATCHED_LINE_BYTES)));
  return await digestOf(linesWithout(isIgnored, file.pieces()));
}

const decoder = new TextDecoder();

/**
 * The lines that are not ignored. A line is buffered up to what is matched of it, so that lines of any
 * length need little memory.
 */
async function* linesWithout(
  isIgnored: (line: Uint8Array) => boolean,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const start = new Uint8Array(MATCHED_LINE_BYTES);
  let filled = 0;
  /** Whether the rest of the line is part of the substance; null while the line is buffered. */
  let isKept: boolean | null = null;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const lineEnd = piece.indexOf(LF, at) + 1;
      const end = lineEnd === 0 ? piece.length : lineEnd;
      if (isKept === null) {
        const part = piece.subarray(at, Math.min(end, at + start.length - filled));
        start.set(part, filled);
        filled += part.length;
        at += part.length;
        if (at !== lineEnd && filled < start.length) continue;
        isKept = !isIgnored(start.subarray(0, filled));
        if (isKept) yield start.slice(0, filled);
        filled = 0;
      } else {
        if (isKept) yield piece.slice(at, end);
        at = end;
      }
      if (at === lineEnd) isKept = null;
    }
  }
  if (filled > 0 && !isIgnored(start.subarray(0, filled))) yield start.slice(0, filled);
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
