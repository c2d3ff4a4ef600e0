/** The time limits of attempts: one signal each, one timer for all. */

import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import type { Clock, Timers } from "../core/host.ts";
import type { Timeouts } from "../core/task.ts";

/**
 * The time of an attempt that does not count against the retry budget: while its body was
 * received, without the wait that ended it.
 *
 * @param trace How long the body took in milliseconds, and how many bytes were received.
 * @param code Why the attempt failed.
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
 * Watches one attempt. Its signal is aborted by the first limit that passes,
 * with a `CronfetchError` as the reason, or with the run's reason.
 */
export interface AttemptWatch extends Disposable {
  readonly signal: AbortSignal;
  /** A request goes out: `responseMs` begins. */
  startResponse(): void;
  /** The headers, or a piece of the body, are here: `idleMs` begins anew. */
  progress(): void;
  /** Nothing is expected from the network: only `attemptMs` counts, if there is such a limit. */
  pause(): void;
}

/** Watches the attempts of a run. */
export interface AttemptWatcher {
  /** Starts the clock of an attempt. Limits are in milliseconds. */
  watch(limits: Timeouts): AttemptWatch;
}

/**
 * Makes the watcher of a run. However many attempts there are, and pieces in
 * their bodies, there is one timer. It is set anew when something is due before
 * it, or when it fires early; and there is none while nothing is watched.
 *
 * @param parent Ends every attempt, from outside.
 */
export function createWatcher(
  parent: AbortSignal,
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
): AttemptWatcher {
  const watches = new Set<Watch>();
  let timerDueMs = Infinity;
  let cancelTimer = () => {};

  const arm = (dueMs: number) => {
    cancelTimer();
    timerDueMs = dueMs;
    cancelTimer = timers.after(Math.max(0, dueMs - clock.monotonicMs()), look);
  };

  const look = () => {
    const nowMs = clock.monotonicMs();
    timerDueMs = Infinity;
    let nextMs = Infinity;
    for (const watch of watches) {
      if (nowMs >= watch.dueMs) watch.end(nowMs);
      else nextMs = Math.min(nextMs, watch.dueMs);
    }
    if (nextMs < Infinity) arm(nextMs);
  };

  const forget = (watch: Watch) => {
    watches.delete(watch);
    if (watches.size > 0) return;
    cancelTimer();
    timerDueMs = Infinity;
  };

  // A timer that fires early only looks and is set again; one that fires late would be wrong.
  const due = (dueMs: number) => {
    if (dueMs < timerDueMs) arm(dueMs);
  };

  parent.addEventListener("abort", () => {
    for (const watch of watches) watch.abort(parent.reason);
  });
  return {
    watch: (limits) => {
      const watch = new Watch(limits, clock, due, forget);
      watches.add(watch);
      if (parent.aborted) watch.abort(parent.reason);
      return watch;
    },
  };
}

class Watch implements AttemptWatch {
  /** Monotonic time at which a limit passes unless something happens. */
  dueMs: number;
  readonly #controller = new AbortController();
  readonly #limits: Timeouts;
  readonly #clock: Clock;
  readonly #due: (dueMs: number) => void;
  readonly #forget: (watch: Watch) => void;
  readonly #attemptEndsMs: number;
  #isForAnswer = false;

  constructor(
    limits: Timeouts,
    clock: Clock,
    due: (dueMs: number) => void,
    forget: (watch: Watch) => void,
  ) {
    this.#limits = limits;
    this.#clock = clock;
    this.#due = due;
    this.#forget = forget;
    this.#attemptEndsMs = clock.monotonicMs() + (limits.attemptMs ?? Infinity);
    this.dueMs = this.#attemptEndsMs;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  startResponse(): void {
    this.#isForAnswer = true;
    this.#wait(this.#limits.responseMs);
  }

  progress(): void {
    this.#isForAnswer = false;
    this.#wait(this.#limits.idleMs);
  }

  pause(): void {
    this.#wait(Infinity);
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** Ends the attempt for the limit that has passed. */
  end(nowMs: number): void {
    this.dueMs = Infinity;
    const { responseMs, idleMs, attemptMs } = this.#limits;
    if (nowMs >= this.#attemptEndsMs) {
      this.abort(timeout("timeout.attempt", "the attempt took longer than", attemptMs ?? Infinity));
    } else if (this.#isForAnswer) {
      this.abort(timeout("timeout.response", "no response headers within", responseMs));
    } else {
      this.abort(timeout("timeout.idle", "no more of the body within", idleMs));
    }
  }

  [Symbol.dispose](): void {
    this.#forget(this);
  }

  #wait(patienceMs: number): void {
    if (this.signal.aborted) return;
    this.dueMs = Math.min(this.#attemptEndsMs, this.#clock.monotonicMs() + patienceMs);
    this.#due(this.dueMs);
  }
}

function timeout(code: ErrorCode, what: string, limitMs: number): CronfetchError {
  return new CronfetchError(code, `${what} ${limitMs / 1000}s`);
}
