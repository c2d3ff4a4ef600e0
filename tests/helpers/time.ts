/** A controlled clock and timers for tests. */

import type { Clock, Timers } from "../../lib/core/host.ts";

/** Options of {@linkcode testTime}; see `TestHostOptions`. */
export interface TestTimeOptions {
  /** Wall time at the start, RFC 3339. */
  readonly now: string;
  /** How `timers.sleep` waits. */
  readonly sleep: "instant" | "manual";
  /** How `timers.after` waits. */
  readonly timers: "real" | "manual";
}

/** A clock, its timers, and controls. */
export interface TestTime {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Durations of all sleeps in milliseconds, in order. */
  readonly slept: readonly number[];
  /**
   * Advances both clocks by `durationMs`. Due callbacks are called at their times, in order, and
   * pending promises settle in between.
   */
  advance(durationMs: number): Promise<void>;
  /** Number of pending sleeps; 0 with instant sleeps. */
  sleeping(): number;
  /** Moves only the wall clock, forwards or backwards. */
  jump(durationMs: number): void;
}

interface Alarm {
  readonly dueMs: number;
  readonly callback: () => void;
}

/**
 * Creates a clock and timers. Sleeping and `advance` move both clocks. The monotonic one starts at 0;
 * with real timers it also follows real time, so that a fired timeout finds its time elapsed.
 */
export function testTime(options: TestTimeOptions): TestTime {
  const start = Temporal.Instant.from(options.now);
  const startMs = performance.now();
  const slept: number[] = [];
  const alarms = new Set<Alarm>();
  let sleeping = 0;
  let movedMs = 0;
  let jumpedMs = 0;

  function setAlarm(durationMs: number, callback: () => void): () => void {
    const alarm = { dueMs: movedMs + durationMs, callback };
    alarms.add(alarm);
    return () => void alarms.delete(alarm);
  }

  function fireNext(untilMs: number): boolean {
    let next: Alarm | undefined;
    for (const alarm of alarms) {
      if (alarm.dueMs <= untilMs && (next === undefined || alarm.dueMs < next.dueMs)) next = alarm;
    }
    if (next === undefined) return false;
    alarms.delete(next);
    movedMs = Math.max(movedMs, next.dueMs);
    next.callback();
    return true;
  }

  return {
    slept,
    clock: {
      now: () => start.add({ milliseconds: Math.round(movedMs + jumpedMs) }),
      monotonicMs: () =>
        options.timers === "manual" ? movedMs : movedMs + performance.now() - startMs,
    },
    timers: {
      sleep(durationMs, signal) {
        if (signal.aborted) return Promise.reject(signal.reason);
        slept.push(durationMs);
        if (options.sleep === "manual") {
          sleeping++;
          return abortable((done) => setAlarm(durationMs, done), signal).finally(() => sleeping--);
        }
        const untilMs = movedMs + durationMs;
        while (fireNext(untilMs));
        movedMs = Math.max(movedMs, untilMs);
        return signal.aborted ? Promise.reject(signal.reason) : Promise.resolve();
      },
      after: options.timers === "manual" ? setAlarm : realAlarm,
    },
    async advance(durationMs) {
      const untilMs = movedMs + durationMs;
      do await settle(); while (fireNext(untilMs));
      movedMs = Math.max(movedMs, untilMs);
      await settle();
    },
    sleeping: () => sleeping,
    jump(durationMs) {
      jumpedMs += durationMs;
    },
  };
}

function realAlarm(durationMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, durationMs);
  return () => clearTimeout(timer);
}

/** Waits some turns of the event loop, so that promises and completed I/O settle. */
const SETTLING_TURNS = 3;

async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLING_TURNS; turn++) {
    await new Promise((done) => setTimeout(done, 0));
  }
}

/** A promise that `begin` fulfils by its callback, or that rejects on abort. */
function abortable(begin: (done: () => void) => () => void, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => {
    cancel();
    reject(signal.reason);
  };
  const cancel = begin(() => {
    signal.removeEventListener("abort", abort);
    resolve();
  });
  signal.addEventListener("abort", abort, { once: true });
  return promise;
}
