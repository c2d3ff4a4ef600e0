/** The time limits of attempts: one signal per attempt, one timer for all. */

import { ActiveSet } from "../core/allocation.ts";
import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import type { Clock, Timers } from "../core/host.ts";
import type { TaskPhase } from "../core/event.ts";
import type { RequestPhases } from "../core/http.ts";
import type { Timeouts } from "../core/task.ts";

/**
 * The time of a failed attempt that does not count against the retry budget: while the body was
 * received, without a final stall.
 *
 * @param stats Duration of the body in milliseconds, and the number of bytes received.
 * @returns Milliseconds.
 */
export function receivingMs(
  { bodyMs, bytes }: { readonly bodyMs: number; readonly bytes: number },
  code: ErrorCode,
  { idleMs }: Timeouts,
): number {
  if (bytes === 0) return 0;
  return Math.max(0, code === "timeout.idle" ? bodyMs - idleMs : bodyMs);
}

/**
 * The time limits of one attempt. Its signal is aborted with a `CronfetchError` when a limit
 * passes, or with the reason of the run.
 */
export interface AttemptWatch extends Disposable, RequestPhases {
  readonly signal: AbortSignal;
  /** Headers or body bytes arrived: restarts `idleMs`. */
  progress(): void;
  /** No bytes are expected from the network: only `attemptMs` applies. */
  pause(): void;
}

/** The phase of an attempt, as shown while it runs. */
export interface ShownPhase {
  phase: TaskPhase;
}

/** Enforces the time limits of the attempts of a run. */
export interface AttemptWatcher {
  /**
   * Starts an attempt. Dispose of the watch at its end.
   *
   * @param progress Shows whether the attempt connects or waits for a response; null if it is
   * not shown.
   */
  watch(limits: Timeouts, progress?: ShownPhase | null): AttemptWatch;
}

/**
 * Creates the watcher of a run. All attempts share one timer, however many pieces their bodies
 * have. It is set again when an earlier limit is added, or when it fires before a limit has passed;
 * there is none while there is no attempt.
 *
 * @param parent Aborts every attempt.
 */
export function createWatcher(
  parent: AbortSignal,
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
): AttemptWatcher {
  const watches = new ActiveSet<AttemptTimer>();
  let timerDueMs = Infinity;
  let cancelTimer = () => {};

  const arm = (dueMs: number) => {
    cancelTimer();
    timerDueMs = dueMs;
    cancelTimer = timers.after(Math.max(0, dueMs - clock.monotonicMs()), check);
  };

  const check = () => {
    const nowMs = clock.monotonicMs();
    timerDueMs = Infinity;
    let nextMs = Infinity;
    for (const watch of watches.all()) {
      if (nowMs >= watch.dueMs) watch.end(nowMs);
      else nextMs = Math.min(nextMs, watch.dueMs);
    }
    if (nextMs < Infinity) arm(nextMs);
  };

  const remove = (watch: AttemptTimer) => {
    watches.delete(watch);
    if (watches.size > 0) return;
    cancelTimer();
    timerDueMs = Infinity;
  };

  // A later limit needs no new timer: the current one fires early, and is set again.
  const schedule = (dueMs: number) => {
    if (dueMs < timerDueMs) arm(dueMs);
  };

  parent.addEventListener("abort", () => {
    for (const watch of watches.all()) watch.abort(parent.reason);
  });
  return {
    watch: (limits, progress = null) => {
      const watch = new AttemptTimer(limits, progress, clock, schedule, remove);
      watches.add(watch);
      if (parent.aborted) watch.abort(parent.reason);
      return watch;
    },
  };
}

class AttemptTimer implements AttemptWatch {
  /** Monotonic time at which the next limit passes. */
  dueMs: number;
  readonly #controller = new AbortController();
  readonly #limits: Timeouts;
  readonly #progress: ShownPhase | null;
  readonly #clock: Clock;
  readonly #schedule: (dueMs: number) => void;
  readonly #remove: (watch: AttemptTimer) => void;
  readonly #attemptEndsMs: number;
  /** The limit that applies besides that of the attempt. */
  #awaited: "connection" | "headers" | "body" = "body";

  constructor(
    limits: Timeouts,
    progress: ShownPhase | null,
    clock: Clock,
    schedule: (dueMs: number) => void,
    remove: (watch: AttemptTimer) => void,
  ) {
    this.#limits = limits;
    this.#progress = progress;
    this.#clock = clock;
    this.#schedule = schedule;
    this.#remove = remove;
    this.#attemptEndsMs = clock.monotonicMs() + (limits.attemptMs ?? Infinity);
    this.dueMs = this.#attemptEndsMs;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  startConnect(): void {
    this.#awaited = "connection";
    if (this.#progress) this.#progress.phase = "connecting";
    this.#wait(this.#limits.connectMs);
  }

  startResponse(): void {
    this.#awaited = "headers";
    if (this.#progress) this.#progress.phase = "requesting";
    this.#wait(this.#limits.responseMs);
  }

  progress(): void {
    this.#awaited = "body";
    this.#wait(this.#limits.idleMs);
  }

  pause(): void {
    this.#wait(Infinity);
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** Aborts the attempt because a limit has passed. */
  end(nowMs: number): void {
    this.dueMs = Infinity;
    const { connectMs, responseMs, idleMs, attemptMs } = this.#limits;
    if (nowMs >= this.#attemptEndsMs) {
      this.abort(timeout("timeout.attempt", "the attempt took longer than", attemptMs ?? Infinity));
      return;
    }
    switch (this.#awaited) {
      case "connection":
        return this.abort(timeout("timeout.connect", "no connection within", connectMs));
      case "headers":
        return this.abort(timeout("timeout.response", "no response headers within", responseMs));
      case "body":
        return this.abort(timeout("timeout.idle", "no bytes of the body within", idleMs));
      default:
        this.#awaited satisfies never;
    }
  }

  [Symbol.dispose](): void {
    this.#remove(this);
  }

  #wait(durationMs: number): void {
    if (this.signal.aborted) return;
    this.dueMs = Math.min(this.#attemptEndsMs, this.#clock.monotonicMs() + durationMs);
    this.#schedule(this.dueMs);
  }
}

function timeout(code: ErrorCode, what: string, limitMs: number): CronfetchError {
  return new CronfetchError(code, `${what} ${limitMs / 1000}s`);
}
