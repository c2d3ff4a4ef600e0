/** State: what is kept between runs. Drivers are opened by `open.ts`. */

import type { Delivery } from "./delivery.ts";
import type { RecordIndex } from "./record_index.ts";
import type { ActiveRun, DayRecord, RunRecord, RunTaskResult } from "./run_record.ts";
import type { TaskRecord } from "./task_record.ts";

export type { ChangedFile, Delivery } from "./delivery.ts";
export type { RunRecord } from "./run_record.ts";
export type {
  OlderRepresentation,
  OpenAlert,
  PartRecord,
  RecentResult,
  TaskRecord,
} from "./task_record.ts";

/** A member of a task's family: the files published by the task. */
export interface FamilyMember {
  /** Its key; at most 1,024 bytes in UTF-8. */
  readonly key: string;
  /**
   * A published file, an older version, or quarantined content; a member of the published archive, or
   * one of an earlier archive that the published one lacks.
   */
  readonly kind: "file" | "version" | "refused" | "member" | "dropped";
  /** Digest of its bytes, lower-case hexadecimal; null if unknown. */
  readonly sha256: string | null;
  /** Its size in bytes. */
  readonly sizeBytes: number;
  /** When it was published, RFC 3339 in UTC; null for a key that is only claimed. */
  readonly publishedAt: string | null;
  /** Of a `member`: the store's name for this version of the file under its key. */
  readonly revision?: string;
}

/** An item of a list, or another part of what is known of derived tasks: a JSON object. */
export type ItemBody = Readonly<Record<string, unknown>>;

/**
 * What is kept between runs.
 *
 * `save`, `removeRecord`, `saveMember`, `removeMember`, `saveDelivery`, `removeDelivery`, `saveItem`, `park`, `addRun`,
 * `updateRun` and `addEvaluation` are visible to this state's readers immediately, and are written soon after in
 * batches. Failed writes are kept and repeated;
 * {@linkcode State.flush} reports whether they succeeded. Disposal flushes. Leases are visible to
 * other processes immediately.
 *
 * Any call may reject with a `CronfetchError`: `state.locked` (another process locked the state for too
 * long), `state.unreadable` (it is corrupt or of a newer version, and unchanged), or `store.full`,
 * `store.denied`, `store.failed` (the disk or the service failed). Ids and hosts must be well-formed
 * text of at most 1,000 bytes in UTF-8, keys of at most 1,024; a call throws `config.invalid`
 * otherwise.
 *
 * @example A state in memory
 * ```ts
 * import {
 *   type Delivery,
 *   type FamilyMember,
 *   type ItemBody,
 *   run,
 *   type RunRecord,
 *   type RunTaskResult,
 *   type State,
 * } from "@cronfetch/cronfetch";
 * import { assertEquals } from "@std/assert";
 *
 * const records: Awaited<ReturnType<State["allRecords"]>> = new Map();
 * const families = new Map<string, Map<string, FamilyMember>>();
 * const outbox = new Map<string, Map<string, Delivery>>();
 * const items = new Map<string, Map<string, ItemBody>>();
 * const pauses = new Map<string, Temporal.Instant>();
 * const leases = new Map<string, { run: string; untilMs: number }>();
 * let runs: RunRecord[] = [];
 * const results = new Map<string, readonly RunTaskResult[]>();
 *
 * await using state: State = {
 *   location: "an example",
 *   durable: false,
 *   records: async (tasks) => {
 *     const ids = new Set(tasks);
 *     return new Map([...records].filter(([task]) => ids.has(task)));
 *   },
 *   allRecords: async () => new Map(records),
 *   save: (record) => void records.set(record.task, record),
 *   removeRecord: (task) => void records.delete(task),
 *   members: async (tasks) => {
 *     const found = new Map<string, FamilyMember[]>();
 *     for (const task of tasks) {
 *       const members = [...families.get(task)?.values() ?? []];
 *       members.sort((a, b) => a.key < b.key ? -1 : 1);
 *       if (members.length > 0) found.set(task, members);
 *     }
 *     return found;
 *   },
 *   saveMember: (task, member) => {
 *     families.set(task, (families.get(task) ?? new Map()).set(member.key, member));
 *   },
 *   removeMember: (task, key) => void families.get(task)?.delete(key),
 *   deliveries: async (tasks) => {
 *     const found = new Map<string, Delivery[]>();
 *     for (const task of tasks ?? outbox.keys()) {
 *       const deliveries = [...outbox.get(task)?.values() ?? []];
 *       deliveries.sort((a, b) => a.id < b.id ? -1 : 1);
 *       if (deliveries.length > 0) found.set(task, deliveries);
 *     }
 *     return found;
 *   },
 *   saveDelivery: (task, delivery) => {
 *     outbox.set(task, (outbox.get(task) ?? new Map()).set(delivery.id, delivery));
 *   },
 *   removeDelivery: (task, id) => void outbox.get(task)?.delete(id),
 *   items: async (owners) => {
 *     const found = new Map<string, Map<string, ItemBody>>();
 *     for (const owner of owners) {
 *       const owned = items.get(owner);
 *       if (owned) found.set(owner, new Map(owned));
 *     }
 *     return found;
 *   },
 *   saveItem: (owner, id, body) => {
 *     const owned = items.get(owner) ?? new Map<string, ItemBody>();
 *     if (body === null) owned.delete(id);
 *     else owned.set(id, body);
 *     if (owned.size > 0) items.set(owner, owned);
 *     else items.delete(owner);
 *   },
 *   parked: async () => new Map(
 *     [...pauses].filter(([, until]) => until.epochMilliseconds > Date.now()),
 *   ),
 *   park: (host, until) => void pauses.set(host, until),
 *   runs: async (limit) => runs.slice(0, limit),
 *   runResults: async (run) => [...results.get(run) ?? []],
 *   addRun: (added, resultsOfRun = []) => {
 *     runs = [added, ...runs.filter(({ run }) => run !== added.run)].slice(0, 100);
 *     results.set(added.run, resultsOfRun);
 *   },
 *   updateRun: (updated) => {
 *     runs = runs.map((record) => record.run === updated.run ? updated : record);
 *   },
 *   addEvaluation: () => {},
 *   days: async () => [],
 *   activeRuns: async () => {
 *     const held = [...leases.values()].filter(({ untilMs }) => untilMs > Date.now());
 *     const runs = Map.groupBy(held, ({ run }) => run);
 *     return [...runs].map(([run, { length }]) => {
 *       return { run, startedAt: run.slice(0, 20), tasks: length };
 *     });
 *   },
 *   flush: async () => {},
 *   acquire: async (tasks, run, ttlMs) => {
 *     const now = Date.now();
 *     const free = tasks.filter((task) => {
 *       const lease = leases.get(task);
 *       return !lease || lease.run === run || lease.untilMs <= now;
 *     });
 *     for (const task of free) leases.set(task, { run, untilMs: now + ttlMs });
 *     return new Set(free);
 *   },
 *   renew: async (run, ttlMs) => {
 *     const now = Date.now();
 *     const own = [...leases.values()].filter((lease) => lease.run === run);
 *     if (own.some(({ untilMs }) => untilMs <= now)) return false;
 *     for (const lease of own) lease.untilMs = now + ttlMs;
 *     return true;
 *   },
 *   release: async (run) => {
 *     for (const [task, lease] of leases) if (lease.run === run) leases.delete(task);
 *   },
 *   [Symbol.asyncDispose]: async () => {},
 * };
 *
 * const controller = new AbortController();
 * controller.abort();
 * const config = { store: "memory:", tasks: ["https://example.org/a.csv"] };
 * const { summary } = await run(config, { state, signal: controller.signal });
 * assertEquals((await state.runs(1)).map((record) => record.summary), [summary]);
 * ```
 */
