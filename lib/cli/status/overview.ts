/** The table of `status`: one row per task, problems first. Pure. */

import type { ShownHealth } from "../../core/event.ts";
import { localTimeText } from "../../core/time.ts";
import type { Task } from "../../core/task.ts";
import { formatCount, plural, relativeTime, type Style } from "../../report/format.ts";
import { shortReason } from "../../report/reason.ts";
import type { ItemTasks } from "../../lists/items.ts";
import type { TaskHealth } from "../../report/task_health.ts";
import type { TaskRecord } from "../../state/state.ts";
import { type TableColumn, type TableFormat, tableLines, wrapLine } from "../table.ts";

/** A task with its record and the health derived from both. */
export interface TaskEntry {
  readonly task: Task;
  /** Absent if it never ran. */
  readonly record: TaskRecord | undefined;
  readonly health: TaskHealth;
  /** What the reason begins with; absent for a single file. */
  readonly note?: string;
  /** The items of a list; absent for other tasks, and for a list that was never read. */
  readonly items?: ItemTasks | undefined;
}

/** Healths in the order in which they are shown, and their colours. */
export const HEALTH_STYLES = {
  unhealthy: "bad",
  stale: "warning",
  failing: "warning",
  new: "faint",
  healthy: "good",
} as const satisfies Record<ShownHealth, Style>;

/** Lines of a table that is not complete: with all others it fits a terminal of 24 lines. */
const MOST_LINES = 18;

const COLUMNS: readonly TableColumn[] = [
  { name: "health", narrow: "keep" },
  { name: "task", narrow: "cut" },
  { name: "changed", narrow: 2 },
  { name: "last good", narrow: 3 },
  { name: "next", narrow: 1 },
  { name: "reason", narrow: "wrap" },
];

/** Whether a task is unhealthy, failing or stale. */
export function hasProblem({ health }: Pick<TaskEntry, "health">): boolean {
  return health.health === "unhealthy" || health.health === "failing" || health.stale;
}

/** Sorts tasks: problems first, then those whose content changed last. */
export function sortEntries(entries: readonly TaskEntry[]): TaskEntry[] {
  const order = Object.keys(HEALTH_STYLES);
  const rankOf = ({ health }: TaskEntry) => order.indexOf(health.health);
  const changeOf = ({ record }: TaskEntry) => record?.changedAt ?? "";
  return entries.toSorted((one, other) =>
    rankOf(one) - rankOf(other) || compare(changeOf(other), changeOf(one))
  );
}

/**
 * The rows of the tasks, and how many have each health.
 *
 * @param entries In the order in which they are shown.
 * @param isComplete Whether to list every task, however many they are.
 */
export function overviewLines(
  entries: readonly TaskEntry[],
  isComplete: boolean,
  { at, redact }: { readonly at: Temporal.Instant; readonly redact: (text: string) => string },
  format: TableFormat,
): string[] {
  if (entries.length === 0) return [];
  const rows = entries.map((entry) => ({
    style: HEALTH_STYLES[entry.health.health],
    cells: cellsOf(entry, at, redact),
  }));
  const tableOf = (count: number) => tableLines(COLUMNS, rows.slice(0, count), format);
  let count = rows.length;
  if (!isComplete && count > MOST_LINES) {
    count = MOST_LINES;
    // A reason may take several lines.
    while (count > 1 && tableOf(count).length > MOST_LINES + 1) count--;
  }
  return [
    ...tableOf(count),
    ...(count < rows.length ? wrapLine(omittedLine(entries.slice(count)), format) : []),
    ...wrapLine(`${plural(entries.length, "task")}: ${countWords(entries)}`, format),
  ];
}

function cellsOf(
  entry: TaskEntry,
  now: Temporal.Instant,
  redact: (text: string) => string,
): string[] {
  const { task, record, health } = entry;
  const changedAt = record?.changedAt ?? null;
  const { lastSuccessAt, due, nextDue } = health;
  const next = due ? "now" : nextDue === null ? "never" : relativeText(nextDue, now);
  return [
    health.health,
    task.id,
    changedAt === null ? "never" : relativeText(changedAt, now),
    lastSuccessAt === null ? "never" : relativeText(lastSuccessAt, now),
    task.schedule.kind === "manual" ? "manual" : next,
    redact(reasonOf(entry)),
  ];
}

/** Why a task is not healthy, deferred, pending or overdue; empty for a healthy one. */
function reasonOf({ task, record, health, note }: TaskEntry): string {
  const failed = record?.results.find(({ status }) => status === "failed");
  const [last] = record?.results ?? [];
  const { failures, stale, staleFrom } = health;
  return [
    ...(note === undefined ? [] : [note]),
    ...(failures > 0 && failed ? [shortReason(failed)] : []),
    ...(failures > 1 ? [`${formatCount(failures)} failures in a row`] : []),
    ...(last?.status === "deferred"
      ? [["deferred", shortReason(last)].filter((text) => text !== null).join(": ")]
      : []),
    ...(last?.status === "pending" && note === undefined ? ["not published yet"] : []),
    ...(stale && staleFrom !== null
      ? [`overdue since ${localTimeText(Temporal.Instant.from(staleFrom), task.timezone)}`]
      : []),
  ].filter((text) => text !== null).join(", ");
}

function omittedLine(omitted: readonly TaskEntry[]): string {
  const hint = omitted.some(hasProblem)
    ? "--failing lists all problems, --all every task"
    : "--all lists every task";
  return `and ${countWords(omitted)} more; ${hint}`;
}

/** `1 unhealthy, 20 healthy`. */
function countWords(entries: readonly TaskEntry[]): string {
  return Object.keys(HEALTH_STYLES)
    .map((name) => [name, entries.filter(({ health }) => health.health === name).length] as const)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${formatCount(count)} ${name}`)
    .join(", ");
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The distance of a recorded time from now. */
export function relativeText(time: string, now: Temporal.Instant): string {
  return relativeTime(Temporal.Instant.from(time), now);
}
