/** Deno Deploy: a cron that looks at what is due, and the status page. */

import type { Config } from "../config/config.ts";
import { variable } from "../config/variables.ts";
import { loadConfig } from "../config/load.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host, Platform, StopSignal } from "../core/host.ts";
import { EXIT } from "../core/result.ts";
import { errorMessage, escapeControl } from "../core/text.ts";
import { createPasses, type Passes, wordsOf } from "./ticks.ts";
import { complaintAboutStore, readTimeline, type Timeline, warningsAbout } from "./platform.ts";
import { createPage, type StatusPage } from "../page/app.tsx";
import { createErrorPage } from "../page/error_page.tsx";
import { createPageSource, NO_ACTIVITY } from "../page/source.ts";
import { plural } from "../report/format.ts";
import { deployCron } from "../schedule/deploy_cron.ts";
import { openStore } from "../store/open.ts";

/** What the cron is called in the platform's console. */
const CRON_NAME = "cronfetch";

/**
 * Sets up an instance on Deno Deploy: loads the config, registers one cron, serves the page. To be
 * awaited at the top level of the main module, for that is where the platform looks for crons.
 *
 * Never rejects for what people can put right: a config that cannot be used, or a schedule that
 * the platform refuses, is told in the log and on the page, and the instance stays up.
 *
 * A signal breaks off the run that is under way, so that within the five seconds that the platform
 * gives all is remembered of which the next call makes use; then the process ends.
 */
export async function deploy(host: Host, platform: Platform): Promise<void> {
  const say = (text: string) => {
    for (const line of text.split("\n")) host.stderr.write(`${escapeControl(line)}\n`);
  };
  const page = await begin(host, platform, say);
  platform.serve(page.fetch, (url) => say(`The status page is at ${url}`));
}

/** Everything but serving: what there is to be served. */
async function begin(
  host: Host,
  platform: Platform,
  say: (text: string) => void,
): Promise<StatusPage> {
  let config: Config;
  try {
    config = await load(host);
  } catch (error) {
    return troublePage("The config cannot be used", error, host, say);
  }
  for (const warning of warningsAbout(config)) say(warning);
  const timeline = readTimeline(host);
  const controller = new AbortController();
  let exitCode: number = EXIT.interrupted;
  const passes = createPasses({
    config,
    host,
    stop: controller.signal,
    interruptedExitCode: () => exitCode,
    say,
  });
  try {
    registerCron(config, timeline, passes, { host, platform, say });
  } catch (error) {
    return troublePage("The schedule cannot be registered", error, host, say);
  }
  const page = await pageOf(config, timeline, passes, host);
  const stopOn = (signal: StopSignal, code: number) =>
    host.onSignal(signal, () => {
      if (controller.signal.aborted) host.exit(code);
      exitCode = code;
      controller.abort(new CronfetchError("cancelled", `interrupted by ${signal}`));
      const end = () => host.exit(code);
      page.close().then(() => passes[Symbol.asyncDispose]()).then(end, end);
    });
  stopOn("SIGINT", EXIT.interrupted);
  stopOn("SIGTERM", EXIT.terminated);
  return page;
}

/**
 * Loads the config: `CRONFETCH_CONFIG`, or the one in the app's folder.
 *
 * @throws {CronfetchError} `config.` codes; one of them for a store that does not last.
 */
async function load(host: Host): Promise<Config> {
  const config = await loadConfig({
    files: [],
    urls: [],
    overrides: {},
    at: host.clock.now(),
    defaultState: "kv:",
  }, host);
  for (const warning of config.warnings) host.stderr.write(`warning: ${warning}\n`);
  const complaint = complaintAboutStore(config.store);
  if (complaint !== null) throw new CronfetchError("config.invalid", complaint);
  return config;
}

/** Says in the log and on a page why nothing is going to happen. */
function troublePage(
  title: string,
  error: unknown,
  { clock }: Pick<Host, "clock">,
  say: (text: string) => void,
): StatusPage {
  const words = wordsOf(error);
  say(`${title}, so nothing is fetched:\n${words}`);
  const reasons = error instanceof CronfetchError ? words.split("\n") : ["This is a bug."];
  return createErrorPage({ title, reasons }, { clock });
}

/**
 * Registers the cron that all tasks need, and logs it.
 *
 * @throws {CronfetchError} `config.invalid`: the platform does not accept it.
 */
function registerCron(
  config: Config,
  timeline: Timeline,
  passes: Passes,
  { host, platform, say }: {
    readonly host: Pick<Host, "clock">;
    readonly platform: Platform;
    readonly say: (text: string) => void;
  },
): void {
  const expression = deployCron(config.tasks.map(({ task }) => task), host.clock.now());
  const tasks = plural(config.tasks.length, "task");
  if (expression === null) {
    say(`${tasks}, and none comes due by itself: no cron is registered, and nothing is fetched`);
    return;
  }
  try {
    platform.cron(CRON_NAME, expression, async () => {
      if (timeline.publishes) await passes.pass();
    });
  } catch (error) {
    throw refused(expression, errorMessage(error));
  }
  say(`${tasks}; the cron "${expression}" (UTC) checks which are due`);
  if (timeline.publishes) return;
  const where = timeline.name === null ? "no timeline" : `the timeline ${timeline.name}`;
  say(`This is ${where}, where nothing is fetched; CRONFETCH_TIMELINES names those that fetch`);
}

function refused(expression: string, why: string): CronfetchError {
  return new CronfetchError("config.invalid", `registering the cron "${expression}": ${why}`);
}

/** The status page, for everybody who knows the address: nothing can be asked for there. */
async function pageOf(
  config: Config,
  timeline: Timeline,
  passes: Passes,
  host: Host,
): Promise<StatusPage> {
  const { page, store, sync } = config;
  const token = variable("CRONFETCH_TOKEN", host) ?? null;
  const source = createPageSource({
    config: () => config,
    state: passes.state,
    // One in memory would be another one. A bucket is opened without asking it for anything.
    store: page.downloads && store.kind !== "memory"
      ? await openStore(store, { sync }, host)
      : null,
    secrets: token === null ? [] : [token],
    activity: {
      ...NO_ACTIVITY,
      progress: passes.progress,
      subscribe: passes.subscribe,
      paused: () => !timeline.publishes,
    },
  }, host);
  const { clock, timers } = host;
  return createPage(source, { clock, timers, token, isLoopback: false });
}
