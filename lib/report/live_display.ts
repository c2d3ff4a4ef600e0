/** A display with a live view below the lines, on a terminal. */

import type { Progress } from "../core/event.ts";
import type { Clock, Output, Timers } from "../core/host.ts";
import { asText, type Display } from "./console.ts";
import { displayWidth, type Paint, withoutStyles } from "./format.ts";
import { createRateMeter, createTaskRates, renderView } from "./live_view.ts";

/** Options of {@linkcode liveDisplay}. */
export interface LiveDisplayOptions {
  /** A terminal. */
  readonly output: Output;
  /** Progress of the current run. */
  readonly progress: Progress;
  /** For rates and the elapsed time. */
  readonly clock: Clock;
  /** For redraws. */
  readonly timers: Timers;
  readonly paint: Paint;
}

/** Interval of redraws. */
const REDRAW_MS = 100;

/** Failed tasks that the live view may name. */
const NAMED_FAILURES = 10;

/** Creates a display with a live view. It stops writing when the output is closed. */
export function liveDisplay(options: LiveDisplayOptions): Display {
  const { output, progress, clock, timers, paint } = options;
  const { draw } = createScreen(output);
  let open = true;
  /** Cancels the next redraw; null without a live view. */
  let cancel: (() => void) | null = null;
  let pending: string[] = [];

  const newRun = (total: number) => ({
    total,
    finished: 0,
    failed: 0,
    failedTasks: [] as string[],
    startedMs: clock.monotonicMs(),
    rate: createRateMeter(),
    rateOf: createTaskRates(() => clock.monotonicMs()),
  });
  let run = newRun(0);

  function redraw(view: readonly string[]): void {
    if (open) open = draw(pending, view);
    pending = [];
  }

  function tick(): void {
    const nowMs = clock.monotonicMs();
    const { startedMs, rate, ...shown } = run;
    const bytesPerSecond = rate(nowMs, progress.bytes);
    const elapsedMs = nowMs - startedMs;
    const view = { ...shown, nowMs, elapsedMs, bytesPerSecond, progress };
    redraw(renderView(view, output.columns(), paint));
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
      run = newRun(total);
      cancel = open ? timers.after(REDRAW_MS, tick) : null;
    },
    finished: ({ status, task }) => {
      run.finished++;
      if (status !== "failed") return;
      run.failed++;
      run.failedTasks = [task, ...run.failedTasks].slice(0, NAMED_FAILURES);
    },
    stop: () => {
      cancel?.();
      cancel = null;
      redraw([]);
    },
  };
}

/** A redrawn region at the end of a terminal, below permanent lines. */
export interface Screen {
  /**
   * Writes permanent lines and the view below them in one write, or none if nothing changed. The
   * cursor is left below the view.
   *
   * @param lasting Permanent lines; they may wrap.
   * @param view Lines that the next call replaces; they must not wrap.
   * @returns False once the output is closed.
   */
  draw(lasting: readonly string[], view: readonly string[]): boolean;
}

/** CSI sequences: ED and EL of ECMA-48, sections 8.3.39 and 8.3.41, and DEC's private mode 7. */
const ERASE_BELOW = "\x1b[J";
const ERASE_REST_OF_LINE = "\x1b[K";
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";

/**
 * Creates a screen on a terminal. Between calls the cursor is visible at the start of a line and
 * wrapping is on, so a killed process leaves the terminal usable.
 */
export function createScreen(output: Output): Screen {
  let drawn: readonly string[] = [];
  return {
    draw: (lasting, view) => {
      const isSame = view.length === drawn.length &&
        view.every((line, index) => line === drawn[index]);
      if (isSame && lasting.length === 0) return true;
      // A terminal that became narrower has wrapped the lines drawn before.
      const columns = Math.max(1, output.columns());
      const rows = drawn.reduce(
        (sum, line) => sum + Math.max(1, Math.ceil(displayWidth(withoutStyles(line)) / columns)),
        0,
      );
      drawn = view;
      if (rows === 0) return output.write(asText(lasting) + unwrapped(asText(view)));
      // Lines are replaced one by one: erasing the view first would flicker, and some terminals move
      // an erased screen to their history.
      const replaced = (lines: readonly string[]) =>
        asText(lines.map((line) => line + ERASE_REST_OF_LINE));
      const drawing = replaced(lasting) + unwrapped(replaced(view));
      // A terminal echoes Ctrl-C, which moves the cursor.
      return output.write(`\r\x1b[${rows}A${drawing}${ERASE_BELOW}`);
    },
  };
}

function unwrapped(text: string): string {
  return text === "" ? "" : WRAP_OFF + text + WRAP_ON;
}
