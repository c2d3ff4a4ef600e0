/** `file:`: a state in one JSON file, suitable for git. */

import {
  acquireLease,
  applyChanges,
  type Changes,
  chosenRecords,
  type Contents,
  emptyContents,
  leasedTasks,
  type LeaseTable,
  releaseLease,
  renewLease,
  type StateDriver,
  type StateHost,
} from "./driver.ts";
import { type Body, chosenEntries, type Collection, type Owned } from "./entries.ts";
import { fileSize, stateError } from "./errors.ts";
import { parseContents, parseLeases, printContents, printLeases } from "./file_text.ts";
import { FileLock, readText, removeFile, replaceText, RunLocks } from "./file_lock.ts";
import type { DayCounts } from "./history.ts";
import type { RunRecord } from "./run_record.ts";
import type { TaskRecord } from "./state.ts";

/**
 * Opens a state in a file. The file is created with the first record. Companions beside it: an empty
 * `.lock`, and during a run a `.leases` and a `.run-`.
 *
 * @param path Absolute.
 * @throws {CronfetchError} `state.unreadable`.
 */
export async function openFileDriver(path: string, host: StateHost): Promise<StateDriver> {
  const driver = new FileDriver(path, host);
  await wrapStateErrors(
    `reading the state ${driver.location}`,
    () => fileSize(path, driver.location),
  );
  // Fail before the first request, not after the first download.
  await driver.parked();
  return driver;
}

class FileDriver implements StateDriver {
  readonly location: string;
  readonly durable = true;
  // Every change of the file would be a commit.
  readonly writesEvaluations = false;
  readonly #path: string;
  readonly #leasesPath: string;
  readonly #lock: FileLock;
  readonly #runLocks: RunLocks;
  readonly #clock: StateHost["clock"];
  /** The file as last read or written, to avoid reading the same version twice. */
  #seen: { readonly text: string; readonly contents: Contents } | null = null;

  constructor(path: string, host: StateHost) {
    this.location = `file:${path}`;
    this.#path = path;
    this.#leasesPath = `${path}.leases`;
    this.#lock = new FileLock(`${path}.lock`, host);
    this.#runLocks = new RunLocks(path);
    this.#clock = host.clock;
  }

  async records(tasks: ReadonlySet<string> | null): Promise<Map<string, TaskRecord>> {
    return chosenRecords((await this.#read()).contents, tasks);
  }

  async entries(
    collection: Collection,
    owners: ReadonlySet<string> | null,
  ): Promise<Map<string, Owned<Body>>> {
    return chosenEntries((await this.#read()).contents.entries, collection, owners);
  }

  async parked(): Promise<Map<string, Temporal.Instant>> {
    return new Map((await this.#read()).contents.parked);
  }

  async runs(): Promise<Map<string, RunRecord>> {
    return new Map((await this.#read()).contents.runs);
  }

  async days(): Promise<Map<string, DayCounts>> {
    return new Map((await this.#read()).contents.days);
  }

  leasedTasks(): Promise<Map<string, number>> {
    return wrapStateErrors(`reading the leases of the state ${this.location}`, async () => {
      // Replaced as a whole, so it is read without a lock.
      const tasks = leasedTasks(await this.#readLeases(), this.#clock.now().epochMilliseconds);
      for (const run of tasks.keys()) if (await this.#runLocks.isDead(run)) tasks.delete(run);
      return tasks;
    });
  }

  write(changes: Changes, historyMs: number): Promise<void> {
    const doing = `writing the state ${this.location}`;
    return wrapStateErrors(doing, () =>
      this.#lock.hold(doing, async () => {
        // Other processes have written in the meantime.
        const { text: before, contents } = await this.#read();
        this.#seen = null;
        applyChanges(contents, changes, this.#clock.now(), historyMs);
        const text = printContents(contents);
        if (text !== before) await replaceText(this.#path, text);
        this.#seen = { text, contents };
      }));
  }

  acquire(tasks: ReadonlySet<string>, run: string, ttlMs: number): Promise<Set<string>> {
    return this.#changeLeases(async (leases, nowMs) => {
      await this.#runLocks.hold(run);
      const alive = new Map(leases);
      for (const holder of leases.keys()) {
        if (!await this.#runLocks.isDead(holder)) continue;
        alive.delete(holder);
        await this.#runLocks.drop(holder);
      }
      const acquired = acquireLease(alive, { run, tasks, nowMs, ttlMs });
      return { leases: acquired.leases, answer: acquired.granted };
    });
  }

  renew(run: string, ttlMs: number): Promise<boolean> {
    return this.#changeLeases((leases, nowMs) => {
      const renewed = renewLease(leases, { run, nowMs, ttlMs });
      return { leases: renewed ?? leases, answer: renewed !== null };
    });
  }

  async release(run: string): Promise<void> {
    await this.#changeLeases((leases) => {
      return { leases: releaseLease(leases, run), answer: undefined };
    });
    await this.#runLocks.drop(run);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#runLocks[Symbol.asyncDispose]();
  }

  #read(): Promise<{ readonly text: string | null; readonly contents: Contents }> {
    return wrapStateErrors(`reading the state ${this.location}`, async () => {
      const text = await readText(this.#path, this.location);
      if (text === null) return { text, contents: emptyContents() };
      if (this.#seen?.text !== text) {
        this.#seen = { text, contents: parseContents(text, this.location) };
      }
      return this.#seen;
    });
  }

  async #readLeases(): Promise<LeaseTable> {
    const location = `file:${this.#leasesPath}`;
    const text = await readText(this.#leasesPath, location);
    return text === null ? new Map() : parseLeases(text, location);
  }

  #changeLeases<T>(
    change: (leases: LeaseTable, nowMs: number) => Changed<T> | Promise<Changed<T>>,
  ): Promise<T> {
    const doing = `leasing tasks in the state ${this.location}`;
    return wrapStateErrors(doing, () =>
      this.#lock.hold(doing, async () => {
        const leases = await this.#readLeases();
        const changed = await change(leases, this.#clock.now().epochMilliseconds);
        if (changed.leases.size === 0) await removeFile(this.#leasesPath);
        else await replaceText(this.#leasesPath, printLeases(changed.leases));
        return changed.answer;
      }));
  }
}

/** Leases after a change, and its result. */
interface Changed<T> {
  readonly leases: LeaseTable;
  readonly answer: T;
}

async function wrapStateErrors<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw stateError(doing, error);
  }
}
