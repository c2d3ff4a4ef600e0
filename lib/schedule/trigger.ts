/**
 * The internal trigger: when a daemon evaluates again what is due. Like every trigger it is a hint;
 * `due.ts` decides. Pure.
 */

import { decideDue, dueAfter, type DueMemory, type Timing } from "./due.ts";

/** The next task that comes due. */
export interface Wake {
  /** When; now if it is already due. */
  readonly at: Temporal.Instant;
  /** Id of the task; of several, the first of the config. */
  readonly task: string;
}

/**
 * Longest single sleep, in milliseconds. On some systems a timer does not count the time in which the
 * machine was suspended, and no timer notices a clock change; so the wall clock is read again.
 */
export const SLICE_MS = 15_000;

/**
 * When the first of some tasks comes due, with deferrals and the backoff of failed tasks.
 *
 * @param memoryOf The recorded times of a task.
 * @param now The wall clock.
 * @returns Null if none of them ever comes due by its schedule.
 */
export function nextWake<Task extends Timing>(
  tasks: Iterable<Task>,
  memoryOf: (task: Task) => DueMemory,
  now: Temporal.Instant,
): Wake | null {
  let wake: Wake | null = null;
  for (const task of tasks) {
    const { due, nextDue } = decideDue(task, memoryOf(task), now);
    if (due) return { at: now, task: task.id };
    if (nextDue && (!wake || Temporal.Instant.compare(nextDue, wake.at) < 0)) {
      wake = { at: nextDue, task: task.id };
    }
  }
  return wake;
}

/**
 * The length of the next single sleep.
 *
 * @param until When to wake up; null for no particular time.
 * @returns Whole milliseconds, from 1 to {@linkcode SLICE_MS}.
 */
export function sliceMs(until: Temporal.Instant | null, now: Temporal.Instant): number {
  if (!until) return SLICE_MS;
  // Rounded up, so that the time has come after the sleep.
  const restMs = Math.ceil(Number(until.epochNanoseconds - now.epochNanoseconds) / 1_000_000);
  return Math.max(1, Math.min(SLICE_MS, restMs));
}

/**
 * The first tick during a task's execution. It is skipped: the file is newer than the tick.
 *
 * @param from When the task was planned.
 * @param until When it ended.
 * @returns Null if there was none. An interval counts from the end of a run, so it has none.
 */
export function tickDuring(
  task: Timing,
  from: Temporal.Instant,
  until: Temporal.Instant,
): Temporal.Instant | null {
  if (task.schedule.kind !== "cron") return null;
  const tick = dueAfter(task, from);
  return tick && Temporal.Instant.compare(tick, until) <= 0 ? tick : null;
}
