/** Collects what the end of a run lists: of very many results, the first ones and their number. */

import type { RunEvent } from "../core/event.ts";
import type { TaskResult, Warning } from "../core/result.ts";
import { type Destination, isFailedOrDeferred, isWritten } from "./lines.ts";

/** Files and failures listed at the end of a run, each; a run may have 100,000. */
const LISTED = 20;

/** The first items of a list, and the number of all. */
interface Counted<Item> {
  readonly first: Item[];
  count: number;
}

/** What the end of a run lists. */
export interface ListedResults {
  /** Created and updated files. */
  readonly written: Counted<TaskResult>;
  /** Failed and deferred tasks. */
  readonly failures: Counted<TaskResult>;
  /** Files that are not published yet. */
  readonly pending: Counted<TaskResult>;
  /** Incomplete files that the next run resumes. */
  readonly partial: Counted<TaskResult>;
  partialBytes: number;
  /** Ids of tasks with a warning. */
  readonly warned: Map<Warning, Counted<string>>;
  /** Failures in a row of the tasks that became unhealthy. */
  readonly unhealthy: Map<string, number>;
  /** Ids of the tasks that are healthy again. */
  readonly recovered: Counted<string>;
}

/** Creates an empty list. */
export function nothingListed(): ListedResults {
  return {
    written: { first: [], count: 0 },
    failures: { first: [], count: 0 },
    pending: { first: [], count: 0 },
    partial: { first: [], count: 0 },
    partialBytes: 0,
    warned: new Map(),
    unhealthy: new Map(),
    recovered: { first: [], count: 0 },
  };
}

function add<Item>(list: Counted<Item>, item: Item): void {
  list.count++;
  if (list.first.length < LISTED) list.first.push(item);
}

/**
 * Adds what an event reports.
 *
 * @param destination Determines whether unchanged files are listed too: those of URLs on the command
 * line.
 */
export function listEvent(
  listed: ListedResults,
  event: RunEvent,
  { showsPaths }: Destination,
): void {
  if (event.type === "task.health") {
    const { task, before, health, failures } = event;
    if (health === "unhealthy") listed.unhealthy.set(task, failures);
    else if (before === "unhealthy") add(listed.recovered, task);
  }
  if (event.type !== "task.finished") return;
  const { result } = event;
  const isListed = showsPaths && result.status === "unchanged";
  if (isListed || isWritten(result.status)) add(listed.written, result);
  else if (isFailedOrDeferred(result.status)) add(listed.failures, result);
  else if (result.status === "pending") add(listed.pending, result);
  if (result.partialBytes !== null) {
    add(listed.partial, result);
    listed.partialBytes += result.partialBytes;
  }
  for (const warning of result.warnings) {
    const tasks = listed.warned.get(warning) ?? { first: [], count: 0 };
    listed.warned.set(warning, tasks);
    add(tasks, result.task);
  }
}
