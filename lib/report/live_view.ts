/** The moving picture of a run on a terminal. */

import type { Progress, TaskProgress } from "../core/event.ts";
import {
  displayWidth,
  escapeControl,
  formatBytes,
  formatCount,
  formatDuration,
  plural,
  truncate,
} from "./format.ts";
import type { Output } from "../core/host.ts";

/** A run at one moment. */
export interface RunView {
  /** Tasks in the plan. */
  readonly total: number;
  /** Tasks that have a result. */
  readonly finished: number;
  /** Those of them that failed. */
  readonly failed: number;
  /** Milliseconds since the start. */
  readonly elapsedMs: number;
  /** Body bytes a second of late, or null while too little is known. */
  readonly bytesPerSecond: number | null;
  /** The numbers that move. */
  readonly progress: Progress;
}

/** Running tasks shown by name. */
const SHOWN = 5;
/** The bar's width, unless that is more than a quarter of the terminal's. */
const BAR_COLUMNS = 20;
/** Columns of ` 45%` and of `999 MB`. */
const SHARE_COLUMNS = 8;

/**
 * The picture of a moment: the bar, the numbers, and the first running tasks.
 *
 * @param moment The run as it is.
 * @param columns Width of the terminal; no line fills it, for the sake of
 * terminals that go to the next line at once.
 * @returns Lines without line feeds, at most seven.
 */
export function renderView(moment: RunView, columns: number): string[] {
  const { running } = moment.progress;
  const lines = [progressLine(moment, Math.min(BAR_COLUMNS, Math.floor(columns / 4)))];
  for (const [task, progress] of running) {
    if (lines.length > SHOWN) break;
    lines.push(`${describeShare(progress).padStart(SHARE_COLUMNS)}  ${escapeControl(task)}`);
  }
  const hidden = running.size - SHOWN;
  if (hidden > 0) lines.push(`${" ".repeat(SHARE_COLUMNS)}  and ${formatCount(hidden)} more`);
  return lines.map((line) => truncate(line, Math.max(1, columns - 1)));
}

function progressLine(moment: RunView, barColumns: number): string {
  const { total, finished, failed, elapsedMs, bytesPerSecond, progress } = moment;
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

/** How far back the rate looks, and the least it needs to know. */
const RATE_WINDOW_MS = 3_000;
const RATE_LEAST_MS = 500;

/**
 * Measures a rate over the last three seconds.
 *
 * @returns What takes the time and the bytes so far, and gives bytes a second,
 * or null before half a second is known.
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

/** A part of a terminal that is drawn again and again, with lines above it that stay. */
export interface Screen {
  /**
   * Writes lines that stay, and the picture below them; one write, or none where
   * nothing changed. The cursor is left below the picture.
   *
   * @param lasting Lines that stay. They may be longer than the terminal is wide.
   * @param picture Lines that the next call replaces. They must fit.
   * @returns False once nobody reads any more.
   */
  draw(lasting: readonly string[], picture: readonly string[]): boolean;
}

/** CSI sequences: ED of ECMA-48, section 8.3.39, and DEC's private mode 7. */
const ERASE_BELOW = "\x1b[J";
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";

/**
 * A screen on a terminal. Between two calls the terminal is as it was found:
 * the cursor shown at the start of a line, wrapping on. So a process that is
 * killed leaves nothing to repair.
 *
 * @param output The terminal.
 */
export function createScreen(output: Output): Screen {
  let drawn: readonly string[] = [];
  return {
    draw: (lasting, picture) => {
      const same = picture.length === drawn.length &&
        picture.every((line, index) => line === drawn[index]);
      if (same && lasting.length === 0) return true;
      // A terminal that became narrower has broken the lines drawn before.
      const columns = Math.max(1, output.columns());
      const rows = drawn.reduce(
        (sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)),
        0,
      );
      drawn = picture;
      const erase = rows === 0 ? "" : `\x1b[${rows}A${ERASE_BELOW}`;
      const view = picture.length === 0 ? "" : WRAP_OFF + asText(picture) + WRAP_ON;
      return output.write(erase + asText(lasting) + view);
    },
  };
}

function asText(lines: readonly string[]): string {
  return lines.map((line) => line + "\n").join("");
}
