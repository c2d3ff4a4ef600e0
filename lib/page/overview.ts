/** What the overview shows: sums over all tasks, and one page of them. Pure. */

import type { ShownHealth } from "../core/event.ts";
import { isListKey } from "../core/key.ts";
import {
  CONDITIONS,
  type Filter,
  filterTasks,
  isIn,
  type Page,
  paginate,
  type TaskCondition,
} from "./filter.ts";
import type { PageTask } from "./model.ts";

/** Sums over all tasks. */
export interface TaskTotals {
  /** Number of tasks. */
  readonly tasks: number;
  /** Numbers of tasks by health; together all tasks. */
  readonly healths: Readonly<Record<ShownHealth, number>>;
  /** Numbers of tasks by condition; a task may meet several. */
  readonly conditions: Readonly<Record<TaskCondition, number>>;
  /** Number of tasks that are unhealthy or stale. */
  readonly urgent: number;
  /** Number of published files. */
  readonly files: number;
  /** Size of the published files. */
  readonly sizeBytes: number;
}

/** The tasks that a filter selects, and the sums over all of them. */
export interface Overview {
  readonly totals: TaskTotals;
  readonly shown: Page<PageTask>;
  /** Whether the state sums and sorts, as it has too many records to read them all. */
  readonly isLarge: boolean;
}

/** Selects tasks of the overview. */
export interface OverviewRequest {
  readonly filter: Filter;
  /** Tasks on a page; with very many tasks, a page is never larger than the largest of people. */
  readonly perPage: number;
  readonly running: ReadonlySet<string>;
}

/** The overview of tasks that have been read. */
export function overviewOf(
  tasks: readonly PageTask[],
  { filter, perPage, running }: OverviewRequest,
  now: Temporal.Instant,
): Overview {
  const matching = filterTasks(tasks, filter, { running, now });
  return {
    totals: totalsOf(tasks, { running, now }),
    shown: paginate(matching, filter.page, perPage),
    isLarge: false,
  };
}

/** The sums over tasks that have been read. */
export function totalsOf(
  tasks: readonly PageTask[],
  facts: { readonly running: ReadonlySet<string>; readonly now: Temporal.Instant },
): TaskTotals {
  const healths = { new: 0, healthy: 0, stale: 0, failing: 0, unhealthy: 0 };
  let [urgent, files, sizeBytes] = [0, 0, 0];
  for (const { health, stale, record, dates } of tasks) {
    healths[health]++;
    if (health === "unhealthy" || stale) urgent++;
    if (record?.published && !isListKey(record.published.key)) {
      files++;
      sizeBytes += record.published.sizeBytes;
    } else if (dates !== undefined) {
      files += dates.files;
      sizeBytes += dates.sizeBytes;
    }
  }
  const count = (condition: TaskCondition) =>
    tasks.reduce((sum, task) => sum + Number(isIn(condition, task, facts)), 0);
  const conditions = Object.fromEntries(
    CONDITIONS.map((condition) => [condition, count(condition)]),
  ) as Record<TaskCondition, number>;
  return { tasks: tasks.length, healths, conditions, urgent, files, sizeBytes };
}
