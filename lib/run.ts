/** `run`: cronfetch as a library. */

import { withoutHooks } from "./config/config.ts";
import { knownIds } from "./config/known_ids.ts";
import type { ConfigInput } from "./config/input.ts";
import { loadValue } from "./config/load.ts";
import type { Reporter, RunEvent } from "./core/event.ts";
import type { Host } from "./core/host.ts";
import { EXIT, type RunSummary, type TaskResult } from "./core/result.ts";
import type { Task } from "./core/task.ts";
import { realHost } from "./host.ts";
import { expandTasks } from "./lists/expand.ts";
import { decideDue } from "./schedule/due.ts";
import { makePlan, withoutConditions } from "./schedule/plan.ts";
import { dueMemories } from "./state/record.ts";
import type { State } from "./state/state.ts";
import type { Store } from "./store/store.ts";
import { alertingOnFailure, runTasks } from "./worker/run.ts";
import { openStorage } from "./worker/storage.ts";

/** Options of {@linkcode run}. */
export interface RunOptions {
  /** Ids of the tasks to run. Default: all. */
  readonly only?: readonly string[];
  /** Only what is due by its schedule. Default: false. */
  readonly due?: boolean;
  /**
   * Ignore validators, as `"conditional": false` does for one task, and accept lists that have lost too
   * many items. Default: false.
   */
  readonly force?: boolean;
  /**
   * Whether `onChange` is invoked. If not, the changes of this run are not delivered later either.
   * Default: true.
   */
  readonly hooks?: boolean;
  /** Ends the run early; every task still gets its result. */
  readonly signal?: AbortSignal;
  /** Called with each event. */
  readonly onEvent?: (event: RunEvent) => void;
  /** Sockets, clock, environment and the like. Default: those of this process. */
  readonly host?: Host;
  /** A store to use instead of the config's; it stays open. */
  readonly store?: Store;
  /** A state to use instead of the config's; it stays open. */
  readonly state?: State;
}

/** The result of {@linkcode run}. */
export interface RunReport {
  /** Id of the run, as in its events. */
  readonly run: string;
  /** One per task, in the order they finished. */
  readonly results: readonly TaskResult[];
  /** Counts, and the exit code. */
  readonly summary: RunSummary;
}

/**
 * Updates the files of a config.
 *
 * @param config The content of a config file. Relative folders start at the current folder.
 * @param options Which tasks to run, and what to use instead of the config's store and state.
 * @returns The result of each task. A failed download is a result, not an exception.
 * @throws {ConfigError} The config is invalid; no request was sent.
 * @throws {CronfetchError} `usage`: `only` names a task that the config does not have.
 * @throws {CronfetchError} `state.` and `store.` codes: the state or the store is unusable. If the
 * state could not be written at the end of the run, the files are published all the same.
 *
 * @example Receive events, and abort the run
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
  const valid = await loadValue(config, { at }, host);
  const loaded = options.hooks === false ? withoutHooks(valid) : valid;
  const { signal = new AbortController().signal } = options;
  const beforeRun = { config: loaded, host, signal, state: null };
  const open = () => openStorage(loaded, host, options);
  await using storage = await alertingOnFailure(beforeRun, open);
  const tasks = await alertingOnFailure(
    beforeRun,
    async () => await expandTasks(loaded, storage.state, at),
  );
  const asked = options.only ? knownIds(options.only, tasks, loaded.tasks) : null;
  const planOf = async (tasks: readonly Task[]) => {
    const memoryOf = options.due ? await dueMemories(tasks, storage.state) : null;
    const decide = memoryOf && ((task: Task) => decideDue(task, memoryOf(task), at));
    const plan = makePlan({ tasks, asked, decide });
    return options.force ? withoutConditions(plan) : plan;
  };
  const plan = await alertingOnFailure(beforeRun, () => planOf(tasks));
  const results: TaskResult[] = [];
  let id = "";
  const collector: Reporter = {
    report: (event) => {
      id = event.run;
      if (event.type === "task.finished") results.push(event.result);
      options.onEvent?.(event);
    },
    close: () => Promise.resolve(),
  };
  const { summary, unsaved } = await runTasks(
    loaded,
    plan,
    {
      host,
      lists: {
        replan: async () => await planOf(await expandTasks(loaded, storage.state, at)),
        acceptsShrunk: options.force ?? false,
      },
      storage,
      trigger: options.due ? "schedule" : "manual",
      openReporters: () => [collector],
      progress: { bytes: 0, running: new Map() },
      signal,
      interruptedExitCode: () => EXIT.interrupted,
    },
  );
  if (unsaved) throw unsaved;
  return { run: id, results, summary };
}
