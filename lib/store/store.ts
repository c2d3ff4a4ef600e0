/** The interface of a store as the rest of the program uses it; drivers implement `driver.ts`. */

/** A file that was just published. */
export interface PublishedFile {
  /** Size in bytes. */
  readonly sizeBytes: number;
  /**
   * Opaque value that differs between any two files published under the same key, such as a
   * modification time or an ETag. Compare it for equality only.
   */
  readonly revision: string;
}

/** A published file, as far as a store knows it without reading it. */
export interface StoredFile extends PublishedFile {
  /** When it was written, in whole milliseconds since the epoch; lists may round to seconds. */
  readonly modifiedMs: number;
  /** Lower-case hexadecimal digest; null if only reading the file would give it. */
  readonly sha256: string | null;
}

/** Where bytes were fetched from. Buckets keep it as metadata of the object; folders ignore it. */
export interface Provenance {
  /** The requested URL, redacted. */
  readonly source: string;
  /** The Content-Type header as received, or null. */
  readonly contentType: string | null;
  /** The ETag header as received, or null. */
  readonly etag: string | null;
  /** The Last-Modified header as received, or null. */
  readonly lastModified: string | null;
  /** When they were fetched, RFC 3339 in UTC. */
  readonly fetchedAt: string;
}

/** Options of {@linkcode Store.draft} and {@linkcode Store.resume}. */
export interface DraftOptions {
  /** Saves the request for the file that exists under the key. Default: none. */
  readonly statCache?: StatCache;
  /** Expected total size in bytes, a hint that may be wrong; null if unknown. Default: null. */
  readonly expectedBytes?: number | null;
}

/** Options of {@linkcode Draft.publish}. */
export interface PublishOptions {
  /** Publish under this key instead; any file there is replaced unconditionally. */
  readonly as?: string;
  /**
   * Publish only if the key is unused: a file that exists, or is created during the call, is a
   * `store.conflict`, even if it has the same bytes. Default: false.
   */
  readonly exclusive?: boolean;
  /** Default: null, unknown. */
  readonly provenance?: Provenance | null;
  /**
   * Modification time to give the file, in milliseconds since the epoch. Buckets ignore it.
   * Default: null, the time of writing.
   */
  readonly modifiedMs?: number | null;
}

/** Size and digest of a complete draft. */
export interface Sealed {
  /** Size in bytes. */
  readonly sizeBytes: number;
  /** Lower-case hexadecimal digest of all bytes. */
  readonly sha256: string;
}

/**
 * Bytes being written to a store, invisible until {@linkcode Draft.publish}. Disposing of a draft
 * that was not published or suspended discards it.
 *
 * The order of calls is `write*`, `seal`, `read*` or `pieces*`, then `publish` or `discard`; or
 * `write*`, `suspend`. A call out of order rejects with `internal`. `discard` is allowed at any
 * time and any number of times; calls still queued then reject with `cancelled`. A draft whose
 * `seal`, `publish` or `suspend` fails discards itself.
 */
