/**
 * Collections beside the records. Each maps an owner, which is a task's id or a
 * run's, and an entry's id to a small JSON object. Pure.
 *
 * Only `members` is used by this version. The others have their place in the
 * format already, so that users migrate once; what a later version writes into
 * them is kept as it is.
 */

import type { FamilyMember } from "./state.ts";

/**
 * The collections, in the order in which a file holds them: files of a task's
 * family by key; items of a list by their ids; results of a run by task;
 * deliveries of hooks that are under way, by task and delivery.
 */
export const COLLECTIONS = ["members", "items", "results", "outbox"] as const;

/** The name of a collection. */
export type Collection = typeof COLLECTIONS[number];

/** The body of an entry. As JSON it takes at most 61,440 bytes. */
export type Body = Readonly<Record<string, unknown>>;

/** A family member without its key, which is the entry's id. */
export type MemberBody = Omit<FamilyMember, "key">;

/** The entries of one owner, by id. */
export type Owned<B> = Map<string, B>;

/** Entries of several collections. A body of null, among changes, removes the entry. */
export type Entries<B = Body | null> = Map<Collection, Map<string, Owned<B>>>;

/** Read-only {@linkcode Entries}. */
export type ReadonlyEntries<B = Body | null> = ReadonlyMap<
  Collection,
  ReadonlyMap<string, ReadonlyMap<string, B>>
>;

/** Sets an entry, in place of one of the same id. */
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

/** Removes an entry, and an owner or a collection that is empty afterwards. */
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

/** Adds later changes to earlier ones; of the same entry the later ones count. */
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

/** The entries of those of `owners` that have one. */
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
