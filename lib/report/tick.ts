/** Reports each run of `watch` and `serve` in one line. */

import type { Reporter, RunEvent } from "../core/event.ts";
import type { Clock } from "../core/host.ts";
import { EXIT, type RunSummary, type TaskResult, type TaskStatus } from "../core/result.ts";
import { escapeControl } from "../core/text.ts";
import type { ConsoleOptions } from "./console.ts";
import { formatBytes, formatCount, formatDuration, formatSizeChange, wrapWords } from "./format.ts";
import { eventLines, failureMessage, failureOf, type LineStyle, STATUS_ORDER } from "./lines.ts";
import { shortReason } from "./reason.ts";

/**
 * Options of {@linkcode tickReporter}. `quiet` reports only runs with failures or deferrals, `verbose`
 * also each event.
 */
export interface TickOptions extends ConsoleOptions {
  readonly clock: Pick<Clock, "now">;
  /** The time at the start of a line; null if the output adds it. */
  readonly timeOf: ((at: Temporal.Instant) => string) | null;
}

/** Statuses whose tasks are named, with what happened. */
const NAMED: ReadonlySet<TaskStatus> = new Set(["failed", "deferred", "created", "updated"]);

/** Tasks named for each status. */
const MOST_NAMED = 5;

/**
 * Reports each run in one line: which tasks failed and why, which files changed and by how much, and
 * the number of the others. Text from servers and configs is escaped.
 */
export function tickReporter(options: TickOptions): Reporter {
  const { display, output, paint, verbosity, idColumns, destination, timeOf } = options;
  const isTerminal = output.isTerminal();
  let named = new Map<TaskStatus, string[]>();

  const style = (): LineStyle => {
    const columns = isTerminal ? output.columns() : null;
    return { verbosity, paint, columns, idColumns, destination };
  };

  const lineOf = (summary: RunSummary): string[] => {
    if (verbosity === "quiet" && summary.exitCode === EXIT.good) return [];
    const text = tickText(summary, named);
    const time = timeOf?.(options.clock.now()) ?? "";
    const { columns } = style();
    if (columns === null) return [time + text];
    const rest = columns - 1 - time.length;
    return wrapWords(text.split(" "), { first: rest, rest }).map((line, index) => {
      const color = summary.exitCode === EXIT.good ? "good" : "bad";
      const start = index === 0 ? paint("faint", time) : " ".repeat(time.length);
      return start + (summary.exitCode === EXIT.good ? line : paint(color, line));
    });
  };

  return {
    ignores: verbosity === "verbose" ? [] : ["task.started", "task.retrying"],
    report: (event: RunEvent) => {
      switch (event.type) {
        case "run.started":
          named = new Map();
          display.start(event.tasks);
          break;
        case "task.finished": {
          const { result } = event;
          const tasks = named.get(result.status) ?? [];
          if (tasks.length < MOST_NAMED) tasks.push(describeNamed(result));
          named.set(result.status, tasks);
          display.finished(result);
          break;
        }
        case "task.started":
        case "task.retrying":
        case "task.health":
        case "hook.finished":
        case "task.gone":
        case "run.finished":
          break;
        default:
          event satisfies never;
      }
      if (
        verbosity === "verbose" || event.type === "task.health" ||
        event.type === "task.gone"
      ) {
        display.add(eventLines(event, style()));
      }
      if (event.type === "run.finished") {
        display.add(lineOf(event.summary));
        display.stop();
      }
    },
    close: () => {
      display.stop();
      return Promise.resolve();
    },
  };
}

/** `failed missing (404 Not Found); updated rates (1.34 MB, +12 kB); 9 unchanged in 1.2s`. */
function tickText(
  { counts, durationMs }: RunSummary,
  named: ReadonlyMap<TaskStatus, readonly string[]>,
): string {
  const parts = STATUS_ORDER.filter((status) => counts[status] > 0).map((status) => {
    const count = counts[status];
    if (!NAMED.has(status)) return `${formatCount(count)} ${status}`;
    const tasks = named.get(status) ?? [];
    const more = count > tasks.length ? ` and ${formatCount(count - tasks.length)} more` : "";
    return `${status} ${tasks.join(", ")}${more}`;
  });
  return `${parts.join("; ") || "nothing to do"} in ${formatDuration(durationMs)}`;
}

function describeNamed(result: TaskResult): string {
  const { status, task, sizeBytes, previousSizeBytes, bytes } = result;
  if (status === "failed") {
    return escapeControl(`${task} (${shortReason(failureOf(result)) ?? status})`);
  }
  if (status === "deferred") return escapeControl(`${task} (${failureMessage(result)})`);
  const change = previousSizeBytes === null || sizeBytes === null
    ? ""
    : `, ${formatSizeChange(previousSizeBytes, sizeBytes)}`;
  return escapeControl(`${task} (${formatBytes(sizeBytes ?? bytes)}${change})`);
}
