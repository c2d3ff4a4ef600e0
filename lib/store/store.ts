/** Store: where files go, as the program uses it. A driver is less: see `driver.ts`. */

/** What a store says of a file it has just published. */
export interface PublishedFile {
  /** Size in bytes. */
  readonly sizeBytes: number;
  /**
   * Another one for everything else that was or will be published under the same
   * key. To be compared, not to be understood: a time of writing, an ETag.
   */
  readonly revision: string;
}

/** What a store knows about a published file without reading it. */
export interface StoredFile extends PublishedFile {
  /**
   * When it was written, milliseconds since the epoch; whole. A list may know it
   * to the second only.
   */
  readonly modifiedMs: number;
  /** Lower-case hexadecimal digest; null where only reading the file would tell it. */
  readonly sha256: string | null;
}

/** Where bytes came from; a store keeps it beside them if it can. */
export interface Provenance {
  /** The URL that was asked, redacted. */
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

/** What a draft may be told as it begins. */
export interface DraftOptions {
  /** Spares the store a look of its own at what stands under the key. Default: none. */
  readonly statCache?: StatCache;
  /** How many bytes are to come; null where nobody knows. It need not be right. Default: null. */
  readonly expectedBytes?: number | null;
}

/** What publishing may be told. */
export interface PublishOptions {
  /** Another key to put the bytes under; what stands there is replaced, whatever it is. */
  readonly as?: string;
  /**
   * Publish only if the key is unused: a file that exists there, or is created there meanwhile, is
   * a `store.conflict`, even one with the same bytes. Default: false.
   */
  readonly exclusive?: boolean;
  /** Default: null, nothing is known. */
  readonly provenance?: Provenance | null;
  /**
   * When the file was last modified, milliseconds since the epoch. Buckets ignore it. Default:
   * null, the time of writing.
   */
  readonly modifiedMs?: number | null;
}

/** The bytes of a draft, once all are in. */
export interface Sealed {
  /** Size in bytes. */
  readonly sizeBytes: number;
  /** Lower-case hexadecimal digest of all of them. */
  readonly sha256: string;
}

/**
 * Bytes on their way into a store, invisible until {@linkcode Draft.publish}.
 * Disposing of a draft that was not published discards it.
 *
 * The order of calls is `write*`, `seal`, `read*` or `pieces*`, then `publish` or `discard`;
 * or `write*`, `suspend`.
 * `discard` may come at any time, and more than once; what waits in line then is
 * `cancelled`. A draft that cannot be sealed or published discards itself.
 */
export interface Draft extends AsyncDisposable {
  /** What was published under its key when it was begun, or null. */
  readonly existing: StoredFile | null;
  /** Bytes written so far; those of writes still under way left out. */
  readonly sizeBytes: number;
  /**
   * Appends all of `bytes`, and takes over the buffer behind them: it may be
   * detached, and comes back (same size, perhaps as another object) when it can
   * be filled again. Writes are carried out in the order of the calls, and a
   * caller may have several under way; so a reader need not wait for the disk.
   *
   * @throws {CronfetchError} `store.full`, `store.denied`, `store.failed`. After
   * that only `discard` is of use.
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
  /**
   * Waits until every byte is written, and says what they are.
   *
   * @throws {CronfetchError} any `store.` code, that of a failed write included.
   */
  seal(): Promise<Sealed>;
  /** All sealed bytes, in memory, for the checks that must see the whole. */
  read(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * All sealed bytes, piece by piece. A piece is valid until the next one is requested.
   *
   * @throws {CronfetchError} any `store.` code; also while reading.
   */
  pieces(): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /**
   * Puts the sealed bytes under the draft's key, all at once: whoever reads the
   * key sees the old file or the new one, whole.
   *
   * @throws {CronfetchError} `store.conflict`: where the store can tell, the key holds
   * neither what it did as the draft began, nor these very bytes. Any other `store.`
   * code. The published file is then as it was.
   */
  publish(options?: PublishOptions): Promise<PublishedFile>;
  /**
   * Instead of `seal`: keeps the bytes so far for a later run, still invisible.
   *
   * @returns The name by which {@linkcode Store.resume} finds them.
   */
  suspend(): Promise<string>;
  /** Removes every trace of the draft. Never throws. */
  discard(): Promise<void>;
}

/** A draft that goes on. Its bytes so far count as written: `seal` tells the digest of all. */
export interface ResumedDraft {
  /** To be written on. */
  readonly draft: Draft;
  /** The beginning of the bytes so far, at most 64 KiB. */
  readonly head: Uint8Array<ArrayBuffer>;
}

/** A file in a list. */
export interface ListedFile extends StoredFile {
  /** Its key. */
  readonly key: string;
}

/** Looks at the keys that a run is about. */
export interface StatCache {
  /**
   * What is published under a key of the survey, or null. What it says of a file
   * may be as old as the survey, and may know less than `Store.stat`.
   */
  get(key: string): Promise<StoredFile | null>;
  /**
   * Waits until the first look is made, where that costs a request anyway.
   *
   * @throws {CronfetchError} any `store.` code: there is no use in fetching anything.
   */
  ready(): Promise<void>;
}

/**
 * Where files go. Keys are relative, with `/` between segments, already safe
 * (see `config/keys.ts`); a driver still refuses a key that would leave it.
 */
export interface Store extends AsyncDisposable {
  /** Where it is, for people; without secrets. */
  readonly location: string;
  /**
   * Starts a draft for `key`.
   *
   * @throws {CronfetchError} any `store.` code.
   */
  draft(key: string, options?: DraftOptions): Promise<Draft>;
  /**
   * Goes on with a draft of `key` that was suspended, perhaps by another run.
   * From then on it is this run's, and nobody else can resume it.
   *
   * @param name What `suspend` returned.
   * @returns Null where there is no such draft any more.
   */
  resume(
    key: string,
    name: string,
    signal: AbortSignal,
    options?: DraftOptions,
  ): Promise<ResumedDraft | null>;
  /** Removes a suspended draft of `key`. One that is not there is no error. */
  drop(key: string, name: string): Promise<void>;
  /** What is published under `key`, or null. */
  stat(key: string): Promise<StoredFile | null>;
  /** Prepares looks at many keys, at the price of few requests where each look is one. */
  statCache(keys: Iterable<string>, signal: AbortSignal): StatCache;
  /**
   * Reads what is published under `key`, piece by piece; or null. A piece is the
   * reader's until the next one is asked for.
   *
   * @throws The signal's reason, once it is aborted; also while reading.
   */
  read(
    key: string,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array<ArrayBuffer>> | null>;
  /**
   * Digest of what is published under `key`, by reading it whole; or null.
   *
   * @throws The signal's reason, once it is aborted.
   */
  digest(key: string, signal: AbortSignal): Promise<string | null>;
  /** Published files below a prefix (whole segments; `""` for all), in no order. */
  list(prefix: string): AsyncIterable<ListedFile>;
  /**
   * Puts what is published under `from` under `to` as well, all at once, replacing
   * what was there.
   *
   * @throws {CronfetchError} any `store.` code; `store.failed` if nothing is under `from`.
   */
  copy(from: string, to: string): Promise<void>;
  /** Removes a published file. One that is not there is no error. */
  remove(key: string): Promise<void>;
  /**
   * Has what the store does end a few seconds after the signal, if it takes longer;
   * it then fails, and nothing more can be done. Until it is disposed of.
   */
  abortOn(signal: AbortSignal): Disposable;
  /** Removes the drafts that dead runs left, as far as it can. Returns how many. */
  sweep(): Promise<number>;
}
