/** The workers of a fleet, and who plans for them, in the schema of the claims. */

import type { FleetState } from "../state/postgres/fleet.ts";

/** A worker that has not ended. */
export interface FleetWorker {
  readonly name: string;
  /** RFC 3339. */
  readonly startedAt: string;
  /** Seconds since it last responded. */
  readonly seenSeconds: number;
  /** Slices that it executes. */
  readonly slices: number;
  /** Tasks that it has executed. */
  readonly tasks: number;
  readonly tasksPerSecond: number;
  /** Whether it claims no more hosts, and ends. */
  readonly isDraining: boolean;
}

/** What a worker reports about itself. */
export interface WorkerReport extends Pick<FleetWorker, "name" | "slices" | "tasks"> {
  /** Distinguishes workers of the same name. */
  readonly id: string;
  readonly tasksPerSecond: number;
}

/** What the fleet requests of a worker. */
export interface FleetOrders {
  readonly isDraining: boolean;
  /** Revision of the config that is in force; null if none was planned. */
  readonly revision: string | null;
}

/** Names of the schemas of a fleet. */
export function fleetSchemas({ schema }: Pick<FleetState, "schema">): {
  readonly jobs: string;
  readonly claims: string;
} {
  return { jobs: `${schema}_fleet`, claims: `${schema}_fleet_claims` };
}

/** Days after which a worker that does not respond is forgotten. */
const FORGOTTEN_DAYS = 1;

/** The registry of a fleet. */
export class FleetRegistry {
  readonly #fleet: Pick<FleetState, "query">;
  readonly #schema: string;

  private constructor(fleet: Pick<FleetState, "query">, schema: string) {
    this.#fleet = fleet;
    this.#schema = schema;
  }

  /**
   * Opens the registry, and creates its tables if they are missing. The dispatch has created the schema.
   *
   * @throws {CronfetchError} `state.` and `store.` codes.
   */
  static async open(fleet: Pick<FleetState, "query" | "schema">): Promise<FleetRegistry> {
    const { claims } = fleetSchemas(fleet);
    await fleet.query(`
      DO $$ BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('${claims}'));
        IF to_regclass('${claims}.workers') IS NULL THEN
          CREATE TABLE ${claims}.workers (
            id text PRIMARY KEY,
            name text NOT NULL,
            started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            slices int NOT NULL,
            tasks bigint NOT NULL,
            tasks_per_second float8 NOT NULL,
            is_draining boolean NOT NULL DEFAULT false
          ) WITH (fillfactor = 50);
          CREATE TABLE ${claims}.rounds (
            name text PRIMARY KEY,
            began_at timestamptz NOT NULL,
            revision text
          ) WITH (fillfactor = 50);
        END IF;
      END $$`);
    return new FleetRegistry(fleet, claims);
  }

  /**
   * The workers that have not ended.
   *
   * @returns Null if there never was one.
   */
  static async list(
    fleet: Pick<FleetState, "query" | "schema">,
  ): Promise<FleetWorker[] | null> {
    const { claims } = fleetSchemas(fleet);
    const { rows: [found] } = await fleet.query(
      "SELECT FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'workers'",
      [claims],
    );
    if (found === undefined) return null;
    const { rows } = await fleet.query(
      `SELECT name, to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
          AS "startedAt",
        extract(epoch FROM clock_timestamp() - seen_at)::float8 AS "seenSeconds", slices,
        tasks::float8 AS tasks, tasks_per_second AS "tasksPerSecond", is_draining AS "isDraining"
      FROM ${claims}.workers ORDER BY name, started_at`,
    );
    return rows as unknown as FleetWorker[];
  }

  /**
   * Makes the workers of a name end once their slices have.
   *
   * @returns How many there are.
   */
  static async drain(
    fleet: Pick<FleetState, "query" | "schema">,
    name: string,
  ): Promise<number> {
    const { claims } = fleetSchemas(fleet);
    const { rows } = await fleet.query(
      `UPDATE ${claims}.workers SET is_draining = true WHERE name = $1 RETURNING 1`,
      [name],
    );
    return rows.length;
  }

  /** Reports that a worker lives. */
  async report({ id, name, slices, tasks, tasksPerSecond }: WorkerReport): Promise<FleetOrders> {
    const { rows: [row] } = await this.#fleet.query(
      `WITH forgotten AS (
        DELETE FROM ${this.#schema}.workers
        WHERE seen_at < clock_timestamp() - interval '${FORGOTTEN_DAYS} days' AND id <> $1
      )
      INSERT INTO ${this.#schema}.workers AS w (id, name, slices, tasks, tasks_per_second)
      VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, slices = excluded.slices,
        tasks = excluded.tasks, tasks_per_second = excluded.tasks_per_second
      RETURNING is_draining AS "isDraining",
        (SELECT revision FROM ${this.#schema}.rounds WHERE name = 'config') AS revision`,
      [id, name, slices, tasks, tasksPerSecond],
    );
    return row as unknown as FleetOrders;
  }

  /** Removes a worker that ends. */
  async remove(id: string): Promise<void> {
    await this.#fleet.query(`DELETE FROM ${this.#schema}.workers WHERE id = $1`, [id]);
  }

  /**
   * Puts the revision of a config in force.
   *
   * @returns Whether another one was in force.
   */
  async setRevision(revision: string): Promise<boolean> {
    const { rows } = await this.#fleet.query(
      `INSERT INTO ${this.#schema}.rounds AS r (name, began_at, revision)
      VALUES ('config', clock_timestamp(), $1)
      ON CONFLICT (name) DO UPDATE SET began_at = excluded.began_at, revision = excluded.revision
      WHERE r.revision IS DISTINCT FROM excluded.revision RETURNING 1`,
      [revision],
    );
    return rows.length > 0;
  }

  /**
   * Takes the next round of a work that one worker at a time does for all. The clock of the database
   * decides. A crashed holder delays the work by one round, and two holders are harmless.
   *
   * @param everyMs Time since the last round began, at least.
   * @returns False if another worker has taken it.
   */
  async takeRound(name: "announce" | "hints" | "alerts", everyMs: number): Promise<boolean> {
    const { rows } = await this.#fleet.query(
      `INSERT INTO ${this.#schema}.rounds AS r (name, began_at) VALUES ($1, clock_timestamp())
      ON CONFLICT (name) DO UPDATE SET began_at = excluded.began_at
      WHERE r.began_at <= clock_timestamp() - $2::bigint * interval '1 millisecond' RETURNING 1`,
      [name, everyMs],
    );
    return rows.length > 0;
  }
}
