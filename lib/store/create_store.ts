/** From a driver to a store: what is the same whatever the files are kept in. */

import { createHash } from "node:crypto";
import { type BytesBefore, createDraft, type DraftSteps } from "./draft.ts";
import type { Beginning, Driver } from "./driver.ts";
import { explained, nothingToCopy, storeClosed, storeError } from "./errors.ts";
import { checkKey, checkPrefix, keyFault } from "./key.ts";
import type {
  Draft,
  DraftOptions,
  ListedFile,
  Resumed,
  Store,
  StoredFile,
  Survey,
} from "./store.ts";
import { surveyByLists } from "./stat_cache.ts";

/** How much of a draft that goes on is given back for a look. */
const HEAD_BYTES = 64 * 1024;

/** Makes a store of a driver. Closing it discards its drafts, and closes the driver. */
export function createStore(driver: Driver): Store {
  const drafts = new Set<Draft>();
  const busy = new Set<Promise<unknown>>();
  let closing: Promise<void> | null = null;

  function register(key: string, steps: DraftSteps, before?: BytesBefore): Draft {
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

  async function beginning(
    key: string,
    { survey, expectedBytes = null }: DraftOptions,
  ): Promise<Beginning> {
    // Where a look costs no request, the one that the driver makes anyway is newer.
    const seen = driver.prefersLists ? await survey?.look(key) : undefined;
    return { seen, expectedBytes };
  }

  async function startDraft(key: string, options: DraftOptions): Promise<Draft> {
    return await explained(storing(key), async () => {
      return register(key, await driver.begin(key, await beginning(key, options)));
    });
  }

  async function draft(key: string, options: DraftOptions = {}): Promise<Draft> {
    checkKey(key);
    return await tracked(() => startDraft(key, options));
  }

  async function takeUp(
    key: string,
    name: string,
    signal: AbortSignal,
    options: DraftOptions,
  ): Promise<Resumed | null> {
    if (!driver.resume) return null;
    const resumed = await driver.resume(key, name, signal, await beginning(key, options));
    if (!resumed) return null;
    const { steps, held } = resumed;
    try {
      const hash = createHash("sha256");
      let head = new Uint8Array();
      let sizeBytes = 0;
      for await (const bytes of held) {
        signal.throwIfAborted();
        if (head.length < HEAD_BYTES) head = lengthened(head, bytes);
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
  ): Promise<Resumed | null> {
    checkKey(key);
    return await tracked(() =>
      explained(storing(key), async () => {
        try {
          return await takeUp(key, name, signal, options);
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
    await explained(doing, async () => await driver.drop?.(key, name));
  }

  async function stat(key: string): Promise<StoredFile | null> {
    checkKey(key);
    return await explained(reading(key), () => driver.stat(key));
  }

  function survey(keys: Iterable<string>, signal: AbortSignal): Survey {
    if (!driver.prefersLists) return { look: stat, ready: () => Promise.resolve() };
    const list = (prefix: string, after: string) => listed(prefix, after, signal);
    return surveyByLists(keys, { list, stat }, signal);
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
    if (pieces === null) throw nothingToCopy(from);
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
      explained(doing, async () => {
        if (!await driver.copy?.(from, to)) await copyBytes(from, to);
      })
    );
  }

  async function remove(key: string): Promise<void> {
    checkKey(key);
    await explained(`removing ${JSON.stringify(key)}`, () => driver.remove(key));
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
    survey,
    read,
    digest,
    list: (prefix) => listed(prefix),
    copy,
    remove,
    heed: (signal) => driver.heed?.(signal) ?? { [Symbol.dispose]: () => {} },
    sweep: () => explained(`sweeping ${driver.location}`, async () => await driver.sweep?.() ?? 0),
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

function lengthened(
  head: Uint8Array<ArrayBuffer>,
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const more = bytes.subarray(0, HEAD_BYTES - head.length);
  const joined = new Uint8Array(head.length + more.length);
  joined.set(head);
  joined.set(more, head.length);
  return joined;
}

function reading(key: string): string {
  return `reading ${JSON.stringify(key)}`;
}

function storing(key: string): string {
  return `storing ${JSON.stringify(key)}`;
}
