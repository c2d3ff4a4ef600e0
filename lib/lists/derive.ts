/** Derives tasks from the templates of a config and from what the state knows of their items. */

import type { ListTemplate, TaskTemplate } from "../config/config.ts";
import { foldKey } from "../core/key.ts";
import { loadPatternEngine, type PatternEngine } from "../core/pattern.ts";
import type { Task } from "../core/task.ts";
import type { ItemBody, State } from "../state/state.ts";
import { type IsTaken, type ItemTasks, itemTasks, withoutTaken } from "./items.ts";
import { type ListFacts, listFacts, type ListSnapshot, readSnapshot } from "./snapshot.ts";

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
  const lists = await deriveLists(templates, tasks, state);
  return tasks.flatMap((task) => [task, ...lists.get(task.id)?.tasks ?? []]);
}

/**
 * Derives the items of each list, in the order of the config, so that no two tasks have the same file.
 *
 * @param tasks The tasks of the templates, whose ids and files no item takes.
 * @returns By id of the list; one that was never read is missing.
 * @throws {CronfetchError} Any `state.` code.
 */
export async function deriveLists(
  templates: readonly TaskTemplate[],
  tasks: readonly Task[],
  state: ItemState,
): Promise<Map<string, ItemTasks>> {
  const engine = await loadPatternEngine();
  const lists = templates.flatMap(({ task: { id }, list }) =>
    list === undefined ? [] : [{ id, list }]
  );
  for (let isRepeated = false;; isRepeated = true) {
    const items = await state.items(lists.map(({ id }) => id));
    const taken = new TakenTasks(tasks);
    const derived = new Map<string, ItemTasks>();
    try {
      for (const { id, list } of lists) {
        const read = readItems(list, items.get(id), engine);
        if (read === null) continue;
        const free = withoutTaken(read, taken.has);
        taken.add(free.tasks);
        derived.set(id, free);
      }
      return derived;
    } catch (error) {
      // Another process replaced a list during the read.
      if (isRepeated) throw error;
    }
  }
}

/** The items of a list as its entries in the state have them; null if it was never read. */
export function readItems(
  list: ListTemplate,
  entries: ReadonlyMap<string, ItemBody> | undefined,
  engine: PatternEngine,
): ItemTasks | null {
  const facts = listFacts(entries);
  if (facts === null) return null;
  const known = DERIVED.get(list);
  if (known?.mark === markOf(facts)) return known.items;
  const snapshot = readSnapshot(entries);
  return snapshot && deriveItems(list, snapshot, facts, engine);
}

/** Derives the items of a list, and keeps them until another list is read. */
export function deriveItems(
  list: ListTemplate,
  snapshot: ListSnapshot,
  facts: ListFacts,
  engine: PatternEngine,
): ItemTasks {
  const items = itemTasks(list, snapshot, engine);
  DERIVED.set(list, { mark: markOf(facts), items });
  return items;
}

/** The last derived items: a run plans before and after it refreshes a list, and a watch often. */
const DERIVED = new WeakMap<ListTemplate, { readonly mark: string; readonly items: ItemTasks }>();

/** Distinguishes a list from those that were saved before and after it. */
function markOf(facts: ListFacts): string {
  return JSON.stringify(facts);
}

/** The ids and files that tasks have. */
export class TakenTasks {
  readonly #ids = new Set<string>();
  readonly #keys = new Set<string>();

  constructor(tasks: readonly Task[]) {
    this.add(tasks);
  }

  add(tasks: readonly Task[]): void {
    for (const { id, key } of tasks) {
      this.#ids.add(id);
      this.#keys.add(foldKey(key));
    }
  }

  /** Whether one of the tasks has the id or the file. */
  readonly has: IsTaken = ({ id, key }) => this.#ids.has(id) || this.#keys.has(foldKey(key));
}
