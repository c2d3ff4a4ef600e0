/** From the location of a state to an open state. */

import type { Host } from "../core/host.ts";
import type { PostgresLocation, StateLocation } from "../core/location.ts";
import { bufferedState } from "./buffered.ts";
import type { StateDriver, StateHost } from "./driver.ts";
import { openKvDriver } from "./kv/kv.ts";
import type { FleetState } from "./postgres/fleet.ts";
import type { State } from "./state.ts";

/** The part of the host that opening a state needs. */
export type OpeningHost = StateHost & Pick<Host, "env" | "cwd" | "stderr">;

/**
 * Opens the state at a location. A missing file is created, parent folders included.
 *
 * @param host Its clock determines when leases end.
 * @param historyMs How long runs are kept, in milliseconds. Default: 90 days.
 * @param ifMissing Whether missing tables of a database are created, or read as an empty state.
 * Default: `create`.
 * @throws {CronfetchError} Any `state.` code; `config.invalid` if Deno was started without its KV.
 *
 * @example
 * ```ts
 * import { openState } from "./open.ts";
 * import { realHost } from "../host.ts";
 * import { assertEquals } from "@std/assert";
 *
 * await using state = await openState({ kind: "memory" }, realHost());
 * assertEquals(state.durable, false);
 * ```
 */
export async function openState(
  location: StateLocation,
  host: OpeningHost,
  historyMs?: number,
  ifMissing?: "create" | "skip",
): Promise<State> {
  return bufferedState(await openDriver(location, host, ifMissing), host, historyMs);
}

/** An open state that many machines share. */
export interface FleetStorage {
  /** Owns the connections. */
  readonly state: State;
  readonly fleet: FleetState;
}

/**
 * Opens a state in Postgres, with what a fleet of workers uses besides.
 *
 * @param historyMs How long runs are kept, in milliseconds.
 * @throws {CronfetchError} `config.invalid`, `state.` and `store.` codes.
 */
export async function openFleetState(
  location: PostgresLocation,
  host: OpeningHost,
  historyMs: number,
): Promise<FleetStorage> {
  const { openPostgres } = await import("./postgres/open.ts");
  const opened = await openPostgres(location, host);
  if (opened === null) throw new TypeError("a state that was created is missing");
  return { state: bufferedState(opened.driver, host, historyMs), fleet: opened.fleet };
}

/**
 * Opens the driver of a state; see {@linkcode openState}.
 *
 * @param ifMissing Whether missing tables of a database are created, or read as an empty state.
 */
export async function openDriver(
  location: StateLocation,
  host: OpeningHost,
  ifMissing: "create" | "skip" = "create",
): Promise<StateDriver> {
  switch (location.kind) {
    case "memory": {
      const { emptyMemory, memoryDriver } = await import("./memory.ts");
      return memoryDriver(emptyMemory(), host);
    }
    case "kv":
      return await openKvDriver(location.path, host);
    case "file": {
      // Loaded only for such a state.
      const { openFileDriver } = await import("./file.ts");
      return await openFileDriver(location.path, host);
    }
    case "postgres": {
      const { openPostgres } = await import("./postgres/open.ts");
      const opened = await openPostgres(location, host, { ifMissing });
      return opened?.driver ?? await openDriver({ kind: "memory" }, host);
    }
    default:
      return location satisfies never;
  }
}
