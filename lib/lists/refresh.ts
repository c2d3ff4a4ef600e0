/** Decides on a new list: whether it is accepted, and what it becomes with the last good one. Pure. */

import type { ListTemplate } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { ListItem } from "../core/list.ts";
import type { PatternEngine } from "../core/pattern.ts";
import { ownOrigins } from "./items.ts";
import { selectItems } from "./select.ts";
import type { KnownItem, ListSnapshot } from "./snapshot.ts";

/** Maximum number of items that have disappeared and are remembered; the latest are kept. */
const MAX_GONE = 10_000;

/**
 * Rejects a list that has lost too many of its items. Items count if the options of the list include
 * them, whatever `newest` and `limit` are.
 *
 * @param last The last good list; null without one, or if the list was read by another rule.
 * @throws {CronfetchError} `list.shrunk`.
 */
export function checkShrinkage(
  list: ListTemplate,
  now: Pick<ListSnapshot, "url"> & { readonly items: readonly ListItem[] },
  last: ListSnapshot | null,
  engine: PatternEngine,
): void {
  const { minCount, minRatio } = list;
  const selection = { ...list.selection, newest: null, limit: Infinity };
  const countOf = (url: string, items: readonly ListItem[]) =>
    selectItems(items, selection, ownOrigins(list, url), engine).items.length;
  const count = countOf(now.url, now.items);
  if (count < minCount) {
    throw new CronfetchError(
      "list.shrunk",
      `the list has ${count} items, fewer than the ${minCount} of from.minCount`,
    );
  }
  if (last === null) return;
  const before = countOf(last.url, last.items.filter(({ goneSince }) => goneSince === null));
  if (count >= before * minRatio) return;
  throw new CronfetchError(
    "list.shrunk",
    `the list has ${count} items, and had ${before}: less than the ratio ${minRatio} of from.minRatio`,
  );
}

/** What distinguishes an item from the others of its list: its id, or its URL. */
function identityOf({ id, url }: ListItem): string {
  return id === null ? url : `id ${id}`;
}

/**
 * The items of a new list, and those of the last one that it lacks.
 *
 * @param now The time of the new list, RFC 3339 in UTC.
 */
export function mergeItems(
  items: readonly ListItem[],
  last: ListSnapshot | null,
  now: string,
): readonly KnownItem[] {
  const before = new Map(last?.items.map((item) => [identityOf(item), item]));
  const seen = new Set<string>();
  const present: KnownItem[] = [];
  for (const item of items) {
    const identity = identityOf(item);
    if (seen.has(identity)) continue;
    seen.add(identity);
    const firstSeen = before.get(identity)?.firstSeen ?? now;
    present.push({ ...item, firstSeen, goneSince: null });
  }
  const gone = [...before].filter(([identity]) => !seen.has(identity))
    .map(([, item]): KnownItem => ({ ...item, goneSince: item.goneSince ?? now }))
    .sort((one, other) => (one.goneSince ?? "") < (other.goneSince ?? "") ? 1 : -1)
    .slice(0, MAX_GONE);
  return [...present, ...gone];
}
