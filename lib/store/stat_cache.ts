/** Reads the metadata of many files by a few lists, for stores where `stat` is a request. */

import { CronfetchError } from "../core/errors.ts";
import type { ListedFile, StatCache, StoredFile } from "./store.ts";

/** Unrequested files in a row after which listing restarts at the next requested key. */
const MAX_UNREQUESTED = 1_000;

/** The requests of a {@linkcode listingStatCache}. */
export interface StatCacheCalls {
  /** Lists files below a prefix and after a key, in the order of code points. */
  readonly list: (prefix: string, after: string) => AsyncIterable<ListedFile>;
  /** Requests one file, for a key that was not announced. */
  readonly stat: (key: string) => Promise<StoredFile | null>;
}

/**
 * A cache that lists the files of `keys` on the first `get`. If many other files are between two
 * keys, the list is restarted shortly before the second, so that it takes two requests per key at
 * most, and usually one per thousand keys.
 *
 * @param signal Aborts listing.
 */
export function listingStatCache(
  keys: Iterable<string>,
  { list, stat }: StatCacheCalls,
  signal: AbortSignal,
): StatCache {
  const announced = new Set(keys);
  const all = [...announced].sort(byCodePoints);
  const found = new Map<string, StoredFile | null>();
  const waiting = new Map<string, PromiseWithResolvers<StoredFile | null>>();
  let scanning: Promise<void> | null = null;
  let failure: CronfetchError | null = null;

  const settle = (key: string, file: StoredFile | null) => {
    found.set(key, file);
    waiting.get(key)?.resolve(file);
    waiting.delete(key);
  };

  const scan = async () => {
    const requested = all.filter((key) => !found.has(key));
    const prefix = sharedFolder(requested);
    let next = 0;
    /** Settles the keys before `before`: their files do not exist. */
    const settleMissing = (before: string) => {
      for (; next < requested.length; next++) {
        const key = requested[next] as string;
        if (byCodePoints(key, before) >= 0) return;
        settle(key, null);
      }
    };
    while (next < requested.length) {
      signal.throwIfAborted();
      let skipped = 0;
      let isOver = true;
      for await (const { key, ...file } of list(prefix, justBefore(requested[next] as string))) {
        signal.throwIfAborted();
        settleMissing(key);
        if (requested[next] === key) {
          settle(key, file);
          next++;
          skipped = 0;
        } else {
          skipped++;
        }
        if (next === requested.length) return;
        if (skipped < MAX_UNREQUESTED) continue;
        if (byCodePoints(key, justBefore(requested[next] as string)) < 0) {
          isOver = false;
          break;
        }
      }
      if (isOver) break;
    }
    for (; next < requested.length; next++) settle(requested[next] as string, null);
  };

  const scanOnce = async () => {
    try {
      await scan();
    } catch (error) {
      // A later `get` lists again, unless that would fail in the same way.
      if (error instanceof CronfetchError && error.retry === "never") failure = error;
      scanning = null;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    }
  };

  /** Lists of some servers have no revisions. */
  const withRevision = (key: string, file: StoredFile | null): Promise<StoredFile | null> =>
    file?.revision === "" ? stat(key) : Promise.resolve(file);

  const get = (key: string): Promise<StoredFile | null> => {
    if (!announced.has(key)) return stat(key);
    if (failure) return Promise.reject(failure);
    const known = found.get(key);
    if (known !== undefined) return withRevision(key, known);
    const wait = waiting.get(key) ?? Promise.withResolvers<StoredFile | null>();
    waiting.set(key, wait);
    scanning ??= scanOnce();
    return wait.promise.then((file) => withRevision(key, file));
  };

  return {
    get,
    ready: async () => {
      const [first] = all;
      if (first !== undefined) await get(first);
    },
  };
}

/** Compares in the order of UTF-8, from which `<` differs outside the basic plane. */
export function byCodePoints(one: string, other: string): number {
  if (one === other) return 0;
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index++) {
    if (one.charCodeAt(index) === other.charCodeAt(index)) continue;
    // If the second halves of two surrogate pairs differ, the first halves are equal.
    return sortValue(one.charCodeAt(index)) - sortValue(other.charCodeAt(index));
  }
  return one.length - other.length;
}

/** Sorts surrogates, which encode the highest code points, behind all other units. */
function sortValue(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** A text that sorts shortly before `key`: the key without its last character. */
function justBefore(key: string): string {
  return [...key].slice(0, -1).join("");
}

/** The deepest folder that contains all keys; `""` for the root. */
function sharedFolder(sorted: readonly string[]): string {
  // In a sorted list, all keys share what the first and the last share.
  const first = (sorted[0] ?? "").split("/").slice(0, -1);
  const last = (sorted.at(-1) ?? "").split("/").slice(0, -1);
  const shared = first.findIndex((segment, index) => segment !== last[index]);
  return (shared === -1 ? first : first.slice(0, shared)).join("/");
}
