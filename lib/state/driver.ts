/** What a driver of the state does; `buffered.ts` makes a {@linkcode State} of it. */

import type { Host } from "../core/host.ts";
import {
  addEntries,
  applyEntries,
  type Body,
  type Collection,
  type Entries,
  type Owned,
  type ReadonlyEntries,
} from "./entries.ts";
import type { RunRecord, State, TaskRecord } from "./state.ts";

/** What a state needs of the outside world. */
export type StateHost = Pick<Host, "clock" | "random" | "timers">;

/** What is to be written. Single records replace their forerunners; nothing else is lost. */
export interface Changes {
  /** By the task's id. */
  readonly records: ReadonlyMap<string, TaskRecord>;
  /** By host. */
  readonly parked: ReadonlyMap<string, Temporal.Instant>;
  /** By the run's id. */
  readonly runs: ReadonlyMap<string, RunRecord>;
  /** Entries to set, and to remove for null. */
  readonly entries: ReadonlyEntries;
}

/** Changes that are being gathered. */
export interface PendingChanges extends Changes {
  /** By the task's id. */
  readonly records: Map<string, TaskRecord>;
  /** By host. */
  readonly parked: Map<string, Temporal.Instant>;
  /** By the run's id. */
  readonly runs: Map<string, RunRecord>;
  /** Entries to set, and to remove for null. */
  readonly entries: Entries;
}

/** Everything remembered except the leases. */
export interface Contents extends PendingChanges {
  /** No entry, collection or owner is empty. */
  readonly entries: Entries<Body>;
}

/**
 * Keeps records, parked hosts, runs and leases somewhere. Ids and hosts have
 * been checked (see `State`). Every call may reject with a `state.` code.
 */
export interface StateDriver extends AsyncDisposable, Pick<State, "location" | "durable"> {
  /** The records of those of `tasks` that have one; of all tasks for null. */
  records(tasks: ReadonlySet<string> | null): Promise<Map<string, TaskRecord>>;
  /** The entries of a collection that belong to `owners`, by owner and id; in no order. */
  entries(
    collection: Collection,
    owners: ReadonlySet<string>,
  ): Promise<Map<string, Owned<Body>>>;
  /** Every parked host, those whose time is over perhaps included. */
  parked(): Promise<Map<string, Temporal.Instant>>;
  /** The runs by their ids, in no order, those to be forgotten perhaps included. */
  runs(): Promise<Map<string, RunRecord>>;
  /**
   * Writes changes, and forgets what {@linkcode keptRuns} and
   * {@linkcode keptParked} leave out. A change may be written although the call
   * rejects, and may be written again.
   */
  write(changes: Changes): Promise<void>;
  /** See {@linkcode State.acquire}. */
  acquire(tasks: ReadonlySet<string>, run: string, ttlMs: number): Promise<Set<string>>;
  /** See {@linkcode State.renew}. */
  renew(run: string, ttlMs: number): Promise<boolean>;
  /** Ends all leases of a run. */
  release(run: string): Promise<void>;
}

/** Runs remembered at most. */
export const RUNS_KEPT = 100;
const RUNS_KEPT_MS = 90 * 24 * 60 * 60 * 1000;

/** The runs that are still worth remembering, the newest first. */
export function keptRuns(runs: Iterable<RunRecord>, now: Temporal.Instant): RunRecord[] {
  const oldestMs = now.epochMilliseconds - RUNS_KEPT_MS;
  return newestFirst(runs)
    .filter(({ startedAt }) => Date.parse(startedAt) >= oldestMs)
    .slice(0, RUNS_KEPT);
}

/** Sorts runs by their start. */
export function newestFirst(runs: Iterable<RunRecord>): RunRecord[] {
  return [...runs].sort((a, b) =>
    Temporal.Instant.compare(b.startedAt, a.startedAt) || (a.run < b.run ? 1 : -1)
  );
}

/** The hosts that are still to be left alone, by their names. */
export function keptParked(
  parked: Iterable<readonly [host: string, until: Temporal.Instant]>,
  now: Temporal.Instant,
): Map<string, Temporal.Instant> {
  return new Map([...parked].filter(([, until]) => Temporal.Instant.compare(until, now) > 0));
}

/** Contents without anything. */
export function emptyContents(): Contents {
  return { records: new Map(), parked: new Map(), runs: new Map(), entries: new Map() };
}

