/** Signals of the process, and the grace period that follows them. */

import { CronfetchError } from "../core/errors.ts";
import type { Host, StopSignal, Timers } from "../core/host.ts";
import { EXIT } from "../core/result.ts";

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
