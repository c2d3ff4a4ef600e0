/** `serve`: the status page. */

import type { Flags } from "../cli.ts";
import type { Config } from "../config/config.ts";
import { variable } from "../config/environment.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { createPage } from "../page/app.tsx";
import { isLoopbackHost } from "../page/guard.ts";
import { escapeControl } from "../report/format.ts";
import type { State } from "../state/state.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import { NO_WORK, pageSource, type PageSubject } from "../page_source.ts";
import { prepare } from "./prepare.ts";
import { isAbsent, recall, stateFile } from "./recall.ts";
import { stopOnSignals } from "./stop.ts";

/** Where the page is unless somebody says otherwise: on this machine alone. */
const HOSTNAME = "127.0.0.1";
const PORT = 8788;

/** What was asked for before the end is answered for this long. */
const GRACE_MS = 3_000;

/**
 * Shows what is remembered, until a signal comes. Nothing is written.
 *
 * @returns The exit code of the signal.
 * @throws {CronfetchError} `usage` if the address cannot be listened on, `config.` codes.
 */
export async function serve(
  _operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const { config } = await prepare([], flags, host);
  using stop = stopOnSignals(host);
  await using memory = createMemory(config.state, host);
  await using store = await openFiles(config, host);
  const subject = { config: () => config, state: memory.state, store, work: NO_WORK };
  await servePage(subject, addressOf(flags), stop.signal, host);
  return stop.exitCode();
}

/** The store that the page gives files out from; null where it gives out none. */
async function openFiles(
  { page, store, sync }: Pick<Config, "page" | "store" | "sync">,
  host: Host,
): Promise<Store | null> {
  // One in memory was another process's, and is gone.
  return page.downloads && store !== "memory:" ? await openStore(store, { sync }, host) : null;
}

/** Where the page is to be. */
export interface PageAddress {
  readonly hostname: string;
  /** 0: any that is free. */
  readonly port: number;
}

/**
 * Reads `--port` and `--hostname`.
 *
 * @throws {CronfetchError} `usage`.
 */
export function addressOf({ port, hostname }: Pick<Flags, "port" | "hostname">): PageAddress {
  const number = port === undefined ? PORT : /^\d{1,5}$/.test(port) ? Number(port) : Infinity;
  if (number > 65_535) {
    throw new CronfetchError("usage", `--port ${port} is no number from 0 to 65535`);
  }
  return { hostname: hostname ?? HOSTNAME, port: number };
}

/**
 * Serves the page until the signal comes. What was asked for until then has a
 * few seconds to be answered.
 *
 * @param subject What it is about, and the work that goes on beside it.
 * @throws {CronfetchError} `usage` if the address cannot be listened on.
 */
export async function servePage(
  subject: Omit<PageSubject, "secrets">,
  { hostname, port }: PageAddress,
  signal: AbortSignal,
  host: Host,
): Promise<void> {
  const token = variable("CRONFETCH_TOKEN", host) ?? null;
  const secrets = token === null ? [] : [token];
  const page = createPage(pageSource({ ...subject, secrets }, host), {
    clock: host.clock,
    timers: host.timers,
    token,
    isLoopback: isLoopbackHost(hostname.includes(":") ? `[${hostname}]` : hostname),
  });
  const say = (sentence: string) => void host.stderr.write(`${escapeControl(sentence)}\n`);
  const server = listen({ hostname, port }, page.fetch, say);
  try {
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
    await promise;
  } finally {
    // An open stream would keep the server from shutting down, and so does a slow download.
    await page.close();
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = host.timers.after(GRACE_MS, resolve);
    await Promise.race([server.shutdown(), promise]);
    cancel();
  }
}

function listen(
  { hostname, port }: PageAddress,
  answer: (request: Request) => Promise<Response>,
  say: (sentence: string) => void,
): Deno.HttpServer {
  try {
    return Deno.serve({
      hostname,
      port,
      onListen: (address) => say(`The status page is at ${urlOf(address)}`),
    }, answer);
  } catch (error) {
    const isTaken = error instanceof Deno.errors.AddrInUse;
    const why = isTaken
      ? "something else listens there"
      : error instanceof Error
      ? error.message
      : String(error);
    const where = `${hostname}:${port}`;
    throw new CronfetchError("usage", `Serving the page on ${where}: ${why}`, { cause: error });
  }
}

function urlOf({ hostname, port }: { readonly hostname: string; readonly port: number }): string {
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}/`;
}

/** The state of others, which may appear while one looks. */
function createMemory(
  location: string,
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