export interface Draft extends AsyncDisposable {
  /** The file that existed under the draft's key when the draft was started, or null. */
  readonly existing: StoredFile | null;
  /** Bytes written so far, without those of pending writes. */
  readonly sizeBytes: number;
  /**
   * The first bytes written, at most 64 KiB. Valid until the next call of a method.
   */
  readonly head: Uint8Array<ArrayBuffer>;
  /**
   * Appends `bytes`. Several writes may be pending; they are performed in the order of the calls.
   *
   * @param bytes Their whole buffer is transferred to the store, and may be detached.
   * @returns A buffer of the same size to fill next, perhaps another one.
   * @throws {CronfetchError} `store.full`, `store.denied`, `store.failed`. After an error only
   * `discard` is allowed.
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
  /**
   * Waits until every byte is written.
   *
   * @returns Size and digest of all bytes.
   * @throws {CronfetchError} Any `store.` code, including that of a failed write.
   */
  seal(): Promise<Sealed>;
  /**
   * Reads all sealed bytes into memory.
   *
   * @returns All of them.
   * @throws {CronfetchError} Any `store.` code.
   */
  read(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Reads all sealed bytes piece by piece.
   *
   * @returns Pieces, each valid until the next one is requested.
   * @throws {CronfetchError} Any `store.` code; also while reading.
   */
  pieces(): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /**
   * Publishes the sealed bytes atomically: a reader of the key gets the old file or the new one.
   *
   * @param options Where and under which conditions.
   * @returns Size and revision of the published file.
   * @throws {CronfetchError} `store.conflict` if the key no longer holds the draft's `existing`
   * file, if the store detects that, unless the bytes are equal; any other `store.` code.
   * The published file is then unchanged.
   */
  publish(options?: PublishOptions): Promise<PublishedFile>;
  /**
   * Keeps the bytes written so far for a later run, still invisible. Replaces `seal`.
   *
   * @returns The name to pass to {@linkcode Store.resume}.
   * @throws {CronfetchError} `store.failed` if the driver cannot keep drafts; any other `store.`
   * code.
   */
  suspend(): Promise<string>;
  /** Removes the draft and everything it has written. Never throws. */
  discard(): Promise<void>;
}

/** A suspended draft that was resumed. */
export interface ResumedDraft {
  /** Ready for more writes. `seal` returns size and digest of all bytes, old and new. */
  readonly draft: Draft;
  /** The first bytes, at most 64 KiB. */
  readonly head: Uint8Array<ArrayBuffer>;
}

/** A file in a list. */
export interface ListedFile extends StoredFile {
  /** Its key. */
  readonly key: string;
}

/** Published files by key, read with few requests; see {@linkcode Store.statCache}. */
export interface StatCache {
  /**
   * Looks up the published file of a key.
   *
   * @param key The file's key.
   * @returns Null if there is none. It may be as old as the cache, and less exact than
   * {@linkcode Store.stat}: without a digest, and with a time in whole seconds.
   * @throws {CronfetchError} Any `store.` code.
   */
  get(key: string): Promise<StoredFile | null>;
  /**
   * Waits for the first list, to find out before any download whether the store can be reached.
   *
   * @returns Null in a store where `stat` needs no request.
   * @throws {CronfetchError} Any `store.` code.
   */
  ready(): Promise<void> | null;
}

/**
 * A place for published files and drafts, made of a driver by `createStore`. Keys are relative
 * paths with `/` between segments. Every method that takes a key rejects with `store.name` if it
 * is absolute, has an empty, `.` or `..` segment, or is reserved for cronfetch.
 */
export interface Store extends AsyncDisposable {
  /** Where files are stored, for messages; without secrets. */
  readonly location: string;
  /**
   * Starts a draft for `key`.
   *
   * @param key Key of the file to publish.
   * @param options Hints that save requests.
   * @returns The draft, for the caller to publish, suspend or dispose of.
   * @throws {CronfetchError} Any `store.` code.
   */
  draft(key: string, options?: DraftOptions): Promise<Draft>;
  /**
   * Resumes a suspended draft of `key`, perhaps one of another run. No other run can resume it
   * afterwards.
   *
   * @param key The key for which the draft was started.
   * @param name What {@linkcode Draft.suspend} returned.
   * @param signal Aborts reading the bytes of the draft, which is then lost.
   * @param options Hints that save requests.
   * @returns Null if the draft no longer exists.
   * @throws {CronfetchError} Any `store.` code.
   * @throws The signal's reason once it is aborted.
   */
  resume(
    key: string,
    name: string,
    signal: AbortSignal,
    options?: DraftOptions,
  ): Promise<ResumedDraft | null>;
  /**
   * Removes a suspended draft of `key`, if it exists.
   *
   * @param key The key for which the draft was started.
   * @param name What {@linkcode Draft.suspend} returned.
   * @throws {CronfetchError} Any `store.` code.
   */
  drop(key: string, name: string): Promise<void>;
  /**
   * Looks up the file published under `key`.
   *
   * @param key The file's key.
   * @returns Null if there is none.
   * @throws {CronfetchError} Any `store.` code.
   */
  stat(key: string): Promise<StoredFile | null>;
  /**
   * Prepares `stat` for many keys: where each would be a request, the cache lists them instead,
   * up to a thousand per request. No request is sent before the first `get` or `ready`.
   *
   * @param keys The expected keys; any other key is a request of its own.
   * @param signal Aborts listing.
   * @returns A cache for one run.
   */
  statCache(keys: Iterable<string>, signal: AbortSignal): StatCache;
  /**
   * Reads the file published under `key`.
   *
   * @param key The file's key.
   * @param signal Aborts reading.
   * @returns Pieces, each valid until the next one is requested; null if there is no such file.
   * @throws {CronfetchError} Any `store.` code; also while reading.
   * @throws The signal's reason once it is aborted; also while reading.
   */
  read(
    key: string,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array<ArrayBuffer>> | null>;
  /**
   * Computes the SHA-256 of the file published under `key`, by reading all of it.
   *
   * @param key The file's key.
   * @param signal Aborts reading.
   * @returns Lower-case hexadecimal; null if there is no such file.
   * @throws {CronfetchError} Any `store.` code.
   * @throws The signal's reason once it is aborted.
   */
  digest(key: string, signal: AbortSignal): Promise<string | null>;
  /**
   * Lists published files, in no particular order.
   *
   * @param prefix Whole segments of a key, without a slash at the end; `""` for all files.
   * @returns The files, listed while they are read from the iterator.
   * @throws {CronfetchError} Any `store.` code.
   */
  list(prefix: string): AsyncIterable<ListedFile>;
  /**
   * Publishes the bytes of `from` under `to` as well, atomically replacing any file there.
   *
   * @param from Key of an existing file.
   * @param to Key of the copy.
   * @throws {CronfetchError} `store.failed` if `from` does not exist; any other `store.` code.
   */
  copy(from: string, to: string): Promise<void>;
  /**
   * Removes a published file, if it exists.
   *
   * @param key The file's key.
   * @throws {CronfetchError} Any `store.` code.
   */
  remove(key: string): Promise<void>;
  /**
   * Aborts pending operations a few seconds after `signal`; the store cannot be used afterwards.
   *
   * @param signal Ends the use of the store.
   * @returns Disposing of it withdraws the signal.
   */
  abortOn(signal: AbortSignal): Disposable;
  /**
   * Removes drafts left by crashed runs, as far as they can be identified.
   *
   * @returns The number of drafts removed.
   * @throws {CronfetchError} Any `store.` code.
   */
  sweep(): Promise<number>;
}
