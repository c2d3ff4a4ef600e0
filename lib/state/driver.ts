/** The driver interface of the state; `buffered.ts` turns a driver into a {@linkcode State}. */

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
import { addDays, type DayCounts, keptDays, keptRuns } from "./history.ts";
import type { RunRecord } from "./run_record.ts";
import type { State, TaskRecord } from "./state.ts";

/** The part of the host that a state needs. */
export type StateHost = Pick<Host, "clock" | "random" | "timers">;

/** A batch of changes. A record or run replaces the previous one; amounts are added to days. */
export interface Changes {
  /** By task id; null removes a record. */
  readonly records: ReadonlyMap<string, TaskRecord | null>;
  /** By host. */
  readonly parked: ReadonlyMap<string, Temporal.Instant>;
  /** By run id. */
  readonly runs: ReadonlyMap<string, RunRecord>;
  /** By day. */
  readonly days: ReadonlyMap<string, DayCounts>;
  /** Entries to set; null removes one. */
  readonly entries: ReadonlyEntries;
}

/** Changes that are collected. */
export interface PendingChanges extends Changes {
  /** By task id; null removes a record. */
  readonly records: Map<string, TaskRecord | null>;
  /** By host. */
  readonly parked: Map<string, Temporal.Instant>;
  /** By run id. */
  readonly runs: Map<string, RunRecord>;
  /** By day. */
  readonly days: Map<string, DayCounts>;
  /** Entries to set; null removes one. */
  readonly entries: Entries;
}

/** Everything in a state except the leases. */
export interface Contents extends PendingChanges {
  /** By task id. */
  readonly records: Map<string, TaskRecord>;
  /** No entry, collection or owner in it is empty. */
  readonly entries: Entries<Body>;
}

/**
 * Stores records, parked hosts, runs and leases. Ids and hosts have been validated (see `State`).
 * Every call may reject with a `state.` code.
 */
export interface StateDriver
  extends AsyncDisposable, Pick<State, "location" | "durable" | "batchSize" | "index"> {
  /** Whether an evaluation that found nothing due is written if nothing else has changed. */
  readonly writesEvaluations: boolean;
  /** The existing records of some tasks; null for all tasks. */
  records(tasks: ReadonlySet<string> | null): Promise<Map<string, TaskRecord>>;
  /** The entries of a collection for some owners, by owner and id; unordered. Null for all owners. */
  entries(
    collection: Collection,
    owners: ReadonlySet<string> | null,
  ): Promise<Map<string, Owned<Body>>>;
  /** Every parked host; may include expired ones. */
  parked(): Promise<Map<string, Temporal.Instant>>;
  /** The runs by id, unordered; may include expired ones. */
  runs(): Promise<Map<string, RunRecord>>;
  /** The days, unordered. */
  days(): Promise<Map<string, DayCounts>>;
  /** The number of leased tasks of each run whose leases have not ended. */
  leasedTasks(): Promise<Map<string, number>>;
  /**
   * Writes changes, and removes what {@linkcode keptRuns}, `keptDays` and {@linkcode keptParked}
   * exclude, runs with their results. A change may be written although the call rejects, and may be
   * written repeatedly.
   *
   * @param historyMs How long runs are kept, in milliseconds.
   */
  write(changes: Changes, historyMs: number): Promise<void>;
  /** See {@linkcode State.acquire}. */
  acquire(tasks: ReadonlySet<string>, run: string, ttlMs: number): Promise<Set<string>>;
  /** See {@linkcode State.renew}. */
  renew(run: string, ttlMs: number): Promise<boolean>;
  /** Ends all leases of a run. */
  release(run: string): Promise<void>;
}

/** The hosts whose pause is not over. */
export function keptParked(
  parked: Iterable<readonly [host: string, until: Temporal.Instant]>,
  now: Temporal.Instant,
): Map<string, Temporal.Instant> {
  return new Map([...parked].filter(([, until]) => Temporal.Instant.compare(until, now) > 0));
}

/** Empty contents. */
export function emptyContents(): Contents {
  return {
    records: new Map(),
    parked: new Map(),
    runs: new Map(),
    days: new Map(),
    entries: new Map(),
  };
}

/** Applies changes to contents, and removes what has expired. */
export function applyChanges(
  contents: Contents,
  changes: Changes,
  now: Temporal.Instant,
  historyMs: number,
): void {
  addNamed(contents, changes);
  for (const [task, record] of changes.records) {
    if (record === null) contents.records.delete(task);
  }
  applyEntries(contents.entries, changes.entries);
  const parked = keptParked(contents.parked, now);
  for (const host of contents.parked.keys()) {
    if (!parked.has(host)) contents.parked.delete(host);
  }
  if (changes.runs.size > 0) removeOldRuns(contents, now, historyMs);
  const days = new Set(keptDays(contents.days.keys()));
  for (const day of contents.days.keys()) if (!days.has(day)) contents.days.delete(day);
}

