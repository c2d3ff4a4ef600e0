/** `kv:`: a state in Deno KV, in a local file or the platform's database. */

import { dirname } from "@std/path";
import { CronfetchError } from "../../core/errors.ts";
import { withTimeout } from "../../core/time.ts";
import { type Changes, keptParked, type StateDriver, type StateHost } from "../driver.ts";
import type { Body, Collection, Owned } from "../entries.ts";
import { Contended, fileSize, retryWhileLocked, stateError, unreadable } from "../errors.ts";
import {
  arrangeDay,
  arrangeRecord,
  arrangeRun,
  checkFormat,
  FORMAT,
  isDay,
  isNumber,
  isRun,
  isStoredRecord,
  isTime,
  type KnownFormat,
  readDay,
  readRecord,
  readRun,
} from "../format.ts";
import { addCounts, type DayCounts, keptDays, keptRuns, NO_COUNTS } from "../history.ts";
import { encode, type Kv, KvConnection, type KvEntry, type Mutation } from "./connection.ts";
import type { KvEntries } from "./entries.ts";
import { recordDigest, recordedDigest } from "./digest.ts";
import { KvLeases } from "./leases.ts";
import { RunLocks } from "../file_lock.ts";
import type { RunRecord } from "../run_record.ts";
import type { TaskRecord } from "../state.ts";

const FORMAT_KEY: Deno.KvKey = ["cronfetch", "format"];
const RECORDS: Deno.KvKey = ["cronfetch", "record"];
const PARKED: Deno.KvKey = ["cronfetch", "parked"];
const RUNS: Deno.KvKey = ["cronfetch", "run"];
const DAYS: Deno.KvKey = ["cronfetch", "day"];

/** Another process that adds to the same day is fast. */
const CONTENTION_DELAYS_MS = [10, 20, 40, 80, 160, 320];

/** For more records than this, reading all of them is cheaper. */
const FEW_RECORDS = 500;

/** Smallest page, and so smallest database, of SQLite. */
const SMALLEST_PAGE = 512;

const OPENING_DELAYS_MS = [100, 400, 1600];
const LONGEST_OPENING_MS = 10_000;

/**
 * Opens a database, or creates it if it is missing.
 *
 * @param path Absolute; null for the platform's.
 * @throws {CronfetchError} `state.locked`, `state.unreadable`; `config.invalid` if Deno was started
 * without its KV.
 */
export async function openKvDriver(path: string | null, host: StateHost): Promise<StateDriver> {
  const location = `kv:${path ?? ""}`;
  const doing = `opening the state ${location}`;
  // A program that imports cronfetch has its own deno.json.
  if (typeof Deno.openKv !== "function") {
    const advice = "start Deno with --unstable-kv, or keep the state in a file:";
    throw new CronfetchError("config.invalid", `${doing}: Deno KV is not switched on; ${advice}`);
  }
  const [kv, file] = await retryWhileLocked(doing, host, OPENING_DELAYS_MS, async () => {
    if (path === null) return [await Deno.openKv(), null] as const;
    await Deno.mkdir(dirname(path), { recursive: true });
    const digest = await checkUnlessRecorded(path, location, host);
    return [await Deno.openKv(path), { path, digest }] as const;
  });
  return await kvDriver(kv, location, new RunLocks(path), host, file);
}

/** Checks a database, unless it is new or has the recorded digest, which is returned. */
async function checkUnlessRecorded(
  path: string,
  location: string,
  { timers }: StateHost,
): Promise<string | null> {
  if (await isEmptyFile(path, location)) return null;
  const digest = await recordedDigest(path);
  if (digest !== null) return digest;
  const { checkDatabase } = await import("./check.ts");
  await checkDatabase(path, location, timers);
  return null;
}

/** The file of a database. */
interface KvFile {
  readonly path: string;
  /** The recorded digest if the file had it when it was opened, else null. */
  readonly digest: string | null;
}

/** Whether SQLite would create a new database: the file is missing or empty. */
async function isEmptyFile(path: string, location: string): Promise<boolean> {
  const sizeBytes = await fileSize(path, location) ?? 0;
  // SQLite treats such a short file as an empty one.
  const isShort = sizeBytes > 0 && sizeBytes < SMALLEST_PAGE;
  if (isShort) throw unreadable(location, "the file is not a database");
  return sizeBytes === 0;
}

/**
 * Makes a driver of an open database, and takes ownership of it.
 *
 * @param file Of the database; null if it is no file.
 * @throws {CronfetchError} `state.locked`; `state.unreadable`: it is of a newer version, or of another
 * program.
 */
