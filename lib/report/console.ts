/** Human-readable output: a live view on a terminal, lines elsewhere, and a summary. */

import type { Progress, Reporter, RunEvent } from "../core/event.ts";
import type { Clock, Output, Timers } from "../core/host.ts";
import { EXIT, type RunSummary, type TaskResult } from "../core/result.ts";
import { painter } from "./format.ts";
import { eventLine, isFailedOrDeferred, type Verbosity } from "./lines.ts";
import { createRateMeter, createScreen, renderView } from "./live_view.ts";
import { addFailure, closingLine, emptyFailureList, summaryLines } from "./summary.ts";

/** Options of {@linkcode consoleReporter}. */
export interface ConsoleOptions {
  /** The output; the live view needs a terminal. */
  readonly output: Output;
  /** Progress of the current run, for the live view. */
  readonly progress: Progress;
  /** For rates and the elapsed time. */
  readonly clock: Clock;
  /** For redrawing the live view. */
  readonly timers: Timers;
  /** Whether to write in colour; see `colorWanted`. */
  readonly color: boolean;
  /**
   * `quiet`: failures and deferrals, and the closing line unless the exit code is 0. `normal`:
   * results and the summary; on a terminal the live view replaces the lines of successful results.
   * `verbose`: starts, retries, attempts and timings too.
   */
  readonly verbosity: Verbosity;
}

/** Interval of redraws. */
const REDRAW_MS = 100;

/**
 * Reports runs as text, one after another. Text from servers and configs is escaped. Stops writing
 * when the output is closed.
 *
 * @param options The output and its verbosity.
 */
export function consoleReporter(options: ConsoleOptions): Reporter {
  const { output, verbosity } = options;
  const live = output.isTerminal() && verbosity !== "quiet";
  const paint = painter(options.color);
  const display = live ? liveDisplay(options) : plainDisplay(output);
  let failures = emptyFailureList();

  function lineOf(event: RunEvent): string | null {
    if (
      live && verbosity === "normal" && event.type === "task.finished" &&
      !isFailedOrDeferred(event.result.status)
    ) {
      return null;
    }
    return eventLine(event, verbosity, paint);
  }

  function end(summary: RunSummary): string[] {
    if (verbosity !== "quiet") return summaryLines(summary, failures, paint);
    return summary.exitCode === EXIT.good ? [] : [closingLine(summary, paint)];
  }

  return {
    ignores: verbosity === "verbose" ? [] : ["task.started", "task.retrying"],
    report: (event) => {
      const line = lineOf(event);
      if (line !== null) display.add([line]);
      switch (event.type) {
        case "run.started":
          failures = emptyFailureList();
          display.start(event.tasks);
          break;
        case "task.finished":
          addFailure(failures, event.result);
          display.finished(event.result);
          break;
        case "run.finished":
          display.add(end(event.summary));
          display.stop();
          break;
        case "task.started":
        case "task.retrying":
        case "task.health":
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

/** Lines, and on a terminal the live view below them. */
interface Display {
  /** Writes lines above the live view. */
  add(lines: readonly string[]): void;
  /** A run of `total` tasks starts. */
  start(total: number): void;
  /** A task has its result. */
  finished(result: TaskResult): void;
  /** Removes the live view. */
  stop(): void;
}

function plainDisplay(output: Output): Display {
  let open = true;
  return {
    add: (lines) => {
      if (open && lines.length > 0) open = output.write(lines.map((line) => line + "\n").join(""));
    },
    start: () => {},
    finished: () => {},
    stop: () => {},
  };
}

function liveDisplay({ output, progress, clock, timers }: ConsoleOptions): Display {
  const { draw } = createScreen(output);
  let open = true;
  /** Cancels the next redraw; null without a live view. */
  let cancel: (() => void) | null = null;
  let pending: string[] = [];
  let run = { total: 0, finished: 0, failed: 0, startedMs: 0, rate: createRateMeter() };

  function redraw(view: readonly string[]): void {
    if (open) open = draw(pending, view);
    pending = [];
  }

  function tick(): void {
    const nowMs = clock.monotonicMs();
    const { total, finished, failed, startedMs, rate } = run;
    const bytesPerSecond = rate(nowMs, progress.bytes);
    const moment = {
      total,
      finished,
      failed,
      elapsedMs: nowMs - startedMs,
      bytesPerSecond,
      progress,
    };
    redraw(renderView(moment, output.columns()));
    cancel = open ? timers.after(REDRAW_MS, tick) : null;
  }

  return {
    add: (lines) => {
      pending.push(...lines);
      // During a run the next redraw writes the lines together with the view.
      if (cancel === null) redraw([]);
    },
    start: (total) => {
      cancel?.();
      run = {
        total,
        finished: 0,
        failed: 0,
        startedMs: clock.monotonicMs(),
        rate: createRateMeter(),
      };
      cancel = open ? timers.after(REDRAW_MS, tick) : null;
    },
    finished: ({ status }) => {
      run.finished++;
      if (status === "failed") run.failed++;
    },
    stop: () => {
      cancel?.();
      cancel = null;
      redraw([]);
    },
  };
}
