/** What the drafts of all drivers share: order, counting, hashing, and an end in every case. */

import { createHash, type Hash } from "node:crypto";
import { CronfetchError } from "../core/errors.ts";
import { alreadyExists, DriverError, storeError, wrapErrors } from "./errors.ts";
import { checkKey } from "./key.ts";
import type {
  Draft,
  Provenance,
  PublishedFile,
  PublishOptions,
  Sealed,
  StoredFile,
} from "./store.ts";

/** What is to be put where. */
export interface PublishRequest extends Sealed {
  /** Where the bytes go: the draft's key, or another. */
  readonly key: string;
  /** Whether nothing may be there but what the draft is to replace. False for another key. */
  readonly ifUnchanged: boolean;
  /** Whether nothing at all may be there. */
  readonly exclusive: boolean;
  /** Where the bytes came from, or null. */
  readonly provenance: Provenance | null;
  /** The modification time that the file is to have, in milliseconds; null for now. */
  readonly modifiedMs: number | null;
}

/**
 * The steps of a draft that a driver takes. They are called one after another,
 * never two at once, and none after one that failed but `remove`. What they
 * throw may be anything: it is explained to people above (see `errors.ts`).
 */
export interface DraftSteps {
  /** What is published under the draft's key as it begins, or null. */
  readonly existing: StoredFile | null;
  /**
   * Appends all of `bytes`, and keeps no hold of them; or takes over the buffer
   * behind them, and returns one of the same size in exchange.
   */
  append(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer | void>;
  /**
   * SHA-256 of all bytes, lower-case hexadecimal; called when sealed. Only where the
   * driver computes it itself, with those before: else they are hashed as they come.
   */
  digest?(): Promise<string>;
  /** Makes sure that exactly `sizeBytes` bytes are in place. */
  seal(sizeBytes: number): Promise<void>;
  /** Returns all bytes; called when sealed. */
  read(): Promise<Uint8Array<ArrayBuffer>>;
  /** Returns all bytes piece by piece; called when sealed. Absent where `read` is as good. */
  pieces?(): Promise<AsyncIterable<Uint8Array<ArrayBuffer>>>;
  /** Puts the bytes under a key, all at once; called when sealed. */
  publish(publication: PublishRequest): Promise<PublishedFile>;
  /**
   * Keeps the `sizeBytes` bytes so far under a name of its own, and closes what is
   * open. Absent where drafts cannot outlive a run.
   */
  suspend?(sizeBytes: number): Promise<string>;
  /** Told, at any time, that the step under way is for nothing; `remove` follows. */
  interrupt?(): void;
  /** Removes every trace, and closes what is open; the last call unless published. */
  remove(): Promise<void>;
}

/** What a draft that goes on holds already. */
export interface ResumedBytes {
  /** Fed with them. */
  readonly hash: Hash;
  /** How many they are. */
  readonly sizeBytes: number;
}

/** Stages of a draft, and how people would say when that is. */
const STAGES = {
  writing: "before it was sealed",
  sealed: "after it was sealed",
  over: "after it was published or suspended",
} as const;

type Stage = keyof typeof STAGES;

/**
 * Makes a draft of a driver's steps. A draft that cannot be sealed or published
 * discards itself.
 *
 * @param key Where its bytes are to go.
 * @param ended Called once, when the draft is published, suspended, or every trace
 * of it is gone; not when it could not be removed.
 * @param before The bytes it holds already, if it goes on.
 */
export function createDraft(
  key: string,
  steps: DraftSteps,
  ended: () => void,
  before?: ResumedBytes,
): Draft {
  const doing = `storing ${JSON.stringify(key)}`;
  const hash = steps.digest ? null : before?.hash ?? createHash("sha256");
  let stage: Stage = "writing";
  let sizeBytes = before?.sizeBytes ?? 0;
  let sealed: Sealed | null = null;
  let settled = false;
  let discarding: Promise<void> | null = null;
  let last: Promise<unknown> = Promise.resolve();

  /** Queues a job behind those before it. Once one has failed the others fail likewise. */
  function enqueue<T>(from: Stage, to: Stage, job: () => Promise<T>): Promise<T> {
    if (discarding === null && stage !== from) return Promise.reject(misuse(stage));
    stage = to;
    const result = last.then(() => {
      if (discarding !== null) throw discarded();
      return wrapErrors(doing, job).catch((error) => {
        // What was interrupted fails in some way; that it was, is the reason.
        throw discarding === null ? error : discarded();
      });
    });
    // Whoever is handed the result sees the failure, and so does everybody behind.
    result.catch(() => {});
    last = result;
    return result;
  }

  async function append(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
    const { length, buffer } = bytes;
    const appending = steps.append(bytes);
    // The processor hashes while the disk writes.
    hash?.update(bytes);
    const exchanged = await appending;
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
        throw new DriverError("store.failed", `wrote ${sizeBytes} bytes, ${readBytes} can be read`);
      }
    } catch (error) {
      throw discarding === null ? storeError(doing, error) : discarded();
    }
  }

  async function seal(): Promise<Sealed> {
    await steps.seal(sizeBytes);
    const sha256 = hash?.digest("hex") ?? await steps.digest?.();
    if (sha256 === undefined) throw new TypeError("a draft was not hashed");
    return sealed = { sizeBytes, sha256 };
  }

  async function publish(options: PublishOptions): Promise<PublishedFile> {
    const { as, provenance = null, exclusive = false, modifiedMs = null } = options;
    if (as !== undefined) checkKey(as);
    if (sealed === null) throw misuse(stage);
    const ifUnchanged = as === undefined || as === key;
    if (exclusive && ifUnchanged && steps.existing !== null) throw alreadyExists();
    const target = { key: as ?? key, ifUnchanged, exclusive };
    const publication = { ...sealed, ...target, provenance, modifiedMs };
    const file = await steps.publish(publication);
    settled = true;
    ended();
    return file;
  }

  async function suspend(): Promise<string> {
    if (!steps.suspend) {
      throw new DriverError("store.failed", "drafts cannot be kept there for later");
    }
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

  const discard = (): Promise<void> => discarding ??= remove();

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
