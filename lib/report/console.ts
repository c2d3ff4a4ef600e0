/** Events for people: a live view on a terminal, lines elsewhere, and a summary at the end. */

import type { Progress, Reporter, RunEvent } from "../core/event.ts";
import type { Clock, Output, Timers } from "../core/host.ts";
import { EXIT, type RunSummary, type TaskResult } from "../core/result.ts";
import { painter } from "./format.ts";
import { eventLine, isFailedOrDeferred, type Verbosity } from "./lines.ts";
import { createRateMeter, createScreen, renderView } from "./live_view.ts";
import { addFailure, closingLine, emptyFailureList, summaryLines } from "./summary.ts";

/** What a {@linkcode consoleReporter} works with. */
export interface ConsoleOptions {
  /** Where the text goes; a live view is drawn if a person looks at it. */
  readonly output: Output;
  /** The numbers that move, for the live view. */
  readonly progress: Progress;
  /** For rates and the time that has passed. */
  readonly clock: Clock;
  /** For drawing again. */
  readonly timers: Timers;
  /** Whether to write in colour; see `colorWanted`. */
  readonly color: boolean;
  /**
   * `quiet`: failures and deferrals, and the last sentence unless all is good.
   * `normal`: results (on a terminal, the view instead of those that are good)
   * and the summary. `verbose`: starts, retries, attempts and timings too.
   */
  readonly verbosity: Verbosity;
}

/** Milliseconds between two pictures. */
const REDRAW_MS = 100;

/**
 * Tells people about a run as it goes, one after another if there are several.
 * Text from outside is shown escaped. Silent once nobody reads any more.
 *
 * @param options Where to write, and how much.
 */
export function consoleReporter(options: ConsoleOptions): Reporter {
  const { output, verbosity } = options;
  const live = output.isTerminal() && verbosity !== "quiet";
  const paint = painter(options.color);
  const display = live ? liveDisplay(options) : plainDisplay(output);
  let troubles = emptyFailureList();

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
    if (verbosity !== "quiet") return summaryLines(summary, troubles, paint);
    return summary.exitCode === EXIT.good ? [] : [closingLine(summary, paint)];
  }

  return {
    passesOver: verbosity === "verbose" ? [] : ["task.started", "task.retrying"],
    report: (event) => {
      const line = lineOf(event);
      if (line !== null) display.add([line]);
      switch (event.type) {
        case "run.started":
          troubles = emptyFailureList();
          display.start(event.tasks);
          break;
        case "task.finished":
          addFailure(troubles, event.result);
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

/** Where lines go, and what moves below them. */
interface Display {
  /** Shows lines that stay. */
  add(lines: readonly string[]): void;
  /** A run of so many tasks starts. */
  start(total: number): void;
  /** One of them has a result. */
  finished(result: TaskResult): void;
  /** The run is over: nothing moves any more. */
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
  /** Calls off the next picture; null while nothing moves. */
  let cancel: (() => void) | null = null;
  let waiting: string[] = [];
  let run = { total: 0, finished: 0, failed: 0, startedMs: 0, rate: createRateMeter() };

  function redraw(view: readonly string[]): void {
    if (open) open = draw(waiting, view);
    waiting = [];
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
      waiting.push(...lines);
      // While the view moves, lines wait for its next picture: one write for both.
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
