/** Deno Deploy: a cron that runs what is due, and the status page. */

import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import { CronfetchError } from "../core/errors.ts";
import { nextOccurrence } from "../cron/occurrence.ts";
import type { Host, Platform } from "../core/host.ts";
import { errorMessage, escapeControl } from "../core/text.ts";
import { createPage, type StatusPage } from "../page/app.tsx";
import { createErrorPage } from "../page/error_page.tsx";
import { readTokens } from "../page/session.ts";
import { createPageSource, NO_ACTIVITY } from "../page/source.ts";
import { plural } from "../report/format.ts";
import { deployCron } from "../schedule/deploy_cron.ts";
import { abortOnSignals } from "../worker/signals.ts";
import { openStorage, SharedStorage } from "../worker/storage.ts";
import { invalidStore, readTimeline, storageWarnings, type Timeline } from "./platform.ts";
import { createTicks, describeError, type Ticks } from "./ticks.ts";

/** Name of the cron in the platform's console. */
const CRON_NAME = "cronfetch";

/**
 * Sets up an instance on Deno Deploy: loads the config, registers one cron, serves the page. The
 * main module must await it at its top level, where the platform looks for crons.
 *
 * Never rejects for mistakes of users: an invalid config, or a schedule that the platform refuses,
 * is reported in the log and on the page, and the instance continues.
 *
 * A signal ends the current run and saves the state within the five seconds that the platform
 * allows; then the process exits.
 */
export async function deploy(host: Host, platform: Platform): Promise<void> {
  const log = (text: string) => {
    for (const line of text.split("\n")) host.stderr.write(`${escapeControl(line)}\n`);
  };
  const page = await start(host, platform, log);
  platform.serve(page.fetch, (url) => log(`The status page is at ${url}`));
}

/** Starts everything except the server. Returns the page to serve. */
async function start(
  host: Host,
  platform: Platform,
  log: (text: string) => void,
): Promise<StatusPage> {
  let config: Config;
  try {
    config = await load(host);
  } catch (error) {
    return errorPage("The config cannot be used", error, host, log);
  }
  for (const warning of storageWarnings(config)) log(warning);
  const timeline = readTimeline(host);
  const signals = abortOnSignals(host);
  const storage = new SharedStorage(config, (locations) => openStorage(locations, host));
  const ticks = createTicks({
    config,
    host,
    storage,
    stop: signals.signal,
    interruptedExitCode: signals.exitCode,
    log,
  });
  let cron: string | null;
  try {
    cron = registerCron(config, timeline, ticks, { host, platform, log });
  } catch (error) {
    signals[Symbol.dispose]();
    return errorPage("The schedule cannot be registered", error, host, log);
  }
  const page = statusPage({ config, timeline, ticks, storage, cron }, host);
  signals.signal.addEventListener("abort", () => {
    const exit = () => host.exit(signals.exitCode());
    page.close().then(() => ticks[Symbol.asyncDispose]()).then(exit, exit);
  });
  return page;
}

/**
 * Loads the config: `CRONFETCH_CONFIG`, or the one in the app's folder.
 *
 * @throws {CronfetchError} `config.` codes; also for a store that the platform would delete.
 */
async function load(host: Host): Promise<Config> {
  const config = await loadConfig({
    files: [],
    urls: [],
    overrides: {},
    at: host.clock.now(),
    defaultState: "kv:",
  }, host);
  for (const warning of config.warnings) {
    host.stderr.write(`warning: ${formatProblem(warning)}\n`);
  }
  const fault = invalidStore(config.store);
  if (fault !== null) throw new CronfetchError("config.invalid", fault);
  return config;
}

