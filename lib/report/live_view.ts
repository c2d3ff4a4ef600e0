/** The live view of a run: what the bar, the totals and the running tasks look like. Pure. */

import type { Progress, TaskProgress } from "../core/event.ts";
import { escapeControl } from "../core/text.ts";
import {
  displayWidth,
  formatBytes,
  formatCount,
  formatDuration,
  formatRemaining,
  type Paint,
  plural,
  truncate,
} from "./format.ts";

/** The state of a run that the live view renders. */
export interface RunView {
  /** Tasks in the plan. */
  readonly total: number;
  /** Tasks that have a result. */
  readonly finished: number;
  /** Number of tasks that failed. */
  readonly failed: number;
  /** Ids of the last of them, the newest first. */
  readonly failedTasks: readonly string[];
  /** Milliseconds since the start. */
  readonly elapsedMs: number;
  /** Monotonic time, in milliseconds. */
  readonly nowMs: number;
  /** Recent rate of received body bytes, or null before there are enough samples. */
  readonly bytesPerSecond: number | null;
  /** The same of one task. */
  readonly rateOf: (progress: TaskProgress) => number | null;
  /** Progress of running tasks. */
  readonly progress: Progress;
}

/** Running tasks listed by name. */
const SHOWN = 5;
/** Width of the bar, at most a quarter of the terminal. */
const BAR_COLUMNS = 20;
/** Width of the details of a row, in full and in short. */
const FULL_COLUMNS = 48;
const SHORT_COLUMNS = 26;
const LEAST_NAME_COLUMNS = 8;

/**
 * Renders the bar, the totals, the first running tasks, and the tasks that failed.
 *
 * @param columns Width of the terminal. Lines leave the last column free, since some terminals wrap
 * as soon as it is filled.
 * @returns Lines without line feeds, at most eight.
 */
export function renderView(run: RunView, columns: number, paint: Paint): string[] {
  const { running } = run.progress;
  const free = Math.max(1, columns - 1);
  const shown: [string, TaskProgress][] = [];
  for (const [task, progress] of running) {
    if (shown.length === SHOWN) break;
    shown.push([escapeControl(task), progress]);
  }
  const width = nameColumns(shown.map(([task]) => task), columns);
  const rows = shown.map(([task, progress]) => {
    const name = truncate(task, width);
    const start = `  ${name}${" ".repeat(width - displayWidth(name))}  `;
    return truncate(start + fitting(details(progress, run), free - displayWidth(start)), free);
  });
  const hidden = running.size - shown.length;
  if (hidden > 0) rows.push(truncate(`  and ${formatCount(hidden)} more`, free));
  if (run.failed > 0) rows.push(paint("bad", truncate(failedLine(run), free)));
  return [progressLine(run, Math.min(BAR_COLUMNS, Math.floor(columns / 4)), free, paint), ...rows];
}

/** Width of the names, so that the details of a row fit beside them. */
function nameColumns(names: readonly string[], columns: number): number {
  const longest = Math.max(0, ...names.map(displayWidth));
  const detailColumns = columns > FULL_COLUMNS + 20 ? FULL_COLUMNS : SHORT_COLUMNS;
  return Math.min(longest, Math.max(LEAST_NAME_COLUMNS, columns - 5 - detailColumns));
}

function progressLine(run: RunView, barColumns: number, free: number, paint: Paint): string {
  const { total, finished, failed, elapsedMs, bytesPerSecond, progress } = run;
  const done = finished + runningShares(progress);
  const filled = total === 0 ? 0 : Math.floor(barColumns * Math.min(1, done / total));
  const words = [`${formatCount(finished)}/${plural(total, "task")}`];
  if (failed > 0) words.push(`${formatCount(failed)} failed`);
  words.push(formatBytes(progress.bytes));
  if (bytesPerSecond !== null) words.push(formatRate(bytesPerSecond));
  if (elapsedMs >= 1_000) words.push(formatDuration(Math.floor(elapsedMs / 1_000) * 1_000));
  const [bar, rest] = ["█".repeat(filled), "░".repeat(barColumns - filled)];
  if (barColumns >= free) return truncate(bar + rest, free);
  return paint("good", bar) + rest + truncate(` ${words.join("  ")}`, free - barColumns);
}

