/** What became of the dates of a task with `dates`: those that are published, and the gaps. */

import type { Task } from "../core/task.ts";
import { daysBetween } from "../cron/calendar.ts";
import type { State, TaskRecord } from "../state/state.ts";
import { type DatesTemplate, idOf, isClosedDate, windowOf } from "./dates.ts";

/**
 * The status of a date: its file is published (`ok`); the last request found none, and failed or is
 * `pending`; or no request has had a result (`missing`).
 */
export const DATE_STATUSES = ["ok", "failed", "pending", "missing"] as const;

/** See {@linkcode DATE_STATUSES}. */
export type DateStatus = typeof DATE_STATUSES[number];

/** A date that has a file according to the options, `YYYY-MM-DD`. */
export interface ReportedDate {
  readonly date: string;
  readonly status: DateStatus;
}

/** The dates of one task. */
export interface DateReport {
  /** The task of the config. */
  readonly task: Task;
  /** First day of the window. */
  readonly since: string;
  /** Last day of the window: today in the task's time zone. */
  readonly until: string;
  /** The dates of the window that have a file, ascending. */
  readonly dates: readonly ReportedDate[];
  /** Number of closed dates before the window. */
  readonly older: number;
  /** When the last closed date was published, RFC 3339 in UTC; null without any. */
  readonly closedAt: string | null;
}

/**
 * Reports on the dates within the windows of templates.
 *
 * @returns By the id of the template's task.
 * @throws {CronfetchError} Any `state.` code.
 */
export async function reportDates(
  templates: readonly DatesTemplate[],
  state: Pick<State, "items" | "records">,
  at: Temporal.Instant,
): Promise<ReadonlyMap<string, DateReport>> {
  const items = await state.items(templates.map(({ task }) => task.id));
  const expected = templates.map((template) => {
    const { since, until } = windowOf(template, at);
    const closed = new Map(
      [...items.get(template.task.id) ?? []].filter(([, body]) => isClosedDate(body)),
    );
    return { template, since, until, closed, dates: daysBetween(template.dates, since, until) };
  });
  const open = expected.flatMap(({ template: { task }, closed, dates }) =>
    dates.filter((date) => !closed.has(date)).map((date) => idOf(task, date))
  );
  const records = await state.records(open);
  return new Map(expected.map(({ template: { task }, since, until, closed, dates }) => [task.id, {
    ...{ task, since: since.toString(), until: until.toString() },
    dates: dates.map((date) => ({
      date,
      status: closed.has(date) ? "ok" : statusOf(records.get(idOf(task, date))),
    })),
    older: [...closed.keys()].filter((date) => date < since.toString()).length,
    closedAt: newest([...closed.values()].map(({ at }) => Number(at))),
  }]));
}

/** The status of a date that is not closed. */
function statusOf(record: TaskRecord | undefined): DateStatus {
  if (record === undefined) return "missing";
  if (record.published !== null) return "ok";
  if (record.failures > 0) return "failed";
  return record.results[0]?.status === "pending" ? "pending" : "missing";
}

function newest(seconds: readonly number[]): string | null {
  const last = seconds.reduce((one, other) => Math.max(one, other), 0);
  return last === 0 ? null : Temporal.Instant.fromEpochMilliseconds(last * 1_000).toString();
}

/** Numbers of dates by status. */
export function countDates({ dates }: Pick<DateReport, "dates">): Record<DateStatus, number> {
  const counts = { ok: 0, failed: 0, pending: 0, missing: 0 };
  for (const { status } of dates) counts[status]++;
  return counts;
}

/** `18 of 20 dates, 1 pending, 1 missing`. */
export function datesText(report: Pick<DateReport, "dates">): string {
  const { ok, ...others } = countDates(report);
  const total = report.dates.length;
  return [
    `${ok} of ${total} ${total === 1 ? "date" : "dates"}`,
    ...DATE_STATUSES.flatMap((status) =>
      status === "ok" || others[status] === 0 ? [] : [`${others[status]} ${status}`]
    ),
  ].join(", ");
}

/** A month of the window. */
export interface ReportedMonth {
  /** `YYYY-MM`. */
  readonly month: string;
  /** One per day of the month; null for a day without a file, or outside of the window. */
  readonly days: readonly (ReportedDate | null)[];
}

/** The months of the window, ascending. */
export function monthsOf({ since, until, dates }: DateReport): ReportedMonth[] {
  const byDate = new Map(dates.map((reported) => [reported.date, reported]));
  const months: ReportedMonth[] = [];
  const last = Temporal.PlainDate.from(until).toPlainYearMonth();
  for (
    let month = Temporal.PlainDate.from(since).toPlainYearMonth();
    Temporal.PlainYearMonth.compare(month, last) <= 0;
    month = month.add({ months: 1 })
  ) {
    const days = Array.from(
      { length: month.daysInMonth },
      (_, index) => byDate.get(month.toPlainDate({ day: index + 1 }).toString()) ?? null,
    );
    months.push({ month: month.toString(), days });
  }
  return months;
}

/**
 * The dates with a status, as text: those that follow each other in the calendar of the task are one
 * range, `2026-11-03 to 2026-11-06`.
 */
export function rangesOf(
  { dates }: Pick<DateReport, "dates">,
  status: DateStatus,
): string[] {
  const ranges: { first: string; last: string }[] = [];
  let isContinued = false;
  for (const { date, status: found } of dates) {
    const range = ranges.at(-1);
    if (found === status && isContinued && range) range.last = date;
    else if (found === status) ranges.push({ first: date, last: date });
    isContinued = found === status;
  }
  return ranges.map(({ first, last }) => first === last ? first : `${first} to ${last}`);
}
