/** `run`: the whole of cronfetch as one function. */

import type { ConfigInput } from "./config/input.ts";
import { loadValue, patternEngineFor } from "./config/load.ts";
import { knownIds, tasksOf } from "./config/config.ts";
import type { Reporter, RunEvent } from "./core/event.ts";
import type { Host } from "./core/host.ts";
import { EXIT, type RunSummary, type TaskResult } from "./core/result.ts";
import { escapeControl } from "./core/text.ts";
import { realHost } from "./host.ts";
import { alertReporter } from "./report/alerts.ts";
import { makePlan, withoutConditions } from "./schedule/due.ts";
import { openState } from "./state/open.ts";
import { dueMemory } from "./state/record.ts";
import type { State } from "./state/state.ts";
import { openStore } from "./store/open.ts";
import type { Store } from "./store/store.ts";
import { carryOut } from "./worker/run.ts";

/** How to run; everything may be left out. */
export interface RunOptions {
  /** Ids of the tasks to run. Default: all. */
  readonly only?: readonly string[];
  /** Only what is due by its schedule. Default: false. */
  readonly due?: boolean;
  /** Ignore validators, as `"conditional": false` does for one task. Default: false. */
  readonly force?: boolean;
  /** Ends the run early; every task still gets its result. */
  readonly signal?: AbortSignal;
  /** Told about everything as it happens. */
  readonly onEvent?: (event: RunEvent) => void;
  /** The outside world. Default: this process's. */
  readonly host?: Host;
  /** Where files go, instead of what the config says; stays open. */
  readonly store?: Store;
  /** What is remembered between runs, instead of what the config says; stays open. */
  readonly state?: State;
}

/** What became of a run. */
export interface RunReport {
  /** Name of the run, as its events bear it. */
  readonly run: string;
  /** One for each task, in the order they ended. */
  readonly results: readonly TaskResult[];
  /** The run in numbers. */
  readonly summary: RunSummary;
}

/**
 * Brings the files of a config up to date.
 *
 * @param config As a config file holds it. Relative folders start at the current one.
 * @returns What became of each task. A failed download is a result, not an exception.
 * @throws {ConfigError} The config is wrong; nothing was requested.
 * @throws {CronfetchError} `usage`: `only` names a task the config does not have.
 * @throws {CronfetchError} `state.` and `store.` codes: the state cannot be used. If it was so
 * only in the end, the run was carried out, its events were told, and its files are in place.
 *
 * @example Events, and an end from outside
 * ```ts
 * import { run } from "@cronfetch/cronfetch";
 * import { assertEquals } from "@std/assert";
 *
 * const controller = new AbortController();
 * controller.abort();
 * const types: string[] = [];
 * const { results } = await run({
 *   store: "memory:",
 *   state: "memory:",
 *   tasks: ["https://example.org/a.csv"],
 * }, { signal: controller.signal, onEvent: (event) => types.push(event.type) });
 * assertEquals(results.map(({ status }) => status), ["cancelled"]);
 * assertEquals(types, ["run.started", "task.finished", "run.finished"]);
 * ```
 */
export async function run(config: ConfigInput, options: RunOptions = {}): Promise<RunReport> {
  const host = options.host ?? realHost();
  const at = host.clock.now();
  const loaded = loadValue(config, { at, patterns: await patternEngineFor([config]) }, host);
  await using owned = new AsyncDisposableStack();
  const state = options.state ?? await openState(loaded.state, host);
  // What it cannot write is told below.
  if (!options.state) owned.defer(() => state[Symbol.asyncDispose]().then(null, () => {}));
  const store = options.store ??
    owned.use(await openStore(loaded.store, { sync: loaded.sync }, host));
  const tasks = tasksOf(loaded, at);
  const records = options.due ? await state.records(tasks.map((task) => task.id)) : null;
  const plan = makePlan({
    tasks,
    asked: options.only ? knownIds(options.only, tasks) : null,
    due: records && ((task) => dueMemory(records.get(task.id))),
    at,
  });
  const results: TaskResult[] = [];
  let name = "";
  const collect: Reporter = {
    report: (event) => {
      name = event.run;
      if (event.type === "task.finished") results.push(event.result);
      options.onEvent?.(event);
    },
    close: () => Promise.resolve(),
  };
  const { alerts } = loaded;
  const complain = (sentence: string) => void host.stderr.write(`${escapeControl(sentence)}\n`);
  const alert = alertReporter({ alerts, host, warn: complain });
  const { summary, unsaved } = await carryOut(options.force ? withoutConditions(plan) : plan, {
    host,
    store,
    state,
    reporters: [collect, alert],
    configFiles: loaded.files,
    limits: loaded.limits,
    alertAfter: loaded.alertAfter,
    secrets: loaded.secrets,
    progress: { bytes: 0, running: new Map() },
    signal: options.signal ?? new AbortController().signal,
    interruptedExitCode: () => EXIT.interrupted,
  });
  await alert.close();
  if (unsaved) throw unsaved;
  return { run: name, results, summary };
}
