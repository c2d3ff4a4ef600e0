/** The rate limit: how many body bytes a second all tasks together may take. */

import type { Clock, Timers } from "../core/host.ts";

/** Waits until `bytes` more may be taken; rejects with the signal's reason. */
export type Throttle = (bytes: number, signal: AbortSignal) => Promise<void>;

/**
 * A leaky bucket over all tasks: bytes are booked as they arrive, and whoever
 * booked past the rate waits until the rate has caught up. A pause earns at
 * most one second's worth of bytes.
 *
 * @param bytesPerSecond The limit.
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
