/**
 * The last good list, as the state keeps it: a head that names the present parts, and parts of many
 * items each. A new list is written as new parts before the head changes, so that a process that is
 * killed in between leaves the old list.
 */

import { CronfetchError } from "../core/errors.ts";
import type { ListItem } from "../core/list.ts";
import type { ItemBody, State } from "../state/state.ts";

/** An item of the last good list, or one that has disappeared from it. */
export interface KnownItem extends ListItem {
  /** When a list first had it, RFC 3339 in UTC. */
  readonly firstSeen: string;
  /** When a list first lacked it, RFC 3339 in UTC; null while the list has it. */
  readonly goneSince: string | null;
}

/** The last good list. */
export interface ListSnapshot {
  /** Identifies how the document was read: another rule requires the document again. */
  readonly rule: string;
  /** Digest of the first document, lower-case hexadecimal: that of the list's record. */
  readonly sha256: string;
  /** Number of documents. */
  readonly pages: number;
  /** URL of the document after redirects, without credentials. */
  readonly url: string;
  /** When it was last read again, RFC 3339 in UTC. */
  readonly changedAt: string;
  /** Items that the list has, in its order, and then those that have disappeared. */
  readonly items: readonly KnownItem[];
}

/** Id of the entry that names the parts. */
const HEAD = "";

/** Bytes of JSON in a part; an entry of the state holds 61,440. */
const PART_BYTES = 40_000;

/** The entry that names the parts. */
interface Head extends Omit<ListSnapshot, "items"> {
  /** The ids of the parts begin with it. */
  readonly generation: number;
  readonly parts: number;
  /** Items that the list has, and those that have disappeared. */
  readonly count: number;
  readonly gone: number;
}

/** What the head says of a list, without its items. */
export type ListFacts = Head;

/** The facts of the last good list; null without one. */
export function listFacts(entries: ReadonlyMap<string, ItemBody> | undefined): ListFacts | null {
  const head = entries?.get(HEAD);
  return head === undefined ? null : head as unknown as Head;
}

/**
 * Reads the last good list from its entries.
 *
 * @returns Null without one.
 * @throws {CronfetchError} `state.unreadable`: a part is missing. Another process may just have
 * replaced it.
 */
export function readSnapshot(
  entries: ReadonlyMap<string, ItemBody> | undefined,
): ListSnapshot | null {
  const head = listFacts(entries);
  if (head === null) return null;
  const { generation, parts, count: _, gone: __, ...facts } = head;
  const items: KnownItem[] = [];
  for (let part = 0; part < parts; part++) {
    const body = entries?.get(partId(generation, part));
    if (body === undefined) {
      throw new CronfetchError(
        "state.unreadable",
        `reading the items of a list: part ${part} is missing`,
      );
    }
    for (const stored of body.items as readonly StoredItem[]) items.push(itemOf(stored));
  }
  return { ...facts, items };
}

/**
 * Saves a list in place of the last one. The caller flushes the state afterwards, and then saves the
 * record of the list.
 *
 * @param entries The present entries of the list.
 * @returns The facts of the saved list.
 * @throws {CronfetchError} Codes of `State.flush`.
 */
export async function saveSnapshot(
  owner: string,
  snapshot: ListSnapshot,
  entries: ReadonlyMap<string, ItemBody> | undefined,
  state: Pick<State, "saveItem" | "flush">,
): Promise<ListFacts> {
  const { items, ...facts } = snapshot;
  const last = listFacts(entries);
  const generation = (last?.generation ?? 0) + 1;
  const parts = partsOf(items);
  const ids = parts.map((_, index) => partId(generation, index));
  for (const [index, part] of parts.entries()) {
    state.saveItem(owner, partId(generation, index), { items: part });
  }
  await state.flush();
  const gone = items.filter(({ goneSince }) => goneSince !== null).length;
  const head: Head = {
    ...facts,
    generation,
    parts: parts.length,
    count: items.length - gone,
    gone,
  };
  state.saveItem(owner, HEAD, { ...head });
  await state.flush();
  const kept = new Set([HEAD, ...ids]);
  for (const id of entries?.keys() ?? []) if (!kept.has(id)) state.saveItem(owner, id, null);
  return head;
}

function partId(generation: number, part: number): string {
  return `${generation}.${part}`;
}

/** An item in the state, without the fields that have their default. */
interface StoredItem extends Partial<Omit<KnownItem, "url" | "name" | "firstSeen">> {
  readonly url: string;
  readonly name: string;
  readonly firstSeen: string;
}

function storedOf(item: KnownItem): StoredItem {
  const { url, name, firstSeen, id, sizeBytes, digests, date, fields, goneSince } = item;
  return {
    ...{ url, name, firstSeen },
    ...(id !== null && { id }),
    ...(sizeBytes !== null && { sizeBytes }),
    ...(Object.keys(digests).length > 0 && { digests }),
    ...(date !== null && { date }),
    ...(Object.keys(fields).length > 0 && { fields }),
    ...(goneSince !== null && { goneSince }),
  };
}

function itemOf(stored: StoredItem): KnownItem {
  return {
    url: stored.url,
    name: stored.name,
    id: stored.id ?? null,
    sizeBytes: stored.sizeBytes ?? null,
    digests: stored.digests ?? NONE,
    date: stored.date ?? null,
    fields: stored.fields ?? NONE,
    firstSeen: stored.firstSeen,
    goneSince: stored.goneSince ?? null,
  };
}

/** Shared by the items without digests or fields. */
const NONE: Readonly<Record<string, string>> = Object.freeze({});

/** Splits items into parts that fit into an entry. */
function partsOf(items: readonly KnownItem[]): StoredItem[][] {
  const parts: StoredItem[][] = [];
  let sizeBytes = Infinity;
  for (const item of items) {
    const stored = storedOf(item);
    // A character is at most three bytes of UTF-8, or six of an escape.
    const bytes = JSON.stringify(stored).length * 1.5;
    if (sizeBytes + bytes > PART_BYTES) {
      parts.push([]);
      sizeBytes = 0;
    }
    parts.at(-1)?.push(stored);
    sizeBytes += bytes;
  }
  return parts;
}
