/** Makes a {@linkcode State} of a driver: changes are collected and written in batches. */

import { CronfetchError } from "../core/errors.ts";
import { MAX_ID_BYTES } from "../core/task.ts";
import {
  addChanges,
  changeRecords,
  type Changes,
  chosenRecords,
  emptyContents,
  keptParked,
  type PendingChanges,
  type StateDriver,
  type StateHost,
} from "./driver.ts";
import {
  type DeliveryBody,
  type MemberBody,
  readDelivery,
  readResult,
  type ResultBody,
  setEntry,
} from "./entries.ts";
import {
  activeRuns,
  addDays,
  dayCountsOf,
  dayOf,
  dayRecord,
  DEFAULT_HISTORY_MS,
  keptDays,
  keptRuns,
  NO_COUNTS,
  ONE_EVALUATION,
} from "./history.ts";
import type { RecordIndex } from "./record_index.ts";
import type { ActiveRun, DayRecord, RunRecord, RunTaskResult } from "./run_record.ts";
import type { Delivery, FamilyMember, ItemBody, State, TaskRecord } from "./state.ts";

/** Number of pending records that triggers a write. */
const ENOUGH_RECORDS = 500;
/** Longest delay of a write, in which further changes are collected. */
const GATHERING_MS = 1_000;
/** After a write of a whole state, the next one is delayed by its duration times this. */
const REST_FACTOR = 9;
/** Longest key of a family member in UTF-8 bytes: that of S3. */
const LONGEST_KEY = 1_024;

/**
 * Makes a state of a driver; disposal disposes of the driver.
 *
 * @param historyMs How long runs are kept, in milliseconds. Default: 90 days.
 */
export function bufferedState(
  driver: StateDriver,
  host: StateHost,
  historyMs: number = DEFAULT_HISTORY_MS,
): State {
  return new BufferedState(driver, host, historyMs);
}

class BufferedState implements State {
  readonly location: string;
  readonly durable: boolean;
  readonly batchSize?: number;
  readonly index?: RecordIndex;
  readonly #driver: StateDriver;
  readonly #host: StateHost;
  readonly #historyMs: number;
  #waiting: PendingChanges = emptyContents();
  #beingWritten: PendingChanges = emptyContents();
  #writing: Promise<void> | null = null;
  /** The write that follows the present one, if a caller waits for it. */
  #nextWrite: Promise<void> | null = null;
  #cancelTimer: (() => void) | null = null;
  #restsUntilMs = 0;

  constructor(driver: StateDriver, host: StateHost, historyMs: number) {
    this.location = driver.location;
    this.durable = driver.durable;
    if (driver.batchSize !== undefined) this.batchSize = driver.batchSize;
    if (driver.index !== undefined) this.index = driver.index;
    this.#driver = driver;
    this.#host = host;
    this.#historyMs = historyMs;
  }

