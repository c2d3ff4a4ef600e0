/** Drafts in a bucket: small ones are held in memory, larger ones uploaded as they come. */

import { createHash } from "node:crypto";
import type { DraftSteps, PublishRequest } from "../draft.ts";
import type { BeginOptions } from "../driver.ts";
import { alreadyExists, changedConcurrently, DriverError } from "../errors.ts";
import {
  ANYTHING,
  type Bucket,
  type Condition,
  ConditionFailed,
  type ObjectFacts,
} from "./bucket.ts";
import { factsOf, type S3Places, storedObject } from "./objects.ts";
import { addCopies, partBytesFor, PartedUpload, type Turns } from "./upload.ts";
import type { PublishedFile, StoredFile } from "../store.ts";

/** What the drafts of a bucket share. */
export interface S3Context {
  readonly bucket: Bucket;
  readonly places: S3Places;
  readonly turns: Turns;
  /** For names nobody can guess. */
  readonly newName: () => string;
  /** Waits a moment. */
  readonly pause: () => Promise<void>;
  /** Ends what is under way; aborted when the store is closed. */
  readonly signal: AbortSignal;
}

/** What a small body is first given room for, unless its size is known. */
const FIRST_BUFFER_BYTES = 64 * 1024;

/** A staged object: all bytes of a draft, under a name that no key can have. */
interface Staged {
  readonly key: string;
  readonly etag: string;
}

/** Starts a draft. */
export async function beginS3Draft(
  key: string,
  options: BeginOptions,
  context: S3Context,
): Promise<S3Draft> {
  const { bucket, places, signal } = context;
  const objectKey = places.objectKey(key);
  const existing = options.existing === undefined
    ? storedObject(await bucket.head(objectKey, signal))
    : options.existing;
  return new S3Draft(existing, options.expectedBytes, context);
}

