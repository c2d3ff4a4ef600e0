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
  const selectFrom = (url: string, items: readonly ListItem[]) =>
    selectItems(items, selection, ownOrigins(list, url), engine);
  const { items: { length: count }, foreign } = selectFrom(now.url, now.items);
  if (count < minCount) {
    const found = now.items.length === count ? "" : ` of ${now.items.length} that are selected`;
    const hint = count === 0 ? emptyHint(list, now.items, foreign) : null;
    throw new CronfetchError(
      "list.shrunk",
      `the list has ${count} items${found}, fewer than the ${minCount} of from.minCount`,
      hint === null ? {} : { hint },
    );
  }
  if (last === null) return;
  const present = last.items.filter(({ goneSince }) => goneSince === null);
  const before = selectFrom(last.url, present).items.length;
  if (count >= before * minRatio) return;
  throw new CronfetchError(
    "list.shrunk",
    `the list has ${count} items, and had ${before}: less than the ratio ${minRatio} of from.minRatio`,
  );
}

/** What to check if no item of a list is selected. */
function emptyHint(
  { rule, selection: { include, exclude } }: ListTemplate,
  items: readonly ListItem[],
  foreign: readonly ListItem[],
): string | null {
  const [first] = foreign;
  if (first !== undefined) {
    return `all ${foreign.length} are of another origin: write ` +
      `"allowOrigins": [${JSON.stringify(new URL(first.url).origin)}] into from`;
  }
  if (items.length > 0) {
    const names = [include.length > 0 && "include", exclude.length > 0 && "exclude"]
      .filter((name) => name !== false).join(" and ");
    return `check ${names} of from: a glob without a slash matches the whole name, ` +
      `such as ${JSON.stringify(items[0]?.name)}`;
  }
  if (rule.kind === "page") {
    return rule.links === null
      ? "check that the page has its links without running scripts"
      : `check links of from, and that the page has its links without running scripts`;
  }
  return rule.kind === "json" ? "check items of from" : null;
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
