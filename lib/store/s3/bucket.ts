/** Bucket: what is asked of an S3 server, in words of ours. The client behind it is in `client.ts`. */

/** What is stored beside the bytes of an object. */
export interface ObjectFacts {
  /** Content-Type, or null for the server's default. */
  readonly contentType: string | null;
  /** Names and values of ASCII. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What an object must be for a write to take place: this revision, absent, or anything. */
export type Condition =
  | { readonly kind: "revision"; readonly etag: string }
  | { readonly kind: "absent" }
  | { readonly kind: "any" };

/** What the server tells of an object. */
export interface ObjectHead {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedMs: number;
  /** Lower-case hexadecimal sha256 of the whole object that the server itself has checked, or null. */
  readonly checksum: string | null;
  readonly facts: ObjectFacts;
}

/** An object in a list. */
export interface ListedObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedMs: number;
}

/** An upload in parts that is neither completed nor aborted. */
export interface PendingUpload {
  readonly key: string;
  readonly id: string;
  readonly initiatedMs: number;
}

/** A part of an upload, as it is named at completion. */
export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
}

/** Thrown where a {@linkcode Condition} does not hold. */
export class ConditionFailed extends Error {
  override readonly name = "ConditionFailed";
}

/** The condition of a write that replaces whatever is there. */
export const ANYTHING: Condition = { kind: "any" };

/**
 * One bucket, spoken to in whole keys. Every call throws a `DriverError` with a
 * plain sentence, or the reason of its signal.
 */
export interface Bucket extends Disposable {
  /** What is known of an object, or null. */
  head(key: string, signal: AbortSignal): Promise<ObjectHead | null>;
  /** An object's bytes, or null. */
  get(key: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null>;
  /**
   * Writes an object in one request.
   *
   * @param sha256 Hexadecimal digest of the bytes, which the server checks and keeps, if it can.
   * @returns Its ETag.
   * @throws {ConditionFailed}
   */
  put(object: NewObject, condition: Condition, signal: AbortSignal): Promise<string>;
  /** Copies a small object, with its facts, within the server. False where it is not there. */
  copy(from: string, to: string, signal: AbortSignal): Promise<boolean>;
  /** Removes an object. One that is not there is no error. */
  remove(key: string, signal: AbortSignal): Promise<void>;
  /** Objects whose keys begin so, in the order of code points, from after a key. */
  list(prefix: string, after: string | null, signal: AbortSignal): AsyncIterable<ListedObject>;
  /** Begins an upload in parts, and gives its id. */
  createUpload(key: string, facts: ObjectFacts, signal: AbortSignal): Promise<string>;
  /** Uploads a part, numbered from 1. */
  uploadPart(upload: PartOf, bytes: Uint8Array, signal: AbortSignal): Promise<UploadedPart>;
  /** Makes a part of a range of another object, the last byte included. */
  copyPart(upload: PartOf, source: RangeOf, signal: AbortSignal): Promise<UploadedPart>;
  /**
   * Makes an object of the parts, all at once.
   *
   * @returns Its ETag; null where the upload is gone, which a lost answer to an
   * earlier attempt leaves behind.
   * @throws {ConditionFailed}
   */
  completeUpload(
    upload: Upload & { readonly sizeBytes: number },
    parts: readonly UploadedPart[],
    condition: Condition,
    signal: AbortSignal,
  ): Promise<string | null>;
  /** Ends an upload without an object. One that is not there is no error. */
  abortUpload(upload: Upload, signal: AbortSignal): Promise<void>;
  /** Uploads under way whose keys begin so. */
  uploads(prefix: string, signal: AbortSignal): AsyncIterable<PendingUpload>;
}

/** An object to be written. */
export interface NewObject {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly facts: ObjectFacts;
}

/** An upload in parts. */
export interface Upload {
  readonly key: string;
  readonly id: string;
}

/** A part of an upload, numbered from 1. */
export interface PartOf extends Upload {
  readonly number: number;
}

/** A range of an object, which must be the one with the ETag. */
export interface RangeOf {
  readonly key: string;
  readonly etag: string;
  readonly first: number;
  readonly last: number;
}

/** The most that one copied part can be. */
export const LARGEST_COPY_BYTES = 5 * 2 ** 30;