  async records(tasks: Iterable<string>): Promise<Map<string, TaskRecord>> {
    const wanted = checkedIds(tasks);
    const unwritten = [this.#beingWritten, this.#waiting]
      .map((changes) => chosenRecords(changes, wanted));
    const records = await this.#driver.records(wanted);
    for (const changes of unwritten) changeRecords(records, changes);
    return records;
  }

  async allRecords(): Promise<Map<string, TaskRecord>> {
    const unwritten = this.#unwritten("records");
    return changeRecords(await this.#driver.records(null), unwritten);
  }

  save(record: TaskRecord): void {
    this.#waiting.records.set(checkedId(record.task), record);
    this.#arrange();
  }

  removeRecord(task: string): void {
    this.#waiting.records.set(checkedId(task), null);
    this.#arrange();
  }

  async members(tasks: Iterable<string>): Promise<Map<string, FamilyMember[]>> {
    const wanted = checkedIds(tasks);
    const unwritten = this.#unwritten("entries").get("members");
    const families = await this.#driver.entries("members", wanted);
    const members = new Map<string, FamilyMember[]>();
    for (const task of wanted) {
      const family = new Map([...families.get(task) ?? [], ...unwritten?.get(task) ?? []]);
      const present = [...family].filter(([, body]) => body !== null)
        .map(([key, body]) => ({ key, ...body as MemberBody }))
        .sort((a, b) => a.key < b.key ? -1 : 1);
      if (present.length > 0) members.set(task, present);
    }
    return members;
  }

  saveMember(task: string, { key, ...body }: FamilyMember): void {
    this.#setMember(task, key, body);
  }

  removeMember(task: string, key: string): void {
    this.#setMember(task, key, null);
  }

  async deliveries(tasks: Iterable<string> | null): Promise<Map<string, Delivery[]>> {
    const wanted = tasks === null ? null : checkedIds(tasks);
    const unwritten = this.#unwritten("entries").get("outbox");
    const outboxes = await this.#driver.entries("outbox", wanted);
    const deliveries = new Map<string, Delivery[]>();
    for (const task of wanted ?? new Set([...outboxes.keys(), ...unwritten?.keys() ?? []])) {
      const outbox = new Map([...outboxes.get(task) ?? [], ...unwritten?.get(task) ?? []]);
      const present = [...outbox].filter(([, body]) => body !== null)
        .map(([id, body]) => ({ id, ...readDelivery(body as DeliveryBody) }))
        .sort((a, b) => a.id < b.id ? -1 : 1);
      if (present.length > 0) deliveries.set(task, present);
    }
    return deliveries;
  }

  saveDelivery(task: string, { id, ...body }: Delivery): void {
    this.#setDelivery(task, id, body);
  }

  removeDelivery(task: string, id: string): void {
    this.#setDelivery(task, id, null);
  }

  async items(owners: Iterable<string>): Promise<Map<string, Map<string, ItemBody>>> {
    const wanted = checkedIds(owners);
    const unwritten = this.#unwritten("entries").get("items");
    const items = await this.#driver.entries("items", wanted);
    for (const owner of wanted) {
      const changed = unwritten?.get(owner);
      if (changed === undefined) continue;
      const owned = items.get(owner) ?? new Map<string, ItemBody>();
      for (const [id, body] of changed) {
        if (body === null) owned.delete(id);
        else owned.set(id, body);
      }
      if (owned.size > 0) items.set(owner, owned);
      else items.delete(owner);
    }
    return items;
  }

  saveItem(owner: string, id: string, body: ItemBody | null): void {
    setEntry(this.#waiting.entries, "items", checkedId(owner), checkedId(id), body);
    this.#arrange();
  }

  async parked(): Promise<Map<string, Temporal.Instant>> {
    const unwritten = this.#unwritten("parked");
    return keptParked([...await this.#driver.parked(), ...unwritten], this.#host.clock.now());
  }

  park(host: string, until: Temporal.Instant): void {
    this.#waiting.parked.set(checkedId(host), until);
    this.#arrange();
  }

  async runs(limit: number): Promise<RunRecord[]> {
    const unwritten = this.#unwritten("runs");
    const runs = new Map([...await this.#driver.runs(), ...unwritten]);
    return keptRuns(runs.values(), this.#host.clock.now(), this.#historyMs).slice(0, limit);
  }

  async runResults(run: string): Promise<RunTaskResult[]> {
    const wanted = checkedIds([run]);
    const unwritten = this.#unwritten("entries").get("results")?.get(run) ?? [];
    const written = (await this.#driver.entries("results", wanted)).get(run) ?? [];
    const results: RunTaskResult[] = [];
    for (const [task, body] of new Map([...written, ...unwritten])) {
      if (body !== null) results.push({ task, ...readResult(body as ResultBody) });
    }
    const rank = ({ status }: RunTaskResult) => status === "failed" ? 0 : 1;
    return results.sort((a, b) => rank(a) - rank(b) || (a.task < b.task ? -1 : 1));
  }

  addRun(run: RunRecord, results: readonly RunTaskResult[] = []): void {
    const { runs, days, entries } = this.#waiting;
    for (const { task, ...body } of results) {
      setEntry(entries, "results", checkedId(run.run), checkedId(task), body);
    }
    const recorded = results.length > 0 ? { ...run, resultsKept: results.length } : run;
    runs.set(checkedId(run.run), recorded);
    addDays(days, [[dayOf(run.finishedAt), dayCountsOf(run)]]);
    this.#arrange();
  }

  updateRun(run: RunRecord): void {
    this.#waiting.runs.set(checkedId(run.run), run);
    this.#arrange();
  }

  addEvaluation(): void {
    addDays(this.#waiting.days, [[dayOf(this.#host.clock.now().toString()), ONE_EVALUATION]]);
    this.#arrange();
  }

  async days(limit: number): Promise<DayRecord[]> {
    // Amounts that are being written may be in the driver's, or not yet.
    while (this.#writing) await this.#writing.catch(() => {});
    const unwritten = [...this.#waiting.days];
    const days = await this.#driver.days();
    addDays(days, unwritten);
    const record = (day: string) => dayRecord(day, days.get(day) ?? NO_COUNTS);
    return keptDays(days.keys()).slice(0, limit).map(record);
  }

  async activeRuns(): Promise<ActiveRun[]> {
    return activeRuns(await this.#driver.leasedTasks());
  }

  async flush(): Promise<void> {
    // Concurrent callers share one write: each would else write what others have changed since.
    if (this.#writing) await (this.#nextWrite ??= this.#writeNext());
    else if (!this.#isEmpty()) await this.#write();
  }

  async acquire(tasks: readonly string[], run: string, ttlMs: number): Promise<Set<string>> {
    return await this.#driver.acquire(checkedIds(tasks), checkedId(run), ttlMs);
  }

  async renew(run: string, ttlMs: number): Promise<boolean> {
    return await this.#driver.renew(checkedId(run), ttlMs);
  }

  async release(run: string): Promise<void> {
    // The next run that leases the tasks must find their records.
    await this.flush();
    await this.#driver.release(checkedId(run));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.flush();
    } finally {
      this.#disarm();
      await this.#driver[Symbol.asyncDispose]();
    }
  }

  #setMember(task: string, key: string, body: MemberBody | null): void {
    const { entries } = this.#waiting;
    setEntry(entries, "members", checkedId(task), checkedId(key, LONGEST_KEY), body);
    this.#arrange();
  }

  #setDelivery(task: string, id: string, body: DeliveryBody | null): void {
    setEntry(this.#waiting.entries, "outbox", checkedId(task), checkedId(id), body);
    this.#arrange();
  }

  /** Changes that the driver may not have yet, but readers must see. */
  #unwritten<Kind extends keyof PendingChanges>(kind: Kind): PendingChanges[Kind] {
    return merged(this.#beingWritten, this.#waiting)[kind];
  }

  /** Whether no change needs to be written. */
  #isEmpty(): boolean {
    const { records, parked, runs, days, entries } = this.#waiting;
    const writtenDays = this.#driver.writesEvaluations ? days.size : 0;
    return records.size + parked.size + runs.size + entries.size + writtenDays === 0;
  }

  /** Schedules the next write. */
  #arrange(): void {
    if (this.#writing || this.#isEmpty()) return;
    const full = this.#waiting.records.size >= ENOUGH_RECORDS;
    const restMs = this.#restsUntilMs - this.#host.clock.monotonicMs();
    if (full && restMs <= 0) {
      this.#writeUnasked();
    } else {
      this.#cancelTimer ??= this.#host.timers.after(Math.max(GATHERING_MS, restMs), () => {
        this.#cancelTimer = null;
        if (!this.#writing) this.#writeUnasked();
      });
    }
  }

  #writeUnasked(): void {
    // Failed writes are repeated later, and a flush reports the error.
    this.#write().catch(() => {});
  }

  async #writeNext(): Promise<void> {
    while (this.#writing) await this.#writing.catch(() => {});
    this.#nextWrite = null;
    if (!this.#isEmpty()) await this.#write();
  }

  #write(): Promise<void> {
    this.#disarm();
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = null;
      this.#arrange();
    });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    const { clock } = this.#host;
    const startedMs = clock.monotonicMs();
    let leastRestMs = 0;
    this.#beingWritten = this.#waiting;
    this.#waiting = emptyContents();
    try {
      await this.#driver.write(this.#beingWritten, this.#historyMs);
    } catch (error) {
      leastRestMs = GATHERING_MS;
      this.#waiting = merged(this.#beingWritten, this.#waiting);
      throw error;
    } finally {
      const endedMs = clock.monotonicMs();
      const restMs = this.batchSize === undefined ? REST_FACTOR * (endedMs - startedMs) : 0;
      this.#restsUntilMs = endedMs + Math.max(leastRestMs, restMs);
      this.#beingWritten = emptyContents();
    }
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }
}

/** Merges changes; the later one of two for the same thing wins. */
function merged(earlier: Changes, later: Changes): PendingChanges {
  const both: PendingChanges = emptyContents();
  addChanges(both, earlier);
  addChanges(both, later);
  return both;
}

const encoder = new TextEncoder();

function checkedId(id: string, longestBytes = MAX_ID_BYTES): string {
  const bytes = id.length * 3 <= longestBytes ? 0 : encoder.encode(id).length;
  if (bytes <= longestBytes && id.isWellFormed()) return id;
  const shown = JSON.stringify(id.length > 80 ? `${id.slice(0, 80)}…` : id);
  const wrong = bytes > longestBytes
    ? `has ${bytes} bytes, more than the ${longestBytes} a state can hold`
    : "is not well-formed Unicode";
  throw new CronfetchError("config.invalid", `recording ${shown}: the name ${wrong}`);
}

function checkedIds(ids: Iterable<string>): Set<string> {
  const checked = new Set<string>();
  for (const id of ids) checked.add(checkedId(id));
  return checked;
}
