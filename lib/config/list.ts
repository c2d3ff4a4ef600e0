/** Plain lists of URLs. */

import { SHOWN_LENGTH } from "./problem.ts";
import { question } from "./suggest.ts";
import type { Document, Mistake } from "./source.ts";

/**
 * Reads a list of URLs, one a line; blank lines and lines that begin with `#` are left out. A URL
 * has no blanks, and other programs read what follows one as an option or a second URL.
 */
export function readList(text: string): Document {
  const tasks: string[] = [];
  const offsets: number[] = [];
  const mistakes: Mistake[] = [];
  let offset = 0;
  for (const line of text.split("\n")) {
    const url = line.trim();
    if (url !== "" && !url.startsWith("#")) {
      tasks.push(url);
      const start = offset + line.indexOf(url);
      offsets.push(start);
      const blank = url.search(/\s/);
      if (blank >= 0) mistakes.push({ offset: start + blank, message: blankIn(url) });
    }
    offset += line.length + 1;
  }
  return {
    value: { tasks },
    mistakes,
    locate: ([, index]) => typeof index === "number" ? offsets[index] ?? null : null,
  };
}

function blankIn(url: string): string {
  const [, ...words] = url.split(/\s+/, 100);
  return words.some((word) => word.includes("://"))
    ? "a blank in a URL; write one URL a line"
    : `a blank in a URL; write %20${question(shortGuess(url.replaceAll(/\s/g, "%20")))}`;
}

/** A suggestion that would be shortened cannot be copied. */
function shortGuess(url: string): string | null {
  return url.length > SHOWN_LENGTH ? null : url;
}
