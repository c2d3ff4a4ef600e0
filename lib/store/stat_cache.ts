/** Looks at many keys by few lists: for stores where each look is a request. */

import { CronfetchError } from "../core/errors.ts";
import type { ListedFile, StatCache, StoredFile } from "./store.ts";

/** Files in a row that nobody wants, after which a list is begun anew further on. */
const UNWANTED_IN_A_ROW = 1_000;

/** How to look. */
export interface StatCacheCalls {
  /** Files below a prefix, after a key, in the order of code points. */
  readonly list: (prefix: string, after: string) => AsyncIterable<ListedFile>;
  /** One look, for a key that nobody foresaw. */
  readonly stat: (key: string) => Promise<StoredFile | null>;
}

/**
 * A survey by lists, which begins with the first look. A list is read as long as
 * it keeps coming to wanted keys, and is begun anew before the next wanted one
 * where others lie thick in between; so it never takes more requests than about
 * two a key, and mostly one a thousand.
 */
export function listingStatCache(
  keys: Iterable<string>,
  { list, stat }: StatCacheCalls,
  signal: AbortSignal,
): StatCache {
  const foreseen = new Set(keys);
  const all = [...foreseen].sort(byCodePoints);
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
    const wanted = all.filter((key) => !found.has(key));
    const prefix = sharedFolder(wanted);
    let next = 0;
    /** Ends the wanted keys before `key`: they are not there. */
    const passBy = (key: string) => {
      for (; next < wanted.length; next++) {
        const want = wanted[next] as string;
        if (byCodePoints(want, key) >= 0) return;
        settle(want, null);
      }
    };
    while (next < wanted.length) {
      signal.throwIfAborted();
      let unwanted = 0;
      let isOver = true;
      for await (const { key, ...file } of list(prefix, justBefore(wanted[next] as string))) {
        signal.throwIfAborted();
        passBy(key);
        if (wanted[next] === key) {
          settle(key, file);
          next++;
          unwanted = 0;
        } else {
          unwanted++;
        }
        if (next === wanted.length) return;
        if (unwanted < UNWANTED_IN_A_ROW) continue;
        if (byCodePoints(key, justBefore(wanted[next] as string)) < 0) {
          isOver = false;
          break;
        }
      }
      if (isOver) break;
    }
    for (; next < wanted.length; next++) settle(wanted[next] as string, null);
  };

  const scanAndTell = async () => {
    try {
      await scan();
    } catch (error) {
      // Whoever looks after that begins another list, unless it would be told the same.
      if (error instanceof CronfetchError && error.retry === "never") failure = error;
      scanning = null;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    }
  };

  const look = (key: string): Promise<StoredFile | null> => {
    if (!foreseen.has(key)) return stat(key);
    if (failure) return Promise.reject(failure);
    const known = found.get(key);
    if (known !== undefined) return Promise.resolve(known);
    const wait = waiting.get(key) ?? Promise.withResolvers<StoredFile | null>();
    waiting.set(key, wait);
    scanning ??= scanAndTell();
    return wait.promise;
  };

  return {
    get: look,
    ready: async () => {
      const [first] = all;
      if (first !== undefined) await look(first);
    },
  };
}

/** The order in which UTF-8 sorts; that of `<` differs beyond the basic plane. */
export function byCodePoints(one: string, other: string): number {
  if (one === other) return 0;
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index++) {
    if (one.charCodeAt(index) === other.charCodeAt(index)) continue;
    // The halves of a pair sort by the pair: a differing second half has equal first halves.
    return sortValue(one.charCodeAt(index)) - sortValue(other.charCodeAt(index));
  }
  return one.length - other.length;
}

/** Surrogates stand for what lies beyond every other unit. */
function sortValue(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** A text before `key`, and hardly anything between the two: all of it but its last character. */
function justBefore(key: string): string {
  return [...key].slice(0, -1).join("");
}

/** The deepest folder that holds all keys; `""` for the root. */
function sharedFolder(sorted: readonly string[]): string {
  // In a sorted list, what the first and the last share is shared by all.
  const first = (sorted[0] ?? "").split("/").slice(0, -1);
  const last = (sorted.at(-1) ?? "").split("/").slice(0, -1);
  const shared = first.findIndex((segment, index) => segment !== last[index]);
  return (shared === -1 ? first : first.slice(0, shared)).join("/");
}
