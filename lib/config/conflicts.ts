/** Conflicts between tasks: two with the same ID, or two that write the same file. */

import { baseKey, foldKey } from "../core/key.ts";
import type { TaskTemplate } from "./config.ts";
import { distinctName, nameFromUrl } from "./keys.ts";
import { type Complaint, formatPlace, quote, withHint } from "./problem.ts";
import type { Path } from "./scope.ts";
import type { ConfigPart } from "./source/source.ts";

/** A task and where it is defined. */
export interface PlacedTask {
  readonly template: TaskTemplate;
  readonly source: ConfigPart;
  readonly path: Path;
}

/** A task that conflicts with an earlier one. */
export interface Conflict<Item extends PlacedTask> {
  /** The later task. */
  readonly item: Item;
  /** The earlier task. */
  readonly other: Item;
  /**
   * Equal IDs; equal keys; keys that differ only in case, which some file systems take for one
   * file; a key that needs a folder where the other is a file; or a key that is named like an older
   * version or refused content of the other.
   */
  readonly kind: "id" | "file" | "case" | "folder" | "derived";
}

/**
 * Finds conflicts in the order of the items, at most one per item. A name that the server gives is
 * unknown until the response, and is not compared.
 */
export function findConflicts<Item extends PlacedTask>(items: readonly Item[]): Conflict<Item>[] {
  const files = new Map<string, Item>();
  for (const item of items) {
    const { key, namedByServer } = item.template.task;
    const folded = foldKey(key);
    if (!namedByServer && !files.has(folded)) files.set(folded, item);
  }
  const ids = new Map<string, Item>();
  const conflicts: Conflict<Item>[] = [];
  for (const item of items) {
    const conflict = conflictOfKey(item) ?? conflictOfId(item);
    if (conflict !== null) conflicts.push(conflict);
  }
  return conflicts;

  function conflictOfKey(item: Item): Conflict<Item> | null {
    const { key } = item.template.task;
    const folded = foldKey(key);
    const other = files.get(folded);
    if (other !== undefined && other !== item) {
      return { item, other, kind: other.template.task.key === key ? "file" : "case" };
    }
    for (let end = folded.indexOf("/"); end >= 0; end = folded.indexOf("/", end + 1)) {
      const file = files.get(folded.slice(0, end));
      if (file !== undefined) return { item, other: file, kind: "folder" };
    }
    const base = baseKey(folded);
    const original = base === null ? undefined : files.get(base);
    return original === undefined ? null : { item, other: original, kind: "derived" };
  }

  function conflictOfId(item: Item): Conflict<Item> | null {
    const { id } = item.template.task;
    const other = ids.get(id);
    if (other !== undefined) return { item, other, kind: "id" };
    ids.set(id, item);
    return null;
  }
}

/** Returns the message of a conflict: the rest of a sentence that begins with the later task. */
export function describeConflict({ item, other, kind }: Conflict<PlacedTask>): Complaint {
  const { id, key } = item.template.task;
  const place = other.source.place(other.path, "value");
  const where = place.path === "" ? formatPlace(place) : `${place.path} (${formatPlace(place)})`;
  switch (kind) {
    case "id":
      return withHint(`has the id ${quote(id)} of ${where}`, 'give one of them another "id"');
    case "file":
      return withHint(
        `writes the same file as ${where}, ${quote(key)}`,
        `give one of them another "to"${suggestName(item, other)}`,
      );
    case "case":
      return withHint(
        `writes ${quote(key)}, which differs only in case from the file of ${where}`,
        'give one of them another "to"; some file systems ignore case',
      );
    case "folder":
      return withHint(
        `writes ${quote(key)}, which needs a folder where ${where} writes a file`,
        'give one of them another "to"',
      );
    case "derived":
      return withHint(
        `writes ${quote(key)}, which is named like an older version or refused content ` +
          `of the file of ${where}`,
        'give it another "to"',
      );
    default:
      return kind satisfies never;
  }
}

/** A value of `to` that yields different keys for both tasks, as the end of a sentence. */
function suggestName(item: PlacedTask, other: PlacedTask): string {
  const [url, otherUrl] = [item, other].map(({ template: { task } }) => {
    const parsed = URL.parse(task.url);
    return parsed && task.key.endsWith(nameFromUrl(parsed)) ? parsed : null;
  });
  const name = url && otherUrl ? distinctName(url, otherUrl) : null;
  return name === null ? "" : `, or all of them "to": ${quote(name)}`;
}
