/** Serves the status page. */

import type { Config } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { RunEvent } from "../core/event.ts";
import type { Host, Listener } from "../core/host.ts";
import { errorMessage, escapeControl } from "../core/text.ts";
import { createPage } from "../page/app.tsx";
import { serveHttp } from "../page/http_server.ts";
import { isLoopbackHost } from "../page/security.ts";
import {
  type PageTokens,
  readTokens,
  TOKEN_VARIABLE,
  VIEW_TOKEN_VARIABLE,
} from "../page/session.ts";
import {
  createPageSource,
  type PageActions,
  type PageBackend,
  type PageNotice,
} from "../page/source.ts";
import { formatDuration } from "../report/format.ts";
import { stoppingError } from "../worker/storage.ts";
import type { WatchEvent } from "../worker/watch.ts";
import type { Daemon, DaemonListener } from "./daemon.ts";
import type { Flags } from "./flags.ts";
import { lineWriter } from "./output.ts";
import { onlySelected } from "./prepare.ts";

/** How long requests may take after the end of the daemon, in milliseconds. */
const GRACE_MS = 3_000;

/**
 * Serves the page, and logs its URL unless `quiet`. Disposal gives open requests a few seconds.
 *
 * @throws {CronfetchError} `usage` if the address is unavailable.
 */
export function servePage(
  backend: PageBackend,
  { hostname, port }: PageAddress,
  { quiet }: Pick<Flags, "quiet">,
  host: Host,
): AsyncDisposable {
  const tokens = readTokens(host);
  if (!quiet) warnOfShortTokens(tokens, host);
  const page = createPage(createPageSource(backend, host), {
    clock: host.clock,
    timers: host.timers,
    tokens,
    isLoopback: isLoopbackHost(hostname.includes(":") ? `[${hostname}]` : hostname),
  });
  const listener = listen({ hostname, port }, host);
  if (!quiet) lineWriter(host)(`The status page is at ${urlOf(listener.addr)}`);
  const server = serveHttp(listener, page.fetch, host.timers);
  return {
    [Symbol.asyncDispose]: async () => {
      // An open stream would keep the server from shutting down.
      await page.close();
      // Aborts slow downloads.
      const cancel = host.timers.after(GRACE_MS, () => server.close());
      await server.shutdown();
      cancel();
    },
  };
}

/** Length from which a token does not fall to ten attempts per minute. */
const SHORTEST_TOKEN = 16;

function warnOfShortTokens({ control, view }: PageTokens, host: Host): void {
  const log = lineWriter(host);
  for (const [name, token] of [[TOKEN_VARIABLE, control], [VIEW_TOKEN_VARIABLE, view]] as const) {
    if (token === null || token.length >= SHORTEST_TOKEN) continue;
    log(`warning: ${name} has ${token.length} characters and can be guessed; use 32 random ones`);
  }
}

function listen({ hostname, port }: PageAddress, host: Pick<Host, "listen">): Listener {
  try {
    return host.listen(hostname, port);
  } catch (error) {
    const isTaken = error instanceof Deno.errors.AddrInUse;
    const reason = isTaken ? "the port is in use" : errorMessage(error);
    const where = `${hostname}:${port}`;
    throw new CronfetchError("usage", `Serving the page on ${where}: ${reason}`, {
      cause: error,
      hint: isTaken
        ? `--port ${Math.min(port + 1, 65_535)} selects another, --port 0 any that is free`
        : "--hostname is an address of this machine, such as 127.0.0.1 or 0.0.0.0",
    });
  }
}

