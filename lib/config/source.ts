/** Where a config comes from: one file, standard input, or the arguments. */

import { type Place, type Problem, show } from "./problem.ts";

/** Containers within each other, the config itself included. The schema needs 6. */
export const DEEPEST = 64;

/** The mistake of a text or a value with more than {@linkcode DEEPEST} containers. */
export const TOO_DEEP = `is nested deeper than ${DEEPEST} levels`;

/** The mistake of an object that has one key twice. */
export function duplicateKey(key: string): string {
  return `the key ${show(key)} is given twice`;
}

/** A position in a text: offset of a UTF-16 unit, from 0. */
export interface Mistake {
  /** Where in the text. */
  readonly offset: number;
  /** What is wrong there. */
  readonly message: string;
}

/** Finds where in a text something stands. */
export type Locate = (path: readonly PropertyKey[], part: "key" | "value") => number | null;

/** A text as a format understands it. */
export interface Document {
  /** What it says; of no use if there are mistakes. */
  readonly value: unknown;
  /** What is wrong with its syntax. */
  readonly mistakes: readonly Mistake[];
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
  /** Where a path stands in it; see {@linkcode Document.locate}. */
  place(path: readonly PropertyKey[], part: "key" | "value"): Place;
}

/** A source, or the mistakes in its syntax. */
export type Reading =
  | { readonly source: Source; readonly problems: readonly [] }
  | { readonly source: null; readonly problems: readonly Problem[] };

/** Makes a function that turns an offset in a text into a line and a column, both from 1. */
export function lineFinder(text: string): (offset: number) => { line: number; column: number } {
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
