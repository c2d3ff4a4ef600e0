/** Older versions of a file: kept beside the newest, named by the time they were published. */

import { versionedKey, versionKey } from "../core/key.ts";
import type { Store } from "../store/store.ts";

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