function urlOf({ hostname, port }: { readonly hostname: string; readonly port: number }): string {
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}/`;
}

/**
 * Connects a daemon to its page.
 *
 * @param stop Once it is aborted, actions are rejected.
 * @param secrets Values to redact, besides the config's.
 * @returns What the page shows, and the listener that keeps it up to date.
 */
export function pageOfDaemon(
  { first, control, progress, storage }: Pick<Daemon, "first" | "control" | "progress" | "storage">,
  stop: AbortSignal,
  secrets: readonly string[],
  host: Host,
): { readonly backend: PageBackend; readonly listener: DaemonListener } {
  const { clock } = host;
  const eventListeners = new Set<(event: RunEvent) => void>();
  const changeListeners = new Set<() => void>();
  let config: Config = onlySelected(first);
  let changedAt: string | null = null;
  /** By the kind of event that causes them. */
  const notices = new Map<WatchEvent["kind"], PageNotice>();

  const onEvent = (event: WatchEvent) => {
    switch (event.kind) {
      case "started":
      case "reloaded":
        config = onlySelected(event.target);
        if (event.kind === "reloaded") changedAt = clock.now().toString();
        notices.delete("refused");
        break;
      case "refused":
      case "failing":
        notices.set(event.kind, warning(TITLES[event.kind], event.error));
        break;
      case "recovered":
        notices.delete("failing");
        break;
      case "stopping":
        notices.set(event.kind, {
          tone: "plain",
          title: "cronfetch is stopping.",
          lines: [
            `The current run may take ${formatDuration(event.graceMs)} at most; ` +
            "no other run is started.",
          ],
        });
        break;
      case "waiting":
      case "overran":
        return;
      default:
        event satisfies never;
    }
    for (const listener of changeListeners) listener();
  };

  const perform = (action: () => void): Promise<void> =>
    Promise.try(() => {
      if (stop.aborted) throw stoppingError();
      action();
    });
  const actions: PageActions = {
    runNow: (tasks) =>
      perform(() => control.runNow(tasks ?? config.tasks.map(({ task }) => task.id))),
    pausing: {
      pause: (task) => perform(() => control.pause(task)),
      resume: (task) => perform(() => control.resume(task)),
    },
    testAlerts: async () => {
      const { sendTestAlerts } = await import("../report/alerts/test.ts");
      return await sendTestAlerts(config, null, { host, signal: stop });
    },
  };

  return {
    backend: {
      config: () => config,
      state: () => Promise.resolve(storage.state),
      store: storage.store,
      secrets,
      activity: {
        progress,
        subscribe: (listener) => subscription(eventListeners, listener),
        onChange: (listener) => subscription(changeListeners, listener),
        notices: () => [...notices.values()],
        configChangedAt: () => changedAt,
        nextCheckAt: () => null,
        paused: control.isAllPaused,
        isPaused: control.isPaused,
        actions,
      },
    },
    listener: {
      report: (event) => {
        for (const listener of eventListeners) listener(event);
      },
      onEvent,
    },
  };
}

const TITLES = {
  refused: "The changed config cannot be used; the last one stays in force.",
  failing: "The last run failed, and will be tried again.",
};

function warning(title: string, { message }: CronfetchError): PageNotice {
  return { tone: "warning", title, lines: message.split("\n").map((line) => escapeControl(line)) };
}

function subscription<Value>(all: Set<(value: Value) => void>, one: (value: Value) => void) {
  const listener = (value: Value) => one(value);
  all.add(listener);
  return () => void all.delete(listener);
}

/** Where the page is served by default: on this machine only. */
export const HOSTNAME = "127.0.0.1";
/** The default port. */
export const PORT = 8788;

/** The address of the page. */
export interface PageAddress {
  readonly hostname: string;
  /** 0 for any free port. */
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
    const message = `--port: must be a whole number from 0 to 65535, not ${JSON.stringify(port)}`;
    throw new CronfetchError("usage", message, { hint: `for example: --port ${PORT}` });
  }
  return { hostname: hostname ?? HOSTNAME, port: number };
}

/** Values to redact on the page, besides the secrets of the config. */
export function pageSecrets(host: Pick<Host, "env">): string[] {
  return Object.values(readTokens(host)).filter((token) => token !== null);
}
