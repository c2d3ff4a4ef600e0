/** Delays before a retry, and work that has to end in time. */

import type { Timers } from "./host.ts";

/**
 * Exponential backoff without jitter: doubles with each failure.
 *
 * @param failures In a row, at least 1.
 * @returns Milliseconds from `firstMs` to `longestMs`.
 */
export function backoffMs(failures: number, firstMs: number, longestMs: number): number {
  return Math.min(longestMs, firstMs * 2 ** (failures - 1));
}

/**
 * Runs work with a time limit.
 *
 * @param work Should observe the signal, which is aborted with the error.
 * @throws What `timedOut` returns, as soon as the time is over; or what the work throws.
 */
export async function withTimeout<Result>(
  timers: Pick<Timers, "after">,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<Result>,
  timedOut: () => Error,
): Promise<Result> {
  const controller = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const cancel = timers.after(timeoutMs, () => {
    const error = timedOut();
    reject(error);
    controller.abort(error);
  });
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    cancel();
  }
}