/** Puts changes into contents, and drops what is not worth keeping any more. */
export function applyChanges(contents: Contents, changes: Changes, now: Temporal.Instant): void {
  addNamed(contents, changes);
  applyEntries(contents.entries, changes.entries);
  const parked = keptParked(contents.parked, now);
  for (const host of contents.parked.keys()) {
    if (!parked.has(host)) contents.parked.delete(host);
  }
  const runs = new Set(keptRuns(contents.runs.values(), now).map((record) => record.run));
  for (const run of contents.runs.keys()) {
    if (!runs.has(run)) contents.runs.delete(run);
  }
}

/** Adds later changes to earlier ones; of the same thing the later ones count. */
export function addChanges(pending: PendingChanges, later: Changes): void {
  addNamed(pending, later);
  addEntries(pending.entries, later.entries);
}

/** Sets the records, parked hosts and runs of `changes`. */
function addNamed(pending: PendingChanges, changes: Changes): void {
  for (const [task, record] of changes.records) pending.records.set(task, record);
  for (const [host, until] of changes.parked) pending.parked.set(host, until);
  for (const [run, record] of changes.runs) pending.runs.set(run, record);
}

/** The records of those of `tasks` that have one; all for null. */
export function chosenRecords(
  { records }: Changes,
  tasks: ReadonlySet<string> | null,
): Map<string, TaskRecord> {
  if (tasks === null) return new Map(records);
  const chosen = new Map<string, TaskRecord>();
  for (const task of tasks) {
    const record = records.get(task);
    if (record) chosen.set(task, record);
  }
  return chosen;
}

/** What a run holds. */
export interface Lease {
  /** When it ends by itself, milliseconds since the epoch. From then on it is as good as gone. */
  readonly expiresMs: number;
  /** Ids of the tasks held. */
  readonly tasks: readonly string[];
}

/** Every lease, by the run's id. */
export type Leases = ReadonlyMap<string, Lease>;

/** A run's wish for tasks. */
export interface LeaseRequest {
  /** The run's id. */
  readonly run: string;
  /** Ids of the tasks wanted. */
  readonly tasks: ReadonlySet<string>;
  /** The wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
  /** How long the lease is to hold. */
  readonly ttlMs: number;
}

/** Parts the tasks wanted into those the run has already, those it can have, and those of others. */
export function share(
  leases: Iterable<readonly [run: string, tasks: Iterable<string>]>,
  { run, tasks }: Pick<LeaseRequest, "run" | "tasks">,
): { readonly held: Set<string>; readonly free: Set<string> } {
  const held = new Set<string>();
  const free = new Set(tasks);
  for (const [holder, leased] of leases) {
    for (const task of leased) {
      if (free.delete(task) && holder === run) held.add(task);
    }
  }
  return { held, free };
}

/** Leaves out the leases that have ended. */
export function liveLeases(leases: Leases, nowMs: number): Leases {
  return new Map([...leases].filter(([, { expiresMs }]) => expiresMs > nowMs));
}

/** Gives a run what no live run holds of the tasks it wants. */
export function acquireLease(
  leases: Leases,
  request: LeaseRequest,
): { readonly leases: Leases; readonly granted: Set<string> } {
  const { run, nowMs, ttlMs } = request;
  const live = liveLeases(leases, nowMs);
  const { held, free } = share([...live].map(([holder, { tasks }]) => [holder, tasks]), request);
  const granted = held.union(free);
  if (granted.size === 0) return { leases: live, granted };
  const tasks = [...live.get(run)?.tasks ?? [], ...free];
  return { leases: new Map([...live, [run, { expiresMs: nowMs + ttlMs, tasks }]]), granted };
}

/** Prolongs a run's lease. Null: it has ended before. */
export function renewLease(
  leases: Leases,
  { run, nowMs, ttlMs }: Omit<LeaseRequest, "tasks">,
): Leases | null {
  const live = liveLeases(leases, nowMs);
  const lease = live.get(run);
  return lease ? new Map([...live, [run, { ...lease, expiresMs: nowMs + ttlMs }]]) : null;
}

/** Ends a run's lease. */
export function releaseLease(leases: Leases, run: string): Leases {
  return new Map([...leases].filter(([holder]) => holder !== run));
}
