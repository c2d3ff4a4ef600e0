/** Where a config comes from: one file, standard input, or the arguments. */

import { formatPath, type Place, type Problem, quote } from "./problem.ts";

/** Containers within each other, the config itself included. The schema needs 6. */
export const MAX_DEPTH = 64;

/** The mistake of a text or a value with more than {@linkcode MAX_DEPTH} containers. */
export const TOO_DEEP = `is nested deeper than ${MAX_DEPTH} levels`;

/** The mistake of an object that has one key twice. */
export function duplicateKey(key: string): string {
  return `the key ${quote(key)} is given twice`;
}

/** A position in a text: offset of a UTF-16 unit, from 0. */
export interface SyntaxProblem {
  /** Where in the text. */
  readonly offset: number;
  /** What is wrong there. */
  readonly message: string;
}

/** Finds where in a text something stands. */
export type Locate = (path: readonly PropertyKey[], part: "key" | "value") => number | null;

/** A text as a format understands it. */
export interface ParsedText {
  /** What it says; of no use if there are mistakes. */
  readonly value: unknown;
  /** What is wrong with its syntax. */
  readonly problems: readonly SyntaxProblem[];
  /**
   * Offset of the key or the value at a path, or of the nearest object around
   * it where it does not exist. Reads the text again, so it is for mistakes only.
   */
  readonly locate: Locate;
}

/** A part of a config, still unvalidated. */
export interface Source {
  /** As it is shown to people. */
  readonly name: string;
  /** What relative paths in it are relative to; absolute. */
  readonly folder: string;
  /** What it says. */
  readonly value: unknown;
  /** Where a path stands in it; see {@linkcode ParsedText.locate}. */
  place(path: readonly PropertyKey[], part: "key" | "value"): Place;
}

/** A source, or the mistakes in its syntax. */
export type ReadResult =
  | { readonly source: Source; readonly problems: readonly [] }
  | { readonly source: null; readonly problems: readonly Problem[] };

/** Makes a function that turns an offset in a text into a line and a column, both from 1. */
export function createLineFinder(
  text: string,
): (offset: number) => { line: number; column: number } {
  const starts = [0];
  for (const { index, 0: end } of text.matchAll(/\r\n?|\n/g)) starts.push(index + end.length);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

/** A value that cannot be copied. */
export interface CopyProblem {
  /** Keys and indexes from the top. */
  readonly path: readonly PropertyKey[];
  /** The rest of a sentence that begins with the path. */
  readonly message: string;
}

/** Longest list that is copied; an array can have a length without having entries. */
const LONGEST_LIST = 5_000_000;

/**
 * Copies objects and arrays with their own enumerable properties; other values stay as they are.
 * Equal references stay equal, so shared objects cost their size once. Getters and proxies run
 * here and never again: what they throw becomes a flaw.
 */
export function plainCopy(value: unknown): { value: unknown; flaws: readonly CopyProblem[] } {
  const flaws: CopyProblem[] = [];
  const copies = new Map<object, object>();
  const open = new Set<object>();

  const copy = (original: unknown, path: readonly PropertyKey[]): unknown => {
    if (typeof original !== "object" || original === null) return original;
    const known = copies.get(original);
    if (known && !open.has(original)) return known;
    if (known) flaws.push({ path, message: "contains itself" });
    else if (path.length >= MAX_DEPTH) flaws.push({ path, message: TOO_DEEP });
    else return copyOf(original, path);
    return undefined;
  };
  const copyOf = (original: object, path: readonly PropertyKey[]): unknown => {
    try {
      const isList = Array.isArray(original);
      if (isList && original.length > LONGEST_LIST) {
        flaws.push({ path, message: `has more than ${LONGEST_LIST} entries` });
        return undefined;
      }
      const target: object = isList ? [] : {};
      copies.set(original, target);
      open.add(original);
      const keys = isList ? original.keys() : Object.keys(original);
      for (const key of keys) {
        const part = copy(Reflect.get(original, key), [...path, key]);
        // Assigning to `__proto__` could do something else.
        Object.defineProperty(target, key, {
          value: part,
          configurable: true,
          enumerable: true,
          writable: true,
        });
      }
      return target;
    } catch (error) {
      flaws.push({ path, message: `cannot be read: ${reasonOf(error)}` });
      return undefined;
    } finally {
      open.delete(original);
    }
  };
  return { value: copy(value, []), flaws };
}

/** A value that a program made, as a source: it has paths, but no lines. */
export function readValue(name: string, folder: string, value: unknown): ReadResult {
  const { value: plain, flaws } = plainCopy(value);
  const place = (path: readonly PropertyKey[]) => ({
    source: name,
    line: null,
    column: null,
    path: formatPath(path),
  });
  if (flaws.length === 0) return { source: { name, folder, value: plain, place }, problems: [] };
  const problems = flaws.map(({ path, message }): Problem => ({
    ...place(path),
    code: "config.invalid",
    message,
  }));
  return { source: null, problems };
}

/** Longest reason that is shown, in UTF-16 units. */
const LONGEST_REASON = 500;

/** What a program's error says. It may be any value, one that throws when it is looked at too. */
export function reasonOf(error: unknown): string {
  try {
    const text = String(error instanceof Error ? error.message : error);
    return text.length > LONGEST_REASON ? `${text.slice(0, LONGEST_REASON)}…` : text;
  } catch {
    return "for an unknown reason";
  }
}
