/** What is kept about runs and days, and for how long. Pure, except `addDays`. */

import { TASK_STATUSES, type TaskStatus } from "../core/result.ts";
import type { ActiveRun, DayRecord, RunRecord } from "./run_record.ts";

/** How long runs are kept by default, in milliseconds. */
export const DEFAULT_HISTORY_MS = 90 * 24 * 60 * 60 * 1000;

/** Largest number of recorded runs. */
export const RUNS_KEPT = 1_000;
/** Largest number of recorded results of all runs. */
export const RUN_RESULTS_KEPT = 10_000;
/** Largest number of recorded results of one run. */
export const RESULTS_PER_RUN = 1_000;
/** Largest number of attempts of a recorded result. */
export const ATTEMPTS_KEPT = 20;
/** Largest number of recorded days. */
export const DAYS_KEPT = 400;

/**
 * The runs that are kept, the newest first. Of more results than {@linkcode RUN_RESULTS_KEPT}, those of
 * the older runs are not: their records have no `resultsKept`.
 *
 * @param historyMs How long runs are kept, in milliseconds since their start.
 */
export function keptRuns(
  runs: Iterable<RunRecord>,
  now: Temporal.Instant,
  historyMs: number,
): RunRecord[] {
  const oldestMs = now.epochMilliseconds - historyMs;
  let room = RUN_RESULTS_KEPT;
  return newestFirst(runs)
    .filter(({ startedAt }) => Date.parse(startedAt) >= oldestMs)
    .slice(0, RUNS_KEPT)
    .map((record) => {
      const { resultsKept = 0, ...rest } = record;
      room -= resultsKept;
      return resultsKept > 0 && room < 0 ? rest : record;
    });
}

/** Sorts runs by their start, the newest first. */
export function newestFirst(runs: Iterable<RunRecord>): RunRecord[] {
  return Iterator.from(runs)
    .map((record) => ({ record, startMs: Date.parse(record.startedAt) }))
    .toArray()
    .sort((a, b) => b.startMs - a.startMs || (a.record.run < b.record.run ? 1 : -1))
    .map(({ record }) => record);
}

/** Amounts of a day. */
export interface DayCounts extends Omit<DayRecord, "day" | "counts"> {
  /** Results by status, without those that are 0. */
  readonly counts: Partial<DayRecord["counts"]>;
}

/** One evaluation that found nothing due. */
export const ONE_EVALUATION: DayCounts = { evaluations: 1, runs: 0, counts: {}, bytes: 0 };

/** The day of a time in UTC. */
export function dayOf(time: string): string {
  return time.slice(0, 10);
}

/** What a run adds to its day. */
export function dayCountsOf({ summary: { counts, bytes } }: RunRecord): DayCounts {
  return { evaluations: 0, runs: 1, counts, bytes };
}

/** The sum of amounts. */
export function addCounts(one: DayCounts, other: DayCounts): DayCounts {
  return combineCounts(one, other, (a, b) => a + b);
}

/** What was added to `one` since it was `other`. */
export function subtractCounts(one: DayCounts, other: DayCounts): DayCounts {
  return combineCounts(one, other, (a, b) => Math.max(0, a - b));
}

function combineCounts(
  one: DayCounts,
  other: DayCounts,
  combine: (a: number, b: number) => number,
): DayCounts {
  const counts: Partial<Record<TaskStatus, number>> = {};
  for (const status of TASK_STATUSES) {
    const combined = combine(one.counts[status] ?? 0, other.counts[status] ?? 0);
    if (combined > 0) counts[status] = combined;
  }
  return {
    evaluations: combine(one.evaluations, other.evaluations),
    runs: combine(one.runs, other.runs),
    counts,
    bytes: combine(one.bytes, other.bytes),
  };
}

/** Adds amounts to days. */
export function addDays(
  days: Map<string, DayCounts>,
  added: Iterable<readonly [day: string, counts: DayCounts]>,
): void {
  for (const [day, counts] of added) days.set(day, addCounts(days.get(day) ?? NO_COUNTS, counts));
}

/** The amounts of a day on which nothing happened. */
export const NO_COUNTS: DayCounts = { evaluations: 0, runs: 0, counts: {}, bytes: 0 };

/** The days that are kept, the newest first. */
export function keptDays(days: Iterable<string>): string[] {
  return [...days].sort().reverse().slice(0, DAYS_KEPT);
}

/** A day with all its amounts. */
export function dayRecord(day: string, { evaluations, runs, counts, bytes }: DayCounts): DayRecord {
  const all = TASK_STATUSES.map((status) => [status, counts[status] ?? 0] as const);
  const complete = Object.fromEntries(all) as Record<TaskStatus, number>;
  return { day, evaluations, runs, counts: complete, bytes };
}

/** The runs that have leased tasks, the oldest first; what else leases tasks is not named like a run. */
export function activeRuns(
  leasedTasks: Iterable<readonly [run: string, tasks: number]>,
): ActiveRun[] {
  const active: ActiveRun[] = [];
  for (const [run, tasks] of leasedTasks) {
    const startedAt = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ(?=-)/.exec(run)?.[0];
    if (startedAt !== undefined) active.push({ run, startedAt, tasks });
  }
  return active.sort((a, b) => a.run < b.run ? -1 : 1);
}
