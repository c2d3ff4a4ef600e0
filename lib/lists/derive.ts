/** Derives tasks from the templates of a config and from what the state knows of their items. */

import type { TaskTemplate } from "../config/config.ts";
import { foldKey } from "../core/key.ts";
import { loadPatternEngine } from "../core/pattern.ts";
import type { Task } from "../core/task.ts";
import type { State } from "../state/state.ts";
import { type ItemTasks, itemTasks } from "./items.ts";
import { type ListSnapshot, readSnapshot } from "./snapshot.ts";

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
  const owners = templates.filter(({ list }) => list !== undefined).map(({ task }) => task.id);
  const snapshots = await readSnapshots(owners, state);
  const derive = await createDeriver(tasks);
  return tasks.flatMap((task, index) => {
    const template = templates[index];
    const snapshot = snapshots.get(task.id);
    if (template === undefined || snapshot === undefined) return [task];
    return [task, ...derive(template, snapshot)?.tasks ?? []];
  });
}

/**
 * Reads the last good lists, by id.
 *
 * @throws {CronfetchError} Any `state.` code.
 */
export async function readSnapshots(
  owners: readonly string[],
  state: ItemState,
): Promise<Map<string, ListSnapshot>> {
  for (let isRepeated = false;; isRepeated = true) {
    const items = await state.items(owners);
    try {
      return new Map(owners.flatMap((owner) => {
        const snapshot = readSnapshot(items.get(owner));
        return snapshot === null ? [] : [[owner, snapshot] as const];
      }));
    } catch (error) {
      // Another process replaced a list during the read.
      if (isRepeated) throw error;
    }
  }
}

/**
 * Creates a function that derives the tasks of one list after the other, so that no two have the same
 * file; null for a template that is no list.
 *
 * @param tasks The tasks of the config, whose ids and files no item takes.
 */
export async function createDeriver(
  tasks: readonly Task[],
): Promise<(template: TaskTemplate, snapshot: ListSnapshot) => ItemTasks | null> {
  const engine = await loadPatternEngine();
  const ids = new Set(tasks.map(({ id }) => id));
  const keys = new Set(tasks.map(({ key }) => foldKey(key)));
  return ({ list }, snapshot) => {
    if (list === undefined) return null;
    const isTaken = ({ id, key }: Pick<Task, "id" | "key">) =>
      ids.has(id) || keys.has(foldKey(key));
    const derived = itemTasks(list, snapshot, engine, isTaken);
    for (const { key } of derived.tasks) keys.add(foldKey(key));
    return derived;
  };
}
