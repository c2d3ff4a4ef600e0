/** `run`: download what is planned. */

import { escapeControl } from "../core/text.ts";
import type { Flags } from "./flags.ts";
import type { Config } from "../config/config.ts";
import type { Progress, Reporter } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { variable } from "../config/variables.ts";
import { colorWanted } from "../report/format.ts";
import { consoleReporter } from "../report/console.ts";
import { withoutConditions } from "../schedule/due.ts";
import { openState } from "../state/open.ts";
import type { State } from "../state/state.ts";
import { openStore } from "../store/open.ts";
import { carryOut } from "../worker/run.ts";
import { planWith, prepare, type Prepared } from "./prepare.ts";
import { fileReporters, reportRequests, workflowReporters } from "./reporters.ts";
import { stopOnSignals } from "./signals.ts";

/** Runs the tasks, tells about them as it goes, and gives the exit code they deserve. */
export async function run(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const reports = await fileReporters(reportRequests(flags.report, host.cwd()), host);
  if (flags.dryRun) return await (await import("./plan.ts")).plan(operands, flags, host);
  const prepared = await prepare(operands, flags, host);
  const { config } = prepared;
  using stop = stopOnSignals(host);
  await using owned = new AsyncDisposableStack();
  const state = await openRunState(prepared, host);
  // What it cannot write is told below.
  owned.defer(() => state[Symbol.asyncDispose]().then(null, () => {}));
  await using store = await openStore(config.store, { sync: config.sync }, host);
  const progress: Progress = { bytes: 0, running: new Map() };
  const reporters = [...await createReporters(flags, config, host, progress), ...reports];
  try {
    const plan = await planWith(prepared, flags, state);
    const { summary, unsaved } = await carryOut(flags.force ? withoutConditions(plan) : plan, {
      host,
      store,
      state,
      reporters,
      configFiles: config.files,
      limits: config.limits,
      alertAfter: config.alertAfter,
      secrets: config.secrets,
      progress,
      signal: stop.signal,
      interruptedExitCode: stop.exitCode,
    });
    if (unsaved) host.stderr.write(`${unsaved.message}\n`);
    return summary.exitCode;
  } finally {
    for (const reporter of reporters) await reporter.close();
  }
}

/** Opens the state of a run. Without a config, parts are kept beside the files all the same. */
async function openRunState({ config, isBare }: Prepared, host: Host): Promise<State> {
  if (!isBare || config.store.kind !== "folder") return await openState(config.state, host);
  const { openPartsState } = await import("../state/parts_file.ts");
  return await openPartsState(config.store.path, host);
}

/** Who is told about a run, by what the command line asks for; what is rare is loaded for it. */
export async function createReporters(
  flags: Flags,
  config: Config,
  host: Host,
  progress: Progress,
): Promise<Reporter[]> {
  const output = host.stderr;
  const reporters = await workflowReporters(config, flags.quiet, host);
  if (flags.json) {
    const { ndjsonReporter } = await import("../report/ndjson.ts");
    reporters.push(ndjsonReporter(host.stdout));
  }
  reporters.push(consoleReporter({
    output,
    progress,
    clock: host.clock,
    timers: host.timers,
    color: colorWanted((name) => variable(name, host), output.isTerminal()),
    verbosity: flags.quiet ? "quiet" : flags.verbose ? "verbose" : "normal",
  }));
  const { alerts } = config;
  if (alerts.length > 0) {
    const { alertReporter } = await import("../report/alerts.ts");
    const complain = (sentence: string) => void output.write(`${escapeControl(sentence)}\n`);
    reporters.push(alertReporter({ alerts, host, warn: complain }));
  }
  return reporters;
}
