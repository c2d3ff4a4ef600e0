/** The tasks that a user names by their ids. Loaded only if there is an id. */

import { CronfetchError } from "../core/errors.ts";
import { isNamed, parentOf, type Task } from "../core/task.ts";
import { isExpanded, type TaskTemplate } from "./config.ts";
import { didYouMean } from "./problem.ts";
import { nearest } from "./suggest.ts";

/**
 * Returns the requested task IDs as a set, with those of the tasks that are derived from them.
 *
 * @param templates The tasks of the config, from which none may be derived at present. Default: none.
 * @throws {CronfetchError} `usage` with every unknown ID and a suggestion.
 */
export function knownIds(
  ids: readonly string[],
  tasks: readonly Task[],
  templates: readonly TaskTemplate[] = [],
): Set<string> {
  const all = new Set([
    ...tasks.map((task) => task.id),
    ...templates.filter(isExpanded).map(({ task }) => task.id),
  ]);
  for (const task of tasks) {
    const parent = parentOf(task);
    if (parent !== null) all.add(parent);
  }
  const unknown = ids.filter((id) => !all.has(id));
  if (unknown.length === 0) {
    const named = new Set(ids);
    const derived = tasks.filter((task) => parentOf(task) !== null && isNamed(task, named));
    return named.union(new Set(derived.map(({ id }) => id)));
  }
  const message = unknown.map((id) => `There is no task ${JSON.stringify(id)} in the config`);
  const [first = ""] = unknown;
  throw new CronfetchError("usage", message.join("\n"), {
    hint: hintForDate(first, templates) ?? hintForId(first, [...all]),
  });
}

/** How a date is fetched that is no task at present; null for another ID. */
function hintForDate(id: string, templates: readonly TaskTemplate[]): string | null {
  const [, parent, date] = /^(.*)@([0-9]{4}-[0-9]{2}-[0-9]{2})$/s.exec(id) ?? [];
  const isDated = templates.some(({ task, dates }) => dates !== undefined && task.id === parent);
  if (!isDated || parent === undefined) return null;
  return 'that date is closed, or not one of "dates"; to fetch it again: ' +
    `cronfetch run ${parent} --since ${date} --until ${date} --force`;
}

/** Maximum number of IDs that a hint lists. */
const FEW_IDS = 10;

/** What was probably meant by an unknown ID: a beginning, a misspelling, or a URL. */
function hintForId(id: string, all: readonly string[]): string {
  const longer = all.filter((other) => other.toLowerCase().startsWith(id.toLowerCase()));
  const near = longer.length === 1 ? longer[0] ?? null : nearest(id, all);
  const hint = didYouMean(near ?? asUrl(id));
  if (hint !== null) return hint;
  const listed = longer.length > 1 && longer.length < FEW_IDS ? longer : all;
  if (listed.length === 0) return "the config has no tasks";
  return listed.length < FEW_IDS
    ? `the tasks are ${listed.map((other) => JSON.stringify(other)).join(", ")}`
    : "cronfetch plan lists the tasks";
}

/** A host with a path as a URL; null for other text. */
function asUrl(text: string): string | null {
  const looksLike = /^(?:[a-z0-9-]+\.)+[a-z0-9-]+(?::[0-9]+)?\/[^\s\p{Cc}]+$/iu.test(text);
  return looksLike && URL.canParse(`https://${text}`) ? `https://${text}` : null;
}
