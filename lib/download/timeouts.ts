/** The time limits of one attempt, as one signal. */

import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import type { Clock, Timers } from "../core/host.ts";
import type { Timeouts } from "../core/task.ts";

/**
 * Watches one attempt. Its signal is aborted by the first limit that passes,
 * with a `CronfetchError` as the reason, or with the parent's reason.
 */
export interface AttemptWatch extends Disposable {
  readonly signal: AbortSignal;
  /** A request goes out: `responseMs` begins. */
  asked(): void;
  /** The headers, or a piece of the body, are here: `idleMs` begins anew. */
  received(): void;
  /** Nothing is expected from the network: only `attemptMs` counts. */
  held(): void;
}

/**
 * Starts the clock of an attempt. One timer serves all limits, however many
 * pieces a body has: it is set again only when it fires early.
 *
 * @param limits Milliseconds.
 * @param parent Ends the attempt from outside.
 */
export function watchAttempt(
  limits: Timeouts,
  parent: AbortSignal,
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
): AttemptWatch {
  const controller = new AbortController();
  const startedMs = clock.monotonicMs();
  let phase: "response" | "idle" | "held" = "held";
  let phaseStartedMs = startedMs;
  let timerDueMs = Infinity;
  let cancelTimer = () => {};

  const phaseEndsMs = () => {
    switch (phase) {
      case "response":
        return phaseStartedMs + limits.responseMs;
      case "idle":
        return phaseStartedMs + limits.idleMs;
      case "held":
        return Infinity;
      default:
        return phase satisfies never;
    }
  };

  const check = () => {
    const nowMs = clock.monotonicMs();
    if (nowMs >= startedMs + limits.attemptMs) {
      controller.abort(
        timeout("timeout.attempt", `the attempt took longer than`, limits.attemptMs),
      );
    } else if (nowMs < phaseEndsMs()) {
      arm();
    } else if (phase === "response") {
      controller.abort(
        timeout("timeout.response", "no response headers within", limits.responseMs),
      );
    } else {
      controller.abort(timeout("timeout.idle", "no more of the body within", limits.idleMs));
    }
  };

  const arm = () => {
    cancelTimer();
    timerDueMs = Math.min(startedMs + limits.attemptMs, phaseEndsMs());
    cancelTimer = timers.after(Math.max(0, timerDueMs - clock.monotonicMs()), check);
  };

  const enter = (next: typeof phase) => {
    phase = next;
    phaseStartedMs = clock.monotonicMs();
    // A timer that fires early only looks and is set again; one that fires late would be wrong.
    if (!controller.signal.aborted && phaseEndsMs() < timerDueMs) arm();
  };

  const follow = () => controller.abort(parent.reason);
  parent.addEventListener("abort", follow);
  if (parent.aborted) follow();
  else arm();

  return {
    signal: controller.signal,
    asked: () => enter("response"),
    received: () => enter("idle"),
    held: () => enter("held"),
    [Symbol.dispose]: () => {
      cancelTimer();
      parent.removeEventListener("abort", follow);
    },
  };
}

function timeout(code: ErrorCode, what: string, limitMs: number): CronfetchError {
  return new CronfetchError(code, `${what} ${limitMs / 1000}s`);
}
