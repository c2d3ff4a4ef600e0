/** What ends a run from outside: signals of the process with their grace period, and deadlines. */

import { CronfetchError } from "../core/errors.ts";
import type { Host, StopSignal, Timers } from "../core/host.ts";
import { EXIT } from "../core/result.ts";
import { abortReason } from "../http/network_error.ts";

/** SIGINT and SIGTERM. Disposal stops listening. */
export interface Signals extends Disposable {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** The exit code of the first signal. */
  readonly exitCode: () => number;
}

/**
 * A terminal and systemd send a signal to every process of a group. Wrappers in the group, such as
 * npx, forward it, so it arrives twice; one that follows so soon is the same one.
 */
const SAME_SIGNAL_MS = 250;

/** Listens to SIGINT and SIGTERM: the first aborts, the second exits immediately. */
export function abortOnSignals(host: Pick<Host, "onSignal" | "exit" | "clock">): Signals {
  const controller = new AbortController();
  let exitCode: number = EXIT.interrupted;
  let firstMs = 0;
  const listen = (signal: StopSignal, code: number) =>
    host.onSignal(signal, () => {
      if (controller.signal.aborted) {
        const isSame = code === exitCode && host.clock.monotonicMs() - firstMs < SAME_SIGNAL_MS;
        return isSame ? undefined : host.exit(code);
      }
      exitCode = code;
      firstMs = host.clock.monotonicMs();
      controller.abort(new CronfetchError("cancelled", `interrupted by ${signal}`));
    });
  const removals = [
    listen("SIGINT", EXIT.interrupted),
    listen("SIGTERM", EXIT.terminated),
  ];
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    [Symbol.dispose]: () => removals.forEach((remove) => remove()),
  };
}

/** A signal that follows another one after a delay. */
export interface GracePeriod extends Disposable {
  /** Aborted with the same reason at the end of the period. */
  readonly signal: AbortSignal;
}

/**
 * Starts a grace period when `stop` is aborted.
 *
 * @param graceMs Its length in milliseconds; 0 for none.
 * @param onStart Called when it starts.
 */
export function startGrace(
  stop: AbortSignal,
  graceMs: number,
  timers: Timers,
  onStart: () => void,
): GracePeriod {
  const controller = new AbortController();
  const end = () => controller.abort(stop.reason);
  let cancel = () => {};
  const start = () => {
    onStart();
    if (graceMs === 0) end();
    else cancel = timers.after(graceMs, end);
  };
  stop.addEventListener("abort", start);
  if (stop.aborted) start();
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      cancel();
      stop.removeEventListener("abort", start);
    },
  };
}

/** The end of a run from outside: its deadline or the parent signal. Disposal stops the timer. */
export interface RunDeadline extends Disposable {
  /** Aborted at that end, always with a `CronfetchError` as the reason. */
  readonly signal: AbortSignal;
  /** Whether the deadline has aborted it. */
  readonly hasPassed: () => boolean;
}

/**
 * Starts the deadline of a run.
 *
 * @param deadlineMs Milliseconds from now, or null for no limit.
 * @param parent Ends the run too, with any reason.
 */
export function startDeadline(
  deadlineMs: number | null,
  parent: AbortSignal,
  timers: Timers,
): RunDeadline {
  const controller = new AbortController();
  const passed = new CronfetchError("timeout.deadline", "the run's deadline passed");
  const cancel = deadlineMs === null
    ? () => {}
    : timers.after(deadlineMs, () => controller.abort(passed));
  // A caller of the library may abort with any value; only CronfetchErrors are used inside.
  const follow = () => controller.abort(abortReason(parent));
  parent.addEventListener("abort", follow);
  if (parent.aborted) follow();
  return {
    signal: controller.signal,
    hasPassed: () => controller.signal.reason === passed,
    [Symbol.dispose]: () => {
      cancel();
      parent.removeEventListener("abort", follow);
    },
  };
}
