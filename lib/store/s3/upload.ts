/** Uploads in parts, with a limit on concurrent parts of all files, which bounds memory. */

import { DriverError } from "../errors.ts";
import {
  type Bucket,
  type Condition,
  ConditionFailed,
  CopyUnavailable,
  LARGEST_COPY_BYTES,
  type ObjectFacts,
  type PartOf,
  type Upload,
  type UploadedPart,
} from "./bucket.ts";

/** Smallest part that S3 accepts, except for the last one. */
export const SMALLEST_PART_BYTES = 5 * 2 ** 20;
/** Most parts of an upload in S3. */
const MAX_PARTS = 10_000;
/** Requests to abort an upload that is still listed. */
const ABORT_ATTEMPTS = 4;
/** Concurrent parts of all uploads of a store. */
export const CONCURRENT_PARTS = 4;
/** Bytes that one request copies: few requests, none of which takes long. */
export const COPY_PART_BYTES = 64 * 2 ** 20;

/**
 * Size of the parts of an upload. All but the last have the same, as some servers require.
 *
 * @param expectedBytes Total size; null allows for 48 GiB.
 */
export function partBytesFor(expectedBytes: number | null): number {
  const needed = Math.ceil((expectedBytes ?? 0) / MAX_PARTS / 2 ** 20) * 2 ** 20;
  return Math.max(SMALLEST_PART_BYTES, needed);
}

/** A semaphore, first come first served. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param count Number of slots. */
  constructor(count: number) {
    this.#free = count;
  }

  /** Waits for a slot; returns the function that releases it. */
  async acquire(): Promise<() => void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((done) => void this.#waiting.push(done));
    return () => {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    };
  }
}

/**
 * Buffers of parts, used again: garbage of 5 MiB each would pile up faster than it is collected.
 */
export class PartBuffers {
  readonly #free: ArrayBuffer[] = [];

  /** Returns a buffer of that size. */
  take(sizeBytes: number): Uint8Array<ArrayBuffer> {
    const index = this.#free.findIndex(({ byteLength }) => byteLength === sizeBytes);
    const [buffer] = index < 0 ? [] : this.#free.splice(index, 1);
    return new Uint8Array(buffer ?? new ArrayBuffer(sizeBytes));
  }

  /** Takes a buffer back that nothing refers to. */
  give({ buffer }: Uint8Array<ArrayBuffer>): void {
    if (this.#free.length < CONCURRENT_PARTS) this.#free.push(buffer);
  }
}

/** What uploads of a store share. */
export interface UploadContext {
  readonly bucket: Bucket;
  readonly slots: Slots;
  readonly buffers: PartBuffers;
  /** Aborts pending requests. */
  readonly signal: AbortSignal;
  /** Waits between two requests to abort. */
  readonly pause: () => Promise<void>;
}

/** An object that is uploaded part by part, invisible until it is completed. */
export class PartedUpload {
  readonly #upload: Upload;
  readonly #facts: ObjectFacts;
  readonly #context: UploadContext;
  readonly #pending = new Set<Promise<void>>();
  readonly #parts: UploadedPart[] = [];
  #count = 0;
  #failure: { readonly error: unknown } | null = null;

  private constructor(upload: Upload, facts: ObjectFacts, context: UploadContext) {
    this.#upload = upload;
    this.#facts = facts;
    this.#context = context;
  }

  /** Creates an upload. */
  static async begin(
    key: string,
    facts: ObjectFacts,
    context: UploadContext,
  ): Promise<PartedUpload> {
    const id = await context.bucket.createUpload(key, facts, context.signal);
    return new PartedUpload({ key, id }, facts, context);
  }

