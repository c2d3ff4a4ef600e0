/** `run`: download what is planned. */

import type { Flags } from "../cli.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress, Reporter } from "../core/event.ts";
import type { Host, StopSignal } from "../core/host.ts";
import { EXIT } from "../core/result.ts";
import { colorWanted } from "../report/color.ts";
import { consoleReporter } from "../report/console.ts";
import { ndjsonReporter } from "../report/ndjson.ts";
import { openState } from "../state/open.ts";
import { openStore } from "../store/open.ts";
import { carryOut } from "../worker.ts";
import { plan } from "./plan.ts";
import { planWith } from "./plan_for.ts";
import { prepare } from "./prepare.ts";

/** Runs the tasks, tells about them as it goes, and gives the exit code they deserve. */
export async function run(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  if (flags.dryRun) return await plan(operands, flags, host);
  const prepared = await prepare(operands, flags, host);
  const { config } = prepared;
  using stop = stopOnSignals(host);
  await using state = await openState(config.state, host);
  await using store = await openStore(config.store, { sync: config.sync }, host);
  const progress: Progress = { bytes: 0, running: new Map() };
  const reporters = createReporters(flags, host, progress);
  try {
    const summary = await carryOut(await planWith(prepared, flags, state), {
      host,
      store,
      state,
      reporters,
      limits: config.limits,
      alertAfter: config.alertAfter,
      secrets: config.secrets,
      progress,
      signal: stop.signal,
      interruptedExitCode: stop.exitCode,
    });
    return summary.exitCode;
  } finally {
    for (const reporter of reporters) await reporter.close();
  }
}

function createReporters(flags: Flags, host: Host, progress: Progress): Reporter[] {
  const output = host.stderr;
  const people = consoleReporter({
    output,
    progress,
    clock: host.clock,
    timers: host.timers,
    color: colorWanted(host.env, output.isTerminal()),
    verbosity: flags.quiet ? "quiet" : flags.verbose ? "verbose" : "normal",
  });
  return flags.json ? [ndjsonReporter(host.stdout), people] : [people];
}

/** What the signals of a process ask for. */
interface Stop extends Disposable {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** The exit code of the signal that came. */
  readonly exitCode: () => number;
}

/** Listens to SIGINT and SIGTERM: the first stops the run cleanly, the second ends it at once. */
function stopOnSignals(host: Host): Stop {
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
