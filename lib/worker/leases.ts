/** The tasks that a run holds, and what is remembered of them. */

import type { Timers } from "../core/host.ts";
import type { State, TaskRecord } from "../state/state.ts";

/** How long a lease holds unless it is renewed: as long as a dead run is missed. */
const LEASE_MS = 60_000;
const RENEW_EVERY_MS = LEASE_MS / 3;

/** Tasks leased to a run. Disposing of it gives them back, if that was not done. */
export interface Holding extends AsyncDisposable {
  /** Whether a task is this run's to work on, and its record this run's to write. */
  holds(task: string): boolean;
  /** What is remembered of a task that is held, or null. */
  recordOf(task: string): TaskRecord | null;
  /**
   * Writes what the state has not written yet, and gives the tasks back.
   *
   * @throws {CronfetchError} `state.` and `store.` codes.
   */
  release(): Promise<void>;
}

/**
 * Leases tasks to a run, reads their records, and prolongs the leases until
 * they are given back. Leases may end all the same, as when a machine sleeps;
 * those that nobody has taken since are then taken anew. A task that is under
 * way goes on in every case, since its file becomes whole; only its record is
 * the other run's to write.
 *
 * @param tasks Ids of the tasks that are wanted.
 * @param run The run's id.
 * @throws {CronfetchError} `state.` and `store.` codes; nothing is held then.
 */
export async function holdTasks(
  tasks: readonly string[],
  run: string,
  { state, timers }: { readonly state: State; readonly timers: Timers },
): Promise<Holding> {
  let held: ReadonlySet<string> = new Set();
  let records: ReadonlyMap<string, TaskRecord> = new Map();
  let cancelTimer = () => {};
  let renewing = Promise.resolve();
  let isOver = false;

  const take = async (wanted: readonly string[]) => {
    held = await state.acquire(wanted, run, LEASE_MS);
    records = await state.records(held);
  };

  const renew = async () => {
    if (!await state.renew(run, LEASE_MS)) await take([...held]);
  };

  const renewLater = () => {
    cancelTimer = timers.after(RENEW_EVERY_MS, () => {
      // One that fails is tried again in time: the lease outlasts two of them.
      renewing = renewing.then(renew).catch(() => {});
      renewLater();
    });
  };

  const release = async () => {
    isOver = true;
    cancelTimer();
    // Else it might find the leases gone, and take them anew.
    await renewing;
    await state.release(run);
  };

  try {
    await take(tasks);
  } catch (error) {
    await release().catch(() => {});
    throw error;
  }
  renewLater();
  return {
    holds: (task) => held.has(task),
    recordOf: (task) => records.get(task) ?? null,
    release,
    [Symbol.asyncDispose]: async () => {
      if (!isOver) await release().catch(() => {});
    },
  };
}
