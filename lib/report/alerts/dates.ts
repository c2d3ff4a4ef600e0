/** Alerts about dates: one per task, not one per date. Pure. */

import { parentOf, type Task } from "../../core/task.ts";
import type { OpenAlert } from "../../state/state.ts";
import type { AlertNotice } from "./changes.ts";

/** A date of a task with `dates`, before and after an evaluation. */
export interface DateAlerts {
  readonly task: Task;
  readonly before: readonly OpenAlert[];
  readonly after: readonly OpenAlert[];
  readonly notices: readonly AlertNotice[];
}

/**
 * Combines the notices about the dates of each task. A kind of alert is reported by the first date
 * that has it, and its end when no date has one.
 *
 * @param dates All dates of the tasks, so that alerts that are open are known.
 */
export function combineNotices(dates: readonly DateAlerts[]): AlertNotice[] {
  return [...Map.groupBy(dates, ({ task }) => parentOf(task) ?? task.id)]
    .flatMap(([parent, group]) => noticesOf(parent, group));
}

function noticesOf(parent: string, group: readonly DateAlerts[]): AlertNotice[] {
  const kindsBefore = new Set<string>(
    group.flatMap(({ before }) => before.map(({ kind }) => kind)),
  );
  const isOpen = group.some(({ after }) => after.length > 0);
  const byEvent = Map.groupBy(group.flatMap(({ notices }) => notices), ({ event }) => event);
  return [...byEvent].flatMap(([event, notices]) => {
    const [first] = notices;
    const isKnown = event === "recovered" ? isOpen : kindsBefore.has(event);
    return first === undefined || isKnown ? [] : [combined(parent, first, notices)];
  });
}

function combined(
  parent: string,
  first: AlertNotice,
  notices: readonly AlertNotice[],
): AlertNotice {
  const date = (first.task ?? "").slice(parent.length + 1);
  const others = notices.length - 1;
  const of = others === 0 ? date : `${date} and ${others} more ${others === 1 ? "date" : "dates"}`;
  return {
    ...first,
    task: parent,
    failures: Math.max(...notices.map(({ failures }) => failures)),
    message: first.message === null ? null : `${of}: ${first.message}`,
  };
}
