/**
 * Triggers of our own: when a program that stays looks again at what is due.
 * Like every trigger they are hints; `due.ts` decides. Pure.
 */

import { decideDue, dueAfter, type DueMemory, type Timing } from "./due.ts";

/** When something comes due, and what. */
export interface Wake {
  /** Now, if something is due already. */
  readonly at: Temporal.Instant;
  /** The id of the task that is due then; of several, the first of the config. */
  readonly task: string;
}

/**
 * Longest sleep in one piece, in milliseconds. A timer does not count the time
 * that a machine was asleep, on some systems, and knows nothing of a clock that
 * was set; so the wall clock is asked again after each piece.
 */
export const SLICE_MS = 15_000;

/**
 * When the first of some tasks comes due, deferrals and the time that failing
 * tasks are held back included.
 *
 * @param memoryOf What is remembered of a task.
 * @param now The wall clock.
 * @returns Null if none of them ever comes due by itself.
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
 * How long to sleep in one piece.
 *
 * @param until When to be awake; null for no time in particular.
 * @returns Whole milliseconds, from 1 to {@linkcode SLICE_MS}.
 */
export function sliceMs(until: Temporal.Instant | null, now: Temporal.Instant): number {
  if (!until) return SLICE_MS;
  // Upwards, lest the wall clock be found just short of the time.
  const restMs = Math.ceil(Number(until.epochNanoseconds - now.epochNanoseconds) / 1_000_000);
  return Math.max(1, Math.min(SLICE_MS, restMs));
}

/**
 * The first tick that came while a task was being worked on. It is not made up
 * for: when the task ended, its file was newer than the tick.
 *
 * @param from When it was planned.
 * @param until When it ended.
 * @returns Null if there was none. An interval counts from the end, so it has none.
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
