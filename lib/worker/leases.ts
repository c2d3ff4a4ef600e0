/** The tasks that are leased to a run, and their records. */

import type { Timers } from "../core/host.ts";
import type { Task } from "../core/task.ts";
import type { State, TaskRecord } from "../state/state.ts";
import { TaskRecords } from "./records.ts";

/** How long a lease lasts unless it is renewed; also how long a crashed run blocks its tasks. */
export const LEASE_MS = 60_000;
const RENEW_EVERY_MS = LEASE_MS / 3;

/** Tasks leased to a run. Disposal releases them, if `release` was not called. */
export interface Leases extends AsyncDisposable {
  /** Whether a task is leased to this run, which alone may then write its record. */
  has(task: string): boolean;
  /** Ids of the other runs that had leased tasks, if some were not leased to this run. */
  readonly otherRuns: readonly string[];
  /** The record of a leased task, or null. A promise if it was not read yet; see `records.ts`. */
  recordOf(task: Task): TaskRecord | null | Promise<TaskRecord | null>;
  /** Removes the record of a task that has its result from memory. */
  releaseRecord(task: Task): void;
  /** Key under which the last file of a task was published, if a server named it. */
  serverKeyOf(task: string): string | undefined;
  /**
   * Flushes the state and releases the tasks.
   *
   * @throws {CronfetchError} `state.` and `store.` codes.
   */
  release(): Promise<void>;
}

/**
 * Leases tasks to a run, reads their records, and renews the leases until they are released.
 *
 * Leases can expire all the same, for example while a machine sleeps. The tasks that no other run
 * has leased since are then leased again. A running download is not aborted, so that its file is
 * complete, but the record is the other run's to write.
 *
 * @param tasks The tasks to lease, in the order in which those of one origin start.
 * @param run The run's id.
 * @throws {CronfetchError} `state.` and `store.` codes; no task is leased then.
 */
export async function leaseTasks(
  tasks: readonly Task[],
  run: string,
  { state, timers }: { readonly state: State; readonly timers: Timers },
): Promise<Leases> {
  let leased: ReadonlySet<string> = new Set();
  let records: TaskRecords | null = null;
  let otherRuns: readonly string[] = [];
  let cancelTimer = () => {};
  let renewing = Promise.resolve();
  let isReleased = false;

  const acquire = async (wanted: readonly string[]) => {
    // Leasing writes to the folder of a state in a file.
    leased = wanted.length === 0 ? new Set() : await state.acquire(wanted, run, LEASE_MS);
    records = await TaskRecords.open(tasks.filter(({ id }) => leased.has(id)), state);
  };

  const renew = async () => {
    if (!await state.renew(run, LEASE_MS)) await acquire([...leased]);
  };

  const scheduleRenewal = () => {
    cancelTimer = timers.after(RENEW_EVERY_MS, () => {
      // A failed renewal is repeated before the lease expires.
      renewing = renewing.then(renew).catch(() => {});
      scheduleRenewal();
    });
  };

  const release = async () => {
    isReleased = true;
    cancelTimer();
    // A renewal under way would find the leases gone, and acquire them again.
    await renewing;
    await (tasks.length === 0 ? state.flush() : state.release(run));
  };

  try {
    await acquire(tasks.map(({ id }) => id));
    if (leased.size < tasks.length) {
      otherRuns = (await state.activeRuns()).map((active) => active.run).filter((id) => id !== run);
    }
  } catch (error) {
    await release().catch(() => {});
    throw error;
  }
  if (tasks.length > 0) scheduleRenewal();
  return {
    otherRuns,
    has: (task) => leased.has(task),
    recordOf: (task) => leased.has(task.id) ? records?.recordOf(task) ?? null : null,
    releaseRecord: (task) => {
      if (leased.has(task.id)) records?.release(task);
    },
    serverKeyOf: (task) => records?.serverKeyOf(task),
    release,
    [Symbol.asyncDispose]: async () => {
      if (!isReleased) await release().catch(() => {});
    },
  };
}
