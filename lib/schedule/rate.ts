/** Rates: requests of a host that recovers from a pause, and bytes per second of a run. */

import type { Clock, Timers } from "../core/host.ts";

/** The speed of a host that recovers. A host without one works at full speed. */
export interface Ramp {
  /** Items that may work at once. */
  readonly allowed: number;
  /** The number up to which `allowed` grows. */
  readonly ceiling: number;
  /** Milliseconds between two starts. */
  readonly gapMs: number;
  /** Successes since the last pause. */
  readonly successes: number;
  /** Pauses since the last success. */
  readonly pauses: number;
}

/** Successes since the last pause after which the host may work faster than that pause allowed. */
export const PROBATION = 8;

const FIRST_GAP_MS = 250;

/**
 * The speed after a pause: one item at a time. A pause that interrupts a ramp after a success
 * halves the number at which it ends; where that is one already, the gap between two starts
 * doubles, beginning at 250 ms. A pause without a success in between only means that the host has
 * not recovered yet.
 *
 * The gap is never longer than the pause: a host that limits its rate admits a request after
 * either, and one that fails at random would only lose time.
 *
 * @param ramp The speed before the pause, or null for full speed.
 * @param perHost Items that work at once at full speed.
 * @param pauseMs Length of the pause.
 */
export function rampAfterPause(ramp: Ramp | null, perHost: number, pauseMs: number): Ramp {
  if (ramp === null) {
    return { allowed: 1, ceiling: perHost, gapMs: 0, successes: 0, pauses: 1 };
  }
  const restarted = { ...ramp, allowed: 1, successes: 0, pauses: ramp.pauses + 1 };
  if (ramp.successes === 0) return restarted;
  if (ramp.ceiling > 1) {
    return { ...restarted, ceiling: Math.max(1, Math.floor(ramp.allowed / 2)) };
  }
  return { ...restarted, gapMs: Math.min(pauseMs, Math.max(FIRST_GAP_MS, ramp.gapMs * 2)) };
}

/**
 * The speed after a success: as soon as all items that may work at once have succeeded, twice as
 * many may, up to the ceiling: 1, 2, 4 and so on, as in TCP's slow start (RFC 5681, 3.1). Every
 * {@linkcode PROBATION} successes without a pause halve the gap, and then double the ceiling.
 *
 * @returns Null for full speed.
 */
export function rampAfterSuccess(ramp: Ramp, perHost: number): Ramp | null {
  const successes = ramp.successes + 1;
  const isTrusted = successes % PROBATION === 0;
  const gapMs = !isTrusted ? ramp.gapMs : ramp.gapMs > FIRST_GAP_MS ? ramp.gapMs / 2 : 0;
  const ceiling = isTrusted && ramp.gapMs === 0
    ? Math.min(perHost, ramp.ceiling * 2)
    : ramp.ceiling;
  // Rounds of 1, 2, 4 … items are complete after 1, 3, 7 … successes.
  const allowed = Math.min(ceiling, 2 ** Math.floor(Math.log2(successes + 1)));
  if (allowed >= perHost && gapMs === 0) return null;
  return { allowed, ceiling, gapMs, successes, pauses: 0 };
}

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
