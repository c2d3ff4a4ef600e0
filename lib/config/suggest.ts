/** What somebody may have meant. */

import { closestMatch } from "leven";
import { optionRows } from "./describe.ts";

/** Words of the flags, and of neighbouring programs, and the options that do the same here. */
const NEIGHBOURS: Readonly<Record<string, string>> = {
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

/** The candidate that is spelled most like `word`, or null if none is near. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const plain = new Map(candidates.map((candidate) => [simplified(candidate), candidate]));
  const maxDistance = Math.max(1, Math.floor(word.length / 3));
  const match = closestMatch(simplified(word), [...plain.keys()], { maxDistance });
  return match === undefined ? null : plain.get(match) ?? null;
}

/**
 * What may have been meant by an unknown key: a key of the same object, an
 * option that stands elsewhere, or what a neighbouring program calls so.
 *
 * @param parent Path of the object that holds it, as in `OptionRow`, with `[]` for every index.
 * @returns A key of the object, or the path of an option.
 */
export function suggestKey(key: string, parent: string): string | null {
  const paths = optionRows().map((row) => row.path);
  const home = parent.replace(/^defaults\b/, "tasks[]");
  const siblings = paths.filter((path) => parentOf(path) === home).map(nameOf);
  const sibling = nearest(key, siblings);
  if (sibling !== null) return sibling;

  const word = simplified(key);
  const neighbour = Object.hasOwn(NEIGHBOURS, word) ? NEIGHBOURS[word] : undefined;
  const found = paths.filter((path) =>
    simplified(nameOf(path)) === word || path.replace(/^tasks\[\]\./, "") === neighbour
  );
  const here = home === "" ? "" : `${home}.`;
  const nearby = found.find((path) => path.startsWith(here)) ?? found[0];
  if (nearby === undefined) return null;
  return nearby.startsWith(here) && here !== "" ? nearby.slice(here.length) : forAllTasks(nearby);
}

/** Where an option of tasks stands for all of them; a few are for one task only. */
function forAllTasks(path: string): string {
  return path.replace(/^tasks\[\]\.(?!(?:id|url|mirrors|to)$)/, "defaults.");
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
