/** The tables of a state in Postgres, their version, and their migration. */

import { CronfetchError } from "../../core/errors.ts";
import { unreadable } from "../errors.ts";
import { checkFormat, FORMAT } from "../format.ts";
import type { PostgresPool, Query } from "./pool.ts";

/** The version of the tables. It grows if an older cronfetch would misread or damage them. */
export const TABLES = 1;

/** Any number, for the lock that only one migration at a time holds. */
const MIGRATION_LOCK = 1_668_313_716;

/**
 * The statements that lead to each version from the previous one.
 *
 * Names are sorted by their bytes, so that sorting does not depend on the database. A body is `json`
 * and not `jsonb`, which cannot hold a NUL. The indexes of `records` change only with a file or its
 * health, so most updates leave them unchanged (HOT); hence hints are in a narrow table.
 */
const MIGRATIONS: readonly ((schema: string) => string)[] = [
  (schema) => `
    CREATE TABLE ${schema}.version (format int NOT NULL, tables int NOT NULL);
    INSERT INTO ${schema}.version VALUES (${FORMAT}, 0);

    CREATE TABLE ${schema}.records (
      task text COLLATE "C" PRIMARY KEY,
      health text NOT NULL,
      key text,
      size_bytes bigint,
      changed_at timestamptz,
      saved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      body json NOT NULL
    ) WITH (fillfactor = 85);
    CREATE INDEX records_unhealthy ON ${schema}.records (health, task) WHERE health <> 'healthy';
    CREATE INDEX records_key ON ${schema}.records (key);
    CREATE INDEX records_changed ON ${schema}.records (changed_at, task);

    CREATE TABLE ${schema}.entries (
      collection text COLLATE "C", owner text COLLATE "C", id text COLLATE "C",
      body json NOT NULL,
      PRIMARY KEY (collection, owner, id)
    );

    CREATE TABLE ${schema}.parked (host text COLLATE "C" PRIMARY KEY, until timestamptz NOT NULL);

    CREATE TABLE ${schema}.runs (
      run text COLLATE "C" PRIMARY KEY,
      started_at timestamptz NOT NULL,
      results_kept int NOT NULL,
      body json NOT NULL
    );

    CREATE TABLE ${schema}.days (
      day text COLLATE "C", amount text COLLATE "C",
      value bigint NOT NULL,
      PRIMARY KEY (day, amount)
    ) WITH (fillfactor = 50);

    CREATE TABLE ${schema}.leases (run text COLLATE "C" PRIMARY KEY, until timestamptz NOT NULL)
      WITH (fillfactor = 50);
    CREATE TABLE ${schema}.leased (task text COLLATE "C" PRIMARY KEY, run text COLLATE "C" NOT NULL);
    CREATE INDEX leased_run ON ${schema}.leased (run);

    CREATE TABLE ${schema}.due (
      task text COLLATE "C" PRIMARY KEY,
      host text COLLATE "C" NOT NULL,
      due_at timestamptz
    ) WITH (fillfactor = 85);
    CREATE INDEX due_host ON ${schema}.due (host, due_at, task);
    CREATE INDEX due_at ON ${schema}.due (due_at, host);
  `,
];

/** The version of the tables of a schema; 0 if it has none. */
export async function tablesVersion(
  query: Query,
  schema: string,
  location: string,
): Promise<number> {
  // A role without rights on the schema sees that the table exists.
  const [found] = await query<{ readonly count: number }>(
    "SELECT count(*)::int AS count FROM pg_catalog.pg_tables " +
      "WHERE schemaname = $1 AND tablename = 'version'",
    [schema],
  );
  if (!found?.count) return 0;
  const rows = await query<{ readonly format: number; readonly tables: number }>(
    `SELECT format, tables FROM ${schema}.version`,
  );
  const [row] = rows;
  if (row === undefined || rows.length > 1) {
    throw unreadable(location, "it is no state of cronfetch");
  }
  checkFormat(row.format, location);
  if (row.tables <= TABLES) return row.tables;
  throw unreadable(location, `a newer cronfetch wrote it, in version ${row.tables} of its tables`, {
    advice: "update cronfetch",
  });
}

/** What is done about missing tables. */
export type IfMissing = "create" | "skip";

/**
 * Creates or updates the tables, if they are missing or older. Of several processes, one does so.
 *
 * @returns The version before; 0 if there were no tables.
 * @throws {CronfetchError} `state.unreadable`: they are newer, or not those of cronfetch;
 * `store.denied`: the role may not create tables.
 */
export async function migrate(
  pool: PostgresPool,
  schema: string,
  ifMissing: IfMissing = "create",
): Promise<number> {
  const before = await pool.transaction(
    "opening",
    (query) => tablesVersion(query, schema, pool.location),
  );
  if (before === TABLES || (before === 0 && ifMissing === "skip")) return before;
  return await pool.transaction("migrating", async (query) => {
    await query("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    await query("SET LOCAL statement_timeout = 0");
    // Another process may have been faster.
    const version = await tablesVersion(query, schema, pool.location);
    if (version === TABLES) return version;
    if (version === 0) await createSchema(query, schema, pool.location);
    for (const statements of MIGRATIONS.slice(version)) await query(statements(schema));
    await query(`UPDATE ${schema}.version SET tables = $1`, [TABLES]);
    return version;
  });
}

async function createSchema(query: Query, schema: string, location: string): Promise<void> {
  const [{ encoding } = { encoding: "" }] = await query<{ readonly encoding: string }>(
    "SELECT current_setting('server_encoding') AS encoding",
  );
  if (encoding !== "UTF8") {
    const message = `opening the state ${location}: the encoding of the database is ${encoding}`;
    throw new CronfetchError("config.invalid", message, {
      hint: "create one with createdb --encoding=UTF8 --template=template0",
    });
  }
  const [found] = await query("SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1", [schema]);
  // The owner of the database may have created it for a role that may not.
  if (found === undefined) await query(`CREATE SCHEMA ${schema}`);
}
