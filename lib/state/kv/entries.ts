/** The collections beside the records in a `kv:` state: families, list items, results, deliveries. */

import {
  arrangeBody,
  type Body,
  type Collection,
  eachEntry,
  isBody,
  isStoredEntry,
  type Owned,
  type ReadonlyEntries,
  type StoredEntry,
} from "../entries.ts";
import { encode, keyPart, type KvConnection, type KvEntry, type Mutation } from "./connection.ts";

/** For more owners than this, reading the whole collection is cheaper. */
const FEW_OWNERS = 100;

/** The entries of all collections of a database. */
export class KvEntries {
  readonly #kv: KvConnection;

  /** Uses `kv`, without ownership. */
  constructor(kv: KvConnection) {
    this.#kv = kv;
  }

  /** See `StateDriver.entries`. */
  async read(
    collection: Collection,
    owners: ReadonlySet<string> | null,
  ): Promise<Map<string, Owned<Body>>> {
    const found = new Map<string, Owned<Body>>();
    for (const entry of await this.#list(collection, owners)) {
      const { owner, id, body } = this.#decode(collection, entry);
      if (owners !== null && !owners.has(owner)) continue;
      const owned = found.get(owner) ?? new Map<string, Body>();
      found.set(owner, owned.set(id, body));
    }
    return found;
  }

  /** Sets the entries that have a body, and removes the others. */
  async write(entries: ReadonlyEntries): Promise<void> {
    const mutations: Mutation[] = [];
    for (const [collection, owner, id, body] of eachEntry(entries)) {
      const [ownerPart, idPart] = [await keyPart(owner), await keyPart(id)];
      const names = {
        ...typeof ownerPart === "string" ? {} : { owner },
        ...typeof idPart === "string" ? {} : { id },
      };
      mutations.push({
        key: [...prefixOf(collection), ownerPart, idPart],
        value: body && encode({ ...names, body: arrangeBody(collection, body) }),
      });
    }
    await this.#kv.apply(mutations);
  }

  /** Removes all entries of an owner. */
  async removeOwner(collection: Collection, owner: string): Promise<void> {
    const entries = await this.#list(collection, new Set([owner]));
    await this.#kv.apply(entries.map(({ key }) => ({ key, value: null })));
  }

  async #list(collection: Collection, owners: ReadonlySet<string> | null): Promise<KvEntry[]> {
    const prefix = prefixOf(collection);
    if (owners === null || owners.size > FEW_OWNERS) return await this.#kv.list(prefix);
    const entries: KvEntry[] = [];
    for (const owner of owners) {
      entries.push(...await this.#kv.list([...prefix, await keyPart(owner)]));
    }
    return entries;
  }

  #decode(
    collection: Collection,
    entry: KvEntry,
  ): { readonly owner: string; readonly id: string; readonly body: Body } {
    const [ownerPart, idPart] = entry.key.slice(-2);
    const { owner = String(ownerPart), id = String(idPart), body } = this.#kv.decode(
      entry,
      (value): value is StoredEntry => isStoredEntry(value) && isBody(collection, value.body),
    );
    return { owner, id, body };
  }
}

function prefixOf(collection: Collection): Deno.KvKey {
  return ["cronfetch", collection];
}