/** Reports in the log and on a page why no file is fetched. */
function errorPage(
  title: string,
  error: unknown,
  host: Pick<Host, "clock" | "env">,
  log: (text: string) => void,
): StatusPage {
  const message = describeError(error);
  log(`${title}, so nothing is fetched:\n${message}`);
  const reasons = error instanceof CronfetchError ? message.split("\n") : ["This is a bug."];
  // The reasons have names and URLs, which only holders of a token may see.
  const isPublic = readTokens(host).view === null;
  const shown = isPublic ? reasons : ["The log of the app has the reason."];
  return createErrorPage({ title, reasons: shown }, host);
}

/**
 * Registers one cron for all tasks, and logs it.
 *
 * @returns Its expression, in UTC; null if no task has a schedule.
 * @throws {CronfetchError} `config.invalid`: the platform rejects it.
 */
function registerCron(
  config: Config,
  timeline: Timeline,
  ticks: Ticks,
  { host, platform, log }: {
    readonly host: Pick<Host, "clock">;
    readonly platform: Platform;
    readonly log: (text: string) => void;
  },
): string | null {
  const expression = deployCron(
    config.tasks.flatMap(({ task, list }) => list === undefined ? [task] : [task, list.item]),
    host.clock.now(),
  );
  const tasks = plural(config.tasks.length, "task");
  if (expression === null) {
    log(`${tasks}, none with a schedule: no cron is registered, and nothing is fetched`);
    return null;
  }
  try {
    platform.cron(CRON_NAME, expression, async () => {
      if (timeline.publishes) await ticks.run();
    });
  } catch (error) {
    const reason = errorMessage(error);
    const message = `registering the cron "${expression}": ${reason}`;
    throw new CronfetchError("config.invalid", message, { cause: error });
  }
  log(`${tasks}; the cron "${expression}" (UTC) checks which are due`);
  if (timeline.publishes) return expression;
  const where = timeline.name === null ? "no timeline" : `the timeline ${timeline.name}`;
  log(`This is ${where}, where nothing is fetched; CRONFETCH_TIMELINES lists those that fetch`);
  return expression;
}

/** Longest wait for a requested run before the response, in milliseconds. */
const RUN_NOW_MS = 10_000;

/** The status page. Without tokens it is public and read-only. */
function statusPage(
  { config, timeline, ticks, storage, cron }: {
    readonly config: Config;
    readonly timeline: Timeline;
    readonly ticks: Ticks;
    readonly storage: SharedStorage;
    /** Null if none is registered. */
    readonly cron: string | null;
  },
  host: Host,
): StatusPage {
  const { clock, timers } = host;
  const tokens = readTokens(host);
  const isScheduled = cron !== null && timeline.publishes;
  const source = createPageSource({
    config: () => config,
    state: () => Promise.resolve(storage.state),
    // Each instance has a memory of its own, so a download would depend on the instance.
    store: config.store.kind === "memory" ? null : storage.store,
    secrets: Object.values(tokens).filter((token) => token !== null),
    activity: {
      ...NO_ACTIVITY,
      progress: ticks.progress,
      subscribe: ticks.subscribe,
      paused: () => !timeline.publishes,
      nextCheckAt: () =>
        isScheduled ? nextOccurrence(cron, "UTC", clock.now())?.toString() ?? null : null,
      actions: timeline.publishes
        ? {
          // The platform stops instances without requests, so the response waits for short runs; a
          // longer one continues while a page with its event stream is open.
          runNow: async (tasks) => {
            const requested = tasks ?? config.tasks.map(({ task }) => task.id);
            const done = new AbortController();
            const run = ticks.run(requested).finally(() => done.abort());
            await Promise.race([run, timers.sleep(RUN_NOW_MS, done.signal).catch(() => {})]);
          },
          // Each instance would have pauses of its own.
          pausing: null,
          testAlerts: async () => {
            const { sendTestAlerts } = await import("../report/alerts/test.ts");
            const { signal } = new AbortController();
            return await sendTestAlerts(config, null, { host, signal });
          },
        }
        : null,
    },
  }, host);
  return createPage(source, { clock, timers, tokens, isLoopback: false });
}
