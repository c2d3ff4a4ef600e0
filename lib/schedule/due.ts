/**
 * What is due, decided from the recorded times alone: a trigger is only a hint to evaluate, so a late,
 * repeated or missing one does no harm. Pure.
 */

import type { Schedule, Task } from "../core/task.ts";
import { durationText, earlier, isBefore, later, localTimeText } from "../core/time.ts";
import { nextOccurrence, previousOccurrence } from "../cron/occurrence.ts";

/** The part of a task that determines when it is due. */
export type Timing = Pick<Task, "id" | "schedule" | "timezone" | "misfire" | "jitterMs">;

/** The recorded times of a task that determine whether it is due. */
export interface DueMemory {
  /** When it last ran, with any result; null for never. */
  readonly lastRunAt: Temporal.Instant | null;
  /** The end of its deferral; null if it was not deferred. */
  readonly notBefore: Temporal.Instant | null;
  /** The end of the backoff after a failed run; null if the last run succeeded. */
  readonly retryAt?: Temporal.Instant | null;
  /** Whether the last run found the file not published yet: `retryAt` is the next try. */
  readonly isPending?: boolean;
  /** Whether its list names another version than the published one. */
  readonly isOutdated?: boolean;
  /** When it is evaluated again, as another run executes it; it postpones due times. */
  readonly postponedUntil?: Temporal.Instant | null;
}

/** Milliseconds of consecutive failures before a task can be unhealthy. */
const UNHEALTHY_MS = 60 * 60_000;

/** Whether a task is due, and what comes next. */
export interface DueDecision {
  /** Whether the task runs now. */
  readonly due: boolean;
  /** The reason, in a few words. */
  readonly reason: string;
  /** The next due time after now, assuming that a due task runs now; null for never. */
  readonly nextDue: Temporal.Instant | null;
}

/**
 * Longest delay of a trigger with misfire `skip`, in milliseconds. GitHub's schedule is often 5 to 20
 * minutes late. The next tick supersedes a tick before that.
 */
export const FRESH_MS = 30 * 60_000;

/**
 * Largest clock difference between machines, in milliseconds. A last run further in the future was
 * recorded by a wrong clock and is ignored: it would block the task until that time.
 */
export const CLOCK_SKEW_MS = 10 * 60_000;

/**
 * Least time between a failure and the next tick at which the task is due again, whatever its
 * backoff. Ticks that are closer would defeat the backoff.
 */
export const RETRY_TICK_MS = 60 * 60_000;

/**
 * Decides whether a task is due.
 *
 * - `manual` never is.
 * - A deferred task is not due before the end of its deferral, which then counts as a tick.
 * - A failed or pending task is due at `retryAt` instead of by its schedule, and also at its next tick if
 *   that is at least {@linkcode RETRY_TICK_MS} after the failure. `misfire` does not matter.
 * - A task whose list names another version than the published one is due.
 * - An interval is due once nine tenths of it have passed since the last run. It cannot be
 *   missed, so `misfire` does not matter. A task that never ran is due immediately.
 * - Cron, misfire `once`: all ticks since the last run trigger one run. A task that never ran is due
 *   immediately, as its file is expected.
 * - Cron, misfire `skip`: the newest tick since the last run triggers a run while it is fresh
 *   ({@linkcode FRESH_MS}), older ones do not. A task that never ran waits for a tick as well.
 *
 * {@linkcode jitterOffsetMs} is added to every due time of the schedule.
 *
 * @param task A cron expression must be valid (`checkCron`).
 * @param memory Its recorded times.
 * @param now The wall clock.
 */
export function decideDue(task: Timing, memory: DueMemory, now: Temporal.Instant): DueDecision {
  const { schedule, misfire } = task;
  if (schedule.kind === "manual") return { due: false, reason: "manual", nextDue: null };
  const { postponedUntil } = memory;
  if (postponedUntil && isBefore(now, postponedUntil)) {
    const then = decideDue(task, { ...memory, postponedUntil: null }, postponedUntil);
    const nextDue = then.due ? postponedUntil : then.nextDue;
    return { ...waiting(task, nextDue), due: false };
  }
  const { lastRunAt, notBefore, retryAt, isPending, isOutdated } = believable(memory, now);
  if (notBefore && isBefore(now, notBefore)) {
    return { due: false, reason: `not before ${show(notBefore, task)}`, nextDue: notBefore };
  }
  const deferral = notBefore && isAfterRun(notBefore, lastRunAt) ? notBefore : null;
  if (retryAt) {
    const why = isPending ? "not published yet, next try" : "failed, next attempt";
    return decideAgain(task, earlier(deferral, retryAt), lastRunAt, now, why);
  }
  if (isOutdated) {
    return { due: true, reason: "its list names another version", nextDue: dueAfter(task, now) };
  }
  return schedule.kind === "cron" && misfire === "skip"
    ? decideFresh(task, schedule.expression, { lastRunAt, deferral }, now)
    : decideOwed(task, { lastRunAt, deferral }, now);
}

