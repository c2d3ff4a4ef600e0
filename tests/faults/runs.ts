/** Several runs over one folder, with a memory between them. */

import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import type { RunEvent } from "../../lib/core/event.ts";
import type { TaskResult } from "../../lib/core/result.ts";
import { run } from "../../lib/mod.ts";
import type { ConfigInput, RunOptions, RunReport, State, TaskInput } from "../../lib/mod.ts";
import { openState } from "../../lib/state/open.ts";
import { sha256, temporaryFolder, tree } from "../helpers/folder.ts";
import type { Tree } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import type { TestHost } from "../helpers/host.ts";

/** What {@linkcode runsOver} may be told besides. */
export interface RunsOptions {
  /** Default: a host with real connections. */
  readonly host?: TestHost;
  /** Default `file`. One in memory is shared by the runs here, as it is within a process. */
  readonly state?: "file" | "kv" | "memory";
  /** Of the config, besides places and tasks. */
  readonly config?: Omit<ConfigInput, "store" | "state" | "tasks">;
}

/** What becomes of a folder and a memory over the runs. */
export interface Runs extends AsyncDisposable {
  readonly host: TestHost;
  /** Every event of all runs, in order. */
  readonly events: readonly RunEvent[];
  /** Absolute path of a file in the store. */
  file(key: string): string;
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

/** What a suspended part is called in its folder. */
const SUSPENDED = /^(?:.*\/)?\.cronfetch-suspended-/;

/** Makes an empty folder, and a memory of nothing beside it. */
export async function runsOver(options: RunsOptions = {}): Promise<Runs> {
  const { host = testHost(), state = "file" } = options;
  const folder = await temporaryFolder();
  const events: RunEvent[] = [];
  const shared: State | null = state === "memory" ? await openState("memory:", host) : null;

  const config = (tasks: readonly TaskInput[]): ConfigInput => ({
    ...options.config,
    store: folder.file("store"),
    state: state === "memory" ? "memory:" : `${state}:${folder.file("state")}`,
    tasks: [...tasks],
  });

  const file = (key: string): string => join(folder.path, "store", key);

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
        assertEquals(await sha256(await Deno.readFile(file(result.key))), result.sha256);
      }
    }
    for (const name of Object.keys(await tree(folder.file("store")))) {
      if (name.includes(".cronfetch-")) assertMatch(name, SUSPENDED, "leftovers");
    }
    return report;
  };

  return {
    host,
    events,
    file,
    run: runOnce,
    async result(task, runOptions) {
      const { results: [result] } = await runOnce([task], runOptions);
      if (result === undefined) throw new Error("no result");
      return result;
    },
    tree: () => tree(folder.file("store")),
    async [Symbol.asyncDispose]() {
      await shared?.[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
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
