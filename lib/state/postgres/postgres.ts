/** `postgres:`: a state in Postgres, which many machines share. */

import type { Changes, StateDriver } from "../driver.ts";
import { type Body, type Collection, isBody, type Owned } from "../entries.ts";
import { unreadable } from "../errors.ts";
import { isDay, isRun, isStoredRecord, readDay, readRecord, readRun } from "../format.ts";
import type { DayCounts } from "../history.ts";
import type { RecordIndex } from "../record_index.ts";
import type { RunRecord } from "../run_record.ts";
import type { ShapeCheck } from "../shape.ts";
import type { TaskRecord } from "../state.ts";
import { PostgresLeases, type TimeSource } from "./leases.ts";
import type { PostgresPool, Row } from "./pool.ts";
import { PostgresRecordIndex } from "./record_index.ts";
import { chunks, nameOf, storedNames } from "./rows.ts";
import type { PostgresWriter } from "./writer.ts";

/** Records or owners that one statement reads. */
const READ_AT_ONCE = 5_000;

/** A stored entry. */
interface EntryRow {
  readonly owner: string;
  readonly id: string;
  readonly body: unknown;
}

/** A stored record. */
interface RecordRow {
  readonly task: string;
  readonly body: unknown;
}

/** A driver of an open pool, whose tables exist. */
export class PostgresDriver implements StateDriver {
  readonly location: string;
  readonly durable = true;
  readonly writesEvaluations = true;
  readonly batchSize = 500;
  readonly index: RecordIndex;
  readonly #pool: PostgresPool;
  readonly #schema: string;
  readonly #leases: PostgresLeases;
  readonly #writer: PostgresWriter;

  /** Takes ownership of `pool`. */
  constructor(pool: PostgresPool, schema: string, writer: PostgresWriter, now: TimeSource) {
    this.location = pool.location;
    this.#pool = pool;
    this.#schema = schema;
    this.#writer = writer;
    this.index = new PostgresRecordIndex(pool, schema);
    this.#leases = new PostgresLeases(pool, schema, now);
  }

  async records(tasks: ReadonlySet<string> | null): Promise<Map<string, TaskRecord>> {
    const table = `${this.#schema}.records`;
    const records = new Map<string, TaskRecord>();
    const add = ({ task, body }: RecordRow) => {
      const name = nameOf(task);
      const stored = this.#checked(body, isStoredRecord, `the record of ${JSON.stringify(name)}`);
      records.set(name, readRecord(name, stored));
    };
    for (const some of tasks === null ? [] : chunks([...tasks], READ_AT_ONCE)) {
      const rows = await this.#read<RecordRow>(
        `SELECT task, body FROM ${table}
        JOIN jsonb_array_elements_text($1::jsonb) AS r (task) USING (task)`,
        [storedNames(some)],
      );
      rows.forEach(add);
    }
    for (let last: string | null = ""; tasks === null && last !== null;) {
      const rows: RecordRow[] = await this.#read<RecordRow>(
        `SELECT task, body FROM ${table} WHERE task >${last === "" ? "=" : ""} $1
        ORDER BY task LIMIT ${READ_AT_ONCE}`,
        [last],
      );
      rows.forEach(add);
      last = rows.length < READ_AT_ONCE ? null : rows.at(-1)?.task ?? null;
    }
    return records;
  }

  async entries(
    collection: Collection,
    owners: ReadonlySet<string> | null,
  ): Promise<Map<string, Owned<Body>>> {
    const table = `${this.#schema}.entries`;
    const found = new Map<string, Owned<Body>>();
    const isEntry = (body: unknown): body is Body => isBody(collection, body);
    const add = ({ owner, id, body }: EntryRow) => {
      const [ownerName, name] = [nameOf(owner), nameOf(id)];
      const what = `${JSON.stringify(name)} in the ${collection} of ${JSON.stringify(ownerName)}`;
      const entry = this.#checked(body, isEntry, what);
      found.getOrInsertComputed(ownerName, () => new Map()).set(name, entry);
    };
    for (const some of owners === null ? [] : chunks([...owners], READ_AT_ONCE)) {
      const rows = await this.#read<EntryRow>(
        `SELECT owner, id, body FROM ${table}
        JOIN jsonb_array_elements_text($1::jsonb) AS r (owner) USING (owner) WHERE collection = $2`,
        [storedNames(some), collection],
      );
      rows.forEach(add);
    }
    for (let last: EntryRow | null = FIRST_ENTRY; owners === null && last !== null;) {
      const rows: EntryRow[] = await this.#read<EntryRow>(
        `SELECT owner, id, body FROM ${table}
        WHERE collection = $1 AND (owner, id) >${last === FIRST_ENTRY ? "=" : ""} ($2, $3)
        ORDER BY owner, id LIMIT ${READ_AT_ONCE}`,
        [collection, last.owner, last.id],
      );
      rows.forEach(add);
      last = rows.length < READ_AT_ONCE ? null : rows.at(-1) ?? null;
    }
    return found;
  }

  async parked(): Promise<Map<string, Temporal.Instant>> {
    const rows = await this.#read<{ readonly host: string; readonly until: string }>(
      `SELECT host, to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS until
      FROM ${this.#schema}.parked`,
    );
    return new Map(rows.map(({ host, until }) => [nameOf(host), Temporal.Instant.from(until)]));
  }

  async runs(): Promise<Map<string, RunRecord>> {
    const rows = await this.#read<
      { readonly run: string; readonly results: number; readonly body: unknown }
    >(`SELECT run, results_kept AS results, body FROM ${this.#schema}.runs`);
    return new Map(rows.map(({ run, results, body }) => {
      const name = nameOf(run);
      const record = readRun(this.#checked(body, isRun, `the run ${JSON.stringify(name)}`));
      return [name, results > 0 ? { ...record, resultsKept: results } : record];
    }));
  }

  async days(): Promise<Map<string, DayCounts>> {
    const rows = await this.#read<{ readonly day: string; readonly body: unknown }>(
      `SELECT day, json_build_object(
        'evaluations', coalesce(sum(value) FILTER (WHERE amount = 'evaluations'), 0),
        'runs', coalesce(sum(value) FILTER (WHERE amount = 'runs'), 0),
        'bytes', coalesce(sum(value) FILTER (WHERE amount = 'bytes'), 0),
        'counts', coalesce(
          json_object_agg(amount, value) FILTER (WHERE amount NOT IN ('evaluations', 'runs', 'bytes')),
          '{}'
        )
      ) AS body FROM ${this.#schema}.days GROUP BY day`,
    );
    return new Map(rows.map(({ day, body }) => {
      return [day, readDay(this.#checked(body, isDay, `the day ${day}`))];
    }));
  }

  leasedTasks(): Promise<Map<string, number>> {
    return this.#leases.leasedTasks();
  }

  write(changes: Changes, historyMs: number): Promise<void> {
    return this.#writer.write(changes, historyMs);
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
    try {
      await this.#leases.releaseAll();
    } finally {
      await this.#pool[Symbol.asyncDispose]();
    }
  }

  #read<R extends object = Row>(text: string, values?: readonly unknown[]): Promise<R[]> {
    return this.#pool.query<R>("reading", text, values);
  }

  #checked<T>(body: unknown, check: ShapeCheck<T>, what: string): T {
    if (check(body)) return body;
    throw unreadable(this.location, `${what} is damaged`, { advice: "restore it from a backup" });
  }
}

const FIRST_ENTRY: EntryRow = { owner: "", id: "", body: null };
