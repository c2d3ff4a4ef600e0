/** Human-readable output of a run: a live view on a terminal, lines elsewhere, and the totals. */

import { listEvent, nothingListed } from "./listed_results.ts";
import type { Reporter, RunEvent } from "../core/event.ts";
import type { Output } from "../core/host.ts";
import type { RunSummary, TaskResult } from "../core/result.ts";
import type { Paint } from "./format.ts";
import { type Destination, eventLines, type LineStyle, type Verbosity } from "./lines.ts";
import { closingLines, listedLines, totalLines } from "./summary.ts";

/** Lines, and on a terminal a live view below them. */
export interface Display {
  /** Writes lines, above the live view. */
  add(lines: readonly string[]): void;
  /** A run of `total` tasks starts. */
  start(total: number): void;
  /** A task has its result. */
  finished(result: TaskResult): void;
  /** Removes the live view. */
  stop(): void;
}

/** Creates a display without a live view. It stops writing when the output is closed. */
export function plainDisplay(output: Output): Display {
  let open = true;
  return {
    add: (lines) => {
      if (open && lines.length > 0) open = output.write(asText(lines));
    },
    start: () => {},
    finished: () => {},
    stop: () => {},
  };
}

/** Lines as text. */
export function asText(lines: readonly string[]): string {
  return lines.map((line) => line + "\n").join("");
}

/** Options of {@linkcode consoleReporter}. */
export interface ConsoleOptions {
  /** Writes the lines; with a live view on a terminal, unless the verbosity is `quiet`. */
  readonly display: Display;
  /** The output of the display. */
  readonly output: Pick<Output, "isTerminal" | "columns">;
  /** Colours; see `colorWanted`. */
  readonly paint: Paint;
  /**
   * `quiet`: failures and deferrals, and the closing line unless the exit code is 0. `normal`:
   * results and the totals; on a terminal the live view replaces the lines of the results, and the
   * end lists what changed and what failed. `verbose`: starts, retries, attempts and timings too.
   */
  readonly verbosity: Verbosity;
  /** Width of the ids of the tasks, so that details are aligned. */
  readonly idColumns: number;
  readonly destination: Destination;
}

/**
 * Reports runs as text, one after another. Text from servers and configs is escaped. Each failure
 * is written once. Stops writing when the output is closed.
 *
 * @param options The output and its verbosity.
 */
export function consoleReporter(options: ConsoleOptions): Reporter {
  const { display, output, paint, verbosity, destination, idColumns } = options;
  const isTerminal = output.isTerminal();
  /** Whether the end of the run lists its results, instead of a line for each of them. */
  const isListed = isTerminal && verbosity === "normal";
  let listed = nothingListed();

  const style = (): LineStyle => {
    const columns = isTerminal ? output.columns() : null;
    return { verbosity, paint, columns, idColumns, destination };
  };

  function endLines(summary: RunSummary): string[] {
    if (verbosity === "quiet") return closingLines(summary, style());
    const totals = totalLines(summary, listed, style());
    if (!isListed) return totals;
    const lines = listedLines(listed, style());
    return lines.length === 0 ? totals : [...lines, "", ...totals];
  }

  return {
    ignores: verbosity === "verbose" ? [] : ["task.started", "task.retrying"],
    report: (event: RunEvent) => {
      if (!isListed) display.add(eventLines(event, style()));
      switch (event.type) {
        case "run.started":
          listed = nothingListed();
          display.start(event.tasks);
          break;
        case "task.finished":
          listEvent(listed, event, destination);
          display.finished(event.result);
          break;
        case "task.health":
          listEvent(listed, event, destination);
          break;
        case "run.finished":
          display.add(endLines(event.summary));
          display.stop();
          break;
        case "task.started":
        case "task.retrying":
        case "hook.finished":
        case "task.gone":
          break;
        default:
          event satisfies never;
      }
    },
    close: () => {
      display.stop();
      return Promise.resolve();
    },
  };
}
