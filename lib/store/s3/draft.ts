/** Drafts in a bucket: small ones are kept in memory, large ones are uploaded in parts. */

import { createHash } from "node:crypto";
import type { DraftSteps, PublishRequest } from "../draft.ts";
import type { BeginOptions } from "../driver.ts";
import { alreadyExists, changedConcurrently, DriverError } from "../errors.ts";
import {
  ANYTHING,
  type Bucket,
  type Condition,
  ConditionFailed,
  NO_FACTS,
  type ObjectBytes,
  type ObjectFacts,
} from "./bucket.ts";
import { factsOf, type ObjectNames, storedObject } from "./objects.ts";
import {
  addBytes,
  copyObject,
  type CopySource,
  type PartBuffers,
  partBytesFor,
  PartedUpload,
  type Slots,
} from "./upload.ts";
import type { PublishedFile, StoredFile } from "../store.ts";

/** What the drafts of a bucket share. */
export interface S3Context {
  readonly bucket: Bucket;
  readonly names: ObjectNames;
  readonly slots: Slots;
  readonly buffers: PartBuffers;
  /** Returns a name that no other process can guess. */
  readonly newName: () => string;
  /** Waits between two requests to abort an upload. */
  readonly pause: () => Promise<void>;
  /** Aborts pending requests; aborted when the store is closed. */
  readonly signal: AbortSignal;
}

/** Initial buffer of a draft of unknown size. */
const FIRST_BUFFER_BYTES = 64 * 1024;

/** An object with all bytes of a draft, under a name that no key can have. */
type Staged = CopySource;

/** Starts a draft. */
export async function beginS3Draft(
  key: string,
  options: BeginOptions,
  context: S3Context,
): Promise<S3Draft> {
  const { bucket, names, signal } = context;
  const objectKey = names.objectKey(key);
  const existing = options.existing === undefined
    ? storedObject(await bucket.head(objectKey, signal))
    : options.existing;
  return new S3Draft(existing, options.expectedBytes, context);
}

/**
 * A draft smaller than a part is kept in memory, and published by one request. A larger one is an
 * upload in parts under a name of its own; `seal` completes that to an invisible object, and
 * publishing copies it to its key within the server. Only this way can the digest be stored with
 * the object, and the draft be read, quarantined and suspended.
 */
export class S3Draft implements DraftSteps {
  readonly existing: StoredFile | null;
  readonly #context: S3Context;
  readonly #partBytes: number;
  readonly #interrupted = new AbortController();
  readonly #signal: AbortSignal;
  readonly #stagedKey: string;
  readonly #name: string;
  #buffer: Uint8Array<ArrayBuffer>;
  #filledBytes = 0;
  #upload: PartedUpload | null = null;
  #staged: Staged | null = null;
  /** Whether there may be an object of the draft, perhaps of a request whose response was lost. */
  #mayBeStaged = false;

