/** Tasks with dates in `status`: one row each, and a calendar with the gaps. Loaded only for them. */

import type { TaskTemplate } from "../../config/config.ts";
import { escapeControl } from "../../core/text.ts";
import { parentOf } from "../../core/task.ts";
import {
  countDates,
  DATE_STATUSES,
  type DateReport,
  type DateStatus,
  datesText,
  monthsOf,
  rangesOf,
  reportDates,
} from "../../lists/date_report.ts";
import { withDates } from "../../lists/dates.ts";
import { plural, type Style } from "../../report/format.ts";
import { groupHealth } from "../../report/group_health.ts";
import { shortReason } from "../../report/reason.ts";
import { describeSchedule } from "../../schedule/due.ts";
import type { State } from "../../state/state.ts";
import { type TableFormat, wrapLine } from "../table.ts";
import { HEALTH_STYLES, relativeText, type TaskEntry } from "./overview.ts";
import { labelledLines } from "./task_details.ts";

/** The dates of a task, and those of them that are not closed. */
export interface DatesEntry extends TaskEntry {
  readonly report: DateReport;
  readonly dates: readonly TaskEntry[];
}

/** How dates are drawn, so that colour is not needed to distinguish them. */
const MARKS: Readonly<Record<DateStatus, readonly [mark: string, style: Style]>> = {
  ok: ["#", "good"],
  failed: ["x", "bad"],
  pending: ["?", "warning"],
  missing: ["-", "warning"],
};

/** A day without a file. */
const NO_FILE = ".";

/** The days of a month, above its row. */
const DAYS = `${" ".repeat(13)}1   5    10   15   20   25   30`;

/** Months that are drawn. */
const MOST_MONTHS = 24;

/** Ranges of dates with one status that are named. */
const MOST_RANGES = 10;

/**
 * Combines the dates of each task.
 *
 * @param selected Ids that are named; null for all.
 * @param entries The dates that are not closed, among other tasks.
 * @returns By id; only tasks that are named themselves, and not only by one of their dates.
 * @throws {CronfetchError} Any `state.` code.
 */
export async function groupDates(
  templates: readonly TaskTemplate[],
  selected: ReadonlySet<string> | null,
  entries: readonly TaskEntry[],
  { state, at }: {
    readonly state: Pick<State, "items" | "records">;
    readonly at: Temporal.Instant;
  },
): Promise<ReadonlyMap<string, DatesEntry>> {
  const named = withDates(templates).filter(({ task: { id } }) => selected?.has(id) ?? true);
  const reports = await reportDates(named, state, at);
  const open = Map.groupBy(entries, ({ task }) => parentOf(task));
  return new Map([...reports].map(([id, report]) => {
    const dates = open.get(id) ?? [];
    const { task } = report;
    const group = groupHealth(task, dates, report.closedAt, at);
    return [id, { task, ...group, note: datesText(report), report, dates }];
  }));
}

/** The row of a task with dates for `--json`. */
export function datesRow({ task: { id, timezone }, report, health }: DatesEntry): object {
  const { since, until, older, dates } = report;
  const counts = countDates(report);
  return {
    ...{ type: "dates", task: id, health: health.health, timezone, since, until },
    ...{ counts, closedBefore: older, dates },
  };
}

/** The lines of a task: its dates as a calendar with a row per month, and the gaps by name. */
export function datesLines(
  entry: DatesEntry,
  { now, redact }: { readonly now: Temporal.Instant; readonly redact: (text: string) => string },
  format: TableFormat,
): string[] {
  const { task, report, health } = entry;
  const timeText = (time: string | null) => time === null ? "never" : relativeText(time, now);
  const rows: (readonly [label: string, ...texts: string[]])[] = [
    ["dates", `${datesText(report)}, from ${report.since} to ${report.until}`],
    ...(report.older > 0
      ? [["closed", `${plural(report.older, "date")} before that`] as const]
      : []),
    ["schedule", describeSchedule(task.schedule, task.timezone)],
    ["last good", timeText(health.lastSuccessAt)],
    ["last run", timeText(health.lastRunAt)],
    ["next due", health.due ? "now" : health.nextDue === null ? "never" : timeText(health.nextDue)],
  ];
  return [
    `${format.paint("strong", escapeControl(task.id))}: ` +
    format.paint(HEALTH_STYLES[health.health], health.health),
    ...rows.flatMap((row) => labelledLines(row, format)),
    "",
    DAYS,
    ...monthLines(report, format),
    ...wrapLine(`  ${legendOf(report)}`, format),
    ...gapLines(entry, redact, format),
  ];
}

function monthLines(report: DateReport, { paint }: TableFormat): string[] {
  const months = monthsOf(report);
  const omitted = months.length - MOST_MONTHS;
  return [
    ...(omitted > 0 ? [`  ${plural(omitted, "earlier month")}: --json lists the dates`] : []),
    ...months.slice(-MOST_MONTHS).map(({ month, days }) => {
      const marks = days.map((day, index) => {
        const date = `${month}-${`${index + 1}`.padStart(2, "0")}`;
        if (day === null) return date < report.since || date > report.until ? " " : NO_FILE;
        const [mark, style] = MARKS[day.status];
        return paint(style, mark);
      });
      return `  ${month}    ${marks.join("")}`.trimEnd();
    }),
  ];
}

/** `# ok, - missing, . no file`: the marks that occur. */
function legendOf(report: DateReport): string {
  const counts = countDates(report);
  return [
    ...DATE_STATUSES.filter((status) => counts[status] > 0)
      .map((status) => `${MARKS[status][0]} ${status}`),
    `${NO_FILE} no file expected`,
  ].join(", ");
}

/** The dates without a file, and why. */
function gapLines(
  { report, dates }: DatesEntry,
  redact: (text: string) => string,
  format: TableFormat,
): string[] {
  const gaps = (["failed", "pending", "missing"] as const).flatMap((status) => {
    const ranges = rangesOf(report, status);
    if (ranges.length === 0) return [];
    const rest = ranges.length - MOST_RANGES;
    const listed = rest > 0 ? [...ranges.slice(0, MOST_RANGES), `and ${rest} more`] : ranges;
    return [[status, listed.join(", ")] as const];
  });
  const failing = dates.filter(({ health, record }) => health.failures > 0 && record);
  const reasons = Map.groupBy(failing, ({ record }) => {
    const failed = record?.results.find(({ status }) => status === "failed");
    return (failed && shortReason(failed)) ?? "unknown";
  });
  const rows = [...reasons].slice(0, MOST_RANGES).map(([reason, of]) =>
    ["reason", `${plural(of.length, "date")}: ${redact(reason)}`] as const
  );
  const first = failing[0]?.task.id;
  return [
    ...[...gaps, ...rows].flatMap((row) => labelledLines(row, format)),
    ...(first === undefined ? [] : wrapLine(`  hint: cronfetch status ${first}`, format)),
  ];
}