function failedLine({ failed, failedTasks }: RunView): string {
  const more = failed > failedTasks.length ? ", …" : "";
  return `  failed: ${failedTasks.map(escapeControl).join(", ")}${more}`;
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

function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(Math.round(bytesPerSecond))}/s`;
}

/** The first text that fits, or the last one. */
function fitting(texts: readonly string[], columns: number): string {
  return texts.find((text) => displayWidth(text) <= columns) ?? texts.at(-1) ?? "";
}

/** What a task does, the longest text first. */
function details(progress: TaskProgress, run: RunView): string[] {
  return waitDetails(progress, run.nowMs) ?? receivingDetails(progress, run.rateOf(progress));
}

/**
 * What a task waits for, the longest text first.
 *
 * @param nowMs Monotonic time.
 * @returns Null while it receives its file.
 */
export function waitDetails(progress: TaskProgress, nowMs: number): string[] | null {
  switch (progress.phase) {
    case "waiting":
      return waitingForHost(progress);
    case "connecting":
      return ["connecting"];
    case "requesting":
      return ["waiting for the response", "waiting for response"];
    case "receiving":
      return null;
    case "publishing":
      return ["publishing"];
    case "retrying":
      return retryDetails(progress, nowMs);
    default:
      return progress.phase satisfies never;
  }
}

function waitingForHost({ url }: TaskProgress): string[] {
  const host = URL.parse(url)?.host ?? "its host";
  return [`waiting for ${escapeControl(host)}`, "waiting for host"];
}

function retryDetails(progress: TaskProgress, nowMs: number): string[] {
  const { retry } = progress;
  const waitMs = Math.ceil((retry?.atMs ?? 0) - nowMs);
  // The wait is over: the task waits for its turn at the host.
  if (retry === null || waitMs <= 0) return waitingForHost(progress);
  const { attempt, attempts, httpStatus, code } = retry;
  const which = attempt === null ? "" : ` ${attempt}/${attempts}`;
  const when = `retry${which} in ${formatRemaining(waitMs)}`;
  return [`${when} (${httpStatus ?? code})`, when];
}

/** Bytes of total, share, rate and remaining time. Numbers are padded, so that columns stay. */
function receivingDetails(progress: TaskProgress, bytesPerSecond: number | null): string[] {
  const { receivedBytes, totalBytes } = progress;
  const received = formatBytes(receivedBytes);
  const rate = bytesPerSecond === null ? null : formatRate(bytesPerSecond).padStart(9);
  const share = shareOf(progress);
  if (totalBytes === null || share === null) {
    return [[received.padStart(7), ...(rate === null ? [] : [rate])].join("  ")];
  }
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const leftBytes = totalBytes - receivedBytes;
  const isEstimable = bytesPerSecond !== null && bytesPerSecond > 0 && leftBytes > 0;
  const left = isEstimable ? formatRemaining(leftBytes * 1_000 / bytesPerSecond) : null;
  const of = `${received.padStart(7)} of ${formatBytes(totalBytes).padEnd(7)}`;
  const rest = [...(rate === null ? [] : [rate]), ...(left === null ? [] : [`${left} left`])];
  const shortRest = [...(rate === null ? [] : [rate]), ...(left === null ? [] : [left])];
  return [[of, percent, ...rest].join("  "), [percent, ...shortRest].join("  "), percent];
}

/** Longest and shortest period that a rate is measured over. */
const RATE_WINDOW_MS = 3_000;
const RATE_LEAST_MS = 500;

/** Measures a rate: from the time and the total bytes to bytes per second, or null. */
export type RateMeter = (nowMs: number, bytes: number) => number | null;

/**
 * Creates a meter of the rate over the last three seconds.
 *
 * @returns Null in the first half second, and after the number of bytes has decreased, as for
 * another attempt.
 */
export function createRateMeter(): RateMeter {
  const samples: { readonly atMs: number; readonly bytes: number }[] = [];
  return (nowMs, bytes) => {
    if (bytes < (samples.at(-1)?.bytes ?? 0)) samples.length = 0;
    samples.push({ atMs: nowMs, bytes });
    while (samples[1] !== undefined && nowMs - samples[1].atMs >= RATE_WINDOW_MS) samples.shift();
    const oldest = samples[0];
    if (oldest === undefined || nowMs - oldest.atMs < RATE_LEAST_MS) return null;
    return (bytes - oldest.bytes) * 1_000 / (nowMs - oldest.atMs);
  };
}

/** Creates a function that measures the rate of each task that is shown. */
export function createTaskRates(
  nowMs: () => number,
): (progress: TaskProgress) => number | null {
  // The meter of a task ends with its progress.
  const meters = new WeakMap<TaskProgress, RateMeter>();
  return (progress) => {
    const meter = meters.get(progress) ?? createRateMeter();
    meters.set(progress, meter);
    return meter(nowMs(), progress.receivedBytes);
  };
}
