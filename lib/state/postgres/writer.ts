/** Writes changes to Postgres: in one transaction, rows sorted, at most 500 rows a statement. */

import { type Changes, keptParked, type StateHost } from "../driver.ts";
import { arrangeBody, eachEntry } from "../entries.ts";
import { arrangeRecord, arrangeRun } from "../format.ts";
import { DAYS_KEPT, RUN_RESULTS_KEPT, RUNS_KEPT } from "../history.ts";
import type { RunRecord } from "../run_record.ts";
import type { Fences } from "./fences.ts";
import type { PostgresPool, Query } from "./pool.ts";
import { rowTexts, storedName } from "./rows.ts";

/** Writes the changes of one driver. */
export class PostgresWriter {
  readonly #pool: PostgresPool;
  readonly #schema: string;
  readonly #clock: StateHost["clock"];
  readonly #fences: Fences;

  /** Uses `pool`, without ownership. */
  constructor(
    pool: PostgresPool,
    schema: string,
    { clock }: Pick<StateHost, "clock">,
    fences: Fences,
  ) {
    this.#pool = pool;
    this.#schema = schema;
    this.#clock = clock;
    this.#fences = fences;
  }

  /** See `StateDriver.write`. */
  write(changes: Changes, historyMs: number): Promise<void> {
    const now = this.#clock.now();
    return this.#pool.transaction("writing", async (query) => {
      const mayWrite = await this.#fences.check(query);
      // In the same order in every process: two that write the same rows wait instead of a deadlock.
      if (changes.runs.size > 0) await this.#setRuns(query, changes.runs);
      if (changes.entries.size > 0) await this.#setEntries(query, changes, mayWrite);
      if (changes.runs.size > 0) {
        const oldest = now.subtract({ milliseconds: historyMs });
        await query(removeOldRuns(this.#schema), [oldest.toString()]);
      }
      if (changes.records.size > 0) await this.#setRecords(query, changes, mayWrite);
      if (changes.parked.size > 0) await this.#setParked(query, changes.parked, now);
      if (changes.days.size > 0) await this.#addToDays(query, changes.days);
      // The amounts of days would be added twice.
    }, changes.days.size > 0);
  }

