/** The health of a task with dates, from that of its dates. Pure. */

import type { ShownHealth } from "../core/event.ts";
import type { Task } from "../core/task.ts";
import { describeSchedule, dueAfter } from "../schedule/due.ts";
import { emptyRecord } from "../state/record.ts";
import type { TaskRecord } from "../state/state.ts";
import type { TaskHealth } from "./task_health.ts";

/** A date that is not closed. */
export interface DateHealth {
  readonly record: TaskRecord | undefined;
  readonly health: TaskHealth;
}

/** A task whose dates are shown as one. */
export interface GroupHealth {
  /** Holds the latest times, and the results of the date that is worst; absent if none ever ran. */
  readonly record: TaskRecord | undefined;
  readonly health: TaskHealth;
}

/** The worst first; a date that never ran says nothing about the others. */
const WORST_FIRST: readonly ShownHealth[] = ["unhealthy", "stale", "failing", "healthy", "new"];

/**
 * Combines the health of dates: the worst one counts.
 *
 * @param task The task of the config.
 * @param dates Its dates that are not closed.
 * @param closedAt When the last closed date was published, RFC 3339; null without any.
 */
export function groupHealth(
  task: Task,
  dates: readonly DateHealth[],
  closedAt: string | null,
  now: Temporal.Instant,
): GroupHealth {
  const rankOf = ({ health }: DateHealth) => WORST_FIRST.indexOf(health.health);
  const [worst] = dates.toSorted((one, other) =>
    rankOf(one) - rankOf(other) || other.health.failures - one.health.failures
  );
  const latest = (times: readonly (string | null | undefined)[]) =>
    times.reduce<string | null>((one, other) => isLater(other, one) ? other : one, null);
  const healths = dates.map(({ health }) => health);
  const records = dates.map(({ record }) => record);
  const lastSuccessAt = latest([closedAt, ...healths.map((health) => health.lastSuccessAt)]);
  const lastRunAt = latest([closedAt, ...healths.map((health) => health.lastRunAt)]);
  const changedAt = latest([closedAt, ...records.map((record) => record?.changedAt)]);
  const isNew = worst === undefined || worst.health.health === "new";
  const health: TaskHealth = {
    task: task.id,
    health: !isNew ? worst.health.health : closedAt === null ? "new" : "healthy",
    stale: healths.some(({ stale }) => stale),
    staleFrom: earliest(healths.map(({ staleFrom }) => staleFrom)),
    ...{ lastSuccessAt, lastRunAt },
    failures: worst?.health.failures ?? 0,
    schedule: describeSchedule(task.schedule, task.timezone),
    due: healths.some(({ due }) => due),
    nextDue: earliest(healths.map(({ nextDue }) => nextDue)) ??
      dueAfter(task, now)?.toString() ?? null,
  };
  if (lastRunAt === null) return { record: undefined, health };
  const { failingSince = null, results = [], outcomes = "" } = worst?.record ?? {};
  const record: TaskRecord = {
    ...emptyRecord(task.id),
    ...{ changedAt, lastSuccessAt, lastRunAt, failingSince, results, outcomes },
    failures: health.failures,
    health: worst?.record?.health ?? "healthy",
  };
  return { record, health };
}

function earliest(times: readonly (string | null)[]): string | null {
  return times.reduce(
    (one, other) => one === null || isLater(one, other) ? other ?? one : one,
    null,
  );
}

function isLater<Time extends string | null | undefined>(
  one: Time,
  other: string | null,
): one is Time & string {
  if (one === null || one === undefined) return false;
  return other === null || Temporal.Instant.compare(one, other) > 0;
}
