/** The part of a draft that is the same for all drivers: order of calls, counting, hashing. */

import { CronfetchError } from "../core/errors.ts";
import { Sha256 } from "../core/sha256.ts";
import { alreadyExists, DriverError, storeError } from "./errors.ts";
import { checkKey } from "../core/key.ts";
import type {
  Draft,
  Provenance,
  PublishedFile,
  PublishOptions,
  Sealed,
  StoredFile,
} from "./store.ts";

/** What a driver has to publish, and under which conditions. */
export interface PublishRequest extends Sealed {
  /** The draft's own key, or another one. */
  readonly key: string;
  /**
   * Publish only if the key still holds {@linkcode DraftSteps.existing}, or these same bytes; else
   * throw {@linkcode changedConcurrently}. Always false for another key.
   */
  readonly ifUnchanged: boolean;
  /** Publish only if the key is unused. */
  readonly exclusive: boolean;
  /** Where the bytes were fetched from, or null. */
  readonly provenance: Provenance | null;
  /** Modification time for the file, in milliseconds since the epoch; null for the current time. */
  readonly modifiedMs: number | null;
}

/**
 * One draft of a driver. The steps are called one after another, never concurrently, and after a
 * step has failed only `remove` is called. They may throw anything, as {@linkcode Driver} states.
 */
