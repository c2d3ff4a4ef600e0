/** Deno KV within its limits: batches that fit a commit, values whose size is known, patience. */

import type { StateHost } from "./driver.ts";
import { patiently, unreadable } from "./errors.ts";
import type { Check } from "./format.ts";

/** The calls of Deno KV that are made here. */
export type Kv = Pick<Deno.Kv, "get" | "getMany" | "list" | "atomic" | "close">;

/** Sets a key to bytes, or removes it for null. */
export interface Mutation {
  /** What is set or removed. */
  readonly key: Deno.KvKey;
  /** See {@linkcode encode}. */
  readonly value: Uint8Array<ArrayBuffer> | null;
}

/** An entry as it stands in the database. */
export type Entry = Deno.KvEntry<unknown>;

/** Deno KV takes 1,000 mutations in a commit. */
const MOST_MUTATIONS = 500;
/** Deno KV takes 819,200 bytes in a commit. */
const MOST_BYTES = 800_000;
/** Deno KV takes 65,536 bytes in a value. */
const LARGEST_VALUE = 64_000;
/** Deno KV gives that many entries in one answer to `getMany`, and to `list`. */
const MOST_GOTTEN = 10;
const MOST_LISTED = 500;

/** SQLite itself waits five seconds for a lock before it gives up. */
const LOCK_DELAYS_MS = [100, 400];

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A value as JSON in UTF-8: bytes are the one kind of value whose size is known beforehand. */
export function encode(value: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(value));
}

/** Lists of ids, encoded, each of which fits a value. */
export function encodeIds(ids: Iterable<string>): Uint8Array<ArrayBuffer>[] {
  const sized = Iterator.from(ids).map((id) => ({ id, bytes: encode(id).length + 1 }));
  return [...groups(sized, Infinity, LARGEST_VALUE)].map((group) =>
    encode(group.map(({ id }) => id))
  );
}

/** Mutations in groups, each of which fits a commit, with room for a few small ones more. */
export function commits(mutations: Iterable<Mutation>): Iterable<Mutation[]> {
  const sized = Iterator.from(mutations).map(({ key, value }) => ({
    key,
    value,
    bytes: keyBytes(key) + (value?.length ?? 0),
  }));
  return groups(sized, MOST_MUTATIONS, MOST_BYTES);
}

function* groups<T extends { readonly bytes: number }>(
  items: Iterable<T>,
  most: number,
  mostBytes: number,
): Iterable<T[]> {
  let group: T[] = [];
  let groupBytes = 0;
  for (const item of items) {
    if (group.length > 0 && (group.length >= most || groupBytes + item.bytes > mostBytes)) {
      yield group;
      group = [];
      groupBytes = 0;
    }
    group.push(item);
    groupBytes += item.bytes;
  }
  if (group.length > 0) yield group;
}

/** At least the size of a key in the database: UTF-8, NUL escaped, two bytes around each part. */
function keyBytes(key: Deno.KvKey): number {
  return key.reduce<number>((sum, part) => {
    return sum + 2 + (part instanceof Uint8Array ? 2 * part.length : 3 * String(part).length);
  }, 0);
}

/** Two parts of such a size, and the names around them, fit a key of 2,048 bytes. */
const LONGEST_PART = 960;

/**
 * A part of a key: the name itself, or its SHA-256 as bytes where the key would
 * be larger than Deno KV takes. Bytes and text differ as parts of keys, so no
 * name is taken for a digest.
 */
export async function keyPart(name: string): Promise<Deno.KvKeyPart> {
  if (keyBytes([name]) <= LONGEST_PART) return name;
  const bytes = encoder.encode(name);
  const nulBytes = bytes.reduce((sum, byte) => byte === 0 ? sum + 1 : sum, 0);
  if (bytes.length + nulBytes + 2 <= LONGEST_PART) return name;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** A database that is open, and what it takes to get along with it. */
export class KvConnection {
  /** Where it is, for errors. */
  readonly location: string;
  readonly #kv: Kv;
  readonly #host: Pick<StateHost, "random" | "timers">;

  /** Takes over `kv`. */
  constructor(kv: Kv, location: string, host: Pick<StateHost, "random" | "timers">) {
    this.location = location;
    this.#kv = kv;
    this.#host = host;
  }

  /** The entry of one key; its versionstamp is null where there is none. */
  get(key: Deno.KvKey): Promise<Deno.KvEntryMaybe<unknown>> {
    return this.#read(() => this.#kv.get(key));
  }

  /** The entries of many keys, those that have none left out. */
  async getAll(keys: readonly Deno.KvKey[]): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (let start = 0; start < keys.length; start += MOST_GOTTEN) {
      const some = keys.slice(start, start + MOST_GOTTEN);
      const answers = await this.#read(() => this.#kv.getMany<unknown[]>(some));
      entries.push(...answers.filter((answer) => answer.versionstamp !== null));
    }
    return entries;
  }

  /** Every entry below a prefix. */
  list(prefix: Deno.KvKey): Promise<Entry[]> {
    return this.#read(() =>
      Array.fromAsync(this.#kv.list<unknown>({ prefix }, { batchSize: MOST_LISTED }))
    );
  }

  /** Carries out mutations, as many at a time as fit a commit. */
  async apply(mutations: Iterable<Mutation>): Promise<void> {
    for (const group of commits(mutations)) await this.commit([], group);
  }

  /**
   * Carries out mutations all at once, if the keys to check still stand as given.
   *
   * @returns The new versionstamp, or null if one of them does not.
   */
  async commit(
    checks: readonly Deno.AtomicCheck[],
    mutations: Iterable<Mutation>,
  ): Promise<string | null> {
    const result = await this.#patiently("writing", () => {
      const atomic = this.#kv.atomic().check(...checks);
      for (const { key, value } of mutations) {
        if (value) atomic.set(key, value);
        else atomic.delete(key);
      }
      return atomic.commit();
    });
    return result.ok ? result.versionstamp : null;
  }

  /**
   * What {@linkcode encode} made a value of.
   *
   * @throws {CronfetchError} `state.unreadable` for anything else.
   */
  decode<T>({ key, value }: Entry, check: Check<T>): T {
    try {
      const decoded: unknown = JSON.parse(decoder.decode(value as Uint8Array<ArrayBuffer>));
      if (check(decoded)) return decoded;
    } catch (error) {
      throw this.#strange(key, error);
    }
    throw this.#strange(key);
  }

  /** Closes the database. */
  close(): void {
    this.#kv.close();
  }

  #read<T>(work: () => Promise<T>): Promise<T> {
    return this.#patiently("reading", work);
  }

  #patiently<T>(doing: string, work: () => Promise<T>): Promise<T> {
    return patiently(`${doing} the state ${this.location}`, this.#host, LOCK_DELAYS_MS, work);
  }

  #strange(key: Deno.KvKey, cause?: unknown): Error {
    return unreadable(this.location, `the entry ${JSON.stringify(key)} is damaged`, { cause });
  }
}
