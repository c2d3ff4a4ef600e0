/** Opens a state in Postgres. */

import { CronfetchError } from "../../core/errors.ts";
import type { PostgresLocation } from "../../core/location.ts";
import type { StateDriver } from "../driver.ts";
import { Fences } from "./fences.ts";
import { type FleetState, PostgresFleet } from "./fleet.ts";
import type { TimeSource } from "./leases.ts";
import { openPool, type PoolHost } from "./pool.ts";
import { PostgresDriver } from "./postgres.ts";
import { type IfMissing, migrate } from "./schema.ts";
import { postgresSettings, type SettingsHost } from "./settings.ts";
import { PostgresWriter } from "./writer.ts";

/** The part of the host that a state in Postgres needs. */
export type PostgresHost = PoolHost & SettingsHost;

/** An open state: its driver, which owns the connections, and what a fleet uses besides. */
export interface PostgresState {
  readonly driver: StateDriver;
  readonly fleet: FleetState;
}

/** How a state is opened. */
export interface OpenOptions {
  /** The clock of the leases. Default: that of the database. */
  readonly now?: TimeSource;
  /** What is done about missing tables. Default: `create`. */
  readonly ifMissing?: IfMissing;
}

/**
 * Opens a state, and creates or updates its tables.
 *
 * @returns Null if they are missing and not created.
 * @throws {CronfetchError} `config.invalid`, `state.unreadable`, and `store.` codes that waiting may mend.
 */
export async function openPostgres(
  location: PostgresLocation,
  host: PostgresHost,
  { now = () => null, ifMissing = "create" }: OpenOptions = {},
): Promise<PostgresState | null> {
  const settings = await postgresSettings(location, host);
  const { schema } = settings;
  await using stack = new AsyncDisposableStack();
  let pool: Awaited<ReturnType<typeof openPool>>;
  try {
    pool = stack.use(await openPool(settings, host));
    if (await migrate(pool, schema, ifMissing) === 0 && ifMissing === "skip") return null;
  } catch (error) {
    throw openingError(error);
  }
  const fences = new Fences();
  const writer = new PostgresWriter(pool, schema, host, fences);
  stack.move();
  return {
    driver: new PostgresDriver(pool, schema, writer, now),
    fleet: new PostgresFleet(pool, schema, fences, now),
  };
}

/** A wrong password, certificate or role: no run can use this state, as one of another format. */
function openingError(error: unknown): unknown {
  const isUnusable = error instanceof CronfetchError && error.retry === "never" &&
    error.code.startsWith("store.");
  if (!isUnusable) return error;
  const { message, hint } = error;
  return new CronfetchError("state.unreadable", message, {
    cause: error,
    ...(hint !== null && { hint }),
  });
}
