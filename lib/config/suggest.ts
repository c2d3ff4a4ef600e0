/** Suggestions for misspelled keys and values. */

import leven from "leven";
import type { core } from "zod/mini";
import { configSchema } from "./schema/schema.ts";

/** Keys of other programs and names of flags, with the corresponding option. */
const SYNONYMS: Readonly<Record<string, string>> = {
  atom: "feed",
  authorization: "auth",
  basicauth: "basic",
  bearertoken: "bearer",
  ca: "hosts.*.caFile",
  cacert: "hosts.*.caFile",
  cacertificate: "hosts.*.caFile",
  cert: "hosts.*.certFile",
  certificate: "hosts.*.certFile",
  content: "body",
  data: "body",
  checksum: "expect.sha256",
  credentials: "auth",
  connecttimeout: "timeout.connect",
  contenttype: "expect.type",
  clientcert: "hosts.*.certFile",
  clientkey: "hosts.*.keyFile",
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
  html: "page",
  httpmethod: "method",
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
  pass: "password",
  path: "to",
  payload: "body",
  postdata: "body",
  privatekey: "hosts.*.keyFile",
  proxyurl: "hosts.*.proxy",
  regex: "links",
  request: "method",
  requestbody: "body",
  retries: "retry.attempts",
  rss: "feed",
  target: "to",
  token: "bearer",
  tokenendpoint: "tokenUrl",
  timeoutms: "timeout",
  timeoutseconds: "timeout",
  tz: "timezone",
  uri: "url",
  urls: "tasks",
  username: "user",
  verb: "method",
  versions: "keep",
};

/**
 * Edit distance of two texts.
 *
 * @returns At most `maxDistance`, which then means at least this distance.
 */
export type Distance = (
  a: string,
  b: string,
  options: { readonly maxDistance: number },
) => number;

/** Returns the candidate nearest to a word, or null if none is near. */
export type Nearest = (word: string, candidates: readonly string[]) => string | null;

/** Suggests keys and values for one config. */
export interface Suggester {
  /** See {@linkcode nearest}. */
  readonly nearest: Nearest;
  /** See {@linkcode suggestKey}. */
  readonly key: (key: string, parent: string) => string | null;
}

/** Maximum number of searches per config, which bounds their time. */
const MAX_SEARCHES = 100;

/** Creates a suggester that returns null after {@linkcode MAX_SEARCHES} searches. */
export function createSuggester(distance: Distance = leven): Suggester {
  let searches = 0;
  const bounded = <Args extends unknown[]>(search: (...args: Args) => string | null) => {
    return (...args: Args) => searches++ < MAX_SEARCHES ? search(...args) : null;
  };
  return {
    nearest: bounded((word: string, candidates: readonly string[]) =>
      nearest(word, candidates, distance)
    ),
    key: bounded((key: string, parent: string) => suggestKey(key, parent, distance)),
  };
}

/** Maximum length of a word in UTF-16 units; a longer one is not a misspelling of an option. */
const MAX_WORD_LENGTH = 100;

/** Returns the candidate whose spelling is nearest to `word`, or null if none is near. */
export function nearest(
  word: string,
  candidates: readonly string[],
  distance: Distance = leven,
): string | null {
  if (word.length > MAX_WORD_LENGTH) return null;
  const plain = simplified(word);
  let best = Math.max(1, Math.floor(word.length / 3)) + 1;
  let match: string | null = null;
  for (const candidate of candidates) {
    if (candidate.length > MAX_WORD_LENGTH) continue;
    const other = simplified(candidate);
    // A distance is at least the difference in length.
    if (Math.abs(other.length - plain.length) >= best) continue;
    // Two neighbours in the wrong order are one mistake, although two edits.
    const found = isTransposed(plain, other) ? 1 : distance(plain, other, { maxDistance: best });
    if (found >= best) continue;
    best = found;
    match = candidate;
  }
  return match;
}

/** Whether two texts differ in the order of two neighbours. */
function isTransposed(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return at + 1 < one.length && one[at] === other[at + 1] && one[at + 1] === other[at] &&
    one.slice(at + 2) === other.slice(at + 2);
}

/**
 * Suggests an option for an unknown key: a key of the same object, an option of another object, or
 * the option that corresponds to a key of another program.
 *
 * @param parent Path of the object, as in `OptionRow`, with `[]` for every index.
 * @returns A key of the object, or the path of an option; null without a suggestion.
 */
export function suggestKey(
  key: string,
  parent: string,
  distance: Distance = leven,
): string | null {
  if (key.length > MAX_WORD_LENGTH) return null;
  const paths = optionPaths();
  const home = parent.replace(/^defaults\b/, "tasks[]");
  const here = home === "" ? "" : `${home}.`;
  const word = simplified(key);
  const synonym = Object.hasOwn(SYNONYMS, word) ? SYNONYMS[word] : undefined;
  if (synonym !== undefined && paths.includes(`${here}${synonym}`)) return synonym;
  const siblings = paths.filter((path) => parentOf(path) === home).map(nameOf);
  const sibling = nearest(key, siblings, distance);
  if (sibling !== null) return sibling;

  const found = paths.filter((path) =>
    simplified(nameOf(path)) === word || path.replace(/^tasks\[\]\./, "") === synonym
  );
  // An option of a list has the name of one of the task, which is more often meant.
  const likely = here.startsWith(LIST) ? found : found.filter((path) => !path.startsWith(LIST));
  const option = likely.find((path) => path.startsWith(here)) ?? likely[0] ?? found[0];
  if (option === undefined) return null;
  return option.startsWith(here) && here !== "" ? option.slice(here.length) : forAllTasks(option);
}

/** Returns the path of every option of a config, as in `OptionRow`, in the order of the schema. */
export function optionPaths(): readonly string[] {
  return paths ??= pathsBelow(configSchema, "");
}

/** Cached, because every unknown key is compared with them. */
let paths: readonly string[] | undefined;

function pathsBelow(schema: core.$ZodType, prefix: string): string[] {
  return Object.entries(objectIn(schema)?.shape ?? {}).flatMap(([name, part]) => {
    const path = prefix + name;
    // The options in `defaults` are those of a task.
    return path === "defaults" ? [path] : [path, ...pathsBelow(part, path + separatorOf(part))];
  });
}

/** What a path has between an option and the options in it. */
function separatorOf(schema: core.$ZodType): string {
  const { def } = (schema as core.$ZodTypes)._zod;
  if (def.type === "optional" || def.type === "nullable") return separatorOf(def.innerType);
  return def.type === "array" ? "[]." : def.type === "record" ? ".*." : ".";
}

/** The first object that a schema is, contains or has as an alternative; null without one. */
function objectIn(schema: core.$ZodType): core.$ZodObjectDef | null {
  const { def } = (schema as core.$ZodTypes)._zod;
  if (def.type === "object") return def;
  if (def.type === "optional" || def.type === "nullable") return objectIn(def.innerType);
  if (def.type === "array") return objectIn(def.element);
  if (def.type === "record") return objectIn(def.valueType);
  return def.type === "union"
    ? def.options.map(objectIn).find((found) => found !== null) ?? null
    : null;
}

/** The options of the document of a list. */
const LIST = "tasks[].from.";

/** Path in `defaults` of a task option, except of those that only a task may have. */
function forAllTasks(path: string): string {
  return path.replace(
    /^tasks\[\]\.(?!(?:id|url|mirrors|method|body|dates|from)(?:\.|$))/,
    "defaults.",
  );
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
