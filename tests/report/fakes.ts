/** A terminal, a clock and events for tests of reporters. */

import type { Progress, RunEvent, RunOccurrence, TaskProgress } from "../../lib/core/event.ts";
import type { Clock, Output, Timers } from "../../lib/core/host.ts";
import type { RunSummary, TaskResult, TaskStatus } from "../../lib/core/result.ts";

/** An output that records every write. */
export interface FakeOutput extends Output {
  readonly writes: string[];
  /** Closes the output: further writes return false. */
  breakPipe(): void;
  resize(columns: number): void;
}

export function fakeOutput(terminal: boolean, width = 80): FakeOutput {
  const writes: string[] = [];
  let open = true;
  let columns = width;
  return {
    writes,
    write: (text) => {
      writes.push(text);
      return open;
    },
    ready: () => null,
    end: () => Promise.resolve(true),
    isTerminal: () => terminal,
    columns: () => columns,
    breakPipe: () => open = false,
    resize: (wanted) => columns = wanted,
  };
}

/** A manual clock and timers. */
export interface FakeTime {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Advances the clock and runs due callbacks in order. */
  advance(durationMs: number): void;
  /** Number of pending callbacks. */
  pending(): number;
}

export function fakeTime(): FakeTime {
  let nowMs = 0;
  const waiting = new Set<{ readonly atMs: number; readonly callback: () => void }>();
  return {
    clock: {
      now: () => Temporal.Instant.fromEpochMilliseconds(nowMs),
      monotonicMs: () => nowMs,
    },
    timers: {
      sleep: () => Promise.reject(new Error("reporters do not sleep")),
      after: (durationMs, callback) => {
        const timer = { atMs: nowMs + durationMs, callback };
        waiting.add(timer);
        return () => waiting.delete(timer);
      },
    },
    advance: (durationMs) => {
      const endMs = nowMs + durationMs;
      for (;;) {
        const [next] = [...waiting].filter(({ atMs }) => atMs <= endMs)
          .sort((one, other) => one.atMs - other.atMs);
        if (next === undefined) break;
        waiting.delete(next);
        nowMs = next.atMs;
        next.callback();
      }
      nowMs = endMs;
    },
    pending: () => waiting.size,
  };
}

export function fakeProgress(): Progress {
  return { bytes: 0, running: new Map() };
}

/** Progress of a task that receives a body, unless `more` has another phase. */
export function taskProgress(
  receivedBytes: number,
  totalBytes: number | null = null,
  more: Partial<TaskProgress> = {},
): TaskProgress {
  const url = "https://example.org/file";
  return { url, phase: "receiving", retry: null, receivedBytes, totalBytes, ...more };
}

/** An event with a fixed time and run. */
export function event(occurrence: RunOccurrence): RunEvent {
  return { time: "2026-01-02T03:04:05Z", run: "r1", ...occurrence };
}

export function result(
  task: string,
  status: TaskStatus,
  more: Partial<TaskResult> = {},
): TaskResult {
  return {
    task,
    status,
    url: `https://example.org/${task}`,
    servedFrom: `https://example.org/${task}`,
    key: task,
    bytes: 1_340_000,
    wireBytes: 1_340_000,
    sha256: null,
    sizeBytes: null,
    previousSizeBytes: null,
    partialBytes: null,
    httpStatus: 200,
    attempts: [{ code: null, httpStatus: 200, delayMs: 0 }],
    timings: { queuedMs: 5, responseMs: 100, bodyMs: 1_900, publishMs: 10, totalMs: 2_010 },
    warnings: [],
    ...more,
  };
}

export function finished(
  task: string,
  status: TaskStatus,
  more: Partial<TaskResult> = {},
): RunEvent {
  return event({ type: "task.finished", result: result(task, status, more) });
}

export function summary(
  exitCode: number,
  counts: Partial<Record<TaskStatus, number>> = {},
): RunSummary {
  const none = {
    created: 0,
    updated: 0,
    unchanged: 0,
    pending: 0,
    skipped: 0,
    deferred: 0,
    failed: 0,
    cancelled: 0,
  };
  return { counts: { ...none, ...counts }, bytes: 1_340_000, durationMs: 2_500, exitCode };
}
