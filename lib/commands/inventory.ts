/** What a store should hold: which files, with which digests, and which names are known. Pure. */

import { REFUSED_SUFFIX, versionedKey } from "../core/key.ts";
import type { Task } from "../core/task.ts";
import type { Validators } from "../core/validators.ts";
import type { FamilyMember, TaskRecord } from "../state/state.ts";

/** A file that was published, and what was recorded of it. */
export interface Entry {
  /** Id of the task that published it. */
  readonly task: string;
  /** Its key and its digest. */
  readonly published: Pick<Validators, "key" | "sha256">;
  /** Whether it is the newest file of the task: not an older one, nor refused content. */
  readonly isNewest: boolean;
}

/**
 * The published files, each once. A task that was renamed, or taken out of the
 * config, leaves a record of a file that another one may keep by now: then the
 * task of the config counts, and of two others the one that published last.
 *
 * @param records By id.
 * @param families The members of their families: older versions, earlier files, refused content.
 * @param configured Ids of the tasks of the config.
 */
export function publishedEntries(
  records: ReadonlyMap<string, TaskRecord>,
  families: ReadonlyMap<string, readonly FamilyMember[]>,
  configured: ReadonlySet<string>,
): Entry[] {
  const rank = ({ task, publishedAt }: TaskRecord) =>
    [
      configured.has(task) ? 1 : 0,
      publishedAt === null ? 0 : Temporal.Instant.from(publishedAt).epochMilliseconds,
    ] as const;
  const ascending = [...records.values()].toSorted((one, other) => {
    const [[oneKnown, oneTime], [otherKnown, otherTime]] = [rank(one), rank(other)];
    return oneKnown - otherKnown || oneTime - otherTime;
  });
  const byKey = new Map<string, Entry>();
  for (const { task, published } of ascending) {
    if (published !== null) byKey.set(published.key, { task, published, isNewest: true });
  }
  for (const { task } of ascending.toReversed()) {
    for (const { key, sha256, publishedAt } of families.get(task) ?? []) {
      // What was only claimed may never have been published.
      if (sha256 === null || publishedAt === null || byKey.has(key)) continue;
      byKey.set(key, { task, published: { key, sha256 }, isNewest: false });
    }
  }
  return [...byKey.values()];
}

/**
 * Makes the test whether a key is one that a task may have published at some
 * time. Of a task with dates in its name or URL that is every key that differs
 * in its digits alone, and where the server gives the name, every name. The older
 * versions of such a file, and what was refused in its place, are known with it.
 *
 * @param dated Ids of the tasks with dates.
 */
export function knownKeys(
  tasks: readonly Pick<Task, "id" | "key" | "namedByServer">[],
  dated: ReadonlySet<string>,
): (key: string) => boolean {
  const plain = new Set<string>();
  const patterns = new Set<string>();
  for (const { id, key, namedByServer } of tasks) {
    if (dated.has(id) || namedByServer) patterns.add(keyPattern(key, dated.has(id)));
    else plain.add(key);
  }
  const expressions = [...patterns].map((pattern) => new RegExp(`^${pattern}$`, "u"));
  const isFile = (key: string) =>
    plain.has(key) || expressions.some((expression) => expression.test(key));
  return (key) => {
    const current = key.endsWith(REFUSED_SUFFIX) ? key.slice(0, -REFUSED_SUFFIX.length) : key;
    return isFile(key) || isFile(current) || isFile(versionedKey(current) ?? current);
  };
}

function keyPattern(key: string, isDated: boolean): string {
  return key
    .split("{name}")
    .map((text) => {
      if (!isDated) return RegExp.escape(text);
      return text.split(/[0-9]+/).map((part) => RegExp.escape(part)).join("[0-9]+");
    })
    .join("[^/]+");
}
