/** Names for tasks whose URLs end in the same name. */

import type { TaskInput } from "../config/input.ts";
import { distinctName, keyFor, nameFromUrl } from "../config/keys.ts";
import { createRenderer, parseTemplate } from "../config/template.ts";
import { foldKey } from "../core/key.ts";

/**
 * Adds `to` to tasks without it whose files would have the same key. A task whose URL is not known
 * yet, because it contains a variable, keeps its options; so do tasks that no part of the URL
 * distinguishes.
 *
 * @param at For the dates in URLs.
 */
export function withDistinctNames(
  tasks: readonly TaskInput[],
  at: Temporal.Instant,
): TaskInput[] {
  const byName = Map.groupBy(tasks, (task) => {
    const url = task.to === undefined ? URL.parse(task.url) : null;
    return url === null ? null : foldKey(nameFromUrl(url));
  });
  const names = new Map<TaskInput, string>();
  for (const [name, group] of byName) {
    const to = name === null || group.length === 1 ? null : templateFor(group, at);
    if (to !== null) { for (const task of group) names.set(task, to); }
  }
  return tasks.map((task) => {
    const to = names.get(task);
    const { url, ...options } = task;
    return to === undefined ? task : { url, to, ...options };
  });
}

/** A value of `to` that yields a different key for each task; null if there is none. */
function templateFor(tasks: readonly TaskInput[], at: Temporal.Instant): string | null {
  const [first, ...others] = tasks.map(({ url }) => new URL(url));
  if (first === undefined) return null;
  const candidates = new Set([
    ...others.map((other) => distinctName(first, other)).filter((name) => name !== null),
    "{host}/{path}/",
  ]);
  const render = createRenderer(at);
  for (const candidate of candidates) {
    const template = parseTemplate(candidate, "name").value;
    const keys = [first, ...others].map((url) =>
      template === undefined ? null : keyFor(template, url, "UTC", render).value ?? null
    );
    if (
      !keys.includes(null) && new Set(keys.map((key) => foldKey(key ?? ""))).size === keys.length
    ) {
      return candidate;
    }
  }
  return null;
}
