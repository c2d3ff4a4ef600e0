/** The time that a run under way is given once a program is told to stop. */

import type { Timers } from "../core/host.ts";

/** Follows a signal, later. */
export interface Grace extends Disposable {
  /** Aborted with the same reason, once the grace is over. */
  readonly signal: AbortSignal;
}

/**
 * Begins the grace once `stop` is aborted.
 *
 * @param graceMs How long it is, in milliseconds; 0 is none.
 * @param begun Called when it begins.
 */
export function graceAfter(
  stop: AbortSignal,
  graceMs: number,
  timers: Timers,
  begun: () => void,
): Grace {
  const controller = new AbortController();
  const end = () => controller.abort(stop.reason);
  let cancel = () => {};
  const begin = () => {
    begun();
    if (graceMs === 0) end();
    else cancel = timers.after(graceMs, end);
  };
  stop.addEventListener("abort", begin);
  if (stop.aborted) begin();
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      cancel();
      stop.removeEventListener("abort", begin);
    },
  };
}