/**
 * Whether a task is overdue: it has come due twice since its last success. A task that never
 * succeeded is stale, a `manual` one never is.
 */
export function isStale(
  task: Timing,
  lastSuccessAt: Temporal.Instant | null,
  now: Temporal.Instant,
): boolean {
  if (task.schedule.kind === "manual") return false;
  if (!lastSuccessAt || isAhead(lastSuccessAt, now)) return true;
  const from = staleFrom(task, lastSuccessAt);
  return from !== null && !isBefore(now, from);
}

/**
 * How long a task must have failed before it can be unhealthy: an hour, or one interval of its
 * schedule if that is shorter.
 *
 * @param at Start of the measured interval.
 * @returns Milliseconds.
 */
export function unhealthyAfterMs(task: Timing, at: Temporal.Instant): number {
  const tick = dueAfter({ ...task, jitterMs: 0 }, at);
  const next = tick && dueAfter({ ...task, jitterMs: 0 }, tick);
  if (!tick || !next) return UNHEALTHY_MS;
  return Math.min(UNHEALTHY_MS, next.epochMilliseconds - tick.epochMilliseconds);
}

/** When a task has come due twice since its last success; null for never. */
export function staleFrom(
  task: Timing,
  lastSuccessAt: Temporal.Instant,
): Temporal.Instant | null {
  const first = dueAfter(task, lastSuccessAt);
  return first && dueAfter(task, first);
}

/**
 * A task's share of its jitter: whole milliseconds below `jitterMs`, the same on every machine and in
 * every run. It is the 32-bit FNV-1a hash of the id's UTF-8 bytes, modulo the jitter.
 */
export function jitterOffsetMs(id: string, jitterMs: number): number {
  if (jitterMs < 1) return 0;
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(id)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % Math.floor(jitterMs);
}

/** The schedule as text: `0 6 * * * (Europe/Berlin)`, `every 1h30m`, `manual`. */
export function describeSchedule(schedule: Schedule, timezone: string): string {
  switch (schedule.kind) {
    case "cron":
      return `${schedule.expression} (${timezone})`;
    case "every":
      return `every ${durationText(schedule.intervalMs)}`;
    case "manual":
      return "manual";
    default:
      return schedule satisfies never;
  }
}

/** The times that a decision starts from. */
interface Since {
  readonly lastRunAt: Temporal.Instant | null;
  /** A deferral that has passed since the last run. */
  readonly deferral: Temporal.Instant | null;
}

/** Decides about a task that failed or is pending. */
function decideAgain(
  task: Timing,
  retryAt: Temporal.Instant,
  lastRunAt: Temporal.Instant | null,
  now: Temporal.Instant,
  why: string,
): DueDecision {
  const tick = lastRunAt && dueAfter(task, lastRunAt);
  const first = tick && isBefore(tick, retryAt) && !isBefore(tick, shift(lastRunAt, RETRY_TICK_MS))
    ? tick
    : retryAt;
  const slack = first === retryAt ? 0 : slackMs(task.schedule);
  if (isBefore(now, shift(first, -slack))) {
    return { due: false, reason: `${why} at ${show(first, task)}`, nextDue: first };
  }
  const when = `${isBefore(now, first) ? "at" : "since"} ${show(first, task)}`;
  return { due: true, reason: `${why} due ${when}`, nextDue: dueAfter(task, now) };
}

/** Everything that has come due since the last run triggers one run. */
function decideOwed(
  task: Timing,
  { lastRunAt, deferral }: Since,
  now: Temporal.Instant,
): DueDecision {
  const nextDue = dueAfter(task, now);
  if (!lastRunAt) return { due: true, reason: "never run before", nextDue };
  const first = earlier(deferral, dueAfter(task, lastRunAt));
  if (!first || isBefore(now, shift(first, -slackMs(task.schedule)))) return waiting(task, first);
  const second = task.schedule.kind === "cron" ? dueAfter(task, first) : null;
  const reason = second && !isBefore(now, second)
    ? `missed since ${show(first, task)}; running once to catch up`
    : `due ${isBefore(now, first) ? "at" : "since"} ${show(first, task)}`;
  return { due: true, reason, nextDue };
}

