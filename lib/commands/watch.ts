/** `watch`: stay, and run what is due whenever it is. */

import type { Flags } from "../cli.ts";
import type { Host } from "../core/host.ts";
import { NO_LISTENER, prepareToStay } from "./stay.ts";
import { stopOnSignals } from "./stop.ts";

/**
 * Runs the tasks whenever they are due, until a signal comes.
 *
 * @param operands Ids of the only tasks that count.
 * @returns 130 or 143.
 * @throws {CronfetchError} `usage` and `config.` codes for the config as it is at first; `state.`
 * and `store.` codes if its state cannot be opened.
 */
export async function watch(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const stay = await prepareToStay(operands, flags, host);
  using stop = stopOnSignals(host);
  await stay.until(stop, NO_LISTENER);
  return stop.exitCode();
}
