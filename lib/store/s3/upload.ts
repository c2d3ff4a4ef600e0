/** Uploads in parts: few under way at once over all files, so that memory has a bound. */

import {
  type Bucket,
  type Condition,
  LARGEST_COPY_BYTES,
  type ObjectFacts,
  type PartOf,
  type Upload,
  type UploadedPart,
} from "./bucket.ts";

/** The smallest part that S3 allows but for the last one. */
export const SMALLEST_PART_BYTES = 5 * 2 ** 20;
/** The most parts that S3 allows. */
const MOST_PARTS = 10_000;
/** How often an upload is told to end that does not. */
const ABORT_ATTEMPTS = 4;
/** Parts under way at once, over all uploads of a store. */
export const PARTS_AT_ONCE = 4;
/** What one request copies within the server: enough that there are few, and not too long ones. */
export const COPY_PART_BYTES = 64 * 2 ** 20;

/**
 * Size of the parts of an upload: all but the last have the same, as some
 * servers want it.
 *
 * @param expectedBytes Size of the whole; null allows for 48 GiB.
 */
export function partBytesFor(expectedBytes: number | null): number {
  const needed = Math.ceil((expectedBytes ?? 0) / MOST_PARTS / 2 ** 20) * 2 ** 20;
  return Math.max(SMALLEST_PART_BYTES, needed);
}

/** A number of turns, given out in the order of asking. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** Makes `count` of them. */
  constructor(count: number) {
    this.#free = count;
  }

  /** Waits for a turn. What is returned gives it back. */
  async take(): Promise<() => void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((done) => void this.#waiting.push(done));
    return () => {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    };
  }
}

/** What an upload needs. */
export interface UploadContext {
  readonly bucket: Bucket;
  readonly turns: Turns;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  /** Waits a moment. */
  readonly pause: () => Promise<void>;
}

/** An object on its way into the bucket, part by part. Nobody sees it until it is completed. */
export class PartedUpload {
  readonly #upload: Upload;
  readonly #context: UploadContext;
  readonly #underWay = new Set<Promise<void>>();
  readonly #parts: UploadedPart[] = [];
  #count = 0;
  #failure: { readonly error: unknown } | null = null;

  private constructor(upload: Upload, context: UploadContext) {
    this.#upload = upload;
    this.#context = context;
  }

  /** Begins one. */
  static async begin(
    key: string,
    facts: ObjectFacts,
    context: UploadContext,
  ): Promise<PartedUpload> {
    const id = await context.bucket.createUpload(key, facts, context.signal);
    return new PartedUpload({ key, id }, context);
  }

  /**
   * Uploads the next part while the caller goes on; waits only for a turn. The
   * bytes must stay as they are.
   *
   * @throws What an earlier part failed with.
   */
  async add(send: (part: PartOf) => Promise<UploadedPart>): Promise<void> {
    const free = await this.#context.turns.take();
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
        this.#underWay.delete(sending);
      });
    this.#underWay.add(sending);
  }

  /** Waits until all parts are there, or one has failed. */
  async #settle(): Promise<readonly UploadedPart[]> {
    await Promise.all(this.#underWay);
    if (this.#failure) throw this.#failure.error;
    return this.#parts.toSorted((one, other) => one.number - other.number);
  }

  /** Makes the object, as `Bucket.completeUpload` does. */
  async complete(sizeBytes: number, condition: Condition): Promise<string | null> {
    const parts = await this.#settle();
    const { bucket, signal } = this.#context;
    return await bucket.completeUpload({ ...this.#upload, sizeBytes }, parts, condition, signal);
  }

  /**
   * Ends it without an object, once nothing of it is under way. A part whose
   * answer was lost may still be, at the server, and outlive the end: so one looks.
   */
  async abort(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#underWay);
    const { bucket, pause } = this.#context;
    for (let attempt = 1; attempt <= ABORT_ATTEMPTS; attempt++) {
      await bucket.abortUpload(this.#upload, signal);
      if (!this.#failure || !await this.#isPending(signal)) return;
      await pause();
    }
  }

  async #isPending(signal: AbortSignal): Promise<boolean> {
    const { key, id } = this.#upload;
    for await (const pending of this.#context.bucket.uploads(key, signal)) {
      if (pending.key === key && pending.id === id) return true;
    }
    return false;
  }
}

/** An object within the bucket. */
export interface CopySource {
  readonly key: string;
  readonly etag: string;
  readonly sizeBytes: number;
}

/** Copies an object within the server, part by part, into an upload. */
export async function addCopies(
  upload: PartedUpload,
  { key, etag, sizeBytes }: CopySource,
  { bucket, signal }: UploadContext,
): Promise<void> {
  const needed = Math.ceil(sizeBytes / MOST_PARTS);
  const partBytes = Math.min(LARGEST_COPY_BYTES, Math.max(COPY_PART_BYTES, needed));
  for (let first = 0; first < sizeBytes; first += partBytes) {
    const last = Math.min(first + partBytes, sizeBytes) - 1;
    await upload.add((part) => bucket.copyPart(part, { key, etag, first, last }, signal));
  }
}
