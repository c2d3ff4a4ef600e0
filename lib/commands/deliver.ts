/** The end of a command: its output reaches the readers before the process exits. */

import type { Host } from "../core/host.ts";
import { EXIT } from "../core/result.ts";
import { stopOnSignals } from "./stop.ts";

/** How long a reader that accepts nothing is waited for. */
const PATIENCE_MS = 60_000;
/** The same after a signal or a deadline, when the caller wants the process to end. */
const HURRIED_MS = 2_000;

/** Exit codes of commands that were ended from outside. */
const HURRIED: readonly number[] = [EXIT.interrupted, EXIT.terminated, EXIT.deadline];

/**
 * Waits until standard output and standard error are written. A signal ends the wait.
 *
 * @param exitCode The exit code of the command.
 * @returns The exit code of the process: where standard output was not read to its end, success
 * becomes `EXIT.temporary`, since a caller that trusts the output must not take it for complete.
 */
export async function deliver(
  exitCode: number,
  host: Pick<Host, "stdout" | "stderr" | "onSignal" | "exit">,
): Promise<number> {
  using stop = stopOnSignals(host);
  const { signal } = stop;
  const patienceMs = HURRIED.includes(exitCode) ? HURRIED_MS : PATIENCE_MS;
  const [isDelivered] = await Promise.all([
    host.stdout.end(patienceMs, signal),
    host.stderr.end(patienceMs, signal),
  ]);
  // The host has reported the loss on standard error.
  if (!isDelivered) await host.stderr.end(HURRIED_MS, new AbortController().signal);
  if (signal.aborted) return stop.exitCode();
  return !isDelivered && exitCode === EXIT.good ? EXIT.temporary : exitCode;
}