export interface State extends AsyncDisposable {
  /** Its location, for messages; without secrets. */
  readonly location: string;
  /** Whether it survives the process. */
  readonly durable: boolean;
  /**
   * Number of records to read or write at a time, so that a large run holds few of them in memory.
   * Absent if every call reads or writes the whole state, so that there should be few calls.
   */
  readonly batchSize?: number;
  /**
   * Sums and pages of the records, for a state that has them without reading every record. They lack
   * what was saved and is not written yet.
   */
  readonly index?: RecordIndex;

  /**
   * Reads the records of some tasks.
   *
   * @param tasks Their ids.
   * @returns The existing records, by id.
   */
  records(tasks: Iterable<string>): Promise<Map<string, TaskRecord>>;
  /**
   * Reads every record.
   *
   * @returns By id, including tasks that are no longer in the config.
   */
  allRecords(): Promise<Map<string, TaskRecord>>;
  /**
   * Replaces a task's record. Only for the holder of the task's lease.
   *
   * @param record The whole record.
   */
  save(record: TaskRecord): void;
  /**
   * Removes a task's record; does nothing if it is missing. Only for the holder of the task's lease.
   *
   * @param task The task's id.
   */
  removeRecord(task: string): void;

  /**
   * Reads the families of some tasks.
   *
   * @param tasks Their ids.
   * @returns The families that have members, by task id; each sorted by key.
   */
  members(tasks: Iterable<string>): Promise<Map<string, FamilyMember[]>>;
  /**
   * Saves a member of a task's family, replacing the one with the same key. Only for the holder of the
   * task's lease. To claim a key before publishing, await {@linkcode State.flush} after this.
   *
   * @param task The task's id.
   * @param member The whole member.
   */
  saveMember(task: string, member: FamilyMember): void;
  /**
   * Removes a member from a task's family; does nothing if it is missing.
   *
   * @param task The task's id.
   * @param key The member's key.
   */
  removeMember(task: string, key: string): void;

