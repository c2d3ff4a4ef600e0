/** `watch`: stay, and run what is due whenever it is. */

import type { Flags } from "../cli.ts";
import { configFiles } from "../config/load.ts";
import { parseDuration } from "../config/quantities.ts";
import { openConfigSource } from "../config/reload.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { createControl } from "../worker/control.ts";
import { watchTasks } from "../worker/watch.ts";
import { prepare, urlsAmong } from "./prepare.ts";
import { createReporters } from "./run.ts";
import { stopOnSignals } from "./stop.ts";
import { newsLine } from "./watch_news.ts";

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
  const graceMs = graceOf(flags);
  const rereadable = rememberingStdin(host);
  const configs = await openConfigSource({
    load: (again) => prepare(operands, flags, rereadable, again),
    files: () => configFiles({ files: flags.config, urls: urlsAmong(operands) }, host),
    timers: host.timers,
  });
  using stop = stopOnSignals(host);
  const progress: Progress = { bytes: 0, running: new Map() };
  await watchTasks({
    host,
    configs,
    control: createControl(),
    progress,
    openReporters: ({ config }) => createReporters(flags, config, host, progress),
    tell: (news) => {
      const line = newsLine(news, flags, host.cwd());
      if (line !== null) host.stderr.write(`${line}\n`);
    },
    stop: stop.signal,
    interruptedExitCode: stop.exitCode,
    graceMs,
  });
  return stop.exitCode();
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
  let text: Promise<string> | null = null;
  return { ...host, readStdin: () => text ??= host.readStdin() };
}