/**
 * A draft smaller than a part is memory, and one request when it is published.
 * A larger one is an upload in parts under a name of its own, which nobody sees;
 * sealed it is an object of that name, and publishing copies it within the server
 * into its place, again all at once. Only so can its digest be stored beside it,
 * and can it be read, put aside and suspended like any other draft.
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
  /** Whether there may be an object of the draft's own name, though nobody said so. */
  #mayBeStaged = false;

  /** Starts one over what `replaces` says stands there. */
  constructor(existing: StoredFile | null, expectedBytes: number | null, context: S3Context) {
    this.existing = existing;
    this.#context = context;
    this.#partBytes = partBytesFor(expectedBytes);
    this.#signal = AbortSignal.any([this.#interrupted.signal, context.signal]);
    this.#name = context.newName();
    this.#stagedKey = context.places.draftKey(this.#name);
    const roomBytes = Math.min(expectedBytes ?? FIRST_BUFFER_BYTES, this.#partBytes);
    this.#buffer = new Uint8Array(Math.max(1, roomBytes));
  }

  async append(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      // A full part is sent when more comes: what fits in one is not uploaded in parts.
      if (this.#filledBytes === this.#partBytes) await this.#sendPart();
      const piece = rest.subarray(0, this.#partBytes - this.#filledBytes);
      this.#makeRoom(this.#filledBytes + piece.length);
      this.#buffer.set(piece, this.#filledBytes);
      this.#filledBytes += piece.length;
      rest = rest.subarray(piece.length);
    }
  }

  async seal(sizeBytes: number): Promise<void> {
    if (this.#upload) await this.#stage(sizeBytes);
  }

  async read(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#staged === null) return this.#whole().slice();
    const body = await this.#context.bucket.get(this.#staged.key, this.#signal);
    if (body === null) throw stagedIsGone();
    return new Uint8Array(await new Response(body).arrayBuffer());
  }

  async pieces(): Promise<AsyncIterable<Uint8Array<ArrayBuffer>>> {
    if (this.#staged === null) return ReadableStream.from([this.#whole()]);
    const body = await this.#context.bucket.get(this.#staged.key, this.#signal);
    if (body === null) throw stagedIsGone();
    return body;
  }

  async publish(publication: PublishRequest): Promise<PublishedFile> {
    const { bucket, places } = this.#context;
    const { sizeBytes, ifUnchanged, exclusive } = publication;
    const key = places.objectKey(publication.key);
    const condition = exclusive
      ? { kind: "absent" } as const
      : ifUnchanged
      ? this.#condition()
      : ANYTHING;
    const staged = this.#staged;
    try {
      if (staged === null) {
        const bytes = this.#whole();
        const facts = factsOf(publication, md5Of(bytes));
        const object = { key, bytes, sha256: publication.sha256, facts };
        return { sizeBytes, revision: await bucket.put(object, condition, this.#signal) };
      }
      const facts = factsOf(publication, null);
      const revision = await this.#copyStaged(key, sizeBytes, facts, condition, staged);
      // What stays is invisible, and a later run removes it.
      await this.#removeStaged().catch(() => {});
      return { sizeBytes, revision };
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      return await this.#sameBytes(key, publication);
    }
  }

  async suspend(sizeBytes: number): Promise<string> {
    if (this.#upload) {
      await this.#stage(sizeBytes);
      return this.#name;
    }
    const bytes = this.#whole();
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

  /** On which a publication takes place: that what stands there is what was seen. */
  #condition(): Condition {
    return this.existing === null
      ? { kind: "absent" }
      : { kind: "revision", etag: this.existing.revision };
  }

  /**
   * Something else stands there by now: no conflict if it is these very bytes. An exclusive
   * publication accepts only an object that it wrote itself, by a request whose answer was lost.
   */
  async #sameBytes(key: string, publication: PublishRequest): Promise<PublishedFile> {
    const { sizeBytes, sha256, exclusive } = publication;
    const head = await this.#context.bucket.head(key, this.#signal);
    const current = storedObject(head);
    if (current?.sizeBytes !== sizeBytes || current.sha256 !== sha256) {
      throw exclusive ? alreadyExists() : changedConcurrently();
    }
    if (exclusive && !isWrittenBy(publication, head?.facts)) throw alreadyExists();
    await this.remove();
    return current;
  }

  /** Completes the upload under the draft's own name. */
  async #stage(sizeBytes: number): Promise<void> {
    if (!this.#upload) return;
    if (this.#filledBytes > 0) await this.#sendPart();
    this.#mayBeStaged = true;
    await this.#upload.complete(sizeBytes, ANYTHING);
    this.#upload = null;
    const head = await this.#context.bucket.head(this.#stagedKey, this.#signal);
    if (head?.sizeBytes !== sizeBytes) {
      const sentence = `wrote ${sizeBytes} bytes, the bucket holds ${head?.sizeBytes ?? 0}`;
      throw new DriverError("store.failed", sentence);
    }
    this.#staged = { key: this.#stagedKey, etag: head.etag };
  }

  async #copyStaged(
    key: string,
    sizeBytes: number,
    facts: ObjectFacts,
    condition: Condition,
    { key: from, etag }: Staged,
  ): Promise<string> {
    const context = { ...this.#context, signal: this.#signal };
    const upload = await PartedUpload.begin(key, facts, context);
    try {
      await addCopies(upload, { key: from, etag, sizeBytes }, context);
      const made = await upload.complete(sizeBytes, condition);
      // An earlier attempt has done it, and its answer was lost.
      if (made === null) throw new ConditionFailed("the upload is over");
      return made;
    } catch (error) {
      await upload.abort(this.#context.signal).catch(() => {});
      throw error;
    }
  }

  async #removeStaged(): Promise<void> {
    await this.#context.bucket.remove(this.#stagedKey, this.#context.signal);
    this.#staged = null;
    this.#mayBeStaged = false;
  }

  async #sendPart(): Promise<void> {
    const { bucket } = this.#context;
    this.#upload ??= await this.#beginUpload();
    const bytes = this.#whole();
    await this.#upload.add((part) => bucket.uploadPart(part, bytes, this.#signal));
    this.#buffer = new Uint8Array(this.#partBytes);
    this.#filledBytes = 0;
  }

  async #beginUpload(): Promise<PartedUpload> {
    const context = { ...this.#context, signal: this.#signal };
    try {
      return await PartedUpload.begin(this.#stagedKey, NO_FACTS, context);
    } catch (error) {
      await this.#abortUnanswered().catch(() => {});
      throw error;
    }
  }

  /** Ends uploads that the server has begun though its answers did not arrive. */
  async #abortUnanswered(): Promise<void> {
    const { bucket, signal } = this.#context;
    for await (const upload of bucket.uploads(this.#stagedKey, signal)) {
      await bucket.abortUpload(upload, signal);
    }
  }

  #whole(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#filledBytes);
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#buffer.length) return;
    const buffer = new Uint8Array(
      Math.min(this.#partBytes, Math.max(bytes, 2 * this.#buffer.length)),
    );
    buffer.set(this.#whole());
    this.#buffer = buffer;
  }
}

/** Whether the metadata of an object is that of a publication: where and when it was fetched. */
function isWrittenBy(publication: PublishRequest, facts: ObjectFacts | undefined): boolean {
  const own = factsOf(publication, null).metadata;
  const names = ["source", "fetched-at"];
  return facts !== undefined && own["fetched-at"] !== undefined &&
    names.every((name) => facts.metadata[name] === own[name]);
}

function md5Of(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}

const NO_FACTS: ObjectFacts = { contentType: null, metadata: {} };

function stagedIsGone(): DriverError {
  return new DriverError(
    "store.failed",
    "the draft is not there any more; something has removed it",
  );
}
