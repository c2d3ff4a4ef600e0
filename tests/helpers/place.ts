/**
 * Where the files of a test are kept: in a folder or, where `CRONFETCH_TEST_STORE` names an S3
 * server (`versitygw` or `moto`), below a prefix of a bucket of its own. What is tested is the same.
 */

import type { Host } from "../../lib/core/host.ts";
import { folderPlace } from "./folder_place.ts";
import type { Tree } from "./folder.ts";

/** A place for the files of one test. Disposing of it removes what is in the file system. */
export interface Place extends AsyncDisposable {
  /** For the config's `store`. Nothing is there at first; a folder is not even made. */
  readonly location: string;
  /** What must be in the environment of a program that uses it. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path of `name` in a folder of the test, beside all files of the store. */
  beside(name: string): string;
  /** Puts a file there, or over what is there, as somebody else would. */
  write(key: string, content: string | Uint8Array<ArrayBuffer>): Promise<void>;
  /** Content of a file; null if there is none. */
  read(key: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Size of a file; null if there is none. */
  sizeBytes(key: string): Promise<number | null>;
  /** Removes a file. */
  remove(key: string): Promise<void>;
  /** Removes all that is there, the store's own names and pending uploads included. */
  clear(): Promise<void>;
  /** Writes what is there once more, so that it has another time and the same content. */
  touch(key: string): Promise<void>;
  /** What tells of a file whether it has been written or replaced since. */
  mark(key: string): Promise<string>;
  /**
   * Names of all files, and of what a store has there besides: files of names that no key can have,
   * and uploads that were begun and not ended, as `.cronfetch-upload/KEY/ID`. In a bucket, what is
   * not below the prefix has a slash in front.
   */
  names(): Promise<string[]>;
  /** The same with their content, in the order of their names; nothing of an upload is shown. */
  tree(): Promise<Tree>;
}

/** The kinds of places. */
const STORES = ["folder", "versitygw", "moto"] as const;

/** Where the files of all tests of this process are kept. */
export const STORE: typeof STORES[number] = asked(Deno.env.get("CRONFETCH_TEST_STORE") ?? "");

function asked(text: string): typeof STORES[number] {
  const store = STORES.find((one) => one === (text || "folder"));
  if (store === undefined) {
    throw new Error(`CRONFETCH_TEST_STORE is one of ${STORES.join(", ")}, not "${text}"`);
  }
  return store;
}

// The client of buckets takes longer to load than most tests to run.
const buckets = STORE === "folder" ? null : (await import("./bucket_place.ts")).buckets(STORE);

/** Makes a place that is empty. */
export function place(): Promise<Place> {
  return buckets === null ? folderPlace() : buckets.place();
}

/** A host with what the use of a place needs in its environment. */
export function hostAt<Given extends Pick<Host, "env">>(place: Place, host: Given): Given {
  return { ...host, env: (name: string) => place.env[name] ?? host.env(name) };
}

/** Keys asked about at once. */
const AT_ONCE = 40;

/** Asks about many keys, some at a time, and gives the answers in their order. */
export async function askAbout<Answer>(
  keys: readonly string[],
  ask: (key: string) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let start = 0; start < keys.length; start += AT_ONCE) {
    answers.push(...await Promise.all(keys.slice(start, start + AT_ONCE).map(ask)));
  }
  return answers;
}

/** A test's name, its body, and whether it is left out for a reason of its own. */
type Test = readonly [
  name: string,
  body: (t: Deno.TestContext) => Promise<void>,
  options?: { readonly ignore: boolean },
];

/**
 * A test of what holds in every place. Where the server that is asked for is missing it is left
 * out; in CI it fails.
 */
export function storeTest(...[name, body, { ignore } = { ignore: false }]: Test): void {
  if (buckets === null) Deno.test({ name, ignore }, body);
  else Deno.test({ name: `${buckets.name}: ${name}`, ignore: ignore || buckets.ignore }, body);
}

/** A test of what only a folder has. It is left out where a bucket is asked for. */
export function folderTest(...[name, body]: Test): void {
  const ignore = STORE !== "folder";
  Deno.test({ name: `${name}${ignore ? " (of folders alone)" : ""}`, ignore }, body);
}
