/** The requests to an S3 server that the driver needs; `client.ts` implements them. */

import type { ServerFeatures } from "./features.ts";

/** Content-Type and metadata of an object. */
export interface ObjectFacts {
  /** Content-Type, or null for the server's default. */
  readonly contentType: string | null;
  /** Names and values, in ASCII. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The condition of a write: the object has this ETag, does not exist, or any. */
export type Condition =
  | { readonly kind: "revision"; readonly etag: string }
  | { readonly kind: "absent" }
  | { readonly kind: "any" };

/** An object without its bytes. */
export interface ObjectHead {
  readonly sizeBytes: number;
  /** In quotes; `""` if the server sends none. */
  readonly etag: string;
  readonly modifiedMs: number;
  /** SHA-256 of the whole object, checked by the server, in lower-case hexadecimal; or null. */
  readonly checksum: string | null;
  readonly facts: ObjectFacts;
}

/** An object in a list. */
export interface ListedObject {
  readonly key: string;
  readonly sizeBytes: number;
  /** In quotes; null if the list has none. */
  readonly etag: string | null;
  readonly modifiedMs: number;
}

/** An upload in parts that is neither completed nor aborted. */
export interface PendingUpload {
  readonly key: string;
  readonly id: string;
  readonly initiatedMs: number;
}

/** A part of an upload, as completing the upload refers to it. */
export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
}

/** The server cannot copy these bytes; they have to be read and uploaded. */
export class CopyUnavailable extends Error {
  override readonly name = "CopyUnavailable";
}

/** A {@linkcode Condition} does not hold. */
export class ConditionFailed extends Error {
  override readonly name = "ConditionFailed";
}

/** An object without metadata, of the server's default type. */
export const NO_FACTS: ObjectFacts = { contentType: null, metadata: {} };

/** The condition of an unconditional write. */
export const ANYTHING: Condition = { kind: "any" };

/**
 * One bucket. Keys include the prefix of the store. Every call throws a `DriverError`, or the reason
 * of its signal.
 */
export interface Bucket extends AsyncDisposable {
  /** What the server can do, as far as its responses have shown. */
  readonly features: ServerFeatures;
  /** Tries all features with small objects below the prefix, which are removed again. */
  probe(signal: AbortSignal): Promise<void>;
  /** An object without its bytes, or null. */
  head(key: string, signal: AbortSignal): Promise<ObjectHead | null>;
  /** The bytes of an object, or null. */
  get(key: string, signal: AbortSignal): Promise<ObjectBytes | null>;
  /**
   * Writes an object in one request.
   *
   * @param object Its `sha256` is checked and stored by servers that support it.
   * @returns Its ETag.
   * @throws {ConditionFailed}
   */
  put(object: NewObject, condition: Condition, signal: AbortSignal): Promise<string>;
  /**
   * Copies an object of up to 5 GiB in one request.
   *
   * @returns The ETag of the copy.
   * @throws {CopyUnavailable}
   * @throws {ConditionFailed}
   */
  copy(copy: ObjectCopy, condition: Condition, signal: AbortSignal): Promise<string>;
  /** Removes an object, if it exists. */
  remove(key: string, signal: AbortSignal): Promise<void>;
  /** Lists objects by prefix, after a key or from the first, in the order of code points. */
  list(prefix: string, after: string | null, signal: AbortSignal): AsyncIterable<ListedObject>;
  /** Creates an upload in parts; returns its id. */
  createUpload(key: string, facts: ObjectFacts, signal: AbortSignal): Promise<string>;
  /** Uploads a part, numbered from 1. */
  uploadPart(
    upload: PartOf,
    bytes: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<UploadedPart>;
  /**
   * Uploads a range of another object as a part.
   *
   * @throws {CopyUnavailable}
   */
  copyPart(upload: PartOf, source: RangeOf, signal: AbortSignal): Promise<UploadedPart>;
  /**
   * Creates an object of the parts, atomically. If a response was lost, the object is recognised by
   * its size and metadata before the request is repeated.
   *
   * @returns Its ETag; null if neither the upload nor the object exists.
   * @throws {ConditionFailed}
   */
  completeUpload(
    upload: CompletedUpload,
    parts: readonly UploadedPart[],
    condition: Condition,
    signal: AbortSignal,
  ): Promise<string | null>;
  /** Aborts an upload, if it exists. */
  abortUpload(upload: Upload, signal: AbortSignal): Promise<void>;
  /** Lists the pending uploads of one key. */
  uploadsOf(key: string, signal: AbortSignal): AsyncIterable<PendingUpload>;
  /** Lists pending uploads whose keys begin with a prefix, as far as the server can. */
  uploads(prefix: string, signal: AbortSignal): AsyncIterable<PendingUpload>;
}

/** An object to write. */
export interface NewObject {
  readonly key: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
  readonly facts: ObjectFacts;
}

/** The bytes of an object in pieces, each valid until the next one is requested. */
export type ObjectBytes = AsyncIterable<Uint8Array<ArrayBuffer>>;

/** A copy to make. */
export interface ObjectCopy {
  readonly source: { readonly key: string; readonly etag: string; readonly sizeBytes: number };
  readonly key: string;
  /** Of the copy; null for those of the source. */
  readonly facts: ObjectFacts | null;
}

/** An upload in parts. */
export interface Upload {
  readonly key: string;
  readonly id: string;
}

/** An upload all of whose parts are uploaded, and the object to create. */
export interface CompletedUpload extends Upload {
  readonly sizeBytes: number;
  /** Those that the upload was created with. */
  readonly facts: ObjectFacts;
}

/** A part of an upload, numbered from 1. */
export interface PartOf extends Upload {
  readonly number: number;
}

/** A range of an object, both ends included; the object must have the ETag. */
export interface RangeOf {
  readonly key: string;
  readonly etag: string;
  /** Size of the whole object. */
  readonly sizeBytes: number;
  readonly first: number;
  readonly last: number;
}

/** Largest part that S3 can copy. */
export const LARGEST_COPY_BYTES = 5 * 2 ** 30;
