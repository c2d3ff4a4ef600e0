/** The live view of a run on a terminal. */

import type { Progress, TaskProgress } from "../core/event.ts";
import { escapeControl } from "../core/text.ts";
import {
  displayWidth,
  formatBytes,
  formatCount,
  formatDuration,
  plural,
  truncate,
} from "./format.ts";
import type { Output } from "../core/host.ts";

/** The state of a run that the live view renders. */
export interface RunView {
  /** Tasks in the plan. */
  readonly total: number;
  /** Tasks that have a result. */
  readonly finished: number;
  /** Those of them that failed. */
  readonly failed: number;
  /** Milliseconds since the start. */
  readonly elapsedMs: number;
  /** Recent rate of received body bytes, or null before there are enough samples. */
  readonly bytesPerSecond: number | null;
  /** Progress of running tasks. */
  readonly progress: Progress;
}

/** Running tasks listed by name. */
const SHOWN = 5;
/** Width of the bar, at most a quarter of the terminal. */
const BAR_COLUMNS = 20;
/** Width of ` 45%` and `999 MB`. */
const SHARE_COLUMNS = 8;

/**
 * Renders the bar, the totals, and the first running tasks.
 *
 * @param columns Width of the terminal. Lines leave the last column free, since some terminals wrap
 * as soon as it is filled.
 * @returns Lines without line feeds, at most seven.
 */
export function renderView(run: RunView, columns: number): string[] {
  const { running } = run.progress;
  const lines = [progressLine(run, Math.min(BAR_COLUMNS, Math.floor(columns / 4)))];
  for (const [task, progress] of running) {
    if (lines.length > SHOWN) break;
    lines.push(`${describeShare(progress).padStart(SHARE_COLUMNS)}  ${escapeControl(task)}`);
  }
  const hidden = running.size - SHOWN;
  if (hidden > 0) lines.push(`${" ".repeat(SHARE_COLUMNS)}  and ${formatCount(hidden)} more`);
  return lines.map((line) => truncate(line, Math.max(1, columns - 1)));
}

function progressLine(run: RunView, barColumns: number): string {
  const { total, finished, failed, elapsedMs, bytesPerSecond, progress } = run;
  const done = finished + runningShares(progress);
  const filled = total === 0 ? 0 : Math.floor(barColumns * Math.min(1, done / total));
  const words = [`${formatCount(finished)}/${plural(total, "task")}`];
  if (failed > 0) words.push(`${formatCount(failed)} failed`);
  words.push(formatBytes(progress.bytes));
  if (bytesPerSecond !== null) words.push(`${formatBytes(Math.round(bytesPerSecond))}/s`);
  if (elapsedMs >= 1_000) words.push(formatDuration(Math.floor(elapsedMs / 1_000) * 1_000));
  return `${"█".repeat(filled)}${"░".repeat(barColumns - filled)} ${words.join("  ")}`;
}

function runningShares({ running }: Progress): number {
  let sum = 0;
  for (const progress of running.values()) sum += shareOf(progress) ?? 0;
  return sum;
}

function shareOf({ receivedBytes, totalBytes }: TaskProgress): number | null {
  if (totalBytes === null || totalBytes === 0) return null;
  return Math.min(1, receivedBytes / totalBytes);
}

function describeShare(progress: TaskProgress): string {
  const share = shareOf(progress);
  return share === null ? formatBytes(progress.receivedBytes) : `${Math.floor(share * 100)}%`;
}

/** Longest and shortest period that a rate is measured over. */
const RATE_WINDOW_MS = 3_000;
const RATE_LEAST_MS = 500;

/**
 * Creates a meter of the rate over the last three seconds.
 *
 * @returns A function from the time and the total bytes to bytes per second; null in the first half
 * second.
 */
export function createRateMeter(): (nowMs: number, bytes: number) => number | null {
  const samples: { readonly atMs: number; readonly bytes: number }[] = [];
  return (nowMs, bytes) => {
    samples.push({ atMs: nowMs, bytes });
    while (samples[1] !== undefined && nowMs - samples[1].atMs >= RATE_WINDOW_MS) samples.shift();
    const oldest = samples[0];
    if (oldest === undefined || nowMs - oldest.atMs < RATE_LEAST_MS) return null;
    return (bytes - oldest.bytes) * 1_000 / (nowMs - oldest.atMs);
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

/** CSI sequences: ED of ECMA-48, section 8.3.39, and DEC's private mode 7. */
const ERASE_BELOW = "\x1b[J";
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
        (sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)),
        0,
      );
      drawn = view;
      const erase = rows === 0 ? "" : `\x1b[${rows}A${ERASE_BELOW}`;
      const drawing = view.length === 0 ? "" : WRAP_OFF + asText(view) + WRAP_ON;
      return output.write(erase + asText(lasting) + drawing);
    },
  };
}

function asText(lines: readonly string[]): string {
  return lines.map((line) => line + "\n").join("");
}
