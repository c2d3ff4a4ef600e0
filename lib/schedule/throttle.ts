/** The rate limit: body bytes per second over all tasks. */

import type { Clock, Timers } from "../core/host.ts";

/** Books received bytes and waits until they are within the rate; rejects with the signal's reason. */
export type Throttle = (bytes: number, signal: AbortSignal) => Promise<void>;

/**
 * A leaky bucket over all tasks: bytes are booked as they arrive, and a caller above the rate waits
 * until the rate has caught up. An idle time allows a burst of at most one second.
 */
export function createThrottle(
  bytesPerSecond: number,
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
): Throttle {
  /** Monotonic time at which everything booked so far is within the rate. */
  let evenMs = -Infinity;
  return async (bytes, signal) => {
    const nowMs = clock.monotonicMs();
    evenMs = Math.max(evenMs, nowMs - 1000) + bytes / bytesPerSecond * 1000;
    if (evenMs > nowMs) await timers.sleep(evenMs - nowMs, signal);
  };
}
