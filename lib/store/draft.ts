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
   * @returns A buffer of the same size in exchange for that of `bytes`, if that was kept. No promise
   * if the bytes are appended already.
   */
  append(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer | void> | ArrayBuffer | void;
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
   * @returns No promise if there is nothing to wait for.
   * @throws Unless exactly that number was stored.
   */
  seal(sizeBytes: number): Promise<void> | void;
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
  ended: (draft: Draft) => void,
  resumed?: ResumedBytes,
): Draft {
  return new SteppedDraft(key, steps, ended, resumed);
}

/** A draft that queues the steps of a driver. */
class SteppedDraft implements Draft {
  readonly existing: StoredFile | null;
  readonly #key: string;
  readonly #steps: DraftSteps;
  readonly #ended: (draft: Draft) => void;
  /** Null if the driver hashes. */
  readonly #hash: Sha256 | null;
  #stage: Stage = "writing";
  #sizeBytes: number;
  #head: Uint8Array<ArrayBuffer>;
  #sealed: Sealed | null = null;
  /** Published or suspended. */
  #isSettled = false;
  #discarding: Promise<void> | null = null;
  #last: Promise<unknown> = SETTLED;
  /** Jobs that have not succeeded. */
  #pending = 0;

  constructor(
    key: string,
    steps: DraftSteps,
    ended: (draft: Draft) => void,
    resumed?: ResumedBytes,
  ) {
    this.existing = steps.existing;
    this.#key = key;
    this.#steps = steps;
    this.#ended = ended;
    this.#hash = steps.digest ? null : resumed?.hash ?? new Sha256();
    this.#sizeBytes = resumed?.sizeBytes ?? 0;
    this.#head = resumed?.head ?? NO_BYTES;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get head(): Uint8Array<ArrayBuffer> {
    return this.#steps.head?.() ?? this.#head;
  }

  write(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
    return handled(this.#enqueue("writing", "writing", () => this.#append(bytes)));
  }

  seal(): Promise<Sealed> {
    return this.#orDiscard(this.#enqueue("writing", "sealed", () => this.#seal()));
  }

  read(): Promise<Uint8Array<ArrayBuffer>> {
    return handled(this.#enqueue("sealed", "sealed", () => this.#steps.read()));
  }

  async *pieces(): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    const steps = this.#steps;
    const begin = async () => await steps.pieces?.() ?? [await steps.read()];
    const source = await this.#enqueue("sealed", "sealed", begin);
    let readBytes = 0;
    try {
      for await (const bytes of source) {
        if (this.#discarding !== null) throw discarded();
        readBytes += bytes.length;
        yield bytes;
      }
      if (readBytes !== this.#sizeBytes) {
        const message = `wrote ${this.#sizeBytes} bytes, read back ${readBytes}`;
        throw new DriverError("store.failed", message);
      }
    } catch (error) {
      throw this.#reported(error);
    }
  }

  publish(options: PublishOptions = {}): Promise<PublishedFile> {
    return this.#orDiscard(this.#enqueue("sealed", "over", () => this.#publish(options)));
  }

  suspend(): Promise<string> {
    return this.#orDiscard(this.#enqueue("writing", "over", () => this.#suspend()));
  }

  discard(): Promise<void> {
    return this.#discarding ??= this.#isSettled ? SETTLED : this.#remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.discard();
  }

  /**
   * Queues a job behind those before it; if one fails, so do all behind it. The caller handles the
   * rejection.
   */
  #enqueue<T>(from: Stage, to: Stage, job: () => Promise<T>): Promise<T> {
    const isOutOfOrder = this.#discarding === null && this.#stage !== from;
    if (isOutOfOrder) return Promise.reject(misuse(this.#stage));
    this.#stage = to;
    const before = this.#pending === 0 ? null : this.#last;
    this.#pending++;
    const result = this.#runAfter(before, job);
    this.#last = result;
    return result;
  }

  async #runAfter<T>(before: Promise<unknown> | null, job: () => Promise<T>): Promise<T> {
    if (before !== null) await before;
    if (this.#discarding !== null) throw discarded();
    try {
      const value = await job();
      this.#pending--;
      return value;
    } catch (error) {
      throw this.#reported(error);
    }
  }

  /** An interrupted step fails with any error: the interruption is reported instead. */
  #reported(error: unknown): CronfetchError {
    if (this.#discarding !== null) return discarded();
    return storeError(`storing ${JSON.stringify(this.#key)}`, error);
  }

  #orDiscard<T>(result: Promise<T>): Promise<T> {
    return result.catch(async (error) => {
      await this.discard();
      throw error;
    });
  }

  async #append(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
    const { length, buffer } = bytes;
    // The step may detach the buffer.
    if (!this.#steps.head) this.#head = extendHead(this.#head, bytes);
    const appending = this.#steps.append(bytes);
    // Hash while the disk writes.
    const hashing = this.#hash?.update(bytes);
    const exchanged = appending instanceof ArrayBuffer ? appending : await appending;
    if (hashing) await hashing;
    this.#sizeBytes += length;
    return exchanged ?? buffer;
  }

  async #seal(): Promise<Sealed> {
    const steps = this.#steps;
    const sizeBytes = this.#sizeBytes;
    const sealing = steps.seal(sizeBytes);
    if (sealing !== undefined) await sealing;
    const digest = this.#hash?.hex() ?? steps.digest?.();
    const sha256 = typeof digest === "string" ? digest : await digest;
    if (sha256 === undefined) throw new TypeError("the draft was not hashed");
    return this.#sealed = { sizeBytes, sha256 };
  }

  async #publish(options: PublishOptions): Promise<PublishedFile> {
    const { as, provenance = null, exclusive = false, modifiedMs = null } = options;
    if (as !== undefined) checkKey(as);
    if (this.#sealed === null) throw misuse(this.#stage);
    const key = as ?? this.#key;
    const ifUnchanged = key === this.#key;
    if (exclusive && ifUnchanged && this.existing !== null) throw alreadyExists();
    const target = { key, ifUnchanged, exclusive };
    const request = { ...this.#sealed, ...target, provenance, modifiedMs };
    const file = await this.#steps.publish(request);
    this.#settle();
    return file;
  }

  async #suspend(): Promise<string> {
    const steps = this.#steps;
    if (!steps.suspend) throw new DriverError("store.failed", "this store cannot keep drafts");
    const name = await steps.suspend(this.#sizeBytes);
    this.#settle();
    return name;
  }

  #settle(): void {
    this.#isSettled = true;
    this.#ended(this);
  }

  async #remove(): Promise<void> {
    this.#steps.interrupt?.();
    await this.#last.catch(() => {});
    if (this.#isSettled) return;
    try {
      await this.#steps.remove();
    } catch {
      return;
    }
    this.#ended(this);
  }
}

/** A promise whose rejection may be ignored, since all later calls reject too. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

const SETTLED = Promise.resolve();

const NO_BYTES = new Uint8Array();

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
