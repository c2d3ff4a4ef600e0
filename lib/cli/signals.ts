/** What a process is told from outside while a command works. */

import { CronfetchError } from "../core/errors.ts";
import type { Host, StopSignal } from "../core/host.ts";
import { EXIT } from "../core/result.ts";

/** What the signals of a process ask for. */
export interface Stop extends Disposable {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** The exit code of the signal that came. */
  readonly exitCode: () => number;
}

/** Listens to SIGINT and SIGTERM: the first stops the work cleanly, the second ends it at once. */
export function stopOnSignals(host: Pick<Host, "onSignal" | "exit">): Stop {
  const controller = new AbortController();
  let exitCode: number = EXIT.interrupted;
  const listen = (signal: StopSignal, code: number) =>
    host.onSignal(signal, () => {
      if (controller.signal.aborted) host.exit(code);
      exitCode = code;
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