/** Removes runs that are not kept, and the results of these and of unknown runs. */
function removeOldRuns(contents: Contents, now: Temporal.Instant, historyMs: number): void {
  const kept = keptRuns(contents.runs.values(), now, historyMs);
  contents.runs.clear();
  const withResults = new Set<string>();
  for (const record of kept) {
    contents.runs.set(record.run, record);
    if (record.resultsKept !== undefined) withResults.add(record.run);
  }
  const results = contents.entries.get("results");
  for (const run of results?.keys() ?? []) if (!withResults.has(run)) results?.delete(run);
  if (results?.size === 0) contents.entries.delete("results");
}

/** Adds later changes to earlier ones; the later one of two for the same thing wins. */
export function addChanges(pending: PendingChanges, later: Changes): void {
  addNamed(pending, later);
  addEntries(pending.entries, later.entries);
}

/** Sets the records, parked hosts and runs of `changes`. */
function addNamed(pending: PendingChanges, changes: Changes): void {
  for (const [task, record] of changes.records) pending.records.set(task, record);
  for (const [host, until] of changes.parked) pending.parked.set(host, until);
  for (const [run, record] of changes.runs) pending.runs.set(run, record);
  addDays(pending.days, changes.days);
}

/** The records of some tasks among contents or changes; all for null. */
export function chosenRecords<Record extends TaskRecord | null>(
  { records }: { readonly records: ReadonlyMap<string, Record> },
  tasks: ReadonlySet<string> | null,
): Map<string, Record> {
  if (tasks === null) return new Map(records);
  const chosen = new Map<string, Record>();
  for (const task of tasks) {
    const record = records.get(task);
    if (record !== undefined) chosen.set(task, record);
  }
  return chosen;
}

/** Applies changed records to records; null removes one. */
export function changeRecords(
  records: Map<string, TaskRecord>,
  changes: Changes["records"],
): Map<string, TaskRecord> {
  for (const [task, record] of changes) {
    if (record === null) records.delete(task);
    else records.set(task, record);
  }
  return records;
}

/** The lease of a run. */
export interface Lease {
  /** When it expires, in milliseconds since the epoch. */
  readonly expiresMs: number;
  /** Ids of the leased tasks. */
  readonly tasks: readonly string[];
}

/** All leases by run id. */
export type LeaseTable = ReadonlyMap<string, Lease>;

/** A run's request for leases. */
export interface LeaseRequest {
  /** The run's id. */
  readonly run: string;
  /** Ids of the requested tasks. */
  readonly tasks: ReadonlySet<string>;
  /** Wall clock, in milliseconds since the epoch. */
  readonly nowMs: number;
  /** Duration of the lease in milliseconds. */
  readonly ttlMs: number;
}

/** Partitions the requested tasks: leased to the run, available, or leased to other runs. */
export function partition(
  leases: Iterable<readonly [run: string, tasks: Iterable<string>]>,
  { run, tasks }: Pick<LeaseRequest, "run" | "tasks">,
): { readonly leased: Set<string>; readonly free: Set<string> } {
  const leased = new Set<string>();
  const free = new Set(tasks);
  for (const [holder, all] of leases) {
    for (const task of all) {
      if (free.delete(task) && holder === run) leased.add(task);
    }
  }
  return { leased, free };
}

/** The leases that have not expired. */
function liveLeases(leases: LeaseTable, nowMs: number): LeaseTable {
  return new Map([...leases].filter(([, { expiresMs }]) => expiresMs > nowMs));
}

/** Leases the requested tasks that are available to the run. */
export function acquireLease(
  leases: LeaseTable,
  request: LeaseRequest,
): { readonly leases: LeaseTable; readonly granted: Set<string> } {
  const { run, nowMs, ttlMs } = request;
  const live = liveLeases(leases, nowMs);
  const { leased, free } = partition(
    [...live].map(([holder, { tasks }]) => [holder, tasks]),
    request,
  );
  const granted = leased.union(free);
  if (granted.size === 0) return { leases: live, granted };
  const tasks = [...live.get(run)?.tasks ?? [], ...free];
  return { leases: new Map([...live, [run, { expiresMs: nowMs + ttlMs, tasks }]]), granted };
}

/** The number of leased tasks of each run whose lease has not expired. */
export function leasedTasks(leases: LeaseTable, nowMs: number): Map<string, number> {
  return new Map([...liveLeases(leases, nowMs)].map(([run, { tasks }]) => [run, tasks.length]));
}

/** Extends a run's lease; null if it has expired. */
export function renewLease(
  leases: LeaseTable,
  { run, nowMs, ttlMs }: Omit<LeaseRequest, "tasks">,
): LeaseTable | null {
  const live = liveLeases(leases, nowMs);
  const lease = live.get(run);
  return lease ? new Map([...live, [run, { ...lease, expiresMs: nowMs + ttlMs }]]) : null;
}

/** Ends a run's lease. */
export function releaseLease(leases: LeaseTable, run: string): LeaseTable {
  return new Map([...leases].filter(([holder]) => holder !== run));
}
