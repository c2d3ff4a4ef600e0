/** Driver: what a kind of place must be able to do so that a store can be made of it. */

import type { DraftSteps } from "./draft.ts";
import type { ListedFile, StoredFile } from "./store.ts";

/** What is known as a draft begins. */
export interface BeginOptions {
  /** What stands under its key, null for nothing; undefined where the driver is to look. */
  readonly existing: StoredFile | null | undefined;
  /** How many bytes are to come, or null. It need not be right. */
  readonly expectedBytes: number | null;
}

/** A suspended draft, taken up again. */
export interface ResumedSteps {
  /** The steps that go on with it. */
  readonly steps: DraftSteps;
  /** Its bytes so far, from the beginning. A piece is good until the next one is asked for. */
  readonly partial: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/**
 * A kind of place for files. `createStore` makes a {@linkcode Store} of it, and
 * adds all that is the same everywhere: keys are checked before they get here,
 * drafts are hashed, counted and ended, what is thrown is explained to people
 * (a `DriverError`, a system's error, or anything), nothing is called after `close`.
 *
 * The methods with a question mark may be left out, at a price that each tells.
 */
export interface Driver {
  /** Where it is, for people; without secrets. */
  readonly location: string;
  /**
   * True where a look is a request, so that many are better made by `list`, which
   * then yields keys in the order of their code points, and knows `after`.
   */
  readonly prefersLists?: boolean;
  /** Starts a draft. */
  begin(key: string, options: BeginOptions): Promise<DraftSteps>;
  /**
   * Takes up a draft that was suspended under `name`, so that nobody else can;
   * null where there is none. Without it, nothing outlives a run.
   */
  resume?(
    key: string,
    name: string,
    signal: AbortSignal,
    options: BeginOptions,
  ): Promise<ResumedSteps | null>;
  /** Removes a suspended draft. One that is not there is no error. */
  drop?(key: string, name: string): Promise<void>;
  /** What is published under a key, or null. */
  stat(key: string): Promise<StoredFile | null>;
  /** Reads what is published under a key, or null. A piece is good until the next is asked for. */
  read(
    key: string,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array<ArrayBuffer>> | null>;
  /**
   * Published files below a prefix of whole segments, `""` for all. Names that no
   * key can have may be among them. `after` leaves out the keys up to that one; it
   * and the signal come only to a driver that prefers lists.
   */
  list(prefix: string, after?: string, signal?: AbortSignal): AsyncIterable<ListedFile>;
  /**
   * Puts a published file under another key as well, all at once, in a way of its
   * own. False, and nothing done, where it cannot: then the bytes are copied.
   */
  copy?(from: string, to: string): Promise<boolean>;
  /** Removes a published file. One that is not there is no error. */
  remove(key: string): Promise<void>;
  /** Removes what dead runs left, as far as it can; returns how many drafts. */
  sweep?(): Promise<number>;
  /**
   * Ends what takes long a few seconds after the signal, unless it is disposed of
   * before. Without it, nothing takes long.
   */
  abortOn?(signal: AbortSignal): Disposable;
  /** Lets go of everything. `isClean`: no draft was left behind. */
  close?(isClean: boolean): Promise<void>;
}
