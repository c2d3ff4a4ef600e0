/** Several runs over one store and one state. */

import { assertEquals, assertMatch } from "@std/assert";
import type { RunEvent } from "../../lib/core/event.ts";
import type { TaskResult } from "../../lib/core/result.ts";
import type { ConfigInput, RunOptions, RunReport, State, TaskInput } from "../../lib/mod.ts";
import { run } from "../helpers/library.ts";
import { openState } from "../helpers/open.ts";
import { sha256, type Tree } from "../helpers/folder.ts";
import { type TestHost, testHost } from "../helpers/host.ts";
import { hostAt, type Place, place, STORE } from "../helpers/place.ts";

/** Options of {@linkcode runsOver}. */
export interface RunsOptions {
  /** Default: a host with real connections. */
  readonly host?: TestHost;
  /** Default `file`. A state in memory is shared by the runs, as within a process. */
  readonly state?: "file" | "kv" | "memory";
  /** Config in addition to store, state and tasks. */
  readonly config?: Omit<ConfigInput, "store" | "state" | "tasks">;
}

/** Runs over one store and one state. */
export interface Runs extends AsyncDisposable {
  readonly host: TestHost;
  /** Every event of all runs, in order. */
  readonly events: readonly RunEvent[];
  /** The store, accessed without cronfetch. */
  readonly store: Place;
  /**
   * Runs these tasks, an hour after the last run. Asserts that there is one result per task, and
   * that digests in results are those of the stored bytes.
   */
  run(tasks: readonly TaskInput[], options?: Omit<RunOptions, "host">): Promise<RunReport>;
  /** Runs one task and returns its result. */
  result(task: TaskInput, options?: Omit<RunOptions, "host">): Promise<TaskResult>;
  /** Every file in the store. */
  tree(): Promise<Tree>;
}

const HOUR_MS = 60 * 60 * 1000;

/**
 * Names of suspended drafts: beside the file in a folder, under one prefix in a bucket, so that
 * they are found without listing the bucket.
 */
const SUSPENDED = STORE === "folder"
  ? /^(?:.*\/)?\.cronfetch-suspended-/
  : /^\.cronfetch-drafts\/[0-9a-f]{32}$/;

/** Creates an empty store and an empty state. */
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
      const { unpack } = tasks.find(({ id, to }) => [id, to].includes(result.task)) ?? {};
      const isPublished = typeof unpack !== "object" || unpack?.archive !== false;
      if (result.sha256 !== null && isPublished && !runOptions.store) {
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

/** Number of suspended drafts in a tree. */
export function parts(files: Tree): number {
  return Object.keys(files).filter((name) => SUSPENDED.test(name)).length;
}
