/** What ends a run before its time: somebody outside, or its deadline. */

import { CronfetchError } from "../core/errors.ts";
import type { Timers } from "../core/host.ts";
import { abortReason } from "../http/network_error.ts";

/** Watches a run from its start until it is disposed of. */
export interface RunWatch extends Disposable {
  /** Aborted once the run is to end; the reason is a `CronfetchError` in every case. */
  readonly signal: AbortSignal;
  /** Whether it was the deadline. */
  readonly deadlinePassed: () => boolean;
}

/**
 * Starts the clock of a run.
 *
 * @param deadlineMs Milliseconds from now, or null for no limit.
 * @param parent Ends the run from outside, for whatever reason.
 */
export function watchRun(
  deadlineMs: number | null,
  parent: AbortSignal,
  timers: Timers,
): RunWatch {
  const controller = new AbortController();
  const passed = new CronfetchError("timeout.deadline", "the run's deadline passed");
  const cancel = deadlineMs === null
    ? () => {}
    : timers.after(deadlineMs, () => controller.abort(passed));
  // A program may abort with anything, and within the run nobody has to know.
  const follow = () => controller.abort(abortReason(parent));
  parent.addEventListener("abort", follow);
  if (parent.aborted) follow();
  return {
    signal: controller.signal,
    deadlinePassed: () => controller.signal.reason === passed,
    [Symbol.dispose]: () => {
      cancel();
      parent.removeEventListener("abort", follow);
    },
  };
}
