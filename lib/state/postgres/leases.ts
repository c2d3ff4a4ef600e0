/**
 * Leases in Postgres. A run has one row with its expiry, and one per leased task, so that one small
 * write extends a hundred thousand leases. They end by the clock of the database, so that the clocks of
 * machines may differ.
 */

import { type PostgresPool, type Query, Rollback } from "./pool.ts";
import { chunks, nameOf, storedName, storedNames } from "./rows.ts";

/** Largest number of tasks of a statement; their rows are short. */
const TASKS_PER_STATEMENT = 2_000;

/**
 * The time of a test in milliseconds since the epoch, as a parameter of a statement; null for the clock
 * of the database.
 */
export type TimeSource = () => number | null;

/**
 * The present time: that of parameter `$n`, or of the database for null. It is a subquery, since an
 * index cannot be searched for a volatile function.
 */
export function nowBy(parameter: `$${number}`): string {
  return `(SELECT coalesce('epoch'::timestamptz + ${parameter}::bigint * interval '1 millisecond', ` +
    "clock_timestamp()))";
}

/** The leases of all runs in a schema. */
export class PostgresLeases {
  readonly #pool: PostgresPool;
  readonly #schema: string;
  readonly #now: TimeSource;
  /** Runs that may have leases and were not released. */
  readonly #runs = new Set<string>();

  /** Uses `pool`, without ownership. */
  constructor(pool: PostgresPool, schema: string, now: TimeSource) {
    this.#pool = pool;
    this.#schema = schema;
    this.#now = now;
  }

  /** See `State.acquire`. */
  acquire(tasks: ReadonlySet<string>, run: string, ttlMs: number): Promise<Set<string>> {
    const schema = this.#schema;
    // Two runs that lease the same tasks wait for each other instead of a deadlock.
    const sorted = [...tasks].sort();
    return this.#pool.transaction("leasing tasks in", async (query) => {
      const now = this.#now();
      await this.#removeExpired(query, now);
      // Locks the row, so that no other run sees it expired until the tasks are leased.
      await query(
        `INSERT INTO ${schema}.leases (run, until)
        VALUES ($1, ${nowBy("$3")} + $2::bigint * interval '1 millisecond')
        ON CONFLICT (run) DO UPDATE SET until = excluded.until`,
        [storedName(run), Math.ceil(ttlMs), now],
      );
      const granted = new Set<string>();
      for (const some of chunks(sorted, TASKS_PER_STATEMENT)) {
        for (const task of await this.#lease(query, some, run)) granted.add(task);
      }
      if (granted.size === 0) throw new Rollback(granted);
      this.#runs.add(run);
      return granted;
    });
  }

  /** See `State.renew`. */
  async renew(run: string, ttlMs: number): Promise<boolean> {
    const renewed = await this.#pool.query(
      "renewing leases in",
      `UPDATE ${this.#schema}.leases
      SET until = ${nowBy("$3")} + $2::bigint * interval '1 millisecond'
      WHERE run = $1 AND until > ${nowBy("$3")} RETURNING 1`,
      [storedName(run), Math.ceil(ttlMs), this.#now()],
    );
    return renewed.length > 0;
  }

  /** See `StateDriver.leasedTasks`. */
  async leasedTasks(): Promise<Map<string, number>> {
    const rows = await this.#pool.query<{ readonly run: string; readonly tasks: number }>(
      "reading the leases of",
      `SELECT run, count(task)::int AS tasks
      FROM ${this.#schema}.leases LEFT JOIN ${this.#schema}.leased USING (run)
      WHERE until > ${nowBy("$1")} GROUP BY run`,
      [this.#now()],
    );
    return new Map(rows.map(({ run, tasks }) => [nameOf(run), tasks]));
  }

  /** See `State.release`. */
  async release(run: string): Promise<void> {
    await this.#pool.query(
      "releasing leases in",
      `WITH ended AS (DELETE FROM ${this.#schema}.leases WHERE run = $1)
      DELETE FROM ${this.#schema}.leased WHERE run = $1`,
      [storedName(run)],
    );
    this.#runs.delete(run);
  }

  /** Releases the runs that were not released. */
  async releaseAll(): Promise<void> {
    for (const run of this.#runs) await this.release(run);
  }

  /** Leases the tasks that are free. Returns those that are leased to the run. */
  async #lease(query: Query, tasks: readonly string[], run: string): Promise<readonly string[]> {
    const values = [storedNames(tasks), storedName(run)];
    const added = await query(
      `INSERT INTO ${this.#schema}.leased (task, run)
      SELECT task, $2 FROM jsonb_array_elements_text($1::jsonb) AS r (task)
      ON CONFLICT (task) DO NOTHING RETURNING 1`,
      values,
    );
    if (added.length === tasks.length) return tasks;
    const own = await query<{ readonly task: string }>(
      `SELECT task FROM ${this.#schema}.leased
      JOIN jsonb_array_elements_text($1::jsonb) AS r (task) USING (task) WHERE run = $2`,
      values,
    );
    return own.map(({ task }) => nameOf(task));
  }

  /** Ends the leases of crashed runs. A run that renews at the same time keeps its tasks. */
  async #removeExpired(query: Query, now: number | null): Promise<void> {
    await query(
      `WITH expired AS (
        DELETE FROM ${this.#schema}.leases WHERE until <= ${nowBy("$1")} RETURNING run
      )
      DELETE FROM ${this.#schema}.leased USING expired WHERE leased.run = expired.run`,
      [now],
    );
  }
}
