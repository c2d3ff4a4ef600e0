/** Which tasks a visitor wants to see, and which of them fit on one page. Pure. */

import type { ShownHealth } from "../core/event.ts";
import type { PageTask } from "./source.ts";

/** What a task can be filtered by: its health, and what is done with it at the moment. */
export type TaskCondition = ShownHealth | "paused" | "running";

/** Every condition, in the order in which people are shown them. */
export const CONDITIONS: readonly TaskCondition[] = [
  "unhealthy",
  "stale",
  "failing",
  "running",
  "paused",
  "new",
  "healthy",
];

/** What a visitor asked for. */
export interface Filter {
  /** Null: any. */
  readonly health: TaskCondition | null;
  /** Stands somewhere in the id, the file name or the URL, in any case. */
  readonly text: string;
  /** Counted from 1. */
  readonly page: number;
}

/** Some of many. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Counted from 1; the last one where a later one was asked for. */
  readonly page: number;
  readonly pages: number;
  /** On all pages together. */
  readonly total: number;
}

/** Tasks on one page. */
export const TASKS_PER_PAGE = 50;

const LONGEST_TEXT = 200;

/** Reads a filter from a query; what makes no sense is taken for not said. */
export function parseFilter(query: URLSearchParams): Filter {
  const health = CONDITIONS.find((condition) => condition === query.get("health"));
  const page = Number(query.get("page"));
  return {
    health: health ?? null,
    text: (query.get("q") ?? "").trim().slice(0, LONGEST_TEXT),
    page: Number.isSafeInteger(page) && page >= 1 ? page : 1,
  };
}

/** The query of a filter with `?`, or the empty text for none. */
export function filterQuery({ health, text, page }: Filter): string {
  const query = new URLSearchParams();
  if (health !== null) query.set("health", health);
  if (text !== "") query.set("q", text);
  if (page !== 1) query.set("page", `${page}`);
  return query.size === 0 ? "" : `?${query}`;
}

/** Whether a condition is true of a task. */
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
      // Also what is failing, too, and has been for so long.
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

/** The tasks a filter lets through, those that need a look first, else in their order. */
export function filterTasks(
  tasks: readonly PageTask[],
  { health, text }: Filter,
  running: ReadonlySet<string>,
): PageTask[] {
  const wanted = text.toLowerCase();
  const fits = (task: PageTask) =>
    (health === null || isIn(health, task, running)) &&
    (wanted === "" ||
      [task.id, task.key, task.url].some((value) => value.toLowerCase().includes(wanted)));
  const rank = new Map(tasks.map((task) => [task, RANKS[task.health]]));
  return tasks.filter(fits).toSorted((one, other) => (rank.get(one) ?? 0) - (rank.get(other) ?? 0));
}

const RANKS: Readonly<Record<ShownHealth, number>> = {
  unhealthy: 0,
  stale: 1,
  failing: 2,
  new: 3,
  healthy: 3,
};

/** One page of a list. */
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
