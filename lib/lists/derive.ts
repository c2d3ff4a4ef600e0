/** Derives tasks from the templates of a config and from what the state knows of their items. */

import { isExpanded, type TaskTemplate } from "../config/config.ts";
import type { Task } from "../core/task.ts";
import type { State } from "../state/state.ts";

/** The part of a state that derived tasks are read from. */
export type ItemState = Pick<State, "items">;

/**
 * Adds the tasks that are derived from templates.
 *
 * @param tasks The tasks of the templates, in their order.
 * @throws {CronfetchError} Any `state.` code.
 */
export async function deriveTasks(
  templates: readonly TaskTemplate[],
  tasks: readonly Task[],
  state: ItemState,
): Promise<readonly Task[]> {
  const owners = templates.filter(isExpanded).map(({ task }) => task.id);
  const items = await state.items(owners);
  return tasks.flatMap((task, index) => {
    const list = templates[index]?.list;
    const known = items.get(task.id);
    return list === undefined || known === undefined ? [task] : [task];
  });
}
