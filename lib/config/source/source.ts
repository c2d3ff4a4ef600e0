/** Sources of a config: a file, standard input, arguments or a value. */

import { trimEndOf } from "../../core/text.ts";
import {
  type Excerpt,
  formatPath,
  type Place,
  placeWithoutLine,
  type Problem,
  quote,
} from "../problem.ts";

/** Maximum nesting depth, including the config itself. The schema needs 6. */
export const MAX_DEPTH = 64;

/** Problem of a text or value that exceeds {@linkcode MAX_DEPTH}. */
export const TOO_DEEP = `is nested deeper than ${MAX_DEPTH} levels`;

/** Problem of an object that contains a key twice. */
export function duplicateKey(key: string): string {
  return `duplicate key ${quote(key)}`;
}

/** A range of a text. */
export interface TextRange {
  /** In UTF-16 units, from 0. */
  readonly offset: number;
  /** In UTF-16 units. Default: 1. */
  readonly length?: number;
}

/** A syntax error. */
export interface SyntaxProblem extends TextRange {
  readonly message: string;
  readonly hint?: string | null;
}

/** Returns the range of a key or a value; of a list or an object, only its beginning. */
export type Locate = (path: readonly PropertyKey[], part: "key" | "value") => TextRange | null;

/** A text parsed by its format. */
export interface ParsedText {
  /** Unusable if there are problems. */
  readonly value: unknown;
  readonly problems: readonly SyntaxProblem[];
  /**
   * Returns the range of the key or the value at a path; if it does not exist, of the nearest
   * enclosing object. Parses the text again, so it is for problems only.
   */
  readonly locate: Locate;
}

/** A part of a config, not yet validated. */
export interface ConfigPart {
  /** Name in messages. */
  readonly name: string;
  /** Absolute folder that its relative paths start at. */
  readonly folder: string;
  readonly value: unknown;
  /** Returns the place of a path; see {@linkcode ParsedText.locate}. */
  place(path: readonly PropertyKey[], part: "key" | "value"): Place;
}

/** A source, or its syntax errors. */
export type ReadResult =
  | { readonly source: ConfigPart; readonly problems: readonly [] }
  | { readonly source: null; readonly problems: readonly Problem[] };

/**
 * Maximum length of an excerpt on each side of its column, in UTF-16 units. Less is shown, so that
 * no secret is cut at the edge of what is shown.
 */
const MAX_EXCERPT_LENGTH = 500;

/** The place of a range of a text: line and column from 1, and the line itself. */
export interface LinePlace {
  readonly line: number;
  readonly column: number;
  readonly excerpt: Excerpt;
}

/** Creates a function that converts a range of a text to its place. */
export function createLineFinder(text: string): (range: TextRange) => LinePlace {
  const starts = [0];
  for (const { index, 0: end } of text.matchAll(/\r\n?|\n/g)) starts.push(index + end.length);
  return ({ offset, length = 1 }) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    const start = starts[low] ?? 0;
    // A config without line breaks is one line of megabytes.
    const from = Math.max(start, offset - MAX_EXCERPT_LENGTH);
    const to = Math.min(starts[low + 1] ?? text.length, offset + MAX_EXCERPT_LENGTH);
    const line = trimEndOf(text.slice(from, to), "\r\n");
    const column = offset - from + 1;
    const found = Math.max(1, Math.min(length, line.length - column + 1));
    const excerpt = { text: line, column, length: found };
    return { line: low + 1, column: offset - start + 1, excerpt };
  };
}

/** A part of a value that cannot be copied. */
export interface CopyProblem {
  /** Keys and indexes from the root. */
  readonly path: readonly PropertyKey[];
  /** The rest of a sentence that begins with the path. */
  readonly message: string;
}

/** Maximum length of a copied list; an array can have a length without having entries. */
const MAX_LIST_LENGTH = 5_000_000;

/**
 * Copies objects and arrays with their own enumerable properties; other values are kept. An object
 * that is referenced several times is copied once. Getters and proxies run only here; an error they
 * throw becomes a problem.
 */
export function plainCopy(value: unknown): { value: unknown; problems: readonly CopyProblem[] } {
  const problems: CopyProblem[] = [];
  const copies = new Map<object, object>();
  const open = new Set<object>();

  const copy = (original: unknown, path: readonly PropertyKey[]): unknown => {
    if (typeof original !== "object" || original === null) return original;
    const known = copies.get(original);
    if (known && !open.has(original)) return known;
    if (known) problems.push({ path, message: "contains itself" });
    else if (path.length >= MAX_DEPTH) problems.push({ path, message: TOO_DEEP });
    else return copyOf(original, path);
    return undefined;
  };
  const copyOf = (original: object, path: readonly PropertyKey[]): unknown => {
    try {
      const isList = Array.isArray(original);
      if (isList && original.length > MAX_LIST_LENGTH) {
        problems.push({ path, message: `has more than ${MAX_LIST_LENGTH} entries` });
        return undefined;
      }
      const target: object = isList ? [] : {};
      copies.set(original, target);
      open.add(original);
      const keys = isList ? original.keys() : Object.keys(original);
      for (const key of keys) {
        const part = copy(Reflect.get(original, key), [...path, key]);
        // Assigning to `__proto__` would set the prototype.
        Object.defineProperty(target, key, {
          value: part,
          configurable: true,
          enumerable: true,
          writable: true,
        });
      }
      return target;
    } catch (error) {
      problems.push({ path, message: `cannot be read: ${reasonOf(error)}` });
      return undefined;
    } finally {
      open.delete(original);
    }
  };
  return { value: copy(value, []), problems };
}

/** Reads a value as a source, which has paths but no lines. */
export function readValue(name: string, folder: string, value: unknown): ReadResult {
  const { value: plain, problems } = plainCopy(value);
  const place = (path: readonly PropertyKey[]) => placeWithoutLine(name, formatPath(path));
  if (problems.length === 0) {
    return { source: { name, folder, value: plain, place }, problems: [] };
  }
  return {
    source: null,
    problems: problems.map(({ path, message }): Problem => ({
      ...place(path),
      code: "config.invalid",
      message,
      hint: null,
    })),
  };
}

/** Maximum length in UTF-16 units of the message of a foreign error. */
const MAX_REASON_LENGTH = 500;

/** Returns the message of an error from a module or a getter, which may be any value and may throw itself. */
export function reasonOf(error: unknown): string {
  try {
    const text = String(error instanceof Error ? error.message : error);
    return text.length > MAX_REASON_LENGTH ? `${text.slice(0, MAX_REASON_LENGTH)}…` : text;
  } catch {
    return "for an unknown reason";
  }
}
