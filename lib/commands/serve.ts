/** `serve`: stay and run what is due like `watch`, and show it on the status page. */

import type { Flags } from "../cli.ts";
import type { Host } from "../core/host.ts";
import { addressOf, pageSecrets } from "./page_address.ts";
import { servePage } from "./page_server.ts";
import { prepareToStay } from "./stay.ts";
import { stopOnSignals } from "./stop.ts";
import { view } from "./view.ts";
import { pageOfWatch } from "./watch_page.ts";

/**
 * Runs the tasks whenever they are due, and serves the page of it, until a signal comes; with
 * `--view`, only the page. It answers for as long as a run under way may go on after that.
 *
 * @param operands Ids of the only tasks that count.
 * @returns The exit code of the signal.
 * @throws {CronfetchError} `usage` if the address cannot be listened on: then nothing was run.
 * `config.` codes; `state.` and `store.` codes if the state cannot be opened.
 */
export async function serve(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  if (flags.view) return await view(operands, flags, host);
  const address = addressOf(flags);
  const stay = await prepareToStay(operands, flags, host);
  using stop = stopOnSignals(host);
  const page = pageOfWatch(stay, stop.signal, pageSecrets(host), host);
  await using _server = servePage(page.subject, address, flags, host);
  try {
    await stay.until(stop, page.listener);
  } finally {
    page.end();
  }
  return stop.exitCode();
}