/**
 * The part of an interval that need not have passed. Otherwise a trigger with the same interval would
 * find the task not yet due every other time: the interval counts from the end of the last run, which
 * is after its trigger.
 */
function slackMs(schedule: Schedule): number {
  return schedule.kind === "every" ? Math.floor(schedule.intervalMs / 10) : 0;
}

/** Only the newest tick counts, and only while it is fresh. */
function decideFresh(
  task: Timing,
  expression: string,
  { lastRunAt, deferral }: Since,
  now: Temporal.Instant,
): DueDecision {
  const offsetMs = jitterOffsetMs(task.id, task.jitterMs);
  const tick = previousOccurrence(expression, task.timezone, shift(now, -offsetMs));
  const newest = later(tick && shift(tick, offsetMs), deferral);
  const nextDue = dueAfter(task, later(now, lastRunAt) ?? now);
  if (!newest || !isAfterRun(newest, lastRunAt)) return waiting(task, nextDue);
  if (now.epochMilliseconds - newest.epochMilliseconds <= FRESH_MS) {
    return { due: true, reason: `due since ${show(newest, task)}`, nextDue };
  }
  const wait = waiting(task, nextDue);
  if (!lastRunAt) return wait;
  return { ...wait, reason: `missed ${show(newest, task)}, skipped; ${wait.reason}` };
}

function waiting(task: Timing, nextDue: Temporal.Instant | null): DueDecision {
  const reason = nextDue ? `next at ${show(nextDue, task)}` : "never comes again";
  return { due: false, reason, nextDue };
}

/** When a task that ran at `instant` is due by its schedule; null for never. */
export function dueAfter(task: Timing, instant: Temporal.Instant): Temporal.Instant | null {
  const { schedule, timezone } = task;
  const offsetMs = jitterOffsetMs(task.id, task.jitterMs);
  switch (schedule.kind) {
    case "cron": {
      const tick = nextOccurrence(schedule.expression, timezone, shift(instant, -offsetMs));
      return tick && shift(tick, offsetMs);
    }
    case "every":
      return shift(instant, schedule.intervalMs + offsetMs);
    case "manual":
      return null;
    default:
      return schedule satisfies never;
  }
}

function shift(instant: Temporal.Instant, milliseconds: number): Temporal.Instant {
  return milliseconds === 0 ? instant : instant.add({ milliseconds });
}

/** The recorded times, without those of a wrong clock. */
function believable(memory: DueMemory, now: Temporal.Instant): DueMemory {
  const wrong = memory.lastRunAt !== null && isAhead(memory.lastRunAt, now);
  return wrong ? { lastRunAt: null, notBefore: null, retryAt: null } : memory;
}

function isAhead(instant: Temporal.Instant, now: Temporal.Instant): boolean {
  return instant.epochMilliseconds - now.epochMilliseconds > CLOCK_SKEW_MS;
}

function isAfterRun(instant: Temporal.Instant, lastRunAt: Temporal.Instant | null): boolean {
  return lastRunAt === null || isBefore(lastRunAt, instant);
}

/** An instant in the task's time zone. */
function show(instant: Temporal.Instant, { timezone }: Timing): string {
  return localTimeText(instant, timezone);
}

/**
 * The next times at which a task is due, after now. Each assumes that the task runs at the one before
 * and succeeds.
 *
 * @returns At most `count`; none for `manual`.
 */
export function nextDueTimes(
  task: Timing,
  memory: DueMemory,
  now: Temporal.Instant,
  count: number,
): Temporal.Instant[] {
  const times: Temporal.Instant[] = [];
  let next = decideDue(task, memory, now).nextDue;
  while (next && times.length < count) {
    times.push(next);
    next = dueAfter(task, next);
  }
  return times;
}

/** The next task that comes due. */
export interface Wake {
  /** When; now if it is already due. */
  readonly at: Temporal.Instant;
  /** Id of the task; of several, the first of the config. */
  readonly task: string;
}

/**
 * Longest single sleep, in milliseconds. On some systems a timer does not count the time in which the
 * machine was suspended, and no timer notices a clock change; so the wall clock is read again. A
 * changed config is noticed as late.
 */
export const SLICE_MS = 2_000;

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
