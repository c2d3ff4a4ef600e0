/** Small text files that several processes change: a lock beside them, and whole replacements. */

import { dirname } from "@std/path";
import type { StateHost } from "./driver.ts";
import { Contended, patiently, readingError, unreadable } from "./errors.ts";

const LOCK_DELAYS_MS = [50, 100, 200, 400, 800, 1600, 3200];

/**
 * A lock between processes, and between all that happens at once in this one.
 * It is the operating system's, so that it ends with its holder, however that
 * ends. Its file is empty and stays: removing it would let two processes lock
 * two files of one name.
 */
export class FileLock {
  readonly #path: string;
  readonly #host: StateHost;
  #last: Promise<unknown> = Promise.resolve();

  /** Locks by the file at `path`, which is made when it is needed first. */
  constructor(path: string, host: StateHost) {
    this.#path = path;
    this.#host = host;
  }

  /**
   * Does `work` while nobody else holds the lock.
   *
   * @param doing What for, to be read in an error: `writing the state file:/a.json`.
   * @throws {CronfetchError} `state.locked`: somebody else kept it for seconds.
   */
  hold<T>(doing: string, work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#hold(doing, work));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #hold<T>(doing: string, work: () => Promise<T>): Promise<T> {
    await Deno.mkdir(dirname(this.#path), { recursive: true });
    using file = await Deno.open(this.#path, { read: true, write: true, create: true });
    await patiently(doing, this.#host, LOCK_DELAYS_MS, async () => {
      if (!await file.tryLock(true)) throw new Contended();
    });
    return await work();
  }
}

/**
 * All of a text file; null where there is none.
 *
 * @param location What to call it in an error.
 * @throws {CronfetchError} `state.unreadable`: it is not UTF-8.
 */
export async function readText(path: string, location: string): Promise<string | null> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw readingError(location, error);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw unreadable(location, "it is not UTF-8", { cause: error });
  }
}

/**
 * Replaces a text file, all at once: whoever reads it, at whatever time, finds
 * the old text or the new one. Only for the holder of a lock: the new text is
 * first written to a fixed name beside.
 */
export async function replaceText(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  await removeFile(beside);
  try {
    await writeNew(beside, new TextEncoder().encode(text));
    await Deno.rename(beside, path);
  } catch (error) {
    await removeFile(beside).catch(() => {});
    throw error;
  }
}

/** Removes a file. One that is not there is no error. */
export async function removeFile(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await file.write(rest));
  // Only this tells of a disk that fails; closing does not.
  await file.syncData();
}

/** The locks of the runs of one state in a file. */
export class RunLocks {
  readonly #statePath: string | null;
  readonly #held = new Map<string, Deno.FsFile>();

  /** Keeps locks beside the file at `statePath`; without one, keeps and proves nothing. */
  constructor(statePath: string | null) {
    this.#statePath = statePath;
  }

  /** Shows that a run lives. Call it before a lease of the run is visible to other processes. */
  async hold(run: string): Promise<void> {
    const path = this.#pathOf(run);
    if (path === null || this.#held.has(run)) return;
    const file = await Deno.open(path, { read: true, write: true, create: true });
    this.#held.set(run, file);
    // Where locks are unknown, nobody can take one, and only time ends a lease.
    await file.tryLock(true).catch(() => false);
  }

  /** Whether a run is known to have died. */
  async isDead(run: string): Promise<boolean> {
    const path = this.#pathOf(run);
    if (path === null || this.#held.has(run)) return false;
    try {
      using file = await Deno.open(path, { read: true, write: true });
      return await file.tryLock(true);
    } catch (error) {
      return error instanceof Deno.errors.NotFound;
    }
  }

  /** Removes what shows that a run lives, or what a dead one has left. */
  async drop(run: string): Promise<void> {
    const path = this.#pathOf(run);
    if (path === null) return;
    await Deno.remove(path).catch(() => {});
    this.#held.get(run)?.close();
    this.#held.delete(run);
  }

  /** Drops every run that is held. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const run of [...this.#held.keys()]) await this.drop(run);
  }

  #pathOf(run: string): string | null {
    return this.#statePath === null
      ? null
      : `${this.#statePath}.run-${run.replaceAll(/[^\w.-]/g, "")}`;
  }
}
