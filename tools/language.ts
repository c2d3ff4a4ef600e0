/** Counts phrases that obscure who does what, which this project's prose avoids. */

import { proseOf } from "./source.ts";

/** The phrases by name; each has a plain replacement, such as "reports" for "tells". */
export const PHRASES: Readonly<Record<string, RegExp>> = {
  "told": /\b(?:told|tells?)\b/gi,
  "nobody": /\b(?:nobody|somebody|whoever|anybody)\b/gi,
  "stands": /\bstands?\b(?!-in)/gi,
  "goes on": /\bgo(?:es)? on\b/gi,
  "anew": /\banew\b/gi,
  "heed": /\bheed\w*/gi,
  "but for": /\bbut for\b/gi,
};

/** The phrases in a set of files. */
export interface PhraseCount {
  /** Words of prose in all files. */
  readonly words: number;
  /** Each occurrence as `PATH:LINE`, by phrase. */
  readonly found: Readonly<Record<string, readonly string[]>>;
}

/**
 * Counts the phrases in comments, strings and JSX text of TypeScript files, and in the whole text of
 * other files.
 *
 * @param files Texts by path.
 */
export function countPhrases(files: Readonly<Record<string, string>>): PhraseCount {
  const found: Record<string, string[]> = {};
  for (const name of Object.keys(PHRASES)) found[name] = [];
  let words = 0;
  for (const [path, text] of Object.entries(files)) {
    const isCode = /\.tsx?$/.test(path);
    const prose = isCode ? proseOf(text, path.endsWith("x")) : text;
    words += prose.match(/[A-Za-z']+/g)?.length ?? 0;
    // A phrase may continue on the next line of a comment or paragraph.
    const joined = prose.replace(/\n *(?:\*|\/\/|>)? */g, (gap) => " ".repeat(gap.length));
    for (const [name, phrase] of Object.entries(PHRASES)) {
      for (const { index } of joined.matchAll(spaced(phrase))) {
        found[name]?.push(`${path}:${text.slice(0, index).split("\n").length}`);
      }
    }
  }
  return { words, found };
}

/** A phrase with any number of spaces between its words. */
function spaced({ source, flags }: RegExp): RegExp {
  return new RegExp(source.replaceAll(" ", " +"), flags);
}
