/** `serve`: stay and run what is due like `watch`, and show it on the status page. */

import type { Flags } from "./flags.ts";
import type { Host } from "../core/host.ts";
import { addressOf, pageOfWatch, pageSecrets, servePage } from "./page_server.ts";
import { prepareToStay } from "./daemon.ts";
import { stopOnSignals } from "./signals.ts";
import type { Config } from "../config/config.ts";
import { stateFile, type StateLocation } from "../core/location.ts";
import { NO_ACTIVITY } from "../page/source.ts";
import type { State } from "../state/state.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import { onlyAsked, prepare } from "./prepare.ts";
import { isAbsent, recall } from "./recall.ts";

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

/**
 * Shows what is remembered, until a signal comes. Nothing is run, and nothing written.
 *
 * @param operands Ids of the only tasks that are shown.
 * @returns The exit code of the signal.
 * @throws {CronfetchError} `usage` if the address cannot be listened on, `config.` codes.
 */
export async function view(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const config = onlyAsked(await prepare(operands, flags, host));
  using stop = stopOnSignals(host);
  await using memory = createMemory(config.state, host);
  await using store = await openFiles(config, host);
  const subject = {
    ...{ config: () => config, state: memory.state, store, activity: NO_ACTIVITY },
    secrets: pageSecrets(host),
  };
  await using _server = servePage(subject, addressOf(flags), flags, host);
  await aborted(stop.signal);
  return stop.exitCode();
}

/** The store that the page gives files out from; null where it gives out none. */
async function openFiles(
  { page, store, sync }: Pick<Config, "page" | "store" | "sync">,
  host: Host,
): Promise<Store | null> {
  // One in memory was another process's, and is gone.
  return page.downloads && store.kind !== "memory" ? await openStore(store, { sync }, host) : null;
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  if (signal.aborted) resolve();
  return promise;
}

/** The state of others, which may appear while one looks. */
function createMemory(
  location: StateLocation,
  host: Host,
): AsyncDisposable & { readonly state: () => Promise<State> } {
  const path = stateFile(location);
  let open: Promise<State> | null = null;
  let isEmpty = false;
  const reopen = async (): Promise<State> => {
    isEmpty = path !== null && await isAbsent(path);
    return await recall(location, host);
  };
  const close = async () => {
    const before = open;
    open = null;
    // What could not be opened needs no closing.
    const state = await before?.catch(() => null);
    await state?.[Symbol.asyncDispose]();
  };
  return {
    state: async () => {
      if (isEmpty && path !== null && !await isAbsent(path)) {
        isEmpty = false;
        await close();
      }
      if (open === null) {
        open = reopen();
        open.catch(() => open = null);
      }
      return await open;
    },
    [Symbol.asyncDispose]: close,
  };
}
