/** The server that the status page is served by. */

import { escapeControl } from "../core/text.ts";
import type { Flags } from "./flags.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host, Listener } from "../core/host.ts";
import { createPage } from "../page/app.tsx";
import { isLoopbackHost } from "../page/security.ts";
import { serveHttp } from "../page/http_server.ts";
import {
  createPageSource,
  type PageActions,
  type PageBackend,
  type PageNotice,
} from "../page/source.ts";
import { formatDuration } from "../report/format.ts";
import type { Config } from "../config/config.ts";
import type { RunEvent } from "../core/event.ts";
import type { WatchNews } from "../worker/watch.ts";
import { createPlaceHolder } from "./place_holder.ts";
import { onlyAsked } from "./prepare.ts";
import type { Stay, WatchListener } from "./daemon.ts";
import { variable } from "../config/variables.ts";

/** What was asked for before the end is answered for this long. */
const GRACE_MS = 3_000;

/**
 * Serves the page from now on, and says where unless it shall be quiet. When it is disposed of,
 * what was asked for until then has a few seconds to be answered.
 *
 * @param subject What it is about, and the work that goes on beside it.
 * @throws {CronfetchError} `usage` if the address cannot be listened on.
 */
export function servePage(
  subject: PageBackend,
  { hostname, port }: PageAddress,
  { quiet }: Pick<Flags, "quiet">,
  host: Host,
): AsyncDisposable {
  const token = tokenOf(host);
  const page = createPage(createPageSource(subject, host), {
    clock: host.clock,
    timers: host.timers,
    token,
    isLoopback: isLoopbackHost(hostname.includes(":") ? `[${hostname}]` : hostname),
  });
  const say = (sentence: string) => {
    if (!quiet) host.stderr.write(`${escapeControl(sentence)}\n`);
  };
  const listener = listen({ hostname, port }, host);
  say(`The status page is at ${urlOf(listener.addr)}`);
  const server = serveHttp(listener, page.fetch, host.timers);
  return {
    [Symbol.asyncDispose]: async () => {
      // An open stream would keep the server from shutting down.
      await page.close();
      // A slow download ends with the grace.
      const cancel = host.timers.after(GRACE_MS, () => server.close());
      await server.shutdown();
      cancel();
    },
  };
}

function listen({ hostname, port }: PageAddress, host: Pick<Host, "listen">): Listener {
  try {
    return host.listen(hostname, port);
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

/** A watch as the page sees it. */
export interface WatchPage {
  readonly subject: PageBackend;
  /** To be told what the watch does. */
  readonly listener: WatchListener;
  /** To be called when the watch has ended. Whoever waits for its state waits no longer. */
  end(): void;
}

/**
 * Makes what a page of a watch needs.
 *
 * @param stop Once it is aborted, nothing new is begun.
 * @param secrets Values that must not be shown, besides the config's.
 */
export function pageOfWatch(
  { first, control, progress }: Pick<Stay, "first" | "control" | "progress">,
  stop: AbortSignal,
  secrets: readonly string[],
  { clock }: Pick<Host, "clock">,
): WatchPage {
  const eventListeners = new Set<(event: RunEvent) => void>();
  const changeListeners = new Set<() => void>();
  const places = createPlaceHolder();
  let config: Config = onlyAsked(first);
  let changedAt: string | null = null;
  /** By the kind of news that they come from. */
  const notices = new Map<WatchNews["kind"], PageNotice>();

  const hear = (news: WatchNews) => {
    switch (news.kind) {
      case "opened":
        places.opened(news);
        config = onlyAsked(news.watched);
        break;
      case "closed":
        places.closed();
        break;
      case "started":
      case "reloaded":
        config = onlyAsked(news.watched);
        if (news.kind === "reloaded") changedAt = clock.now().toString();
        notices.delete("refused");
        break;
      case "refused":
      case "troubled":
        places.failed(news.error);
        notices.set(news.kind, warning(TITLES[news.kind], news.error));
        break;
      case "recovered":
        notices.delete("troubled");
        break;
      case "stopping":
        notices.set(news.kind, {
          tone: "plain",
          title: "cronfetch was told to end.",
          lines: [
            "It finishes the run that is under way, " +
            `in ${formatDuration(news.graceMs)} at most, and begins nothing new.`,
          ],
        });
        break;
      case "waiting":
      case "overran":
        return;
      default:
        news satisfies never;
    }
    for (const listener of changeListeners) listener();
  };

  const ask = (work: () => void): Promise<void> =>
    Promise.try(() => {
      if (stop.aborted) throw ending();
      work();
    });
  const actions: PageActions = {
    runNow: (tasks) => ask(() => control.runNow(tasks ?? config.tasks.map(({ task }) => task.id))),
    pause: (task) => ask(() => control.pause(task)),
    resume: (task) => ask(() => control.resume(task)),
  };

  return {
    subject: {
      config: () => config,
      state: () => Promise.resolve(places.state),
      store: places.store,
      secrets,
      activity: {
        progress,
        subscribe: (listener) => subscription(eventListeners, listener),
        onChange: (listener) => subscription(changeListeners, listener),
        notices: () => [...notices.values()],
        configChangedAt: () => changedAt,
        paused: control.isAllPaused,
        isPaused: control.isPaused,
        actions,
      },
    },
    listener: {
      report: (event) => {
        for (const listener of eventListeners) listener(event);
      },
      hear,
    },
    end: () => places.failed(ending()),
  };
}

const TITLES = {
  refused: "The config was changed, and what stands there now cannot be used; " +
    "the last one stays in force.",
  troubled: "The last pass went wrong, and is tried again.",
};

function warning(title: string, { message }: CronfetchError): PageNotice {
  return { tone: "warning", title, lines: message.split("\n").map((line) => escapeControl(line)) };
}

function ending(): CronfetchError {
  return new CronfetchError("cancelled", "cronfetch was told to end, and begins nothing new");
}

function subscription<Value>(all: Set<(value: Value) => void>, one: (value: Value) => void) {
  const listener = (value: Value) => one(value);
  all.add(listener);
  return () => void all.delete(listener);
}

/** Where the page is unless somebody says otherwise: on this machine alone. */
export const HOSTNAME = "127.0.0.1";
/** The port there. */
export const PORT = 8788;

/** The variable that holds what visitors must know to do something. */
export const TOKEN_VARIABLE = "CRONFETCH_TOKEN";

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

/** What visitors must know to do something; null: nobody can do anything. */
export function tokenOf(host: Pick<Host, "env">): string | null {
  return variable(TOKEN_VARIABLE, host) ?? null;
}

/** What the page must not show, besides the secrets of the config. */
export function pageSecrets(host: Pick<Host, "env">): string[] {
  const token = tokenOf(host);
  return token === null ? [] : [token];
}
