/** Tasks with dates as shown on the page: each as one task with a calendar. Loaded only for them. */

import type { TaskTemplate } from "../config/config.ts";
import { parentOf, type Task } from "../core/task.ts";
import {
  DATE_STATUSES,
  datesText,
  monthsOf,
  rangesOf,
  reportDates,
  type ReportedMonth,
} from "../lists/date_report.ts";
import { closedRecords, taskOfId, withDates } from "../lists/dates.ts";
import { groupHealth } from "../report/group_health.ts";
import { taskHealth } from "../report/task_health.ts";
import type { State, TaskRecord } from "../state/state.ts";
import type { PageDates, PageMonth, PageTask } from "./model.ts";
import { type PageTaskFacts, pageTasks } from "./page_task.ts";

/** The tasks with dates of a config. */
export interface DatedPageTasks {
  /** One for each task of the config with dates, by id. */
  readonly groups: ReadonlyMap<string, PageTask>;
  /** The task of a closed date; null for another id. */
  closed(id: string): Promise<PageTask | null>;
}

/**
 * Combines the dates of each task.
 *
 * @param tasks The tasks of the dates that are not closed, among others.
 * @param records Their records.
 * @throws {CronfetchError} Any `state.` code.
 */
export async function datedPageTasks(
  all: readonly TaskTemplate[],
  tasks: readonly Task[],
  records: ReadonlyMap<string, TaskRecord>,
  { state, facts }: {
    readonly state: Pick<State, "items" | "records">;
    readonly facts: PageTaskFacts;
  },
): Promise<DatedPageTasks> {
  const templates = withDates(all);
  const { now } = facts;
  const open = Map.groupBy(tasks, parentOf);
  const reports = await reportDates(templates, state, now);
  const closed = await closedRecords(templates, state, facts.redact);
  const closedOf = Map.groupBy(closed.values(), ({ task }) => task.slice(0, task.lastIndexOf("@")));
  const groups = new Map<string, PageTask>();
  for (const [id, report] of reports) {
    const { task, closedAt } = report;
    const dates = (open.get(id) ?? []).map((one) => {
      const record = records.get(one.id);
      return { id: one.id, record, health: taskHealth(one, record, now) };
    });
    const published = dates.flatMap(({ record }) => record?.published ?? []);
    const kept = (closedOf.get(id) ?? []).flatMap(({ published: file }) => file ?? []);
    const shown: PageDates = {
      since: report.since,
      until: report.until,
      months: monthsOf(report).map(withLabel),
      older: report.older,
      open: dates.map((date) => date.id),
      files: published.length + kept.length,
      sizeBytes: [...published, ...kept].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    };
    const { record, health } = groupHealth(task, dates, closedAt, now);
    const known = new Map(record === undefined ? [] : [[id, record]]);
    const [group] = await pageTasks([task], known, facts);
    if (group === undefined) continue;
    const { stale, staleFrom, due, nextDue } = health;
    groups.set(id, {
      ...group,
      ...{ health: health.health, stale, staleFrom, due, nextDue },
      ...{ note: datesText(report), dates: shown },
    });
  }
  return {
    groups,
    closed: async (id) => {
      const task = closed.has(id) ? taskOfId(id, templates) : null;
      return task && ((await pageTasks([task], closed, facts))[0] ?? null);
    },
  };
}

/** `5 of 7 dates, 2 missing: missing 2026-01-13 to 2026-01-14`. */
function withLabel({ month, days }: ReportedMonth): PageMonth {
  const dates = days.filter((day) => day !== null);
  const gaps = DATE_STATUSES.filter((status) => status !== "ok").flatMap((status) =>
    rangesOf({ dates }, status).map((range) => `${status} ${range}`)
  );
  const text = dates.length === 0 ? "no file expected" : datesText({ dates });
  return { month, days, label: [text, ...(gaps.length > 0 ? [gaps.join(", ")] : [])].join(": ") };
}

/** The rows of the overview: a task with dates is one row. */
export function withGroups(
  all: readonly TaskTemplate[],
  tasks: readonly Task[],
  pages: readonly PageTask[],
  { groups }: Pick<DatedPageTasks, "groups">,
): readonly PageTask[] {
  const byId = new Map(pages.map((page) => [page.id, page]));
  const byTemplate = Map.groupBy(tasks, (task) => parentOf(task) ?? task.id);
  return all.flatMap(({ task: { id } }): readonly PageTask[] => {
    const group = groups.get(id);
    if (group !== undefined) return [group];
    return (byTemplate.get(id) ?? []).flatMap((task) => byId.get(task.id) ?? []);
  });
}
