/** Clock and timers for tests: time that moves by sleeping or on demand. */

import type { Clock, Timers } from "../../lib/core/host.ts";

/** What {@linkcode testTime} needs; see `TestHostOptions` for the meanings. */
export interface TestTimeOptions {
  /** Wall time at the start, RFC 3339. */
  readonly now: string;
  /** How `timers.sleep` waits. */
  readonly sleep: "instant" | "manual";
  /** How `timers.after` waits. */
  readonly timers: "real" | "manual";
}

/** A clock, its timers, and the hand that moves them. */
export interface TestTime {
  readonly clock: Clock;
  readonly timers: Timers;
  /** The duration of every sleep asked for, in milliseconds, in order. */
  readonly slept: readonly number[];
  /**
   * Moves both clocks by `durationMs`. On the way every callback that comes due
   * is called at its time, in order, and what it set off may run before the next.
   */
  advance(durationMs: number): Promise<void>;
  /** Sleeps under way; with instant sleeps always 0. */
  sleeping(): number;
  /** Moves the wall clock alone, forwards or backwards, as an administrator does. */
  jump(durationMs: number): void;
}

interface Alarm {
  readonly dueMs: number;
  readonly callback: () => void;
}

/**
 * Makes a clock and timers. Both clocks are moved by sleeping and `advance`; the
 * monotonic one starts at 0, and with real timers it runs besides, since a
 * timeout that has fired must find that its time has passed.
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

/** Turns of the event loop in which promises and finished input are seen to. */
const SETTLING_TURNS = 3;

async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLING_TURNS; turn++) {
    await new Promise((done) => setTimeout(done, 0));
  }
}

/** A promise that `begin` fulfils by its callback, unless the signal comes first. */
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
