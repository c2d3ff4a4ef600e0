/** What a fleet of workers reads and writes besides the state: when tasks are due, and guards. */

import type { FencedClaim, Fences, Guard } from "./fences.ts";
import { nowBy, type TimeSource } from "./leases.ts";
import type { PostgresPool, Row } from "./pool.ts";
import { nameOf, rowTexts, storedName, storedNames } from "./rows.ts";

/** When a task is probably due: a hint, which `decideDue` confirms after the claim. */
export interface DueHint {
  /** The task's id. */
  readonly task: string;
  /** Its origin: host, with the port unless that is the default one. */
  readonly host: string;
  /** When it is due; null for a task that no time makes due. */
  readonly dueAt: Temporal.Instant | null;
}

/** A host that has due tasks. */
export interface DueHost {
  /** Its name. */
  readonly host: string;
  /** When its first task became due. */
  readonly dueAt: Temporal.Instant;
  /** Number of its due tasks. */
  readonly tasks: number;
}

/** The hints and guards of a fleet. Times are those of the database. */
export interface FleetState {
  /** Location of the state, without its password. */
  readonly location: string;
  /** Schema of the tables of the state. */
  readonly schema: string;
  /**
   * The hosts with due tasks that are not parked.
   *
   * @param limit Largest number of hosts.
   * @returns The host that has waited longest first.
   */
  dueHosts(limit: number): Promise<DueHost[]>;
  /**
   * The due tasks of a host.
   *
   * @param limit Largest number of tasks.
   * @returns Their ids, those that have waited longest first.
   */
  dueTasks(host: string, limit: number): Promise<string[]>;
  /**
   * Sets hints, replacing earlier ones of the same tasks.
   *
   * @param hints At most one for each task.
   */
  setDue(hints: Iterable<DueHint>): Promise<void>;
  /**
   * Removes the hints of tasks, which no longer exist.
   *
   * @param tasks Their ids.
   */
  removeDue(tasks: Iterable<string>): Promise<void>;
  /**
   * Guards tasks: from now on, this state writes their records, members, items and deliveries only while
   * the claim is the last one of its host. Otherwise these changes are dropped, and the guard is lost.
   *
   * @param table The table of the claims, with `host` and `fence`; the same in every call.
   * @param claim The claim of their host.
   * @param tasks Ids of the tasks.
   */
  guard(table: string, claim: FencedClaim, tasks: Iterable<string>): Guard;
  /**
   * Sends a statement that can be repeated, over the connections of the state.
   *
   * @param text With `$1`, `$2`… for the values.
   * @throws {CronfetchError} `state.` and `store.` codes.
   */
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: Row[] }>;
}

/** The fleet state in a schema. */
export class PostgresFleet implements FleetState {
  readonly #pool: PostgresPool;
  readonly location: string;
  readonly schema: string;
  readonly #fences: Fences;
  readonly #now: TimeSource;

  /** Uses `pool` and `fences`, without ownership. */
  constructor(pool: PostgresPool, schema: string, fences: Fences, now: TimeSource) {
    this.#pool = pool;
    this.location = pool.location;
    this.schema = schema;
    this.#fences = fences;
    this.#now = now;
  }

  async dueHosts(limit: number): Promise<DueHost[]> {
    const rows = await this.#read<
      { readonly host: string; readonly dueMs: number; readonly tasks: number }
    >(
      `SELECT host, extract(epoch FROM min(due_at))::float8 * 1000 AS "dueMs", count(*)::int AS tasks
      FROM ${this.schema}.due
      WHERE due_at <= ${nowBy("$2")} AND host NOT IN (
        SELECT host FROM ${this.schema}.parked WHERE until > ${nowBy("$2")}
      )
      GROUP BY host ORDER BY min(due_at), host LIMIT $1`,
      [limit, this.#now()],
    );
    return rows.map(({ host, dueMs, tasks }) => {
      const dueAt = Temporal.Instant.fromEpochMilliseconds(Math.floor(dueMs));
      return { host: nameOf(host), dueAt, tasks };
    });
  }

  async dueTasks(host: string, limit: number): Promise<string[]> {
    const rows = await this.#read<{ readonly task: string }>(
      `SELECT task FROM ${this.schema}.due WHERE host = $1 AND due_at <= ${nowBy("$3")}
      ORDER BY due_at, task LIMIT $2`,
      [storedName(host), limit, this.#now()],
    );
    return rows.map(({ task }) => nameOf(task));
  }

  async setDue(hints: Iterable<DueHint>): Promise<void> {
    const rows = Iterator.from(hints).map(({ task: name, host, dueAt }) => {
      const task = storedName(name);
      return [task, { task, host: storedName(host), due: dueAt?.toString() ?? null }] as const;
    });
    await this.#pool.transaction("writing", async (query) => {
      for (const texts of rowTexts(rows)) {
        await query(
          `INSERT INTO ${this.schema}.due AS d (task, host, due_at) SELECT task, host, due
          FROM jsonb_to_recordset($1::jsonb) AS r (task text, host text, due timestamptz)
          ON CONFLICT (task) DO UPDATE SET host = excluded.host, due_at = excluded.due_at
          WHERE (d.host, d.due_at) IS DISTINCT FROM (excluded.host, excluded.due_at)`,
          [texts],
        );
      }
    });
  }

  async removeDue(tasks: Iterable<string>): Promise<void> {
    await this.#read(
      `DELETE FROM ${this.schema}.due USING jsonb_array_elements_text($1::jsonb) AS r (removed)
      WHERE task = removed`,
      [storedNames(tasks)],
    );
  }

  guard(table: string, claim: FencedClaim, tasks: Iterable<string>): Guard {
    return this.#fences.guard(table, claim, tasks);
  }

  async query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: Row[] }> {
    return { rows: await this.#read(text, values) };
  }

  #read<R extends object = Row>(text: string, values?: readonly unknown[]): Promise<R[]> {
    return this.#pool.query<R>("using", text, values);
  }
}
