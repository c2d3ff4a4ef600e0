/** Makes a store of a driver: the part that is the same for all kinds of stores. */

import { ActiveSet } from "../core/allocation.ts";
import { createDraft, type DraftSteps, extendHead, type ResumedBytes } from "./draft.ts";
import type { Driver } from "./driver.ts";
import { copySourceMissing, storeClosed, storeError, wrapErrors } from "./errors.ts";
import { checkKey, checkPrefix, keyFault } from "../core/key.ts";
import { Sha256 } from "../core/sha256.ts";
import type {
  Draft,
  DraftOptions,
  ListedFile,
  ResumedDraft,
  StatCache,
  Store,
  StoredFile,
} from "./store.ts";
import { listingStatCache } from "./stat_cache.ts";

/**
 * Makes a {@linkcode Store} of a driver, for `run(config, { store })`. Closing the store waits for
 * pending operations, discards its drafts and closes the driver; later calls that would write
 * reject with `internal`.
 *
 * @param driver Closed together with the store.
 * @returns An open store.
 *
 * @example A store in memory.
 * ```ts
 * import { changedConcurrently, createStore, type StoredFile } from "@cronfetch/cronfetch";
 * import { assertEquals } from "@std/assert";
 *
 * const files = new Map<string, { file: StoredFile; bytes: Uint8Array<ArrayBuffer> }>();
 * const stat = (key: string) => files.get(key)?.file ?? null;
 * let revisions = 0;
 *
 * await using store = createStore({
 *   location: "an example",
 *   begin: async (key, { existing = stat(key) }) => {
 *     let body = new Blob();
 *     return {
 *       existing,
 *       append: async (bytes) => void (body = new Blob([body, bytes])),
 *       seal: async () => {},
 *       read: () => body.bytes(),
 *       publish: async ({ key: to, ifUnchanged, exclusive, sizeBytes, sha256 }) => {
 *         const bytes = await body.bytes();
 *         const current = stat(to);
 *         if (exclusive && current !== null) throw changedConcurrently();
 *         if (ifUnchanged && current?.revision !== existing?.revision) {
 *           if (current?.sha256 === sha256) return current;
 *           throw changedConcurrently();
 *         }
 *         const revision = String(++revisions);
 *         const file = { sizeBytes, sha256, revision, modifiedMs: Date.now() };
 *         files.set(to, { file, bytes });
 *         return file;
 *       },
 *       remove: async () => void (body = new Blob()),
 *     };
 *   },
 *   stat: async (key) => stat(key),
 *   read: async (key) => {
 *     const found = files.get(key);
 *     return found ? new Blob([found.bytes]).stream() : null;
 *   },
 *   list: async function* (prefix) {
 *     for (const [key, { file }] of files) {
 *       if (prefix === "" || key.startsWith(`${prefix}/`)) yield { key, ...file };
 *     }
 *   },
 *   remove: async (key) => void files.delete(key),
 * });
 *
 * await using draft = await store.draft("numbers.csv");
 * await draft.write(new TextEncoder().encode("a,b\n1,2\n"));
 * const { sizeBytes } = await draft.seal();
 * assertEquals([sizeBytes, await store.stat("numbers.csv")], [8, null]);
 * const { revision } = await draft.publish();
 * assertEquals((await store.stat("numbers.csv"))?.revision, revision);
 * ```
 */
