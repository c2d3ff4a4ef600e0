/** What `watch` and `serve` share: to stay, and to run what is due whenever it is. */

import type { Flags } from "../cli.ts";
import { configFiles } from "../config/load.ts";
import { parseDuration } from "../config/fields.ts";
import { openConfigSource } from "../config/reload.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress, Reporter } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { createControl, type WatchControl } from "../worker/control.ts";
import { type Watched, type WatchNews, watchTasks } from "../worker/watch.ts";
import { prepare, urlsAmong } from "./prepare.ts";
import { createReporters } from "./run.ts";
import type { Stop } from "./stop.ts";
import { newsLine } from "./watch_news.ts";

/** Who hears of a watch besides the command line. */
export interface Listener {
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
  until(stop: Stop, listener: Listener): Promise<void>;
}

/** Nobody else listens. */
export const NO_LISTENER: Listener = { report: () => {}, hear: () => {} };

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