export async function kvDriver(
  kv: Kv,
  location: string,
  locks: RunLocks,
  host: StateHost,
  file: KvFile | null = null,
): Promise<StateDriver> {
  const connection = new KvConnection(kv, location, host);
  const prepared = prepare(connection, host);
  try {
    // Deno KV waits for a locked database without end.
    const format = await withTimeout(host.timers, LONGEST_OPENING_MS, () => prepared, () => {
      const message = `opening the state ${location}: another process keeps it locked`;
      return new CronfetchError("state.locked", message);
    });
    return new KvDriver(connection, format, { locks, host, file });
  } catch (error) {
    // Closing a database that another process has locked would block this process.
    const close = () => connection.close();
    prepared.then(close, close);
    throw error;
  }
}

/** Checks the format of the database, and writes it into an empty one. */
function prepare(connection: KvConnection, host: StateHost): Promise<KnownFormat> {
  const { location } = connection;
  return retryWhileLocked(`opening the state ${location}`, host, OPENING_DELAYS_MS, async () => {
    const entry = await connection.get(FORMAT_KEY);
    if (entry.versionstamp !== null) {
      return checkFormat(connection.decode(entry, isNumber), location);
    }
    const { key, versionstamp } = entry;
    const written = await connection.commit([{ key, versionstamp }], [set(key, FORMAT)]);
    if (written === null) throw new Contended();
    return FORMAT;
  });
}

class KvDriver implements StateDriver {
  readonly location: string;
  readonly durable = true;
  readonly writesEvaluations = true;
  readonly batchSize = 100;
  readonly #kv: KvConnection;
  readonly #locks: RunLocks;
  readonly #leases: KvLeases;
  readonly #host: StateHost;
  readonly #file: KvFile | null;
  /** The format of the database, as last read. */
  #format: KnownFormat;

  constructor(
    kv: KvConnection,
    format: KnownFormat,
    { locks, host, file }: {
      readonly locks: RunLocks;
      readonly host: StateHost;
      readonly file: KvFile | null;
    },
  ) {
    this.#format = format;
    this.#file = file;
    this.location = kv.location;
    this.#kv = kv;
    this.#locks = locks;
    this.#leases = new KvLeases(kv, locks, host);
    this.#host = host;
  }

