/** From a driver to a store: what is the same whatever the files are kept in. */

import { createHash } from "node:crypto";
import { createDraft, type DraftSteps, extendHead, type ResumedBytes } from "./draft.ts";
import type { BeginOptions, Driver } from "./driver.ts";
import { copySourceMissing, storeClosed, storeError, wrapErrors } from "./errors.ts";
import { checkKey, checkPrefix, keyFault } from "./key.ts";
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

/** Makes a store of a driver. Closing it discards its drafts, and closes the driver. */
export function createStore(driver: Driver): Store {
  const drafts = new Set<Draft>();
  const busy = new Set<Promise<unknown>>();
  let closing: Promise<void> | null = null;

  function register(key: string, steps: DraftSteps, before?: ResumedBytes): Draft {
    const draft = createDraft(key, steps, () => drafts.delete(draft), before);
    drafts.add(draft);
    return draft;
  }

  /** Does what leaves traces: the store is not closed before it is over. */
  async function tracked<T>(work: () => Promise<T>): Promise<T> {
    if (closing !== null) throw storeClosed();
    const working = work();
    busy.add(working);
    try {
      return await working;
    } finally {
      busy.delete(working);
    }
  }

  async function beginOptions(
    key: string,
    { statCache, expectedBytes = null }: DraftOptions,
  ): Promise<BeginOptions> {
    // Where a look costs no request, the one that the driver makes anyway is newer.
    const existing = driver.prefersLists ? await statCache?.get(key) : undefined;
    return { existing, expectedBytes };
  }

  async function startDraft(key: string, options: DraftOptions): Promise<Draft> {
    return await wrapErrors(storing(key), async () => {
      return register(key, await driver.begin(key, await beginOptions(key, options)));
    });
  }

  async function draft(key: string, options: DraftOptions = {}): Promise<Draft> {
    checkKey(key);
    return await tracked(() => startDraft(key, options));
  }

  async function resumeDraft(
    key: string,
    name: string,
    signal: AbortSignal,
    options: DraftOptions,
  ): Promise<ResumedDraft | null> {
    if (!driver.resume) return null;
    const resumed = await driver.resume(key, name, signal, await beginOptions(key, options));
    if (!resumed) return null;
    const { steps, partial } = resumed;
    try {
      const hash = createHash("sha256");
      let head = new Uint8Array();
      let sizeBytes = 0;
      for await (const bytes of partial) {
        signal.throwIfAborted();
        head = extendHead(head, bytes);
        hash.update(bytes);
        sizeBytes += bytes.length;
      }
      return { draft: register(key, steps, { hash, sizeBytes }), head };
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
    return await wrapErrors(reading(key), () => driver.stat(key));
  }

  function statCache(keys: Iterable<string>, signal: AbortSignal): StatCache {
    if (!driver.prefersLists) return { get: stat, ready: () => Promise.resolve() };
    const list = (prefix: string, after: string) => listed(prefix, after, signal);
    return listingStatCache(keys, { list, stat }, signal);
  }

  async function read(
    key: string,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<Uint8Array<ArrayBuffer>> | null> {
    checkKey(key);
    signal.throwIfAborted();
    try {
      const pieces = await driver.read(key, signal);
      return pieces && pieced(key, pieces, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw storeError(reading(key), error);
    }
  }

  async function digest(key: string, signal: AbortSignal): Promise<string | null> {
    const pieces = await read(key, signal);
    if (pieces === null) return null;
    const hash = createHash("sha256");
    for await (const bytes of pieces) hash.update(bytes);
    return hash.digest("hex");
  }

  async function* listed(
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
    await Promise.allSettled(busy);
    await Promise.all([...drafts].map((draft) => draft.discard()));
    // What could not be removed is still among the drafts.
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
    list: (prefix) => listed(prefix),
    copy,
    remove,
    abortOn: (signal) => driver.abortOn?.(signal) ?? { [Symbol.dispose]: () => {} },
    sweep: () => wrapErrors(`sweeping ${driver.location}`, async () => await driver.sweep?.() ?? 0),
    [Symbol.asyncDispose]: () => closing ??= close(),
  };
}

/** Pieces of a file, with what is thrown while they come explained. */
async function* pieced(
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