export interface DraftSteps {
  /** The file that existed under the draft's key when the draft was started, or null. */
  readonly existing: StoredFile | null;
  /**
   * Appends `bytes`.
   *
   * @param bytes Must not be referenced after the step, unless their whole buffer is kept and
   * another one is returned.
   * @returns A buffer of the same size in exchange for that of `bytes`, if that was kept.
   */
  append(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer | void>;
  /**
   * Returns the first bytes, for drivers that have them in memory; without it, they are copied.
   *
   * @returns {@linkcode HEAD_BYTES} bytes, or all if there are fewer.
   */
  head?(): Uint8Array<ArrayBuffer>;
  /**
   * Returns the digest of all bytes; called after `seal`. For drivers that hash bytes themselves,
   * those before a `resume` included; without it, the caller hashes them.
   *
   * @returns The SHA-256 in lower-case hexadecimal.
   */
  digest?(): Promise<string>;
  /**
   * Completes the writes.
   *
   * @param sizeBytes Number of bytes appended.
   * @throws Unless exactly that number was stored.
   */
  seal(sizeBytes: number): Promise<void>;
  /**
   * Reads all bytes; called after `seal`.
   *
   * @returns All of them.
   */
  read(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Reads all bytes piece by piece; called after `seal`. Without it, `read` is used.
   *
   * @returns Pieces, each valid until the next one is requested.
   */
  pieces?(): Promise<AsyncIterable<Uint8Array<ArrayBuffer>>>;
  /**
   * Publishes the bytes atomically; called after `seal`.
   *
   * @param request What to publish, and under which conditions.
   * @returns Size and revision of the published file.
   * @throws {DriverError} `store.conflict` if a condition of the request does not hold.
   */
  publish(request: PublishRequest): Promise<PublishedFile>;
  /**
   * Keeps the `sizeBytes` bytes written so far for `Driver.resume`, and closes what is open.
   * Without it, no draft outlives a run.
   *
   * @param sizeBytes Number of bytes appended.
   * @returns A name for the draft that no other process can guess.
   */
  suspend?(sizeBytes: number): Promise<string>;
  /** Aborts the step that is running, if any; called at any time, and followed by `remove`. */
  interrupt?(): void;
  /** Removes the draft and closes what is open; the last step unless published or suspended. */
  remove(): Promise<void>;
}

/** The bytes that a resumed draft already has. */
export interface ResumedBytes {
  /** Updated with all of them. */
  readonly hash: Sha256;
  readonly sizeBytes: number;
  /** The first ones, at most {@linkcode HEAD_BYTES}. */
  readonly head: Uint8Array<ArrayBuffer>;
}

/** The stages of a draft, as they are named in messages. */
const STAGES = {
  writing: "before it was sealed",
  sealed: "after it was sealed",
  over: "after it was published or suspended",
} as const;

type Stage = keyof typeof STAGES;

/**
 * Makes a draft of a driver's steps.
 *
 * @param ended Called once the draft is published, suspended or removed; not if removing failed.
 * @param resumed The bytes of a resumed draft.
 */
export function createDraft(
  key: string,
  steps: DraftSteps,
  ended: () => void,
  resumed?: ResumedBytes,
): Draft {
  const doing = () => `storing ${JSON.stringify(key)}`;
  const hash = steps.digest ? null : resumed?.hash ?? new Sha256();
  let stage: Stage = "writing";
  let sizeBytes = resumed?.sizeBytes ?? 0;
  let head = resumed?.head ?? new Uint8Array();
  let sealed: Sealed | null = null;
  let settled = false;
  let discarding: Promise<void> | null = null;
  let last: Promise<unknown> = Promise.resolve();

  /** Queues a job behind those before it; if one fails, so do all behind it. */
  function enqueue<T>(from: Stage, to: Stage, job: () => Promise<T>): Promise<T> {
    if (discarding === null && stage !== from) return Promise.reject(misuse(stage));
    stage = to;
    const result = runAfter(last, job);
    // The caller receives the rejection, as do all jobs behind: it is not unhandled.
    result.catch(() => {});
    last = result;
    return result;
  }

  async function runAfter<T>(before: Promise<unknown>, job: () => Promise<T>): Promise<T> {
    await before;
    if (discarding !== null) throw discarded();
    try {
      return await job();
    } catch (error) {
      // An interrupted step fails with any error; report the interruption instead.
      throw discarding === null ? storeError(doing(), error) : discarded();
    }
  }

  async function append(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
    const { length, buffer } = bytes;
    // The step may detach the buffer.
    if (!steps.head) head = extendHead(head, bytes);
    const appending = steps.append(bytes);
    // Hash while the disk writes.
    const hashing = hash?.update(bytes);
    const exchanged = await appending;
    if (hashing) await hashing;
    sizeBytes += length;
    return exchanged ?? buffer;
  }

  async function* pieces(): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    const begin = async () => await steps.pieces?.() ?? [await steps.read()];
    const source = await enqueue("sealed", "sealed", begin);
    let readBytes = 0;
    try {
      for await (const bytes of source) {
        if (discarding !== null) throw discarded();
        readBytes += bytes.length;
        yield bytes;
      }
      if (readBytes !== sizeBytes) {
        throw new DriverError("store.failed", `wrote ${sizeBytes} bytes, read back ${readBytes}`);
      }
    } catch (error) {
      throw discarding === null ? storeError(doing(), error) : discarded();
    }
  }

  async function seal(): Promise<Sealed> {
    await steps.seal(sizeBytes);
    const digest = hash?.hex() ?? steps.digest?.();
    const sha256 = typeof digest === "string" ? digest : await digest;
    if (sha256 === undefined) throw new TypeError("the draft was not hashed");
    return sealed = { sizeBytes, sha256 };
  }

  async function publish(options: PublishOptions): Promise<PublishedFile> {
    const { as, provenance = null, exclusive = false, modifiedMs = null } = options;
    if (as !== undefined) checkKey(as);
    if (sealed === null) throw misuse(stage);
    const ifUnchanged = as === undefined || as === key;
    if (exclusive && ifUnchanged && steps.existing !== null) throw alreadyExists();
    const target = { key: as ?? key, ifUnchanged, exclusive };
    const file = await steps.publish({ ...sealed, ...target, provenance, modifiedMs });
    settled = true;
    ended();
    return file;
  }

  async function suspend(): Promise<string> {
    if (!steps.suspend) throw new DriverError("store.failed", "this store cannot keep drafts");
    const name = await steps.suspend(sizeBytes);
    settled = true;
    ended();
    return name;
  }

  async function remove(): Promise<void> {
    steps.interrupt?.();
    await last.catch(() => {});
    if (settled) return;
    try {
      await steps.remove();
    } catch {
      return;
    }
    ended();
  }

  const discard = (): Promise<void> => discarding ??= settled ? Promise.resolve() : remove();

  async function orDiscard<T>(result: Promise<T>): Promise<T> {
    try {
      return await result;
    } catch (error) {
      await discard();
      throw error;
    }
  }

  return {
    existing: steps.existing,
    get sizeBytes() {
      return sizeBytes;
    },
    get head() {
      return steps.head?.() ?? head;
    },
    write: (bytes) => enqueue("writing", "writing", () => append(bytes)),
    seal: () => orDiscard(enqueue("writing", "sealed", seal)),
    read: () => enqueue("sealed", "sealed", () => steps.read()),
    pieces,
    publish: (options = {}) => orDiscard(enqueue("sealed", "over", () => publish(options))),
    suspend: () => orDiscard(enqueue("writing", "over", suspend)),
    discard,
    [Symbol.asyncDispose]: discard,
  };
}

function discarded(): CronfetchError {
  return new CronfetchError("cancelled", "the draft was discarded");
}

function misuse(stage: Stage): CronfetchError {
  return new CronfetchError("internal", `a draft was used out of order, ${STAGES[stage]}`);
}

/** Bytes from the beginning of a file that are kept in memory for content checks. */
export const HEAD_BYTES: number = 64 * 1024;

/** The head of a file after `bytes` were appended to the file; at most {@linkcode HEAD_BYTES}. */
export function extendHead(
  head: Uint8Array<ArrayBuffer>,
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  if (head.length >= HEAD_BYTES) return head;
  const more = bytes.subarray(0, HEAD_BYTES - head.length);
  const joined = new Uint8Array(head.length + more.length);
  joined.set(head);
  joined.set(more, head.length);
  return joined;
}
