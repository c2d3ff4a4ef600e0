/** How a task fares, from what is remembered of it. Pure. */

import type { Health, ShownHealth } from "../core/event.ts";
import type { Task } from "../core/task.ts";
import { decideDue, describeSchedule, isStale, staleFrom } from "../schedule/due.ts";
import { dueMemory } from "../state/record.ts";
import type { TaskRecord } from "../state/state.ts";

/** How a task fares. Times are RFC 3339 in UTC. */
export interface TaskHealth {
  /** The task's id. */
  readonly task: string;
  /** In one word. */
  readonly health: ShownHealth;
  /** Whether it succeeded once, and has come due twice since then. */
  readonly stale: boolean;
  /** When it becomes stale if it does not succeed again, or became so; null for never. */
  readonly staleFrom: string | null;
  /** When the published file was last known to be the newest, or null. */
  readonly lastSuccessAt: string | null;
  /** When a run last came to an end with it, or null. */
  readonly lastRunAt: string | null;
  /** Failures in a row. */
  readonly failures: number;
  /** For people; see `describeSchedule`. */
  readonly schedule: string;
  /** Whether it is due now. */
  readonly due: boolean;
  /** When it comes due after now, or null for never. */
  readonly nextDue: string | null;
}

/**
 * Says how a task fares.
 *
 * One that never succeeded is not called stale: it is new, or its failures
 * speak for it, and the first of them need not raise an alarm.
 *
 * @param record What is remembered of it, if anything.
 */
export function taskHealth(
  task: Task,
  record: TaskRecord | undefined,
  now: Temporal.Instant,
): TaskHealth {
  const lastSuccessAt = record?.lastSuccessAt ?? null;
  const lastRunAt = record?.lastRunAt ?? null;
  const success = lastSuccessAt === null ? null : Temporal.Instant.from(lastSuccessAt);
  const stale = success !== null && isStale(task, success, now);
  const { due, nextDue } = decideDue(task, dueMemory(record), now);
  return {
    task: task.id,
    health: shownHealth(lastRunAt === null ? null : record?.health ?? null, stale),
    stale,
    staleFrom: success && (staleFrom(task, success)?.toString() ?? null),
    lastSuccessAt,
    lastRunAt,
    failures: record?.failures ?? 0,
    schedule: describeSchedule(task.schedule, task.timezone),
    due,
    nextDue: nextDue?.toString() ?? null,
  };
}

/** Whether somebody should look after it. */
export function needsAttention({ health, stale }: TaskHealth): boolean {
  return health === "unhealthy" || stale;
}

function shownHealth(health: Health | null, stale: boolean): ShownHealth {
  if (health === null) return "new";
  return health === "healthy" && stale ? "stale" : health;
}
