/** Suggestions for misspelled keys and values. */

import leven from "leven";
import { optionRows } from "./json_schema.ts";
import { quote } from "./problem.ts";

/** Keys of other programs, and names of flags, with the option that does the same here. */
const SYNONYMS: Readonly<Record<string, string>> = {
  auth: "headers",
  checksum: "expect.sha256",
  connecttimeout: "timeout.response",
  contenttype: "expect.type",
  cron: "schedule",
  dest: "to",
  destination: "to",
  dir: "store",
  directory: "store",
  downloads: "tasks",
  every: "schedule",
  file: "to",
  filename: "to",
  files: "tasks",
  folder: "store",
  hash: "expect.sha256",
  header: "headers",
  hostconcurrency: "limits.perHost",
  interval: "schedule",
  jobs: "tasks",
  limitrate: "limits.rate",
  maxbytes: "expect.maxSize",
  maxconcurrency: "limits.concurrency",
  maxfilesize: "expect.maxSize",
  maxretries: "retry.attempts",
  maxtime: "timeout.attempt",
  maxtimems: "timeout.attempt",
  minbytes: "expect.minSize",
  name: "id",
  out: "to",
  output: "to",
  outputdir: "store",
  parallel: "limits.concurrency",
  path: "to",
  retries: "retry.attempts",
  target: "to",
  timeoutms: "timeout",
  timeoutseconds: "timeout",
  tz: "timezone",
  uri: "url",
  urls: "tasks",
  versions: "keep",
};

/** A guess as the end of a sentence; empty without one. */
export function didYouMean(guess: string | null): string {
  return guess === null ? "" : `; did you mean ${quote(guess)}?`;
}

/**
 * Edit distance of two texts.
 *
 * @returns At most `maxDistance`, which then means this distance or a greater one.
 */
export type Distance = (
  a: string,
  b: string,
  options: { readonly maxDistance: number },
) => number;

/** Finds what was probably meant by a word. */
export type Nearest = (word: string, candidates: readonly string[]) => string | null;

/** Finds what was probably meant, in one config. */
export interface Suggester {
  /** The candidate whose spelling is closest to the word, or null if none is close. */
  readonly nearest: Nearest;
  /** See {@linkcode suggestKey}. */
  readonly key: (key: string, parent: string) => string | null;
}

/** Searches for one config: more than a person reads, and a bound on the time they take. */
const SEARCHES = 100;

/** Makes a suggester that searches {@linkcode SEARCHES} times, and then returns null. */
export function createSuggester(distance: Distance = leven): Suggester {
  let searches = 0;
  const bounded = <Args extends unknown[]>(search: (...args: Args) => string | null) => {
    return (...args: Args) => searches++ < SEARCHES ? search(...args) : null;
  };
  return {
    nearest: bounded((word: string, candidates: readonly string[]) =>
      nearest(word, candidates, distance)
    ),
    key: bounded((key: string, parent: string) => suggestKey(key, parent, distance)),
  };
}

/** Longer words than this, in UTF-16 units, are not misspellings of anything here. */
const LONGEST_WORD = 100;

/** The candidate whose spelling is closest to `word`, or null if none is close. */
export function nearest(
  word: string,
  candidates: readonly string[],
  distance: Distance = leven,
): string | null {
  if (word.length > LONGEST_WORD) return null;
  const plain = simplified(word);
  let best = Math.max(1, Math.floor(word.length / 3)) + 1;
  let match: string | null = null;
  for (const candidate of candidates) {
    if (candidate.length > LONGEST_WORD) continue;
    const other = simplified(candidate);
    // A distance is at least the difference in length.
    if (Math.abs(other.length - plain.length) >= best) continue;
    const found = distance(plain, other, { maxDistance: best });
    if (found >= best) continue;
    best = found;
    match = candidate;
  }
  return match;
}

/**
 * What was probably meant by an unknown key: a key of the same object, an option in another
 * object, or the option for a key of another program.
 *
 * @param parent Path of the object that has it, as in `OptionRow`, with `[]` for every index.
 * @returns A key of the object, or the path of an option.
 */
export function suggestKey(
  key: string,
  parent: string,
  distance: Distance = leven,
): string | null {
  if (key.length > LONGEST_WORD) return null;
  const paths = optionRows().map((row) => row.path);
  const home = parent.replace(/^defaults\b/, "tasks[]");
  const siblings = paths.filter((path) => parentOf(path) === home).map(nameOf);
  const sibling = nearest(key, siblings, distance);
  if (sibling !== null) return sibling;

  const word = simplified(key);
  const neighbour = Object.hasOwn(SYNONYMS, word) ? SYNONYMS[word] : undefined;
  const found = paths.filter((path) =>
    simplified(nameOf(path)) === word || path.replace(/^tasks\[\]\./, "") === neighbour
  );
  const here = home === "" ? "" : `${home}.`;
  const nearby = found.find((path) => path.startsWith(here)) ?? found[0];
  if (nearby === undefined) return null;
  return nearby.startsWith(here) && here !== "" ? nearby.slice(here.length) : forAllTasks(nearby);
}

/** Where an option of tasks is set for all of them; a few are for one task only. */
function forAllTasks(path: string): string {
  return path.replace(/^tasks\[\]\.(?!(?:id|url|mirrors)$)/, "defaults.");
}

function simplified(word: string): string {
  return word.toLowerCase().replaceAll(/[-_ ]/g, "");
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf(".")));
}