  /**
   * Starts uploading the next part, and waits only for a slot. The bytes must not change until the
   * upload is completed or aborted.
   *
   * @throws The error of an earlier part.
   */
  async add(send: (part: PartOf) => Promise<UploadedPart>): Promise<void> {
    const free = await this.#context.slots.acquire();
    if (this.#failure) {
      free();
      throw this.#failure.error;
    }
    const number = ++this.#count;
    const sending = send({ ...this.#upload, number })
      .then((part) => void this.#parts.push(part))
      .catch((error) => void (this.#failure ??= { error }))
      .finally(() => {
        free();
        this.#pending.delete(sending);
      });
    this.#pending.add(sending);
  }

  /** Waits until all parts are uploaded. */
  async #finish(): Promise<readonly UploadedPart[]> {
    await Promise.all(this.#pending);
    if (this.#failure) throw this.#failure.error;
    return this.#parts.toSorted((one, other) => one.number - other.number);
  }

  /** Creates the object; see `Bucket.completeUpload`. */
  async complete(sizeBytes: number, condition: Condition): Promise<string | null> {
    const parts = await this.#finish();
    const { bucket, signal } = this.#context;
    const completed = { ...this.#upload, sizeBytes, facts: this.#facts };
    return await bucket.completeUpload(completed, parts, condition, signal);
  }

  /**
   * Aborts the upload after its pending parts. If the response to a part was lost, the server may
   * still be storing that part and keep the upload, so list it and abort it again.
   */
  async abort(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#pending);
    const { bucket, pause } = this.#context;
    for (let attempt = 1; attempt <= ABORT_ATTEMPTS; attempt++) {
      await bucket.abortUpload(this.#upload, signal);
      if (!this.#failure || !await this.#isListed(signal)) return;
      await pause();
    }
  }

  async #isListed(signal: AbortSignal): Promise<boolean> {
    const { key, id } = this.#upload;
    for await (const pending of this.#context.bucket.uploadsOf(key, signal)) {
      if (pending.id === id) return true;
    }
    return false;
  }
}

/** An object of the bucket to copy. */
export interface CopySource {
  readonly key: string;
  readonly etag: string;
  readonly sizeBytes: number;
}

/** The object that a copy creates, on a condition. */
export interface CopyTarget {
  readonly key: string;
  readonly facts: ObjectFacts;
  readonly condition: Condition;
}

/**
 * Creates an object with the bytes of another one: copied in parts or as a whole within the server,
 * or read and uploaded if the server copies neither.
 *
 * @returns Its ETag.
 * @throws {ConditionFailed}
 */
export async function copyObject(
  source: CopySource,
  target: CopyTarget,
  context: UploadContext,
): Promise<string> {
  const { bucket, signal } = context;
  const { key, facts, condition } = target;
  const { copies } = bucket.features;
  if (copies === "unknown" || copies === "parts") {
    const etag = await orUnavailable(uploadCopy(source, target, addCopies, context));
    if (etag !== null) return etag;
  }
  if (bucket.features.copies !== "no" && source.sizeBytes <= LARGEST_COPY_BYTES) {
    const copying = bucket.copy({ source, key, facts }, condition, signal);
    const etag = await orUnavailable(copying);
    if (etag !== null) return etag;
  }
  return await uploadCopy(source, target, addRead, context);
}

async function orUnavailable(copying: Promise<string>): Promise<string | null> {
  try {
    return await copying;
  } catch (error) {
    if (error instanceof CopyUnavailable) return null;
    throw error;
  }
}

/** Creates an object by an upload whose parts `add` provides. */
async function uploadCopy(
  source: CopySource,
  { key, facts, condition }: CopyTarget,
  add: (upload: PartedUpload, source: CopySource, context: UploadContext) => Promise<void>,
  context: UploadContext,
): Promise<string> {
  const upload = await PartedUpload.begin(key, facts, context);
  try {
    await add(upload, source, context);
    const etag = await upload.complete(source.sizeBytes, condition);
    // Another process has aborted it.
    if (etag === null) throw new ConditionFailed("the upload does not exist");
    return etag;
  } catch (error) {
    await upload.abort(context.signal).catch(() => {});
    throw error;
  }
}

/** Adds an object of the bucket to an upload, part by part. */
async function addCopies(
  upload: PartedUpload,
  { key, etag, sizeBytes }: CopySource,
  { bucket, signal }: UploadContext,
): Promise<void> {
  const needed = Math.ceil(sizeBytes / MAX_PARTS);
  const partBytes = Math.min(LARGEST_COPY_BYTES, Math.max(COPY_PART_BYTES, needed));
  for (let first = 0; first < sizeBytes; first += partBytes) {
    const last = Math.min(first + partBytes, sizeBytes) - 1;
    await upload.add((part) =>
      bucket.copyPart(part, { key, etag, sizeBytes, first, last }, signal)
    );
  }
}

/** Adds bytes, whose whole buffer is given back when they are sent. */
export async function addBytes(
  upload: PartedUpload,
  bytes: Uint8Array<ArrayBuffer>,
  { bucket, buffers, signal }: UploadContext,
): Promise<void> {
  await upload.add(async (part) => {
    const uploaded = await bucket.uploadPart(part, bytes, signal);
    // After a failure the connection may still be sending them.
    buffers.give(bytes);
    return uploaded;
  });
}

/** Reads an object of the bucket, and adds it to an upload. */
async function addRead(
  upload: PartedUpload,
  { key, sizeBytes }: CopySource,
  context: UploadContext,
): Promise<void> {
  const { bucket, buffers, signal } = context;
  const partBytes = partBytesFor(sizeBytes);
  const pieces = await bucket.get(key, signal);
  if (pieces === null) throw new DriverError("store.failed", "the object to copy was removed");
  let buffer = buffers.take(partBytes);
  let filled = 0;
  let read = 0;
  const flush = async () => {
    await addBytes(upload, buffer.subarray(0, filled), context);
    buffer = buffers.take(partBytes);
    filled = 0;
  };
  for await (const piece of pieces) {
    read += piece.length;
    for (let from = 0; from < piece.length;) {
      const some = piece.subarray(from, from + partBytes - filled);
      buffer.set(some, filled);
      filled += some.length;
      from += some.length;
      if (filled === partBytes) await flush();
    }
  }
  if (filled > 0) await flush();
  if (read !== sizeBytes) {
    throw new DriverError("store.failed", `read ${read} of ${sizeBytes} bytes of the draft`);
  }
}
