/** What `cronfetch state` does with a state in Postgres. */

import type { PostgresLocation } from "../../core/location.ts";
import type { PostgresHost } from "./open.ts";
import { openPool, type PostgresPool } from "./pool.ts";
import { migrate, TABLES } from "./schema.ts";
import { postgresSettings } from "./settings.ts";

/** The result of a migration. */
export interface MigrationResult {
  /** Location of the state, without its password. */
  readonly location: string;
  /** Version of the tables before; 0 if there were none. */
  readonly before: number;
  /** Version of the tables now. */
  readonly after: number;
}

/** Creates or updates the tables of a state. Its role must own them. */
export async function migratePostgres(
  location: PostgresLocation,
  host: PostgresHost,
): Promise<MigrationResult> {
  return await withPool(location, host, async (pool, schema) => {
    return { location: pool.location, before: await migrate(pool, schema), after: TABLES };
  });
}

/** What only the database knows. */
export interface TablesReport {
  /** Version of the tables. */
  readonly tables: number;
  /** Size on the disk in bytes, indexes included. */
  readonly sizeBytes: number;
  /** Names and numbers of rows that belong to nothing, those without any omitted. */
  readonly orphans: Readonly<Record<string, number>>;
}

/**
 * Inspects the tables of a state.
 *
 * @returns Null if they are missing.
 */
export async function inspectPostgres(
  location: PostgresLocation,
  host: PostgresHost,
): Promise<TablesReport | null> {
  return await withPool(location, host, async (pool, schema) => {
    const version = await migrate(pool, schema, "skip");
    if (version === 0) return null;
    const [row] = await pool.query<
      { readonly bytes: number; readonly leased: number; readonly results: number }
    >(
      "inspecting",
      `SELECT
        (SELECT sum(pg_total_relation_size(c.oid))::float8 FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relkind = 'r') AS bytes,
        (SELECT count(*)::int FROM ${schema}.leased
          WHERE NOT EXISTS (SELECT FROM ${schema}.leases WHERE leases.run = leased.run)) AS leased,
        (SELECT count(*)::int FROM ${schema}.entries WHERE collection = 'results'
          AND NOT EXISTS (SELECT FROM ${schema}.runs WHERE runs.run = entries.owner)) AS results`,
      [schema],
    );
    const { bytes = 0, leased = 0, results = 0 } = row ?? {};
    const orphans = Object.entries({ "leased tasks": leased, "results": results });
    return {
      tables: version,
      sizeBytes: bytes,
      orphans: Object.fromEntries(orphans.filter(([, count]) => count > 0)),
    };
  });
}

async function withPool<T>(
  location: PostgresLocation,
  host: PostgresHost,
  work: (pool: PostgresPool, schema: string) => Promise<T>,
): Promise<T> {
  const settings = await postgresSettings(location, host);
  const pool = await openPool(settings, host);
  try {
    return await work(pool, settings.schema);
  } finally {
    await pool[Symbol.asyncDispose]();
  }
}