  /** @param expectedBytes Expected size, or null. */
  constructor(existing: StoredFile | null, expectedBytes: number | null, context: S3Context) {
    this.existing = existing;
    this.#context = context;
    this.#partBytes = partBytesFor(expectedBytes);
    this.#signal = AbortSignal.any([this.#interrupted.signal, context.signal]);
    this.#name = context.newName();
    this.#stagedKey = context.names.draftKey(this.#name);
    const bufferBytes = Math.min(expectedBytes ?? FIRST_BUFFER_BYTES, this.#partBytes);
    this.#buffer = new Uint8Array(Math.max(1, bufferBytes));
  }

  async append(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      // Send a full part only when more bytes follow: a draft of one part is one request.
      if (this.#filledBytes === this.#partBytes) await this.#sendPart();
      const piece = rest.subarray(0, this.#partBytes - this.#filledBytes);
      this.#grow(this.#filledBytes + piece.length);
      this.#buffer.set(piece, this.#filledBytes);
      this.#filledBytes += piece.length;
      rest = rest.subarray(piece.length);
    }
  }

  async seal(sizeBytes: number): Promise<void> {
    if (this.#upload) await this.#stage(sizeBytes);
  }

  async read(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#staged === null) return this.#filled().slice();
    const bytes = new Uint8Array(this.#staged.sizeBytes);
    let readBytes = 0;
    for await (const piece of await this.#stagedBytes(this.#staged)) {
      bytes.set(piece.subarray(0, bytes.length - readBytes), readBytes);
      readBytes += piece.length;
    }
    if (readBytes !== bytes.length) throw stagedMissing();
    return bytes;
  }

  async pieces(): Promise<AsyncIterable<Uint8Array<ArrayBuffer>>> {
    if (this.#staged === null) return ReadableStream.from([this.#filled()]);
    return await this.#stagedBytes(this.#staged);
  }

  async #stagedBytes({ key }: Staged): Promise<ObjectBytes> {
    const bytes = await this.#context.bucket.get(key, this.#signal);
    if (bytes === null) throw stagedMissing();
    return bytes;
  }

  async publish(request: PublishRequest): Promise<PublishedFile> {
    const { bucket, names } = this.#context;
    const { sizeBytes, ifUnchanged, exclusive } = request;
    const key = names.objectKey(request.key);
    const condition = exclusive
      ? { kind: "absent" } as const
      : ifUnchanged
      ? this.#condition()
      : ANYTHING;
    const staged = this.#staged;
    try {
      if (staged === null) {
        const bytes = this.#filled();
        const facts = factsOf(request, md5Of(bytes));
        const object = { key, bytes, sha256: request.sha256, facts };
        return { sizeBytes, revision: await bucket.put(object, condition, this.#signal) };
      }
      const target = { key, facts: factsOf(request, null), condition };
      const context = { ...this.#context, signal: this.#signal };
      const revision = await copyObject(staged, target, context);
      // A completion that is received twice may end without an object (versitygw 1.8.0).
      if (await bucket.head(key, this.#signal) === null) throw publishedMissing();
      // If it remains, it is invisible, and a later run removes it.
      await this.#removeStaged().catch(() => {});
      return { sizeBytes, revision };
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      return await this.#acceptEqual(key, request);
    }
  }

  async suspend(sizeBytes: number): Promise<string> {
    if (this.#upload) {
      await this.#stage(sizeBytes);
      return this.#name;
    }
    const bytes = this.#filled();
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    const sha256 = new Uint8Array(digest).toHex();
    const object = { key: this.#stagedKey, bytes, sha256, facts: NO_FACTS };
    this.#mayBeStaged = true;
    await this.#context.bucket.put(object, ANYTHING, this.#signal);
    return this.#name;
  }

  interrupt(): void {
    this.#interrupted.abort(new DriverError("cancelled", "the draft was discarded"));
  }

  async remove(): Promise<void> {
    this.#buffer = new Uint8Array();
    await this.#upload?.abort(this.#context.signal);
    if (this.#mayBeStaged) await this.#removeStaged();
  }

  /** The key still has the object that existed when the draft was started. */
  #condition(): Condition {
    return this.existing === null
      ? { kind: "absent" }
      : { kind: "revision", etag: this.existing.revision };
  }

  /**
   * Accepts an object that was created concurrently, if it has the same bytes. An exclusive
   * publication accepts only one of its own, created by a request whose response was lost.
   */
  async #acceptEqual(key: string, request: PublishRequest): Promise<PublishedFile> {
    const { sizeBytes, sha256, exclusive } = request;
    const refusal = exclusive ? alreadyExists : changedConcurrently;
    const head = await this.#context.bucket.head(key, this.#signal);
    if (head === null || head.sizeBytes !== sizeBytes) throw refusal();
    if (exclusive && !isWrittenBy(request, head.facts)) throw refusal();
    const current = storedObject(head);
    const digest = current.sha256 ?? await this.#digestIfNamed(key, sha256, head.facts);
    if (digest !== sha256) throw refusal();
    await this.remove();
    return current;
  }

  /** Reads an object whose metadata has a digest; null without reading it for another digest. */
  async #digestIfNamed(
    key: string,
    sha256: string,
    { metadata }: ObjectFacts,
  ): Promise<string | null> {
    if (metadata["sha256"] !== sha256) return null;
    const pieces = await this.#context.bucket.get(key, this.#signal);
    if (pieces === null) return null;
    const hash = createHash("sha256");
    for await (const piece of pieces) hash.update(piece);
    return hash.digest("hex");
  }

  /** Completes the upload to an object under the draft's own name. */
  async #stage(sizeBytes: number): Promise<void> {
    if (!this.#upload) return;
    if (this.#filledBytes > 0) await this.#sendPart();
    this.#mayBeStaged = true;
    await this.#upload.complete(sizeBytes, ANYTHING);
    this.#upload = null;
    const head = await this.#context.bucket.head(this.#stagedKey, this.#signal);
    if (head?.sizeBytes !== sizeBytes) {
      const message = `wrote ${sizeBytes} bytes, the bucket has ${head?.sizeBytes ?? 0}`;
      throw new DriverError("store.failed", message);
    }
    this.#staged = { key: this.#stagedKey, etag: head.etag, sizeBytes };
  }

  async #removeStaged(): Promise<void> {
    await this.#context.bucket.remove(this.#stagedKey, this.#context.signal);
    this.#staged = null;
    this.#mayBeStaged = false;
  }

  async #sendPart(): Promise<void> {
    const context = { ...this.#context, signal: this.#signal };
    this.#upload ??= await this.#beginUpload();
    await addBytes(this.#upload, this.#filled(), context);
    this.#buffer = context.buffers.take(this.#partBytes);
    this.#filledBytes = 0;
  }

  async #beginUpload(): Promise<PartedUpload> {
    const context = { ...this.#context, signal: this.#signal };
    try {
      return await PartedUpload.begin(this.#stagedKey, NO_FACTS, context);
    } catch (error) {
      await this.#abortUnconfirmed().catch(() => {});
      throw error;
    }
  }

  /** Aborts uploads that the server has created, though its responses were lost. */
  async #abortUnconfirmed(): Promise<void> {
    const { bucket, signal } = this.#context;
    for await (const upload of bucket.uploadsOf(this.#stagedKey, signal)) {
      await bucket.abortUpload(upload, signal);
    }
  }

  #filled(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#filledBytes);
  }

  #grow(bytes: number): void {
    if (bytes <= this.#buffer.length) return;
    const buffer = new Uint8Array(
      Math.min(this.#partBytes, Math.max(bytes, 2 * this.#buffer.length)),
    );
    buffer.set(this.#filled());
    this.#buffer = buffer;
  }
}

/** Whether the metadata of an object has the source and time of the download. */
function isWrittenBy(request: PublishRequest, facts: ObjectFacts): boolean {
  const own = factsOf(request, null).metadata;
  const names = ["source", "fetched-at"];
  return own["fetched-at"] !== undefined &&
    names.every((name) => facts.metadata[name] === own[name]);
}

function md5Of(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}

function publishedMissing(): DriverError {
  const message = "the server reports that the object was written, and does not have it";
  return new DriverError("store.failed", message, { retry: "later" });
}

function stagedMissing(): DriverError {
  return new DriverError(
    "store.failed",
    "the draft was removed by another process",
  );
}
