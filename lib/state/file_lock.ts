/** Small text files shared by processes: locks, and atomic replacement. */

import { dirname } from "@std/path";
import type { StateHost } from "./driver.ts";
import { Contended, readingError, retryWhileLocked, unreadable } from "./errors.ts";

const LOCK_DELAYS_MS = [50, 100, 200, 400, 800, 1600, 3200];

/**
 * A lock between processes and between callers of this process. It is the operating system's, so it
 * ends with its process. Its file is empty, and removed by the holder; see `openLocked`.
 */
export class FileLock {
  readonly #path: string;
  readonly #host: StateHost;
  #last: Promise<unknown> = Promise.resolve();

  /** Uses the lock file at `path`, which is created on first use. */
  constructor(path: string, host: StateHost) {
    this.#path = path;
    this.#host = host;
  }

  /**
   * Runs `work` while holding the lock.
   *
   * @param doing What for, as part of an error: `writing the state file:/a.json`.
   * @throws {CronfetchError} `state.locked`: another process held it for seconds.
   */
  hold<T>(doing: string, work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#hold(doing, work));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #hold<T>(doing: string, work: () => Promise<T>): Promise<T> {
    await Deno.mkdir(dirname(this.#path), { recursive: true });
    const open = () => openLocked(this.#path);
    const file = await retryWhileLocked(doing, this.#host, LOCK_DELAYS_MS, open);
    try {
      return await work();
    } finally {
      // Some systems keep an open file. It stays then, and is used again.
      await Deno.remove(this.#path).catch(() => {});
      file.close();
    }
  }
}

/**
 * Opens and locks the file at a path. The previous holder may have removed it between the two: its
 * lock excludes no process that creates a new file, so that one is opened instead.
 *
 * @throws {Contended} Another process has locked it.
 */
async function openLocked(path: string): Promise<Deno.FsFile> {
  for (;;) {
    const file = await Deno.open(path, { read: true, write: true, create: true });
    try {
      if (!await file.tryLock(true)) throw new Contended();
      if (await isFileAt(path, file)) return file;
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
  }
}

/** Whether an open file has this path. */
async function isFileAt(path: string, file: Deno.FsFile): Promise<boolean> {
  const opened = await file.stat();
  try {
    const { dev, ino } = await Deno.stat(path);
    return dev === opened.dev && ino === opened.ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * The text of a file; null if it is missing.
 *
 * @param location For the error.
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
 * Replaces a text file atomically: readers see the old text or the new one. Only for the holder of a
 * lock, as the temporary file has a fixed name.
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

/** Removes a file; does nothing if it is missing. */
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
  // Only this reports a failed disk; closing does not.
  await file.syncData();
}

/** Locks that prove that the runs of a state are alive. */
export class RunLocks {
  readonly #statePath: string | null;
  readonly #held = new Map<string, Deno.FsFile>();

  /** Creates locks beside the file at `statePath`; without one, creates none. */
  constructor(statePath: string | null) {
    this.#statePath = statePath;
  }

  /** Proves that a run is alive. Call it before other processes can see a lease of the run. */
  async hold(run: string): Promise<void> {
    const path = this.#pathOf(run);
    if (path === null || this.#held.has(run)) return;
    const file = await Deno.open(path, { read: true, write: true, create: true });
    this.#held.set(run, file);
    // Without locks on this file system, leases end by time only.
    await file.tryLock(true).catch(() => false);
  }

  /** Whether a run is known to have crashed. */
  async isDead(run: string): Promise<boolean> {
    const path = this.#pathOf(run);
    if (path === null || this.#held.has(run)) return false;
    try {
      // The minifier of the bundle would lose a `using` here.
      const file = await Deno.open(path, { read: true, write: true });
      try {
        return await file.tryLock(true);
      } finally {
        file.close();
      }
    } catch (error) {
      return error instanceof Deno.errors.NotFound;
    }
  }

  /** Removes the lock of a run, or of a crashed one. */
  async drop(run: string): Promise<void> {
    const path = this.#pathOf(run);
    if (path === null) return;
    await Deno.remove(path).catch(() => {});
    this.#held.get(run)?.close();
    this.#held.delete(run);
  }

  /** Releases all locks. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const run of [...this.#held.keys()]) await this.drop(run);
  }

  #pathOf(run: string): string | null {
    return this.#statePath === null
      ? null
      : `${this.#statePath}.run-${run.replaceAll(/[^\w.-]/g, "")}`;
  }
}
