/** What `watch` and `serve` share: to stay, and to run what is due whenever it is. */

import { escapeControl } from "../core/text.ts";
import type { Flags } from "./flags.ts";
import { configFiles, openConfigSource } from "../config/load.ts";
import { parseDuration } from "../config/fields.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress, Reporter } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { createControl, type WatchControl } from "../worker/control.ts";
import { type Watched, type WatchNews, watchTasks } from "../worker/watch.ts";
import { prepare, urlsAmong } from "./prepare.ts";
import { createReporters } from "./run.ts";
import { type Stop, stopOnSignals } from "./signals.ts";
import { formatDuration, plural, relativeTime } from "../report/format.ts";
import type { Wake } from "../schedule/trigger.ts";
import type { Look, Overrun } from "../worker/tick.ts";
import { shortPath } from "./doctor/permissions.ts";

/** Who hears of a watch besides the command line. */
export interface WatchListener {
  /** Told of the events of each run; never closed. */
  readonly report: Reporter["report"];
  readonly hear: (news: WatchNews) => void;
}

/** A watch that is ready to begin. */
export interface Stay {
  /** What is watched at first. */
  readonly first: Watched;
  readonly control: WatchControl;
  /** The numbers that move, of the run that goes on. */
  readonly progress: Progress;
  /**
   * Runs the tasks whenever they are due, until a signal comes and the grace is over.
   *
   * @throws {CronfetchError} `state.` and `store.` codes if the first state cannot be opened.
   */
  until(stop: Stop, listener: WatchListener): Promise<void>;
}

/** Nobody else listens. */
export const NO_LISTENER: WatchListener = { report: () => {}, hear: () => {} };

/**
 * Loads the config, and requests nothing yet.
 *
 * @param operands Ids of the only tasks that count.
 * @throws {CronfetchError} `usage` and `config.` codes.
 */
export async function prepareToStay(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<Stay> {
  const graceMs = graceOf(flags);
  const rereadable = rememberingStdin(host);
  const configs = await openConfigSource({
    load: (again) => prepare(operands, flags, rereadable, again),
    files: () => configFiles({ files: flags.config, urls: urlsAmong(operands) }, host),
    timers: host.timers,
  });
  const control = createControl();
  const progress: Progress = { bytes: 0, running: new Map() };
  return {
    first: configs.first,
    control,
    progress,
    until: async (stop, { report, hear }) => {
      const tell = (news: WatchNews) => {
        const line = newsLine(news, flags, host.cwd());
        if (line !== null) host.stderr.write(`${line}\n`);
        hear(news);
      };
      const besides: Reporter = { report, close: () => Promise.resolve() };
      await watchTasks({
        ...{ host, configs, control, progress, tell, graceMs },
        openReporters: async ({ config }) => [
          ...await createReporters(flags, config, host, progress),
          besides,
        ],
        stop: stop.signal,
        interruptedExitCode: stop.exitCode,
      });
    },
  };
}

const STANDARD_GRACE_MS = 30_000;

function graceOf({ grace }: Pick<Flags, "grace">): number {
  if (grace === undefined) return STANDARD_GRACE_MS;
  const graceMs = parseDuration(grace);
  if (graceMs !== null) return graceMs;
  const message = `--grace: must be a duration such as 30s, not ${JSON.stringify(grace)}`;
  throw new CronfetchError("usage", message);
}

/** A host whose standard input can be read again, for a config that stands there. */
function rememberingStdin(host: Host): Host {
  let text: Promise<string | null> | null = null;
  return { ...host, readStdin: (maxBytes) => text ??= host.readStdin(maxBytes) };
}

/**
 * Puts news into words.
 *
 * @param cwd Paths are shown relative to it.
 * @returns Text without a line feed at its end, or null where nothing is to be said. The mistakes
 * of a config are told a line each.
 */
export function newsLine(
  news: WatchNews,
  { quiet, verbose }: Pick<Flags, "quiet" | "verbose">,
  cwd: string,
): string | null {
  switch (news.kind) {
    case "opened":
    case "closed":
    case "recovered":
      return null;
    case "started":
      return quiet ? null : `Watching ${describe(news.watched, news.look, cwd)}`;
    case "reloaded":
      return quiet
        ? null
        : `Changed, and watched as it is now: ${describe(news.watched, news.look, cwd)}`;
    case "refused":
      return `The config was changed, and what stands there now cannot be used; ` +
        `the last one stays in force.\n${news.error.message}`;
    case "waiting":
      return verbose ? `Nothing to do now; ${wakeWords(news.wake, news.at)}` : null;
    case "troubled":
      return `${escapeControl(news.error.message)}; trying again`;
    case "overran":
      return quiet ? null : overrunWords(news.tasks);
    case "stopping":
      return quiet
        ? null
        : `Finishing the run that is under way, in ${
          formatDuration(news.graceMs)
        } at most; a second signal ends it at once`;
    default:
      return news satisfies never;
  }
}

/** `cronfetch.jsonc: 3 tasks, 1 due now`. */
function describe({ config, asked }: Watched, { at, due, wake }: Look, cwd: string): string {
  const files = config.files.map((file) => shortPath(file, cwd));
  const where = files.length === 0 ? "the config" : files.join(" and ");
  const counting = config.tasks.filter(({ task }) => asked?.has(task.id) ?? true).length;
  const next = due > 0 ? `${due} due now` : wakeWords(wake, at);
  return escapeControl(`${where}: ${plural(counting, "task")}, ${next}`);
}

function wakeWords(wake: Wake | null, at: Temporal.Instant): string {
  if (!wake) return "never due by itself; waiting for a change of the config";
  const time = wake.at.toString({ smallestUnit: "second" });
  return escapeControl(`next due ${relativeTime(wake.at, at)} (${wake.task}, ${time})`);
}

function overrunWords(tasks: readonly Overrun[]): string {
  const [first] = tasks;
  if (!first) return "";
  const more = tasks.length === 1 ? "" : ` and ${plural(tasks.length - 1, "other task")}`;
  const tick = first.tick.toString({ smallestUnit: "second" });
  return escapeControl(
    `The run outlasted the schedule of ${first.task}${more}: ` +
      `the tick of ${tick} came meanwhile, and is skipped`,
  );
}

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
