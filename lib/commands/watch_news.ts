/** What a watch has to say, as a line for people. Pure. */

import type { Flags } from "../cli.ts";
import { escapeControl, formatDuration, plural, relativeTime } from "../report/format.ts";
import type { Wake } from "../schedule/trigger.ts";
import type { Look, Overrun } from "../worker/tick.ts";
import type { Watched, WatchNews } from "../worker/watch.ts";
import { shortPath } from "./permissions.ts";

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
