/** Filters and pagination of the list of tasks. Pure. */

import type { ShownHealth } from "../core/event.ts";
import type { PageTask } from "./source.ts";

/** What tasks can be filtered by. */
export type TaskCondition = ShownHealth | "paused" | "running";

/** All conditions in display order. */
export const CONDITIONS: readonly TaskCondition[] = [
  "unhealthy",
  "stale",
  "failing",
  "running",
  "paused",
  "new",
  "healthy",
];

/** The filter and page that a request selects. */
export interface Filter {
  /** Null for any. */
  readonly health: TaskCondition | null;
  /** Part of the id, the key or the URL, case-insensitive. */
  readonly text: string;
  /** Counted from 1. */
  readonly page: number;
}

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Counted from 1, and at most `pages`. */
  readonly page: number;
  readonly pages: number;
  /** Number of items on all pages. */
  readonly total: number;
}

/** Tasks per page. */
export const TASKS_PER_PAGE = 50;

const LONGEST_TEXT = 200;

/** Reads a filter from a query; invalid values are ignored. */
export function parseFilter(query: URLSearchParams): Filter {
  const health = CONDITIONS.find((condition) => condition === query.get("health"));
  const page = Number(query.get("page"));
  return {
    health: health ?? null,
    text: (query.get("q") ?? "").trim().slice(0, LONGEST_TEXT),
    page: Number.isSafeInteger(page) && page >= 1 ? page : 1,
  };
}

/** The query of a filter, with `?`; empty for no filter. */
export function filterQuery({ health, text, page }: Filter): string {
  const query = new URLSearchParams();
  if (health !== null) query.set("health", health);
  if (text !== "") query.set("q", text);
  if (page !== 1) query.set("page", `${page}`);
  return query.size === 0 ? "" : `?${query}`;
}

/** Whether a task meets a condition. */
export function isIn(
  condition: TaskCondition,
  task: PageTask,
  running: ReadonlySet<string>,
): boolean {
  switch (condition) {
    case "paused":
      return task.paused;
    case "running":
      return running.has(task.id);
    case "stale":
      // A failing task may be stale too.
      return task.stale;
    case "new":
    case "healthy":
    case "failing":
    case "unhealthy":
      return task.health === condition;
    default:
      return condition satisfies never;
  }
}

/** The tasks that match a filter: unhealthy, stale and failing ones first, else in config order. */
export function filterTasks(
  tasks: readonly PageTask[],
  { health, text }: Filter,
  running: ReadonlySet<string>,
): PageTask[] {
  const wanted = text.toLowerCase();
  const matches = (task: PageTask) =>
    (health === null || isIn(health, task, running)) &&
    (wanted === "" ||
      [task.id, task.key, task.url].some((value) => value.toLowerCase().includes(wanted)));
  const rank = new Map(tasks.map((task) => [task, RANKS[task.health]]));
  return tasks.filter(matches).toSorted((one, other) =>
    (rank.get(one) ?? 0) - (rank.get(other) ?? 0)
  );
}

const RANKS: Readonly<Record<ShownHealth, number>> = {
  unhealthy: 0,
  stale: 1,
  failing: 2,
  new: 3,
  healthy: 3,
};

/** Cuts one page from a list. */
export function paginate<T>(items: readonly T[], page: number, perPage: number): Page<T> {
  const pages = Math.max(1, Math.ceil(items.length / perPage));
  const shown = Math.min(page, pages);
  return {
    items: items.slice((shown - 1) * perPage, shown * perPage),
    page: shown,
    pages,
    total: items.length,
  };
}
