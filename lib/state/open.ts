/** From the location of a state to an open state. */

import type { StateLocation } from "../core/location.ts";
import { bufferedState } from "./buffered.ts";
import type { StateDriver, StateHost } from "./driver.ts";
import { openKvDriver } from "./kv/kv.ts";
import type { State } from "./state.ts";

/**
 * Opens the state at a location. A missing file is created, parent folders included.
 *
 * @param host Its clock determines when leases end.
 * @param historyMs How long runs are kept, in milliseconds. Default: 90 days.
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
  host: StateHost,
  historyMs?: number,
): Promise<State> {
  return bufferedState(await openDriver(location, host), host, historyMs);
}

async function openDriver(location: StateLocation, host: StateHost): Promise<StateDriver> {
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
    default:
      return location satisfies never;
  }
}
