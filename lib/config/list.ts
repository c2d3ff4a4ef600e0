/** Plain lists of URLs. */

import type { Document } from "./source.ts";

/** Reads a list of URLs, one a line; blank lines and lines that begin with `#` are left out. */
export function readList(text: string): Document {
  const tasks: string[] = [];
  const offsets: number[] = [];
  let offset = 0;
  for (const line of text.split("\n")) {
    const url = line.trim();
    if (url !== "" && !url.startsWith("#")) {
      tasks.push(url);
      offsets.push(offset + line.indexOf(url));
    }
    offset += line.length + 1;
  }
  return {
    value: { tasks },
    mistakes: [],
    locate: ([, index]) => typeof index === "number" ? offsets[index] ?? null : null,
  };
}
