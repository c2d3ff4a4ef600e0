/** `memory:`: a state that ends with the process. */

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
import type { DayCounts } from "./history.ts";
import type { RunRecord } from "./run_record.ts";
import type { TaskRecord } from "./state.ts";

/** The contents of memory drivers. Drivers can share one. */
export interface Memory {
  /** Everything except the leases. */
  readonly contents: Contents;
  /** The leases. */
  leases: LeaseTable;
}

/** An empty memory. */
export function emptyMemory(): Memory {
  return { contents: emptyContents(), leases: new Map() };
}

/** Makes a driver; its disposal keeps `memory`. */
export function memoryDriver(memory: Memory, host: StateHost): StateDriver {
  return new MemoryDriver(memory, host);
}

class MemoryDriver implements StateDriver {
  readonly location = "memory:";
  readonly durable = false;
  readonly writesEvaluations = true;
  readonly #memory: Memory;
  readonly #clock: StateHost["clock"];

  constructor(memory: Memory, { clock }: StateHost) {
    this.#memory = memory;
    this.#clock = clock;
  }

  records(tasks: ReadonlySet<string> | null): Promise<Map<string, TaskRecord>> {
    return Promise.resolve(chosenRecords(this.#memory.contents, tasks));
  }

  entries(
    collection: Collection,
    owners: ReadonlySet<string> | null,
  ): Promise<Map<string, Owned<Body>>> {
    return Promise.resolve(chosenEntries(this.#memory.contents.entries, collection, owners));
  }

  parked(): Promise<Map<string, Temporal.Instant>> {
    return Promise.resolve(new Map(this.#memory.contents.parked));
  }

  runs(): Promise<Map<string, RunRecord>> {
    return Promise.resolve(new Map(this.#memory.contents.runs));
  }

  days(): Promise<Map<string, DayCounts>> {
    return Promise.resolve(new Map(this.#memory.contents.days));
  }

  leasedTasks(): Promise<Map<string, number>> {
    const nowMs = this.#clock.now().epochMilliseconds;
    return Promise.resolve(leasedTasks(this.#memory.leases, nowMs));
  }

  write(changes: Changes, historyMs: number): Promise<void> {
    applyChanges(this.#memory.contents, changes, this.#clock.now(), historyMs);
    return Promise.resolve();
  }

  acquire(tasks: ReadonlySet<string>, run: string, ttlMs: number): Promise<Set<string>> {
    const nowMs = this.#clock.now().epochMilliseconds;
    const { leases, granted } = acquireLease(this.#memory.leases, { run, tasks, nowMs, ttlMs });
    this.#memory.leases = leases;
    return Promise.resolve(granted);
  }

  renew(run: string, ttlMs: number): Promise<boolean> {
    const nowMs = this.#clock.now().epochMilliseconds;
    const leases = renewLease(this.#memory.leases, { run, nowMs, ttlMs });
    this.#memory.leases = leases ?? this.#memory.leases;
    return Promise.resolve(leases !== null);
  }

  release(run: string): Promise<void> {
    this.#memory.leases = releaseLease(this.#memory.leases, run);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