  async #setRecords(query: Query, { records }: Changes, mayWrite: MayWrite): Promise<void> {
    const rows: [string, object][] = [];
    const removed: [string, object][] = [];
    for (const [id, record] of records) {
      if (!mayWrite(id)) continue;
      const task = storedName(id);
      if (record === null) {
        removed.push([task, { task }]);
        continue;
      }
      const { health, published, changedAt, publishedAt } = record;
      rows.push([task, {
        ...{ task, health, key: published && storedName(published.key) },
        sizeBytes: published?.sizeBytes ?? null,
        changedAt: changedAt ?? publishedAt,
        body: JSON.stringify(arrangeRecord(record)),
      }]);
    }
    for (const texts of rowTexts(removed)) {
      await query(
        `DELETE FROM ${this.#schema}.records AS e
        USING jsonb_to_recordset($1::jsonb) AS r (task text) WHERE e.task = r.task`,
        [texts],
      );
    }
    for (const texts of rowTexts(rows)) {
      await query(
        `INSERT INTO ${this.#schema}.records (task, health, key, size_bytes, changed_at, body)
        SELECT task, health, key, "sizeBytes", "changedAt", body::json
        FROM jsonb_to_recordset($1::jsonb) AS r (task text, health text, key text,
          "sizeBytes" bigint, "changedAt" timestamptz, body text)
        ON CONFLICT (task) DO UPDATE SET health = excluded.health, key = excluded.key,
          size_bytes = excluded.size_bytes, changed_at = excluded.changed_at,
          saved_at = excluded.saved_at, body = excluded.body`,
        [texts],
      );
    }
  }

  async #setEntries(query: Query, { entries }: Changes, mayWrite: MayWrite): Promise<void> {
    const table = `${this.#schema}.entries`;
    const set: [string, object][] = [];
    const removed: [string, object][] = [];
    for (const [collection, ownerName, idName, body] of eachEntry(entries)) {
      // The owner of a result is a run.
      if (collection !== "results" && !mayWrite(ownerName)) continue;
      const [owner, id] = [storedName(ownerName), storedName(idName)];
      const sortedBy = `${collection}\0${owner}\0${id}`;
      if (body === null) removed.push([sortedBy, { collection, owner, id }]);
      else {
        const text = JSON.stringify(arrangeBody(collection, body));
        set.push([sortedBy, { collection, owner, id, body: text }]);
      }
    }
    for (const texts of rowTexts(removed)) {
      await query(
        `DELETE FROM ${table} AS e
        USING jsonb_to_recordset($1::jsonb) AS r (collection text, owner text, id text)
        WHERE e.collection = r.collection AND e.owner = r.owner AND e.id = r.id`,
        [texts],
      );
    }
    for (const texts of rowTexts(set)) {
      await query(
        `INSERT INTO ${table} (collection, owner, id, body)
        SELECT collection, owner, id, body::json
        FROM jsonb_to_recordset($1::jsonb) AS r (collection text, owner text, id text, body text)
        ON CONFLICT (collection, owner, id) DO UPDATE SET body = excluded.body`,
        [texts],
      );
    }
  }

  async #setParked(query: Query, parked: Changes["parked"], now: Temporal.Instant): Promise<void> {
    const rows = [...keptParked(parked, now)].map(([name, until]) => {
      const host = storedName(name);
      return [host, { host, until: until.toString() }] as const;
    });
    await query(`DELETE FROM ${this.#schema}.parked WHERE until <= $1`, [now.toString()]);
    for (const texts of rowTexts(rows)) {
      await query(
        `INSERT INTO ${this.#schema}.parked (host, until) SELECT host, until
        FROM jsonb_to_recordset($1::jsonb) AS r (host text, until timestamptz)
        ON CONFLICT (host) DO UPDATE SET until = excluded.until`,
        [texts],
      );
    }
  }

  async #setRuns(query: Query, runs: ReadonlyMap<string, RunRecord>): Promise<void> {
    const rows = runs.values().map(({ resultsKept = 0, ...record }) => {
      const run = storedName(record.run);
      const { startedAt } = record;
      return [run, {
        run,
        startedAt,
        resultsKept,
        body: JSON.stringify(arrangeRun(record)),
      }] as const;
    });
    for (const texts of rowTexts(rows)) {
      await query(
        `INSERT INTO ${this.#schema}.runs (run, started_at, results_kept, body)
        SELECT run, "startedAt", "resultsKept", body::json FROM jsonb_to_recordset($1::jsonb)
          AS r (run text, "startedAt" timestamptz, "resultsKept" int, body text)
        ON CONFLICT (run) DO UPDATE SET started_at = excluded.started_at,
          results_kept = excluded.results_kept, body = excluded.body`,
        [texts],
      );
    }
  }

  async #addToDays(query: Query, days: Changes["days"]): Promise<void> {
    const rows = [...days].flatMap(([day, { counts, ...totals }]) =>
      Object.entries({ ...totals, ...counts }).filter(([, value]) => value > 0)
        .map(([amount, value]) => [`${day}\0${amount}`, { day, amount, value }] as const)
    );
    let isNew = false;
    for (const texts of rowTexts(rows)) {
      const written = await query<{ readonly added: boolean }>(
        `INSERT INTO ${this.#schema}.days AS d (day, amount, value) SELECT day, amount, value
        FROM jsonb_to_recordset($1::jsonb) AS r (day text, amount text, value bigint)
        ON CONFLICT (day, amount) DO UPDATE SET value = d.value + excluded.value
        RETURNING xmax = 0 AS added`,
        [texts],
      );
      isNew ||= written.some(({ added }) => added);
    }
    if (isNew) {
      await query(
        `DELETE FROM ${this.#schema}.days WHERE day <= (
          SELECT DISTINCT day FROM ${this.#schema}.days ORDER BY day DESC OFFSET ${DAYS_KEPT} LIMIT 1
        )`,
      );
    }
  }
}

/** Whether the changes of a task may be written. */
export type MayWrite = (task: string) => boolean;

/**
 * The statement that removes the runs that `keptRuns` excludes, with their results, and the results of
 * older runs if there are too many.
 */
function removeOldRuns(schema: string): string {
  return `
    WITH ranked AS (
      SELECT run, results_kept,
        started_at < $1::timestamptz OR row_number() OVER newest > ${RUNS_KEPT} AS is_old,
        sum(results_kept) OVER newest > ${RUN_RESULTS_KEPT} AS is_full
      FROM ${schema}.runs WINDOW newest AS (ORDER BY started_at DESC, run DESC)
    ), removed AS (
      DELETE FROM ${schema}.runs USING ranked WHERE runs.run = ranked.run AND is_old
      RETURNING runs.run
    ), emptied AS (
      UPDATE ${schema}.runs SET results_kept = 0 FROM ranked
      WHERE runs.run = ranked.run AND is_full AND ranked.results_kept > 0 AND NOT is_old
      RETURNING runs.run
    )
    DELETE FROM ${schema}.entries WHERE collection = 'results' AND owner = ANY (
      ARRAY (SELECT run FROM removed UNION ALL SELECT run FROM emptied)
    )`;
}
