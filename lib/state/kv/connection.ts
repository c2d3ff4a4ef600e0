/** Deno KV within its limits: batches that fit a commit, values of known size, retries. */

import type { StateHost } from "../driver.ts";
import { retryWhileLocked, unreadable } from "../errors.ts";
import type { ShapeCheck } from "../shape.ts";

/** The part of Deno KV that is used. */
export type Kv = Pick<Deno.Kv, "get" | "getMany" | "list" | "atomic" | "close">;

/** Sets a key to bytes, or removes it for null. */
export interface Mutation {
  /** The key. */
  readonly key: Deno.KvKey;
  /** See {@linkcode encode}. */
  readonly value: Uint8Array<ArrayBuffer> | null;
}

/** An entry of the database. */
export type KvEntry = Deno.KvEntry<unknown>;

/** Deno KV allows 1,000 mutations per commit. */
const MOST_MUTATIONS = 500;
/** Deno KV allows 819,200 bytes per commit, in which each key counts twice, and 81,920 of keys. */
const MOST_BYTES = 800_000;
const KEY_WEIGHT = 10;
/** Deno KV allows 65,536 bytes per value. */
const LARGEST_VALUE = 64_000;
/** Deno KV returns at most this many entries from `getMany`, and per batch from `list`. */
const MOST_GOTTEN = 10;
const MOST_LISTED = 500;

/** SQLite may also wait for a lock itself, up to five seconds. */
const LOCK_DELAYS_MS = [100, 400];

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A value as JSON in UTF-8: only for bytes is the stored size known. */
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

/** Mutations in groups that fit a commit, with room for a few small ones. */
export function commits(mutations: Iterable<Mutation>): Iterable<Mutation[]> {
  const sized = Iterator.from(mutations).map(({ key, value }) => ({
    key,
    value,
    bytes: KEY_WEIGHT * keyBytes(key) + (value?.length ?? 0),
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

/** Upper bound of a key's stored size: UTF-8, escaped NULs, two bytes around each part. */
function keyBytes(key: Deno.KvKey): number {
  return key.reduce<number>((sum, part) => {
    if (part instanceof Uint8Array) return sum + 2 + 2 * part.length;
    const text = String(part);
    return sum + 2 + (PLAIN.test(text) ? text.length : 3 * text.length);
  }, 0);
}

/** Text of one byte per character. */
const PLAIN = /^[ -~]*$/;

/** Two parts of this size, and the names before them, fit a key of 2,048 bytes. */
const LONGEST_PART = 960;

/**
 * A part of a key: the name, or its SHA-256 as bytes if the key would exceed Deno KV's limit. Bytes and
 * text differ as parts of keys, so no name collides with a digest.
 */
export async function keyPart(name: string): Promise<Deno.KvKeyPart> {
  if (keyBytes([name]) <= LONGEST_PART) return name;
  const bytes = encoder.encode(name);
  const nulBytes = bytes.reduce((sum, byte) => byte === 0 ? sum + 1 : sum, 0);
  if (bytes.length + nulBytes + 2 <= LONGEST_PART) return name;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** An open database, with retries while it is locked. */
export class KvConnection {
  /** Location of the state, for errors. */
  readonly location: string;
  readonly #kv: Kv;
  readonly #host: Pick<StateHost, "random" | "timers">;

  /** Takes ownership of `kv`. */
  constructor(kv: Kv, location: string, host: Pick<StateHost, "random" | "timers">) {
    this.location = location;
    this.#kv = kv;
    this.#host = host;
  }

  /** The entry of a key; its versionstamp is null if there is none. */
  get(key: Deno.KvKey): Promise<Deno.KvEntryMaybe<unknown>> {
    return this.#read(() => this.#kv.get(key));
  }

  /** The existing entries of some keys. */
  async getAll(keys: readonly Deno.KvKey[]): Promise<KvEntry[]> {
    const entries: KvEntry[] = [];
    for (let start = 0; start < keys.length; start += MOST_GOTTEN) {
      const some = keys.slice(start, start + MOST_GOTTEN);
      const answers = await this.#read(() => this.#kv.getMany<unknown[]>(some));
      entries.push(...answers.filter((answer) => answer.versionstamp !== null));
    }
    return entries;
  }

  /**
   * The existing entries of some names after a prefix. A list takes half the time of reads by key, and
   * names are often neighbours: as many entries as there are names are listed, the rest is read by key.
   */
  async getNamed(prefix: Deno.KvKey, names: ReadonlySet<string>): Promise<KvEntry[]> {
    const byKey = (some: Iterable<string>) =>
      this.getAll([...some].map((name) => [...prefix, name]));
    if (names.size <= MOST_GOTTEN) return await byKey(names);
    const first = [...names].reduce((least, name) => name < least ? name : least);
    // Of other texts, the smallest may not be the first in UTF-8.
    if (!PLAIN.test(first)) return await byKey(names);
    const listed = await this.#listFrom(prefix, first, names.size);
    const entries = listed.filter(({ key }) => names.has(String(key.at(-1))));
    if (listed.length < names.size || entries.length === names.size) return entries;
    const found = new Set(entries.map(({ key }) => key.at(-1)));
    return [...entries, ...await byKey([...names].filter((name) => !found.has(name)))];
  }

  /** Every entry with a prefix. */
  async list(prefix: Deno.KvKey): Promise<KvEntry[]> {
    let entries: KvEntry[] = [];
    await this.each(prefix, (entry) => entries.push(entry), () => entries = []);
    return entries;
  }

  /**
   * Calls back with every entry with a prefix, so that not all values are in memory at a time.
   *
   * @param restart Called if the database was locked, before it calls back from the first entry again.
   */
  each(
    prefix: Deno.KvKey,
    visit: (entry: KvEntry) => void,
    restart: () => void = () => {},
  ): Promise<void> {
    return this.#read(async () => {
      restart();
      const entries = this.#kv.list<unknown>({ prefix }, { batchSize: MOST_LISTED });
      for await (const entry of entries) visit(entry);
    });
  }

  /** Applies mutations in batches that fit a commit. */
  async apply(mutations: Iterable<Mutation>): Promise<void> {
    for (const group of commits(mutations)) await this.commit([], group);
  }

  /**
   * Commits mutations atomically if the checked keys are unchanged.
   *
   * @returns The new versionstamp, or null if a check failed.
   */
  async commit(
    checks: readonly Deno.AtomicCheck[],
    mutations: Iterable<Mutation>,
  ): Promise<string | null> {
    const result = await this.#retryWhileLocked("writing", () => {
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
   * Decodes a value of {@linkcode encode}.
   *
   * @throws {CronfetchError} `state.unreadable` for anything else.
   */
  decode<T>({ key, value }: KvEntry, check: ShapeCheck<T>): T {
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

  #listFrom(prefix: Deno.KvKey, first: string, limit: number): Promise<KvEntry[]> {
    const selector = { prefix, start: [...prefix, first] };
    const options = { limit, batchSize: Math.min(limit, MOST_LISTED) };
    return this.#read(() => Array.fromAsync(this.#kv.list<unknown>(selector, options)));
  }

  #read<T>(work: () => Promise<T>): Promise<T> {
    return this.#retryWhileLocked("reading", work);
  }

  #retryWhileLocked<T>(doing: string, work: () => Promise<T>): Promise<T> {
    return retryWhileLocked(
      `${doing} the state ${this.location}`,
      this.#host,
      LOCK_DELAYS_MS,
      work,
    );
  }

  #strange(key: Deno.KvKey, cause?: unknown): Error {
    return unreadable(this.location, `the entry ${JSON.stringify(key)} is damaged`, { cause });
  }
}
