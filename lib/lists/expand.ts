/** The tasks of a run: those of the config, and those that are derived from it and the state. */

import { type Config, isExpanded, tasksOf } from "../config/config.ts";
import type { Task } from "../core/task.ts";
import type { ItemState } from "./derive.ts";

/**
 * Returns the tasks of a config at a time: those of the config in their order, a list before the
 * tasks of its items. Writes nothing. The tasks of a config without lists are returned synchronously.
 *
 * @param state Holds the items of the lists, as their last refresh found them.
 * @param at The time of the run.
 * @throws {CronfetchError} `config.invalid`, as `tasksOf`; any `state.` code.
 */
export function expandTasks(
  config: Pick<Config, "tasks">,
  state: ItemState,
  at: Temporal.Instant,
): readonly Task[] | Promise<readonly Task[]> {
  const tasks = tasksOf(config, at);
  if (!config.tasks.some(isExpanded)) return tasks;
  // Loaded on demand: most configs have no lists.
  return import("./derive.ts").then(({ deriveTasks }) => deriveTasks(config.tasks, tasks, state));
}
