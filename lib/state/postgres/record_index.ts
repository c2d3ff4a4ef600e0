/** Sums and pages of the records in Postgres. */

import type { Health } from "../../core/event.ts";
import type {
  FleetSummary,
  RecordIndex,
  RecordQuery,
  RecordSums,
  WorkerSummary,
} from "../record_index.ts";
import type { PostgresPool } from "./pool.ts";
import { nameOf, storedName } from "./rows.ts";

/** A condition of a statement, and its values. */
interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** The index of the records in a schema. */
export class PostgresRecordIndex implements RecordIndex {
  readonly #pool: PostgresPool;
  readonly #schema: string;
  readonly #table: string;

  /** Uses `pool`, without ownership. */
  constructor(pool: PostgresPool, schema: string) {
    this.#pool = pool;
    this.#schema = schema;
    this.#table = `${schema}.records`;
  }

  async hasMoreThan(count: number): Promise<boolean> {
    const found = await this.#read(`SELECT FROM ${this.#table} OFFSET $1 LIMIT 1`, [count]);
    return found.length > 0;
  }

  async sums(changedSince: Temporal.Instant): Promise<RecordSums> {
    const rows = await this.#read<SumsRow>(
      `SELECT health, count(*)::float8 AS records, count(size_bytes)::float8 AS files,
        coalesce(sum(size_bytes), 0)::float8 AS "sizeBytes",
        count(*) FILTER (WHERE changed_at >= $1)::float8 AS changed
      FROM ${this.#table} GROUP BY health`,
      [changedSince.toString()],
    );
    const sumOf = (field: "files" | "sizeBytes" | "changed") =>
      rows.reduce((sum, row) => sum + row[field], 0);
    const of = (health: Health) => rows.find((row) => row.health === health)?.records ?? 0;
    return {
      healths: { healthy: of("healthy"), failing: of("failing"), unhealthy: of("unhealthy") },
      files: sumOf("files"),
      sizeBytes: sumOf("sizeBytes"),
      changed: sumOf("changed"),
    };
  }

  async page(query: RecordQuery): Promise<string[]> {
    const { health, text, changedSince } = query;
    // One query by rank and id would sort all records, and three for a text read all ids three times.
    if (health !== null || text !== "" || changedSince !== null) return await this.#page(query);
    const found: string[] = [];
    let { offset } = query;
    for (const health of ["unhealthy", "failing", "healthy"] as const) {
      const limit = query.limit - found.length;
      if (limit === 0) break;
      const some = await this.#page({ ...query, health, offset, limit });
      found.push(...some);
      if (some.length > 0) offset = 0;
      else if (offset > 0) offset -= await this.#count(health, offset);
    }
    return found;
  }

  async fleet(): Promise<FleetSummary | null> {
    const table = `${this.#schema}${WORKERS}`;
    // The workers create it: `to_regclass` returns null before.
    const [found] = await this.#read<{ readonly exists: boolean }>(
      "SELECT to_regclass($1) IS NOT NULL AS exists",
      [table],
    );
    if (!found?.exists) return null;
    const workers = await this.#read<WorkerSummary>(
      `SELECT name, ${timeText("started_at")} AS "startedAt", ${timeText("seen_at")} AS "seenAt",
        slices, tasks_per_second AS "tasksPerSecond", is_draining AS "isDraining"
      FROM ${table} ORDER BY name, started_at LIMIT 1000`,
      [],
    );
    const [due] = await this.#read<DueRow>(
      `WITH due AS (
        SELECT host, min(due_at) AS due_at, count(*)::float8 AS tasks FROM ${this.#schema}.due
        WHERE due_at <= (SELECT clock_timestamp()) GROUP BY host
      ), oldest AS (SELECT * FROM due ORDER BY due_at, host LIMIT 1),
      largest AS (SELECT * FROM due ORDER BY tasks DESC, host LIMIT 1)
      SELECT (SELECT sum(tasks) FROM due) AS "dueTasks", oldest.host AS "oldestHost",
        ${timeText("oldest.due_at")} AS "dueAt", largest.host AS "largestHost", largest.tasks
      FROM oldest, largest`,
      [],
    );
    if (due === undefined) return { workers, dueTasks: 0, oldest: null, largest: null };
    return {
      workers,
      dueTasks: due.dueTasks,
      oldest: { host: nameOf(due.oldestHost), dueAt: due.dueAt },
      largest: { host: nameOf(due.largestHost), tasks: due.tasks },
    };
  }

  async isPublished(key: string): Promise<boolean> {
    const sql = `SELECT FROM ${this.#table} WHERE key = $1 LIMIT 1`;
    return (await this.#read(sql, [storedName(key)])).length > 0;
  }

  /** The number of records of a health that is rare, up to a limit. */
  async #count(health: Health, limit: number): Promise<number> {
    const [row] = await this.#read<{ readonly count: number }>(
      `SELECT count(*)::int AS count FROM (
        SELECT FROM ${this.#table} WHERE health = '${health}' LIMIT $1
      ) AS matching`,
      [limit],
    );
    return row?.count ?? 0;
  }

  async #page(query: RecordQuery): Promise<string[]> {
    const { sql, values } = conditionOf(query);
    const direction = query.oldestFirst ? "ASC" : "DESC";
    const order = query.changedSince === null ? "task" : `changed_at ${direction}, task`;
    const rows = await this.#read<{ readonly task: string }>(
      `SELECT task FROM ${this.#table} WHERE ${sql} ORDER BY ${order}
      LIMIT $${values.length + 1} OFFSET $${values.length + 2}`,
      [...values, query.limit, query.offset],
    );
    return rows.map(({ task }) => nameOf(task));
  }

  #read<R extends object>(text: string, values: readonly unknown[]): Promise<R[]> {
    return this.#pool.query<R>("reading", text, values);
  }
}

/** The table of the workers, after the schema of the state; see `fleet/registry.ts`. */
const WORKERS = "_fleet_claims.workers";

interface DueRow {
  readonly dueTasks: number;
  readonly oldestHost: string;
  readonly dueAt: string;
  readonly largestHost: string;
  readonly tasks: number;
}

function timeText(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;
}

interface SumsRow {
  readonly health: string;
  readonly records: number;
  readonly files: number;
  readonly sizeBytes: number;
  readonly changed: number;
}

function conditionOf({ health, text, changedSince }: RecordQuery): Condition {
  const values: unknown[] = [];
  const parts = ["true"];
  const add = (value: unknown) => `$${values.push(value)}`;
  // A literal, as a parameter would not select the partial index.
  if (health !== null) parts.push(`health = '${health}'`);
  if (changedSince !== null) parts.push(`changed_at >= ${add(changedSince.toString())}`);
  if (text !== "") parts.push(`strpos(lower(task), ${add(storedName(text.toLowerCase()))}) > 0`);
  return { sql: parts.join(" AND "), values };
}
