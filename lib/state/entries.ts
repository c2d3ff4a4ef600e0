/**
 * Collections beside the records. Each maps an owner (the id of a task or a run) and an entry's id to a
 * small JSON object. Pure.
 *
 * This version uses `members` and `results`. The others are part of the format already, so that users
 * migrate once; entries of a later version are preserved.
 */

import type { RunTaskResult } from "./run_record.ts";
import type { FamilyMember } from "./state.ts";

/**
 * The collections, in the order of a file: members of a task's family by key; items of a list by id;
 * results of a run by task; pending deliveries of hooks by task and delivery.
 */
export const COLLECTIONS = ["members", "items", "results", "outbox"] as const;

/** The name of a collection. */
export type Collection = typeof COLLECTIONS[number];

/** The body of an entry: JSON of at most 61,440 bytes. */
export type Body = Readonly<Record<string, unknown>>;

/** A family member without its key, which is the entry's id. */
export type MemberBody = Omit<FamilyMember, "key">;

/** A result of a run without its task, which is the entry's id. */
export type ResultBody = Omit<RunTaskResult, "task">;

/** The entries of one owner, by id. */
export type Owned<B> = Map<string, B>;

/** Entries of several collections. Among changes, a null body removes the entry. */
export type Entries<B = Body | null> = Map<Collection, Map<string, Owned<B>>>;

/** Read-only {@linkcode Entries}. */
export type ReadonlyEntries<B = Body | null> = ReadonlyMap<
  Collection,
  ReadonlyMap<string, ReadonlyMap<string, B>>
>;

/** Sets an entry, replacing one with the same id. */
export function setEntry<B>(
  entries: Entries<B>,
  collection: Collection,
  owner: string,
  id: string,
  body: B,
): void {
  entries.getOrInsertComputed(collection, () => new Map())
    .getOrInsertComputed(owner, () => new Map())
    .set(id, body);
}

/** Removes an entry, and its owner and collection if they become empty. */
export function removeEntry(
  entries: Entries<Body>,
  collection: Collection,
  owner: string,
  id: string,
): void {
  const owners = entries.get(collection);
  const owned = owners?.get(owner);
  if (!owners || !owned?.delete(id) || owned.size > 0) return;
  owners.delete(owner);
  if (owners.size === 0) entries.delete(collection);
}

/** Every entry of all collections. */
export function* eachEntry<B>(
  entries: ReadonlyEntries<B>,
): Generator<readonly [collection: Collection, owner: string, id: string, body: B]> {
  for (const [collection, owners] of entries) {
    for (const [owner, owned] of owners) {
      for (const [id, body] of owned) yield [collection, owner, id, body];
    }
  }
}

/** Adds later changes to earlier ones; the later one of two for the same entry wins. */
export function addEntries(entries: Entries, later: ReadonlyEntries): void {
  for (const [collection, owner, id, body] of eachEntry(later)) {
    setEntry(entries, collection, owner, id, body);
  }
}

/** Applies changes to entries. */
export function applyEntries(entries: Entries<Body>, changes: ReadonlyEntries): void {
  for (const [collection, owner, id, body] of eachEntry(changes)) {
    if (body === null) removeEntry(entries, collection, owner, id);
    else setEntry(entries, collection, owner, id, body);
  }
}

/** The existing entries of some owners. */
export function chosenEntries(
  entries: ReadonlyEntries<Body>,
  collection: Collection,
  owners: ReadonlySet<string>,
): Map<string, Owned<Body>> {
  const chosen = new Map<string, Owned<Body>>();
  const all = entries.get(collection);
  for (const owner of all ? owners : []) {
    const owned = all?.get(owner);
    if (owned) chosen.set(owner, new Map(owned));
  }
  return chosen;
}
