/** Tasks that cannot stand beside each other: one id, or one file. */

import type { Task } from "../core/task.ts";
import { baseKey, foldKey } from "../core/key.ts";

/** A task that cannot stand beside an earlier one. */
export interface Double<Item> {
  /** The later one. */
  readonly item: Item;
  /** The earlier one. */
  readonly other: Item;
  /**
   * What is wrong: equal ids; equal keys; keys that differ in case alone (on some
   * file system they are one file); a key that needs a folder where the other is a
   * file; or a key named like an older version or refused content of the other.
   */
  readonly kind: "id" | "file" | "case" | "folder" | "derived";
}

/**
 * Finds doubles in the order of the items, one at most for each. A name that
 * the server gives is not known yet, and is not compared.
 */
export function findDoubles<Item>(
  items: readonly Item[],
  taskOf: (item: Item) => Pick<Task, "id" | "key" | "namedByServer">,
): Double<Item>[] {
  const files = new Map<string, Item>();
  for (const item of items) {
    const { key, namedByServer } = taskOf(item);
    const folded = foldKey(key);
    if (!namedByServer && !files.has(folded)) files.set(folded, item);
  }
  const ids = new Map<string, Item>();
  const doubles: Double<Item>[] = [];
  for (const item of items) {
    const double = doubleOfKey(item) ?? doubleOfId(item);
    if (double !== null) doubles.push(double);
  }
  return doubles;

  function doubleOfKey(item: Item): Double<Item> | null {
    const { key } = taskOf(item);
    const folded = foldKey(key);
    const other = files.get(folded);
    if (other !== undefined && other !== item) {
      return { item, other, kind: taskOf(other).key === key ? "file" : "case" };
    }
    for (let end = folded.indexOf("/"); end >= 0; end = folded.indexOf("/", end + 1)) {
      const file = files.get(folded.slice(0, end));
      if (file !== undefined) return { item, other: file, kind: "folder" };
    }
    const base = baseKey(folded);
    const original = base === null ? undefined : files.get(base);
    if (original !== undefined) return { item, other: original, kind: "derived" };
    return null;
  }

  function doubleOfId(item: Item): Double<Item> | null {
    const { id } = taskOf(item);
    const other = ids.get(id);
    if (other !== undefined) return { item, other, kind: "id" };
    ids.set(id, item);
    return null;
  }
}
