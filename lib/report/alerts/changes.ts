/** Which alerts about a task open and close, decided from its record. Pure. */

import type { AlertKind, ShownHealth } from "../../core/event.ts";
import type { Task } from "../../core/task.ts";
import { durationText } from "../../core/time.ts";
import type { OpenAlert, TaskRecord } from "../../state/state.ts";
import { taskHealth } from "../task_health.ts";

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
  const open = new Map((record.alerted ?? []).map((alert) => [alert.kind, alert]));
  const at = now.toString();
  const facts = factsOf(task, record, now);
  const notices: AlertNotice[] = [];
  const closed: OpenAlert[] = [];
  const alerted: OpenAlert[] = [];
  for (const kind of KINDS) {
    const last = open.get(kind);
    const { holds, mayOpen, notice } = facts[kind];
    if (last && holds) alerted.push(last);
    else if (last) closed.push(last);
    else if (holds && mayOpen) {
      notices.push(notice);
      alerted.push({ kind, since: at });
    }
  }
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

const KINDS = ["unhealthy", "stale", "unchanged"] as const satisfies readonly AlertKind[];

/** What is known of one kind of alert. */
interface AlertFact {
  /** Whether its condition holds, so that an open alert stays open. */
  readonly holds: boolean;
  /** Whether it is worth an alert. */
  readonly mayOpen: boolean;
  readonly notice: AlertNotice;
}

function factsOf(
  task: Task,
  record: TaskRecord,
  now: Temporal.Instant,
): Readonly<Record<AlertKind, AlertFact>> {
  const { health, stale, schedule } = taskHealth(task, record, now);
  const failure = record.results.find(({ status }) => status === "failed");
  const { failures, lastSuccessAt, changedAt } = record;
  const { unchangedForMs } = task;
  const isUnchanged = unchangedForMs !== null && changedAt !== null &&
    now.since(changedAt).total("milliseconds") >= unchangedForMs;
  return {
    unhealthy: {
      holds: record.health === "unhealthy",
      mayOpen: true,
      notice: {
        ...{ event: "unhealthy", task: task.id, health: "unhealthy", failures },
        code: failure?.code ?? null,
        message: failure?.message ?? null,
        since: record.failingSince,
      },
    },
    stale: {
      holds: stale,
      mayOpen: record.health !== "unhealthy",
      notice: {
        ...plainNotice("stale", task, health, lastSuccessAt),
        failures,
        code: failures > 0 ? failure?.code ?? null : null,
        message: `no success since ${minuteText(lastSuccessAt)}; its schedule is ${schedule}`,
      },
    },
    unchanged: {
      holds: isUnchanged,
      mayOpen: health === "healthy",
      notice: {
        ...plainNotice("unchanged", task, "healthy", changedAt),
        message: `the content has not changed since ${minuteText(changedAt)}, ` +
          `for more than ${durationText(unchangedForMs ?? 0)}`,
      },
    },
  };
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

/** `2026-01-14 06:00 UTC` */
function minuteText(time: string | null): string {
  if (time === null) return "ever";
  const text = Temporal.Instant.from(time).toString({ smallestUnit: "minute" });
  return `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`;
}
