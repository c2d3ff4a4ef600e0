/** `run`: downloads the planned tasks. */

import { requireStore } from "../worker/store_fault.ts";
import type { Progress } from "../core/event.ts";
import type { Task } from "../core/task.ts";
import { expandTasks } from "../lists/expand.ts";
import { withoutConditions } from "../schedule/plan.ts";
import { alertingOnFailure, runTasks } from "../worker/run.ts";
import { abortOnSignals } from "../worker/signals.ts";
import { openStorage, type StorageOverrides } from "../worker/storage.ts";
import type { CommandHost, Flags } from "./flags.ts";
import { consoleReporter } from "../report/console.ts";
import { planTasks, type Prepared, prepareRun } from "./prepare.ts";
import { consoleOptions, createReporters, fileReporters, reportRequests } from "./reporters.ts";

/** Runs the tasks, and reports them. Returns the exit code of the run. */
export async function run(
  operands: readonly string[],
  flags: Flags,
  host: CommandHost,
): Promise<number> {
  const requests = reportRequests(flags.report, host.cwd());
  const reports = await fileReporters(requests, host);
  if (flags.dryRun) return await (await import("./plan.ts")).plan(operands, flags, host);
  const prepared = await prepareRun(operands, flags, host);
  const { config } = prepared;
  const execute = flags.workers === undefined
    ? null
    : await (await import("./workers.ts")).executeOf(flags, host);
  using signals = abortOnSignals(host);
  const beforeRun = { config, host, signal: signals.signal, state: null };
  await using storage = await alertingOnFailure(
    beforeRun,
    () => openStorage(config, host, overridesOf(prepared)),
  );
  const { state } = storage;
  const makePlan = async (tasks: readonly Task[]) => {
    const plan = await planTasks({ ...prepared, tasks }, flags.due ? state : null);
    return flags.force ? withoutConditions(plan) : plan;
  };
  const plan = await alertingOnFailure(beforeRun, () => makePlan(prepared.tasks));
  const isEmpty = plan.entries.every(({ included }) => !included);
  const progress: Progress = { bytes: 0, running: new Map() };
  const { summary, unsaved } = await runTasks(
    config,
    plan,
    {
      host,
      lists: {
        replan: async () => await makePlan(await expandTasks(config, state, prepared.at)),
        acceptsShrunk: flags.force,
      },
      storage: {
        state: storage.state,
        openStore: async (owned) => {
          if (!isEmpty) await requireStore(config.store, host.random);
          return await storage.openStore(owned);
        },
      },
      trigger: flags.due ? "schedule" : "manual",
      openReporters: async () => {
        const ids = plan.entries.filter(({ included }) => included).map(({ task }) => task.id);
        const context = { flags, config, host, progress, ids };
        const console = consoleReporter(await consoleOptions(context, prepared.isBare));
        return [...await createReporters(context, console), ...reports];
      },
      progress,
      ...(execute && { execute: execute(config) }),
      signal: signals.signal,
      interruptedExitCode: signals.exitCode,
    },
  );
  const pages = requests.filter(({ kind }) => kind === "html");
  if (pages.length > 0) {
    const { writeHtmlReports } = await import("./html_report.ts");
    await writeHtmlReports(pages.map(({ path }) => path), config, storage.state, host);
  }
  if (unsaved) host.stderr.write(`${unsaved.message}\n`);
  return summary.exitCode;
}

/** A run without a config keeps its partial files beside the published ones. */
function overridesOf({ config: { store }, isBare }: Prepared): StorageOverrides {
  if (!isBare || store.kind !== "folder") return {};
  return {
    openState: async (_location, host) =>
      await (await import("../state/parts_file.ts")).openPartsState(store.path, host),
  };
}