  async records(tasks: ReadonlySet<string> | null): Promise<Map<string, TaskRecord>> {
    const records = new Map<string, TaskRecord>();
    const add = (entry: KvEntry) => {
      const task = nameOf(entry.key);
      if (tasks !== null && !tasks.has(task)) return;
      records.set(task, readRecord(task, this.#kv.decode(entry, isStoredRecord)));
    };
    if (tasks === null || tasks.size > FEW_RECORDS) {
      await this.#kv.each(RECORDS, add);
    } else {
      for (const entry of await this.#kv.getNamed(RECORDS, tasks)) add(entry);
    }
    return records;
  }

  async entries(
    collection: Collection,
    owners: ReadonlySet<string> | null,
  ): Promise<Map<string, Owned<Body>>> {
    return await (await this.#entries()).read(collection, owners);
  }

  async parked(): Promise<Map<string, Temporal.Instant>> {
    const entries = await this.#kv.list(PARKED);
    return new Map(entries.map((entry) => {
      return [nameOf(entry.key), Temporal.Instant.from(this.#kv.decode(entry, isTime))];
    }));
  }

  async runs(): Promise<Map<string, RunRecord>> {
    const entries = await this.#kv.list(RUNS);
    return new Map(
      entries.map((entry) => [nameOf(entry.key), readRun(this.#kv.decode(entry, isRun))]),
    );
  }

  async days(): Promise<Map<string, DayCounts>> {
    const entries = await this.#kv.list(DAYS);
    return new Map(entries.map((entry) => [nameOf(entry.key), this.#dayOf(entry)]));
  }

  leasedTasks(): Promise<Map<string, number>> {
    return this.#leases.leasedTasks();
  }

  async write(changes: Changes, historyMs: number): Promise<void> {
    const now = this.#host.clock.now();
    if (this.#format !== FORMAT) await this.#migrate();
    // Before its results, which the end of a process would leave without a run.
    await this.#setRuns(changes.runs.values());
    // A family member is claimed before the record that names it.
    if (changes.entries.size > 0) await (await this.#entries()).write(changes.entries);
    await this.#kv.apply(
      changes.records.entries().map(([task, record]) => {
        const key = [...RECORDS, task];
        return record === null ? { key, value: null } : set(key, arrangeRecord(record));
      }),
    );
    if (changes.parked.size > 0) {
      const before = await this.parked();
      const kept = keptParked([...before, ...changes.parked], now);
      await this.#kv.apply([
        ...changes.parked.entries().map(([host, until]) => set([...PARKED, host], until)),
        ...forgotten(PARKED, before, kept),
      ]);
    }
    if (changes.runs.size > 0) await this.#removeOldRuns(now, historyMs);
    for (const [day, counts] of changes.days) await this.#addToDay(day, counts);
  }

  #setRuns(runs: Iterable<RunRecord>): Promise<void> {
    return this.#kv.apply(
      Iterator.from(runs).map((record) => set([...RUNS, record.run], arrangeRun(record))),
    );
  }

  /** Removes the runs and the results that are not kept; a run after its results. */
  async #removeOldRuns(now: Temporal.Instant, historyMs: number): Promise<void> {
    const all = await this.runs();
    const runs = keptRuns(all.values(), now, historyMs);
    const kept = new Map(runs.map((record) => [record.run, record]));
    const emptied = [...all.values()].filter(({ run, resultsKept }) => {
      return resultsKept !== undefined && kept.get(run)?.resultsKept === undefined;
    });
    for (const { run } of emptied) await (await this.#entries()).removeOwner("results", run);
    await this.#setRuns(emptied.flatMap(({ run }) => kept.get(run) ?? []));
    await this.#kv.apply(forgotten(RUNS, all, kept));
  }

  #addToDay(day: string, counts: DayCounts): Promise<void> {
    const doing = `writing the state ${this.location}`;
    return retryWhileLocked(doing, this.#host, CONTENTION_DELAYS_MS, async () => {
      const { key, value, versionstamp } = await this.#kv.get([...DAYS, day]);
      const before = versionstamp === null ? NO_COUNTS : this.#dayOf({ key, value, versionstamp });
      const removed = versionstamp === null ? await this.#oldDays(day) : [];
      const written = await this.#kv.commit([{ key, versionstamp }], [
        set(key, arrangeDay(addCounts(before, counts))),
        ...removed,
      ]);
      if (written === null) throw new Contended();
    });
  }

  /** Removes the days that are not kept after a new one. */
  async #oldDays(added: string): Promise<Mutation[]> {
    const days = (await this.#kv.list(DAYS)).map(({ key }) => nameOf(key));
    const kept = new Set(keptDays([...days, added]));
    return days.filter((day) => !kept.has(day)).map((day) => ({
      key: [...DAYS, day],
      value: null,
    }));
  }

  #dayOf(entry: KvEntry): DayCounts {
    return readDay(this.#kv.decode(entry, isDay));
  }

  /** Most runs use only records. */
  async #entries(): Promise<KvEntries> {
    const { KvEntries } = await import("./entries.ts");
    return new KvEntries(this.#kv);
  }

  /**
   * Migrates the database to the present format, which an older cronfetch rejects. Records of format 1
   * are upgraded when they are read, and replaced when their tasks run, so this is one small write. A
   * copy in the old format remains beside the database, to go back to.
   */
  async #migrate(): Promise<void> {
    const entry = await this.#kv.get(FORMAT_KEY);
    const { versionstamp } = entry;
    if (versionstamp !== null && this.#kv.decode({ ...entry, versionstamp }, isNumber) !== FORMAT) {
      if (this.#file !== null) await this.#copyFormat1(this.#file.path, versionstamp);
      // Null: another process has migrated it.
      await this.#kv.commit([entry], [set(FORMAT_KEY, FORMAT)]);
    }
    this.#format = FORMAT;
  }

  /** Copies the database, unless another process migrates it and has made a copy. */
  async #copyFormat1(path: string, versionstamp: string): Promise<void> {
    const { copyDatabase } = await import("./check.ts");
    const isOld = async () => (await this.#kv.get(FORMAT_KEY)).versionstamp === versionstamp;
    try {
      await copyDatabase(path, { to: `${path}.format-1`, name: this.#host.random.name(), isOld });
    } catch (error) {
      throw stateError(`copying the state ${this.location} before its migration`, error);
    }
  }

  acquire(tasks: ReadonlySet<string>, run: string, ttlMs: number): Promise<Set<string>> {
    return this.#leases.acquire(tasks, run, ttlMs);
  }

  renew(run: string, ttlMs: number): Promise<boolean> {
    return this.#leases.renew(run, ttlMs);
  }

  release(run: string): Promise<void> {
    return this.#leases.release(run);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kv.close();
    await this.#locks[Symbol.asyncDispose]();
    if (this.#file !== null) await recordDigest(this.#file.path, this.#file.digest);
  }
}

function set(key: Deno.KvKey, value: unknown): Mutation {
  return { key, value: encode(value) };
}

/** Removes keys that are no longer kept. */
function forgotten(
  prefix: Deno.KvKey,
  before: ReadonlyMap<string, unknown>,
  kept: ReadonlyMap<string, unknown>,
): Iterable<Mutation> {
  return before.keys().filter((name) => !kept.has(name)).map((name) => {
    return { key: [...prefix, name], value: null };
  });
}

function nameOf(key: Deno.KvKey): string {
  return String(key.at(-1));
}
