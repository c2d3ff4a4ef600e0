/** `serve`: runs tasks like `watch`, and serves the status page. */

import type { Host } from "../core/host.ts";
import { stateFile } from "../core/location.ts";
import { NO_ACTIVITY, type PageState } from "../page/source.ts";
import { abortOnSignals } from "../worker/signals.ts";
import { isAbsent, openStorage, SharedStorage } from "../worker/storage.ts";
import { loggingHost, prepareDaemon } from "./daemon.ts";
import type { CommandHost, Flags } from "./flags.ts";
import { addressOf, pageOfDaemon, pageSecrets, servePage } from "./page_server.ts";
import { onlySelected, prepare } from "./prepare.ts";

/**
 * Runs the tasks whenever they are due and serves the page, until a signal arrives; with `--view`,
 * only the page. The page is served until the last run has ended.
 *
 * @param operands Ids of the only tasks to consider.
 * @returns The exit code of the signal.
 * @throws {CronfetchError} `usage` if the address is unavailable: then no task was run. `config.`
 * codes; `state.` and `store.` codes if the state cannot be opened.
 */
export async function serve(
  operands: readonly string[],
  flags: Flags,
  terminal: CommandHost,
): Promise<number> {
  const host = loggingHost(flags, terminal);
  if (flags.view) return await view(operands, flags, host);
  const address = addressOf(flags);
  await using daemon = await prepareDaemon(operands, flags, host);
  using signals = abortOnSignals(host);
  const { backend, listener } = pageOfDaemon(daemon, signals.signal, pageSecrets(host), host);
  await using _server = servePage(backend, address, flags, host);
  await daemon.run(signals, listener);
  return signals.exitCode();
}

/**
 * Serves the page of state that other processes write, until a signal arrives. Runs no task and
 * writes nothing.
 *
 * @param operands Ids of the only tasks to show.
 * @returns The exit code of the signal.
 * @throws {CronfetchError} `usage` if the address is unavailable, `config.` codes.
 */
async function view(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const config = onlySelected(await prepare(operands, flags, host));
  using signals = abortOnSignals(host);
  await using storage = new SharedStorage(config, (locations) => openStorage(locations, host));
  const path = stateFile(config.state);
  const backend = {
    config: () => config,
    // Opening a missing state would create it.
    state: async () => path !== null && await isAbsent(path) ? EMPTY_STATE : storage.state,
    // Files in memory belong to another process.
    store: config.store.kind === "memory" ? null : storage.store,
    activity: NO_ACTIVITY,
    secrets: pageSecrets(host),
  };
  await using _server = servePage(backend, addressOf(flags), flags, host);
  await aborted(signals.signal);
  return signals.exitCode();
}

const EMPTY_STATE: PageState = {
  records: () => Promise.resolve(new Map()),
  members: () => Promise.resolve(new Map()),
  deliveries: () => Promise.resolve(new Map()),
  items: () => Promise.resolve(new Map()),
  runs: () => Promise.resolve([]),
  runResults: () => Promise.resolve([]),
  days: () => Promise.resolve([]),
  activeRuns: () => Promise.resolve([]),
};

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  if (signal.aborted) resolve();
  return promise;
}
