/** Several runs over one store, with a memory between them. */

import { assertEquals, assertMatch } from "@std/assert";
import type { RunEvent } from "../../lib/core/event.ts";
import type { TaskResult } from "../../lib/core/result.ts";
import {
  type ConfigInput,
  run,
  type RunOptions,
  type RunReport,
  type State,
  type TaskInput,
} from "../../lib/mod.ts";
import { openState } from "../helpers/open.ts";
import { sha256, type Tree } from "../helpers/folder.ts";
import { type TestHost, testHost } from "../helpers/host.ts";
import { hostAt, type Place, place, STORE } from "../helpers/place.ts";

/** What {@linkcode runsOver} may be told besides. */
export interface RunsOptions {
  /** Default: a host with real connections. */
  readonly host?: TestHost;
  /** Default `file`. One in memory is shared by the runs here, as it is within a process. */
  readonly state?: "file" | "kv" | "memory";
  /** Of the config, besides places and tasks. */
  readonly config?: Omit<ConfigInput, "store" | "state" | "tasks">;
}

/** What becomes of a store and a memory over the runs. */
export interface Runs extends AsyncDisposable {
  readonly host: TestHost;
  /** Every event of all runs, in order. */
  readonly events: readonly RunEvent[];
  /** The store, as others see and change it. */
  readonly store: Place;
  /**
   * One run of these tasks, an hour after the last one. Asserts what holds after
   * every run: one result a task, and good results about the bytes that are there.
   */
  run(tasks: readonly TaskInput[], options?: Omit<RunOptions, "host">): Promise<RunReport>;
  /** The result of a run of one task. */
  result(task: TaskInput, options?: Omit<RunOptions, "host">): Promise<TaskResult>;
  /** Every file in the store. */
  tree(): Promise<Tree>;
}

const HOUR_MS = 60 * 60 * 1000;

/**
 * What a suspended part is called: in a folder it lies beside its file, in a bucket all are together,
 * so that a sweep finds them without a list of everything.
 */
const SUSPENDED = STORE === "folder"
  ? /^(?:.*\/)?\.cronfetch-suspended-/
  : /^\.cronfetch-drafts\/[0-9a-f]{32}$/;

/** Makes an empty store, and a memory of nothing beside it. */
export async function runsOver(options: RunsOptions = {}): Promise<Runs> {
  const { state = "file" } = options;
  const store = await place();
  const host = hostAt(store, options.host ?? testHost());
  const events: RunEvent[] = [];
  const shared: State | null = state === "memory" ? await openState("memory:", host) : null;

  const config = (tasks: readonly TaskInput[]): ConfigInput => ({
    ...options.config,
    store: store.location,
    state: state === "memory" ? "memory:" : `${state}:${store.beside("state")}`,
    tasks: [...tasks],
  });

  const runOnce: Runs["run"] = async (tasks, runOptions = {}) => {
    host.jump(HOUR_MS);
    const report = await run(config(tasks), {
      host,
      ...(shared && { state: shared }),
      ...runOptions,
      onEvent: (event) => events.push(event),
    });
    const { results } = report;
    const asked = events.findLast((event) => event.type === "run.started");
    assertEquals(new Set(results.map(({ task }) => task)).size, results.length, "results twice");
    assertEquals(results.length, asked?.tasks, "one result a task");
    for (const result of results) {
      if (result.sha256 !== null && !runOptions.store) {
        const bytes = await store.read(result.key);
        assertEquals(bytes && await sha256(bytes), result.sha256);
      }
    }
    for (const name of await store.names()) {
      if (name.includes(".cronfetch-")) assertMatch(name, SUSPENDED, "leftovers");
    }
    return report;
  };

  return {
    host,
    events,
    store,
    run: runOnce,
    async result(task, runOptions) {
      const { results: [result] } = await runOnce([task], runOptions);
      if (result === undefined) throw new Error("no result");
      return result;
    },
    tree: store.tree,
    async [Symbol.asyncDispose]() {
      await shared?.[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** The published files of a tree. */
export function published(files: Tree): Tree {
  return Object.fromEntries(Object.entries(files).filter(([name]) => !SUSPENDED.test(name)));
}

/** How many parts a tree holds for a later run. */
export function parts(files: Tree): number {
  return Object.keys(files).filter((name) => SUSPENDED.test(name)).length;
}
