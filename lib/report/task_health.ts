/** The health of a task, from its record. Pure. */

import type { Health, ShownHealth } from "../core/event.ts";
import type { Task } from "../core/task.ts";
import { decideDue, describeSchedule, isStale, staleFrom } from "../schedule/due.ts";
import { dueMemory } from "../state/record.ts";
import type { TaskRecord } from "../state/state.ts";

/** The health of a task. Times are RFC 3339 in UTC. */
export interface TaskHealth {
  /** The task's id. */
  readonly task: string;
  readonly health: ShownHealth;
  /** Whether it succeeded once and came due twice since. */
  readonly stale: boolean;
  /** When it becomes or became stale without another success; null for never. */
  readonly staleFrom: string | null;
  /** When the task last succeeded, or null. */
  readonly lastSuccessAt: string | null;
  /** When a run last finished it, or null. */
  readonly lastRunAt: string | null;
  /** Failures in a row. */
  readonly failures: number;
  /** See `describeSchedule`. */
  readonly schedule: string;
  readonly due: boolean;
  /** Next due time after now, or null for never. */
  readonly nextDue: string | null;
}

/**
 * Derives the health of a task.
 *
 * A task that never succeeded is never stale: it is new, or its failures determine its health, so
 * that a first failure raises no alarm.
 *
 * @param record The record of the task, if there is one.
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

/** Whether a task is unhealthy or stale. */
export function needsAttention({ health, stale }: TaskHealth): boolean {
  return health === "unhealthy" || stale;
}

function shownHealth(health: Health | null, stale: boolean): ShownHealth {
  if (health === null) return "new";
  return health === "healthy" && stale ? "stale" : health;
}
