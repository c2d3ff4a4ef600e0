/** Pauses requested by hosts: which tasks wait, and which are deferred to a later run. */

import type { Clock } from "../core/host.ts";
import type { TaskResult } from "../core/result.ts";
import type { Task } from "../core/task.ts";
import { concernsHost, type HostTurn } from "../download/retry.ts";
import type { Slot } from "../schedule/pool.ts";
import type { State } from "../state/state.ts";

/** Options of {@linkcode createParking}. */
export interface ParkingOptions {
  /** Hosts that earlier runs have parked, and until when; updated during the run. */
  readonly parked: Map<string, Temporal.Instant>;
  readonly state: Pick<State, "park">;
  readonly clock: Clock;
  /** Milliseconds until the deadline of the run; Infinity without one. */
  readonly remainingMs: () => number;
}

/** The pauses of the hosts of a run. */
export interface Parking {
  /**
   * Waits until the host of a task may receive requests, if the wait fits into the retry budget
   * of the task and the deadline of the run.
   *
   * @returns Null once it may; else until when it is parked.
   * @throws The reason of the pool's signal, once that is aborted.
   */
  admit(task: Task, slot: Slot): Promise<Temporal.Instant | null> | null;
  /** The turn of a task at its host. */
  turnOf(task: Task, slot: Slot): HostTurn;
  /** Adjusts the host to a result: a success raises its limit, a deferral may park it. */
  recordResult(task: Task, slot: Slot, result: TaskResult): void;
}

/** The host whose limits and pauses apply to a task, with its port. */
export function hostOf(task: Task): string {
  return new URL(task.url).host;
}

/** Creates the pauses of a run. */
export function createParking(options: ParkingOptions): Parking {
  const { parked, state, clock, remainingMs } = options;
  /** Tasks that received a busy response since the last success of their host, by host. */
  const busy = new Map<string, Set<string>>();
  /** Hosts that this run has parked. Their pause did not fit, so no other task waits for it. */
  const deferred = new Set<string>();

  const parkedMs = (name: string): number => {
    const until = parked.get(name);
    return until ? Math.max(0, until.epochMilliseconds - clock.now().epochMilliseconds) : 0;
  };

  const reportBusy = (task: Task, slot: Slot, httpStatus: number | null): boolean => {
    const name = hostOf(task);
    const tasks = busy.get(name) ?? new Set();
    busy.set(name, tasks.add(task.id));
    return concernsHost(httpStatus, { busyTasks: tasks.size, isThrottled: slot.isThrottled });
  };

  const outlast = async (task: Task, slot: Slot): Promise<Temporal.Instant | null> => {
    const name = hostOf(task);
    for (let waitMs = parkedMs(name); waitMs > 0; waitMs = parkedMs(name)) {
      const fits = waitMs <= task.retry.budgetMs && waitMs < remainingMs() &&
        task.retry.attempts > 1;
      if (!fits || deferred.has(name)) return parked.get(name) ?? null;
      await slot.pause(waitMs);
    }
    return null;
  };

  class Turn implements HostTurn {
    readonly #task: Task;
    readonly #slot: Slot;

    constructor(task: Task, slot: Slot) {
      this.#task = task;
      this.#slot = slot;
    }

    get pauses(): number {
      return this.#slot.pauses;
    }

    rest(durationMs: number): Promise<void> {
      return this.#slot.rest(durationMs);
    }

    pause(durationMs: number): Promise<void> {
      return this.#slot.pause(durationMs);
    }

    reportBusy(httpStatus: number | null): boolean {
      return reportBusy(this.#task, this.#slot, httpStatus);
    }

    deferredMs(): number | null {
      const name = hostOf(this.#task);
      return deferred.has(name) ? parkedMs(name) || null : null;
    }

    remainingMs(): number {
      return remainingMs();
    }
  }

  return {
    admit: (task, slot) => parked.size === 0 ? null : outlast(task, slot),
    turnOf: (task, slot) => new Turn(task, slot),
    recordResult: (task, slot, { status, httpStatus, notBefore }) => {
      switch (status) {
        case "created":
        case "updated":
        case "unchanged":
          slot.succeed();
          if (busy.size > 0) busy.delete(hostOf(task));
          return;
        case "deferred": {
          const name = hostOf(task);
          const busyTasks = busy.get(name)?.size ?? 0;
          if (notBefore === undefined) return;
          if (!concernsHost(httpStatus, { busyTasks, isThrottled: false })) return;
          const until = Temporal.Instant.from(notBefore);
          parked.set(name, until);
          deferred.add(name);
          state.park(name, until);
          return;
        }
        case "pending":
        case "skipped":
        case "failed":
        case "cancelled":
          return;
        default:
          status satisfies never;
      }
    },
  };
}
