/** The state, for commands that look at it and shall not make one. */

import type { Host } from "../core/host.ts";
import { stateFile, type StateLocation } from "../core/location.ts";
import { openState } from "../state/open.ts";
import type { State } from "../state/state.ts";

/**
 * Opens a state without making one: where no file is, there is nothing to remember.
 *
 * @throws {CronfetchError} Any `state.` code.
 */
export async function recall(location: StateLocation, host: Host): Promise<State> {
  const path = stateFile(location);
  const nothing = path !== null && await isAbsent(path);
  return await openState(nothing ? { kind: "memory" } : location, host);
}

/** Whether nothing stands at a path. What may not be looked at may be there. */
export async function isAbsent(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}
