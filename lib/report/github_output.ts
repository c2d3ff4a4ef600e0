/** What a run tells the later steps of a GitHub Actions job: the text of `$GITHUB_OUTPUT`. */

import { type RunSummary, TASK_STATUSES } from "../core/result.ts";

/** Outputs are limited to 1 MB a job in UTF-16 (two bytes a unit); this leaves room for others. */
const LONGEST_LIST = 400_000;

/** Keys as a list in JSON, cut where it would be too long for an output. */
export interface KeyList {
  /** Adds a key. */
  add(key: string): void;
  /** The list in JSON. */
  json(): string;
  /** How many keys were left out. */
  omitted(): number;
}

/** An empty list. */
export function keyList(): KeyList {
  const listed: string[] = [];
  let length = 2;
  let omitted = 0;
  return {
    add: (key) => {
      const text = JSON.stringify(key);
      // A shorter key after one that was left out would make a list with a hole.
      if (omitted > 0 || length + text.length + 1 > LONGEST_LIST) omitted++;
      else {
        listed.push(text);
        length += text.length + 1;
      }
    },
    json: () => `[${listed.join(",")}]`,
    omitted: () => omitted,
  };
}

/** The outputs of a run, by name: the counts, the exit code, and the keys that changed. */
export function runOutputs(summary: RunSummary, changed: KeyList): Record<string, string> {
  const counts = TASK_STATUSES.map((status) => [status, `${summary.counts[status]}`] as const);
  return {
    ...Object.fromEntries(counts),
    "changed": changed.json(),
    "exit-code": `${summary.exitCode}`,
  };
}

/**
 * Outputs in the form for values of many lines, the only one in which a value
 * cannot begin another output.
 *
 * @param outputs Values by name.
 * @param delimiter A line that no value holds: nobody may be able to guess it.
 */
export function outputText(outputs: Readonly<Record<string, string>>, delimiter: string): string {
  return Object.entries(outputs)
    .map(([name, value]) => `${name}<<${delimiter}\n${value}\n${delimiter}\n`)
    .join("");
}
