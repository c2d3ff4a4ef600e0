/** The interface that a kind of store has to implement; `createStore` makes a store of it. */

import type { DraftSteps } from "./draft.ts";
import type { ListedFile, StoredFile } from "./store.ts";

/** What is known when a draft starts. */
export interface BeginOptions {
  /** The file under the draft's key, null for none; undefined if the driver has to find out. */
  readonly existing: StoredFile | null | undefined;
  /** Expected total size in bytes, a hint that may be wrong; null if unknown. */
  readonly expectedBytes: number | null;
}

/** A suspended draft that a driver has resumed. */
export interface ResumedSteps {
  /** The steps that continue the draft. */
  readonly steps: DraftSteps;
  /** The bytes written so far, from the first on. A piece is valid until the next is requested. */
  readonly partial: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/**
 * A place for files: the part of a store that differs from one kind to the next. `createStore` adds
 * the rest: it checks keys, hashes and counts bytes, keeps the order of a draft's steps, discards
 * open drafts when the store is closed, and calls nothing after {@linkcode Driver.close}.
 *
 * Methods may be called concurrently, and may throw anything: `createStore` turns a
 * {@linkcode DriverError}, an error of the operating system or any other error into a
 * `CronfetchError`. Each optional method states what the store does without it.
 *
 * The example at {@linkcode createStore} is a complete driver. A driver is correct if it passes
 * `storeConformance` of `tests/store/conformance.ts`.
 */
export interface Driver {
  /** Where files are stored, for messages; without secrets. */
  readonly location: string;
  /**
   * True if `stat` is a request, so that {@linkcode Driver.list} is the cheaper way to many files.
   * Lists must then be in the order of code points and support `after`. Default: false.
   */
  readonly prefersLists?: boolean;
  /**
   * Starts a draft for `key`; must not change what is published there.
   *
   * @param key Key of the file to publish.
   * @param options What is known of the file.
   * @returns The steps of the draft.
   */
  begin(key: string, options: BeginOptions): Promise<DraftSteps>;
  /**
   * Resumes the draft of `key` that was suspended under `name`, so that no other process can.
   * Without it, no draft outlives a run.
   *
   * @param key The key for which the draft was started.
   * @param name What `suspend` of the draft returned.
   * @param signal Aborts reading the bytes of the draft.
   * @param options What is known of the file.
   * @returns Null if there is no such draft.
   */
  resume?(
    key: string,
    name: string,
    signal: AbortSignal,
    options: BeginOptions,
  ): Promise<ResumedSteps | null>;
  /**
   * Removes a suspended draft, if it exists. Without it, nothing is removed.
   *
   * @param key The key for which the draft was started.
   * @param name What `suspend` of the draft returned.
   */
  drop?(key: string, name: string): Promise<void>;
  /**
   * Looks up the file published under `key`.
   *
   * @param key The file's key.
   * @returns Null if there is none.
   */
  stat(key: string): Promise<StoredFile | null>;
  /**
   * Reads the file published under `key`.
   *
   * @param key The file's key.
   * @param signal Aborts reading.
   * @returns Pieces, each valid until the next one is requested; null if there is no such file.
   */
  read(
    key: string,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array<ArrayBuffer>> | null>;
  /**
   * Lists published files. Names that are no valid keys may be among them; they are skipped.
   *
   * @param prefix Whole segments of a key, without a slash at the end; `""` for all files.
   * @param after Skip the keys up to and including this one. Passed with `prefersLists` only.
   * @param signal Aborts the list. Passed with `prefersLists` only.
   * @returns The files, in the order of code points with `prefersLists`, else in any order. With
   * `prefersLists`, an empty revision means that only `stat` knows it.
   */
  list(prefix: string, after?: string, signal?: AbortSignal): AsyncIterable<ListedFile>;
  /**
   * Publishes the bytes of `from` under `to` as well, atomically replacing any file there. Without
   * it, the bytes are read and written.
   *
   * @param from Key of the existing file.
   * @param to Key of the copy.
   * @returns False, with nothing done, if the bytes have to be read and written.
   */
  copy?(from: string, to: string): Promise<boolean>;
  /**
   * Removes a published file, if it exists.
   *
   * @param key The file's key.
   */
  remove(key: string): Promise<void>;
  /**
   * Removes drafts left by crashed runs, as far as they can be identified. Without it, nothing is
   * removed.
   *
   * @returns The number of drafts removed.
   */
  sweep?(): Promise<number>;
  /**
   * Aborts pending operations a few seconds after `signal`. Without it, no operation is aborted.
   *
   * @param signal Ends the use of the store.
   * @returns Disposing of it withdraws the signal.
   */
  abortOn?(signal: AbortSignal): Disposable;
  /**
   * Releases all resources; the last call.
   *
   * @param isClean Whether every draft was published, suspended or removed.
   */
  close?(isClean: boolean): Promise<void>;
}