  /**
   * Reads the outboxes of some tasks: the changes that their hooks have not received.
   *
   * @param tasks Their ids; null for all tasks.
   * @returns The outboxes that are not empty, by task id; each sorted by id.
   */
  deliveries(tasks: Iterable<string> | null): Promise<Map<string, Delivery[]>>;
  /**
   * Saves a change in a task's outbox, replacing the one with the same id. Only for the holder of the
   * task's lease. To save it before publishing, await {@linkcode State.flush} after this.
   *
   * @param task The task's id.
   * @param delivery The whole change.
   */
  saveDelivery(task: string, delivery: Delivery): void;
  /**
   * Removes a change from a task's outbox; does nothing if it is missing.
   *
   * @param task The task's id.
   * @param id The change's id.
   */
  removeDelivery(task: string, id: string): void;

  /**
   * Reads the items of some owners: what is known of the tasks that are derived from them.
   *
   * @param owners Ids of the tasks in the config.
   * @returns The items by owner and id; owners without any are missing.
   */
  items(owners: Iterable<string>): Promise<Map<string, Map<string, ItemBody>>>;
  /**
   * Saves an item, replacing the one with the same id. Only for the holder of the owner's lease.
   *
   * @param owner Id of the task in the config.
   * @param id The item's id.
   * @param body At most 61,440 bytes of JSON; null removes the item, if it exists.
   */
  saveItem(owner: string, id: string, body: ItemBody | null): void;

  /**
   * Reads the hosts that requested a pause that is not over.
   *
   * @returns When each pause ends, by host.
   */
  parked(): Promise<Map<string, Temporal.Instant>>;
  /**
   * Records a host's pause, replacing an earlier one.
   *
   * @param host Name of the host, with its port unless that is the default one.
   * @param until When the pause ends.
   */
  park(host: string, until: Temporal.Instant): void;

  /**
   * Reads the recent runs.
   *
   * @param limit Maximum number of runs.
   * @returns The newest first.
   */
  runs(limit: number): Promise<RunRecord[]>;
  /**
   * Reads the recorded results of a run: those other than `unchanged` and `skipped`.
   *
   * @param run The run's id.
   * @returns Failures first, then sorted by task. Empty if the state has none of the run.
   */
  runResults(run: string): Promise<RunTaskResult[]>;
  /**
   * Records a finished run, and counts it for the day on which it ended. Old runs are removed with
   * their results: those that are older than the `history` of the config, and those beyond 1,000
   * runs; of more than 10,000 results, those of the oldest runs.
   *
   * @param run Replaces the record of the same run.
   * @param results Its results other than `unchanged` and `skipped`; of each task at most one.
   * Default: none.
   */
  addRun(run: RunRecord, results?: readonly RunTaskResult[]): void;
  /**
   * Replaces the record of a recorded run, whose day and results remain as they are.
   *
   * @param run The whole record.
   */
  updateRun(run: RunRecord): void;
  /** Counts an evaluation that found nothing due. A state in a file counts it with the next change. */
  addEvaluation(): void;
  /**
   * Reads what happened on each day.
   *
   * @param limit Maximum number of days.
   * @returns The newest first; a day without evaluations and runs is missing.
   */
  days(limit: number): Promise<DayRecord[]>;
  /**
   * Reads the runs that are in progress: those whose leases have not ended. A run without tasks has
   * none.
   *
   * @returns The oldest first.
   */
  activeRuns(): Promise<ActiveRun[]>;

  /**
   * Writes all pending changes.
   *
   * @throws {CronfetchError} If they could not be written; they are kept, and written later.
   */
  flush(): Promise<void>;

  /**
   * Leases tasks to a run for `ttlMs`, including those it has already leased. Read the records after
   * this, as another run may just have written them.
   *
   * @param tasks Their ids.
   * @param run The run's id.
   * @param ttlMs Milliseconds until the leases end, unless renewed.
   * @returns The tasks now leased to the run; the others are leased to another live run.
   */
  acquire(tasks: readonly string[], run: string, ttlMs: number): Promise<Set<string>>;
  /**
   * Extends all leases of a run to `ttlMs` from now.
   *
   * @param run The run's id.
   * @param ttlMs Milliseconds until the leases end, unless renewed again.
   * @returns False if they had ended before: other runs may have leased the tasks since.
   */
  renew(run: string, ttlMs: number): Promise<boolean>;
  /**
   * Flushes, then ends all leases of a run.
   *
   * @param run The run's id.
   */
  release(run: string): Promise<void>;
}
