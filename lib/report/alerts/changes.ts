/** Which alerts about a task open and close, decided from its record. Pure. */

import type { AlertKind, ShownHealth } from "../../core/event.ts";
import type { Task } from "../../core/task.ts";
import { durationText, utcMinuteText } from "../../core/time.ts";
import type { OpenAlert, TaskRecord } from "../../state/state.ts";
import { describeSchedule, isStale } from "../../schedule/due.ts";

/** What an alert reports; `run.` events are about all tasks. */
export type AlertEvent =
  | AlertKind
  /** The end of `unhealthy` and `stale`. */
  | "recovered"
  /** The end of `unchanged`. */
  | "changed"
  /** No task could be started. */
  | "run.failed"
  | "run.recovered"
  /** Requested by `cronfetch alerts test`. */
  | "test";

/** One fact of an alert. */
export interface AlertNotice {
  readonly event: AlertEvent;
  /** The task's id; null for events about all tasks. */
  readonly task: string | null;
  readonly health: ShownHealth | null;
  /** Consecutive failures. */
  readonly failures: number;
  /** Code of the last failure, or null. */
  readonly code: string | null;
  /** One sentence for people, or null. */
  readonly message: string | null;
  /** When it began, RFC 3339 in UTC; null if unknown. */
  readonly since: string | null;
}

/** What an evaluation changes for one task. */
export interface AlertChange {
  /** What is to be sent; may be empty. */
  readonly notices: readonly AlertNotice[];
  /** The open alerts afterwards. */
  readonly alerted: readonly OpenAlert[];
}

/**
 * Compares a record with the alerts that it says are open.
 *
 * - `unhealthy` is open until the task succeeds.
 * - `stale` opens unless the task is unhealthy, which was reported already.
 * - `unchanged` opens while the task is healthy: the content of a task that fails cannot change.
 *
 * An alert whose condition ended without a success or a change, as its option was changed, is closed
 * without a notice.
 *
 * @returns Null if nothing changes.
 */
export function alertChange(
  task: Task,
  record: TaskRecord,
  now: Temporal.Instant,
): AlertChange | null {
  const last = record.alerted ?? [];
  const facts = factsOf(task, record, now);
  const opened = facts.filter(({ kind, holds, mayOpen }) =>
    holds && mayOpen && !last.some((alert) => alert.kind === kind)
  );
  // Nearly always: an evaluation looks at every task.
  if (opened.length === 0 && last.length === 0) return null;
  const holding = new Set(facts.filter(({ holds }) => holds).map(({ kind }) => kind));
  const closed = last.filter(({ kind }) => !holding.has(kind));
  const since = now.toString();
  const alerted = [
    ...last.filter(({ kind }) => holding.has(kind)),
    ...opened.map(({ kind }) => ({ kind, since })),
  ];
  const notices = opened.map(({ notice }) => notice());
  const ended = closed.find(({ kind, since }) =>
    kind !== "unchanged" && isAfter(record.lastSuccessAt, since)
  );
  if (ended && alerted.every(({ kind }) => kind === "unchanged")) {
    notices.push(plainNotice("recovered", task, "healthy", ended.since));
  }
  const changed = closed.find(({ kind, since }) =>
    kind === "unchanged" && isAfter(record.changedAt, since)
  );
  if (changed) notices.push(plainNotice("changed", task, "healthy", changed.since));
  return notices.length === 0 && closed.length === 0 ? null : { notices, alerted };
}

/** What is known of one kind of alert. */
interface AlertFact {
  readonly kind: AlertKind;
  /** Whether its condition holds, so that an open alert stays open. */
  readonly holds: boolean;
  /** Whether a new alert may open. */
  readonly mayOpen: boolean;
  readonly notice: () => AlertNotice;
}

function factsOf(
  task: Task,
  record: TaskRecord,
  now: Temporal.Instant,
): readonly AlertFact[] {
  const { health, failures, lastSuccessAt, changedAt } = record;
  const failure = record.results.find(({ status }) => status === "failed");
  const isTaskStale = lastSuccessAt !== null &&
    isStale(task, Temporal.Instant.from(lastSuccessAt), now);
  const { unchangedForMs } = task;
  const isUnchanged = unchangedForMs !== null && changedAt !== null &&
    now.since(changedAt).total("milliseconds") >= unchangedForMs;
  return [
    {
      kind: "unhealthy",
      holds: health === "unhealthy",
      mayOpen: true,
      notice: () => ({
        ...plainNotice("unhealthy", task, "unhealthy", record.failingSince),
        ...{ failures, code: failure?.code ?? null, message: failure?.message ?? null },
      }),
    },
    {
      kind: "stale",
      holds: isTaskStale,
      mayOpen: health !== "unhealthy",
      notice: () => ({
        ...plainNotice("stale", task, health === "healthy" ? "stale" : health, lastSuccessAt),
        ...{ failures, code: failures > 0 ? failure?.code ?? null : null },
        message: `no success since ${minuteText(lastSuccessAt)}; its schedule is ` +
          describeSchedule(task.schedule, task.timezone),
      }),
    },
    {
      kind: "unchanged",
      holds: isUnchanged,
      mayOpen: health === "healthy" && !isTaskStale,
      notice: () => ({
        ...plainNotice("unchanged", task, "healthy", changedAt),
        message: `the content has not changed since ${minuteText(changedAt)}, ` +
          `for more than ${durationText(unchangedForMs ?? 0)}`,
      }),
    },
  ];
}

function plainNotice(
  event: AlertEvent,
  { id }: Pick<Task, "id">,
  health: ShownHealth,
  since: string | null,
): AlertNotice {
  return { event, task: id, health, failures: 0, code: null, message: null, since };
}

function isAfter(time: string | null, since: string): boolean {
  return time !== null && Temporal.Instant.compare(time, since) > 0;
}

/** A time that is known wherever an alert reports it. */
function minuteText(time: string | null): string {
  return time === null ? "ever" : utcMinuteText(time);
}
