/** Filters, order and pagination of the list of tasks. Pure. */

import type { ShownHealth } from "../core/event.ts";
import { isListKey } from "../core/key.ts";
import { changedAt, isRecentlyChanged } from "./labels.ts";
import type { PageTask } from "./model.ts";

/** What tasks can be filtered by. */
export type TaskCondition = ShownHealth | "paused" | "running" | "changed";

/** All conditions in display order. */
export const CONDITIONS: readonly TaskCondition[] = [
  "unhealthy",
  "stale",
  "failing",
  "changed",
  "running",
  "paused",
  "new",
  "healthy",
];

/** The columns that the list can be sorted by. */
export type SortColumn = "task" | "health" | "changed" | "success" | "due" | "size";

/** All columns that sort. */
const SORT_COLUMNS: readonly SortColumn[] = [
  "task",
  "health",
  "changed",
  "success",
  "due",
  "size",
];

/** The order of the list. */
export interface Order {
  readonly column: SortColumn;
  readonly isDescending: boolean;
}

/** The direction that answers the usual question about a column: newest, largest, next. */
export const FIRST_DESCENDING: Readonly<Record<SortColumn, boolean>> = {
  task: false,
  health: false,
  changed: true,
  success: true,
  due: false,
  size: true,
};

/** The filter, order and page that a request selects. */
export interface Filter {
  /** Null for any. */
  readonly health: TaskCondition | null;
  /** Part of the id, the key or the URL, case-insensitive. */
  readonly text: string;
  /** Null for unhealthy, stale and failing tasks first, else the order of the config. */
  readonly order: Order | null;
  /** One line per task, and more of them on a page. */
  readonly isDense: boolean;
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

/** No filter. */
export const NO_FILTER: Filter = { health: null, text: "", order: null, isDense: false, page: 1 };

/** Tasks per page. */
export function tasksPerPage({ isDense }: Filter): number {
  return isDense ? 200 : 50;
}

const LONGEST_TEXT = 200;

/** Reads a filter from a query; invalid values are ignored. */
export function parseFilter(query: URLSearchParams): Filter {
  const health = CONDITIONS.find((condition) => condition === query.get("health"));
  return {
    health: health ?? null,
    text: parseText(query.get("q")),
    order: parseOrder(query.get("sort") ?? ""),
    isDense: query.has("dense"),
    page: parsePage(query.get("page")),
  };
}

/** Reads a text to search for. */
export function parseText(text: string | null): string {
  return (text ?? "").trim().slice(0, LONGEST_TEXT);
}

/** Reads the number of a page; 1 for anything else. */
export function parsePage(text: string | null): number {
  const page = Number(text);
  return Number.isSafeInteger(page) && page >= 1 ? page : 1;
}

/** `size` is ascending, `-size` descending. */
function parseOrder(text: string): Order | null {
  const isDescending = text.startsWith("-");
  const column = SORT_COLUMNS.find((one) => one === (isDescending ? text.slice(1) : text));
  return column === undefined ? null : { column, isDescending };
}

/** The query of a filter, with `?`; empty for no filter. */
export function filterQuery({ health, text, order, isDense, page }: Filter): string {
  const query = new URLSearchParams();
  if (health !== null) query.set("health", health);
  if (text !== "") query.set("q", text);
  if (order !== null) query.set("sort", `${order.isDescending ? "-" : ""}${order.column}`);
  if (isDense) query.set("dense", "1");
  if (page !== 1) query.set("page", `${page}`);
  return query.size === 0 ? "" : `?${query}`;
}

/** What conditions depend on, besides the task. */
export interface ConditionFacts {
  readonly running: ReadonlySet<string>;
  readonly now: Temporal.Instant;
}

/** Whether a task is running, or one of its dates is. */
export function isRunning(
  { id, dates }: Pick<PageTask, "id" | "dates">,
  running: ReadonlySet<string>,
): boolean {
  return running.has(id) || dates !== undefined && dates.open.some((date) => running.has(date));
}

/** Whether a task meets a condition. */
export function isIn(
  condition: TaskCondition,
  task: PageTask,
  { running, now }: ConditionFacts,
): boolean {
  switch (condition) {
    case "changed":
      return isRecentlyChanged(task, now);
    case "paused":
      return task.paused;
    case "running":
      return isRunning(task, running);
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

/** The tasks that match a filter, in its order. */
export function filterTasks(
  tasks: readonly PageTask[],
  { health, text, order }: Filter,
  facts: ConditionFacts,
): PageTask[] {
  const wanted = text.toLowerCase();
  const matches = (task: PageTask) =>
    (health === null || isIn(health, task, facts)) &&
    (wanted === "" ||
      [task.id, task.key, task.url].some((value) => value.toLowerCase().includes(wanted)));
  return sortTasks(tasks.filter(matches), order ?? { column: "health", isDescending: false });
}

/** Sorts by a column. Tasks without a value come last in both directions; equal ones keep their order. */
function sortTasks(tasks: readonly PageTask[], { column, isDescending }: Order): PageTask[] {
  const sign = isDescending ? -1 : 1;
  return tasks.map((task) => ({ task, value: sortValue(column, task) }))
    .toSorted(({ value: one }, { value: other }) => {
      if (one === other) return 0;
      if (one === null || other === null) return one === null ? 1 : -1;
      return (one < other ? -1 : 1) * sign;
    })
    .map(({ task }) => task);
}

function sortValue(column: SortColumn, task: PageTask): string | number | null {
  const { record } = task;
  switch (column) {
    case "task":
      return task.id.toLowerCase();
    case "health":
      return RANKS[task.health];
    case "changed":
      return epochMs(changedAt(record));
    case "success":
      return epochMs(record?.lastSuccessAt ?? null);
    case "due":
      return task.paused ? null : task.due ? 0 : epochMs(task.nextDue);
    case "size":
      return sizeOf(task);
    default:
      return column satisfies never;
  }
}

/** Size of the published file, or of those of all dates; null without a file. */
export function sizeOf({ key, dates, record }: PageTask): number | null {
  if (dates !== undefined) return dates.files === 0 ? null : dates.sizeBytes;
  return isListKey(key) ? null : record?.published?.sizeBytes ?? null;
}

function epochMs(time: string | null): number | null {
  return time === null ? null : Date.parse(time);
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