export function createStore(driver: Driver): Store {
  const drafts = new ActiveSet<Draft>();
  const busy = new ActiveSet<Promise<unknown>>();
  let closing: Promise<void> | null = null;

  const forget = (draft: Draft) => void drafts.delete(draft);

  function register(key: string, steps: DraftSteps, resumed?: ResumedBytes): Draft {
    const draft = createDraft(key, steps, forget, resumed);
    drafts.add(draft);
    return draft;
  }

  /** Delays closing the store until `work`, which must not throw synchronously, is done. */
  function tracked<T>(work: () => Promise<T>): Promise<T> {
    if (closing !== null) return Promise.reject(storeClosed());
    const working = work();
    const done = () => busy.delete(working);
    busy.add(working);
    working.then(done, done);
    return working;
  }

  async function startDraft(key: string, options: DraftOptions): Promise<Draft> {
    checkKey(key);
    const { expectedBytes = null } = options;
    try {
      // If `stat` is cheap, the driver calls it itself, for a newer result.
      const existing = driver.prefersLists ? await options.statCache?.get(key) : undefined;
      return register(key, await driver.begin(key, { existing, expectedBytes }));
    } catch (error) {
      throw storeError(storing(key), error);
    }
  }

  function draft(key: string, options: DraftOptions = {}): Promise<Draft> {
    return tracked(() => startDraft(key, options));
  }

  async function resumeDraft(
    key: string,
    name: string,
    signal: AbortSignal,
    options: DraftOptions,
  ): Promise<ResumedDraft | null> {
    if (!driver.resume) return null;
    const { expectedBytes = null } = options;
    const existing = driver.prefersLists ? await options.statCache?.get(key) : undefined;
    const resumed = await driver.resume(key, name, signal, { existing, expectedBytes });
    if (!resumed) return null;
    const { steps, partial } = resumed;
    try {
      const hash = new Sha256();
      let head = new Uint8Array();
      let sizeBytes = 0;
      for await (const bytes of partial) {
        signal.throwIfAborted();
        head = extendHead(head, bytes);
        await hash.update(bytes);
        sizeBytes += bytes.length;
      }
      return { draft: register(key, steps, { hash, sizeBytes, head }), head };
    } catch (error) {
      await steps.remove();
      throw error;
    }
  }

  async function resume(
    key: string,
    name: string,
    signal: AbortSignal,
    options: DraftOptions = {},
  ): Promise<ResumedDraft | null> {
    checkKey(key);
    return await tracked(() =>
      wrapErrors(storing(key), async () => {
        try {
          return await resumeDraft(key, name, signal, options);
        } catch (error) {
          signal.throwIfAborted();
          throw error;
        }
      })
    );
  }

  async function drop(key: string, name: string): Promise<void> {
    checkKey(key);
    const doing = `removing a draft of ${JSON.stringify(key)}`;
    await wrapErrors(doing, async () => await driver.drop?.(key, name));
  }

  async function stat(key: string): Promise<StoredFile | null> {
    checkKey(key);
    try {
      return await driver.stat(key);
    } catch (error) {
      throw storeError(reading(key), error);
    }
  }

  function statCache(keys: Iterable<string>, signal: AbortSignal): StatCache {
    if (!driver.prefersLists) return { get: stat, ready: () => null };
    const listAfter = (prefix: string, after: string) => list(prefix, after, signal);
    return listingStatCache(keys, { list: listAfter, stat }, signal);
  }

  async function read(
    key: string,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<Uint8Array<ArrayBuffer>> | null> {
    checkKey(key);
    signal.throwIfAborted();
    try {
      const pieces = await driver.read(key, signal);
      return pieces && wrapReadErrors(key, pieces, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw storeError(reading(key), error);
    }
  }

  async function digest(key: string, signal: AbortSignal): Promise<string | null> {
    const pieces = await read(key, signal);
    if (pieces === null) return null;
    const hash = new Sha256();
    for await (const bytes of pieces) await hash.update(bytes);
    return await hash.hex();
  }

  async function* list(
    prefix: string,
    after?: string,
    signal?: AbortSignal,
  ): AsyncGenerator<ListedFile> {
    checkPrefix(prefix);
    try {
      for await (const file of driver.list(prefix, after, signal)) {
        if (keyFault(file.key) === null) yield file;
      }
    } catch (error) {
      const what = prefix === "" ? driver.location : JSON.stringify(prefix);
      throw storeError(`listing ${what}`, error);
    }
  }

  /** Lists of some drivers have no revisions. */
  async function* listWithRevisions(prefix: string): AsyncGenerator<ListedFile> {
    for await (const listed of list(prefix)) {
      if (listed.revision !== "") {
        yield listed;
        continue;
      }
      const file = await stat(listed.key);
      if (file !== null) yield { key: listed.key, ...file };
    }
  }

  async function copyBytes(from: string, to: string): Promise<void> {
    const pieces = await driver.read(from, new AbortController().signal);
    if (pieces === null) throw copySourceMissing(from);
    await using draft = await startDraft(to, {});
    for await (const bytes of pieces) await draft.write(bytes.slice());
    await draft.seal();
    await draft.publish();
  }

  async function copy(from: string, to: string): Promise<void> {
    checkKey(from);
    checkKey(to);
    const doing = `copying ${JSON.stringify(from)} to ${JSON.stringify(to)}`;
    await tracked(() =>
      wrapErrors(doing, async () => {
        if (!await driver.copy?.(from, to)) await copyBytes(from, to);
      })
    );
  }

  async function remove(key: string): Promise<void> {
    checkKey(key);
    await wrapErrors(`removing ${JSON.stringify(key)}`, () => driver.remove(key));
  }

  async function close(): Promise<void> {
    await Promise.allSettled(busy.all());
    await Promise.all(drafts.all().map((draft) => draft.discard()));
    // Drafts that could not be removed are still in the set.
    await driver.close?.(drafts.size === 0);
  }

  return {
    location: driver.location,
    draft,
    resume,
    drop,
    stat,
    statCache,
    read,
    digest,
    list: (prefix) => listWithRevisions(prefix),
    copy,
    remove,
    abortOn: (signal) => driver.abortOn?.(signal) ?? { [Symbol.dispose]: () => {} },
    sweep: () => wrapErrors(`sweeping ${driver.location}`, async () => await driver.sweep?.() ?? 0),
    [Symbol.asyncDispose]: () => closing ??= close(),
  };
}

/** Wraps errors while a file is read. */
async function* wrapReadErrors(
  key: string,
  pieces: AsyncIterable<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    for await (const bytes of pieces) {
      signal.throwIfAborted();
      yield bytes;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw storeError(reading(key), error);
  }
}

function reading(key: string): string {
  return `reading ${JSON.stringify(key)}`;
}

function storing(key: string): string {
  return `storing ${JSON.stringify(key)}`;
}
