/** Which items of a list become tasks: by origin, globs, order and number. Pure. */

import type { ListItem, ListSelection } from "../core/list.ts";
import { isIncluded, type PatternEngine } from "../core/pattern.ts";
import { itemOrder } from "./order.ts";

/** The selected items of a list. */
export interface SelectedItems<Item extends ListItem = ListItem> {
  /** In the order of the list. */
  readonly items: readonly Item[];
  /** Items that would have been selected if their origin were allowed. */
  readonly foreign: readonly Item[];
  /** How many items were left out because of `limit`. */
  readonly beyondLimit: number;
}

/** The origin as `URL` writes it, which accepts a wildcard like any other name; or null. */
function originOf(text: string): string | null {
  return URL.parse(text)?.origin ?? null;
}

/**
 * Selects the items that become tasks. Of items with the same URL or id, only the first one counts.
 * More than `limit` items leave the newest ones.
 *
 * @param items Of all documents of the list.
 * @param ownOrigins Origins of the list itself: of its URL, before and after redirects, and those that
 * belong to its kind.
 * @param engine For the globs.
 */
export function selectItems<Item extends ListItem>(
  items: readonly Item[],
  selection: ListSelection,
  ownOrigins: readonly string[],
  engine: PatternEngine,
): SelectedItems<Item> {
  const included = distinct(items).filter((item) => isWanted(item, selection, engine));
  const isAllowed = originFilter([...ownOrigins, ...selection.allowOrigins]);
  const { own = [], foreign = [] } = Object.groupBy(
    included,
    ({ url }) => isAllowed(new URL(url).origin) ? "own" : "foreign",
  );
  const { newest, limit } = selection;
  const wanted = Math.min(own.length, newest ?? own.length);
  const kept = Math.min(wanted, limit);
  const beyondLimit = wanted - kept;
  if (kept === own.length) return { items: own, foreign, beyondLimit };
  const by = selection.by ?? (own.every(({ date }) => date !== null) ? "date" : "name");
  const order = itemOrder(by);
  const chosen = new Set(own.toSorted((one, other) => order(other, one)).slice(0, kept));
  return { items: own.filter((item) => chosen.has(item)), foreign, beyondLimit };
}

function distinct<Item extends ListItem>(items: readonly Item[]): Item[] {
  const urls = new Set<string>();
  const ids = new Set<string>();
  return items.filter(({ url, id }) => {
    if (urls.has(url) || (id !== null && ids.has(id))) return false;
    urls.add(url);
    if (id !== null) ids.add(id);
    return true;
  });
}

function isWanted(
  item: ListItem,
  { include, exclude }: ListSelection,
  engine: PatternEngine,
): boolean {
  const matches = (glob: string) =>
    isIncluded(glob.includes("/") ? pathOf(item.url) : item.name, [glob], engine);
  return (include.length === 0 || include.some(matches)) && !exclude.some(matches);
}

/** The decoded path of a URL, without its first slash. */
function pathOf(url: string): string {
  const path = new URL(url).pathname.slice(1);
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Makes a function that decides whether an origin is allowed. */
function originFilter(allowed: readonly string[]): (origin: string) => boolean {
  const exact = new Set(allowed.map((text) => originOf(text) ?? text));
  const wildcards = [...exact].filter((text) => text.includes("*"));
  return (origin) =>
    exact.has(origin) || wildcards.some((text) => {
      const [start = "", end = ""] = text.split("*");
      return origin.startsWith(start) && origin.endsWith(end);
    });
}
