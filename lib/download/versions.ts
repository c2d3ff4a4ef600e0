/** Older versions of a file: kept beside the newest, named by the time they were published. */

import type { Store } from "../store/store.ts";

/** `name.20260115T060000123Z.ext`: the time in UTC, to the millisecond, before the extension. */
const VERSION = /^(.*)\.(\d{8}T\d{9}Z)(\.[^./]*)?$/s;

/**
 * Name of an older version of a file.
 *
 * @param key Of the file.
 * @param publishedMs When that version was published, milliseconds since the epoch.
 */
export function versionKey(key: string, publishedMs: number): string {
  const time = new Date(publishedMs).toISOString().replace(/[-:.]/g, "");
  const nameStart = key.lastIndexOf("/") + 1;
  const dot = key.lastIndexOf(".");
  const stemEnd = dot > nameStart ? dot : key.length;
  return `${key.slice(0, stemEnd)}.${time}${key.slice(stemEnd)}`;
}

/** The file that a key names a version of, or null if it does not look like one. */
export function versionedKey(key: string): string | null {
  const found = VERSION.exec(key);
  return found ? `${found[1]}${found[3] ?? ""}` : null;
}

/** The versions in a store, as far as a run deals with them. */
export interface Versions {
  /** Puts what is published under `key` aside as a version; it stays published, too. */
  add(key: string): Promise<void>;
  /** Removes all versions of `key` but the newest `count`. */
  prune(key: string, count: number): Promise<void>;
}

/** Looks at each folder once a run, and only at those in which versions are kept. */
export function createVersions(store: Store): Versions {
  /** Versions by the key they belong to, by folder. */
  const folders = new Map<string, Promise<Map<string, Set<string>>>>();

  const read = async (folder: string): Promise<Map<string, Set<string>>> => {
    const found = new Map<string, Set<string>>();
    for await (const { key } of store.list(folder)) {
      const owner = versionedKey(key);
      if (owner === null) continue;
      const versions = found.get(owner);
      if (versions) versions.add(key);
      else found.set(owner, new Set([key]));
    }
    return found;
  };

  const versionsOf = async (key: string): Promise<Set<string>> => {
    const folder = key.slice(0, Math.max(0, key.lastIndexOf("/")));
    let reading = folders.get(folder);
    if (!reading) {
      reading = read(folder);
      folders.set(folder, reading);
    }
    const known = await reading;
    const versions = known.get(key) ?? new Set<string>();
    known.set(key, versions);
    return versions;
  };

  return {
    add: async (key) => {
      const versions = await versionsOf(key);
      // A survey may know the time to the second only, and two versions in one second are two.
      const published = await store.stat(key);
      if (published === null) return;
      const version = versionKey(key, published.modifiedMs);
      await store.copy(key, version);
      versions.add(version);
    },
    prune: async (key, count) => {
      const versions = await versionsOf(key);
      // Names of one file sort by their times.
      const surplus = [...versions].sort().slice(0, Math.max(0, versions.size - count));
      for (const version of surplus) {
        await store.remove(version);
        versions.delete(version);
      }
    },
  };
}
