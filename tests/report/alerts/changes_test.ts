import { assertEquals } from "@std/assert";
import { type AlertChange, alertChange } from "../../../lib/report/alerts/changes.ts";
import type { AlertKind } from "../../../lib/core/event.ts";
import type { Task } from "../../../lib/core/task.ts";
import type { TaskRecord } from "../../../lib/state/state.ts";
import { defaultTask } from "../../helpers/task.ts";
import { recentResult, record } from "../../state/samples.ts";

const NOW = Temporal.Instant.from("2026-01-15T12:00:00Z");
const HOURLY: Partial<Task> = { schedule: { kind: "every", intervalMs: 3_600_000 } };
const WEEK: Partial<Task> = { unchangedForMs: 7 * 86_400_000 };

/** A record whose alert of a kind was sent at a time. */
function open(kind: AlertKind, since: string): Pick<TaskRecord, "alerted"> {
  return { alerted: [{ kind, since }] };
}

const FAILED: Partial<TaskRecord> = {
  failures: 4,
  failingSince: "2026-01-15T09:00:00Z",
  results: [
    recentResult({ status: "cancelled" }),
    recentResult({ status: "failed", code: "http.status", message: "404 Not Found" }),
  ],
};
const OLD: Partial<TaskRecord> = { lastSuccessAt: "2026-01-15T08:00:00Z" };
const UNCHANGED: Partial<TaskRecord> = { changedAt: "2026-01-08T11:00:00Z" };

/** What changes, as `events; open kinds`; null for nothing. */
const TABLE: readonly (readonly [
  name: string,
  task: Partial<Task>,
  record: Partial<TaskRecord>,
  change: string | null,
])[] = [
  ["a healthy task", HOURLY, {}, null],
  ["a failing task", HOURLY, { ...FAILED, health: "failing" }, null],
  ["an unhealthy task", HOURLY, { ...FAILED, health: "unhealthy" }, "unhealthy; unhealthy"],
  [
    "an unhealthy task that was reported",
    HOURLY,
    { ...FAILED, health: "unhealthy", ...open("unhealthy", "2026-01-15T10:00:00Z") },
    null,
  ],
  [
    "a success after that",
    HOURLY,
    open("unhealthy", "2026-01-15T10:00:00Z"),
    "recovered; ",
  ],
  ["two due times missed", HOURLY, OLD, "stale; stale"],
  ["two due times missed, reported", HOURLY, { ...OLD, ...open("stale", NOW.toString()) }, null],
  ["a success after that", HOURLY, open("stale", "2026-01-15T11:00:00Z"), "recovered; "],
  ["stale while failing", HOURLY, { ...OLD, ...FAILED, health: "failing" }, "stale; stale"],
  [
    "unhealthy and stale: one alert",
    HOURLY,
    { ...OLD, ...FAILED, health: "unhealthy" },
    "unhealthy; unhealthy",
  ],
  [
    "unhealthy after stale",
    HOURLY,
    { ...OLD, ...FAILED, health: "unhealthy", ...open("stale", "2026-01-15T10:00:00Z") },
    "unhealthy; stale unhealthy",
  ],
  [
    "a success after both: one recovery",
    HOURLY,
    {
      alerted: [
        { kind: "unhealthy", since: "2026-01-15T10:30:00Z" },
        { kind: "stale", since: "2026-01-15T10:00:00Z" },
      ],
    },
    "recovered; ",
  ],
  [
    "no longer stale, as the schedule is another",
    {},
    { ...OLD, ...open("stale", "2026-01-15T11:00:00Z") },
    "; ",
  ],
  ["manual tasks are never stale", { schedule: { kind: "manual" } }, OLD, null],
  ["a task that never succeeded", HOURLY, { lastSuccessAt: null, changedAt: null }, null],
  ["unchanged without the option", HOURLY, UNCHANGED, null],
  ["unchanged for a week", { ...HOURLY, ...WEEK }, UNCHANGED, "unchanged; unchanged"],
  [
    "unchanged for almost a week",
    { ...HOURLY, ...WEEK },
    { changedAt: "2026-01-08T12:00:00.001Z" },
    null,
  ],
  [
    "unchanged, reported",
    { ...HOURLY, ...WEEK },
    { ...UNCHANGED, ...open("unchanged", "2026-01-15T11:30:00Z") },
    null,
  ],
  [
    "unchanged while stale: one alert",
    { ...HOURLY, ...WEEK },
    { ...UNCHANGED, ...OLD },
    "stale; stale",
  ],
  [
    "unchanged while failing: none yet",
    { ...HOURLY, ...WEEK },
    { ...UNCHANGED, ...FAILED, health: "failing" },
    null,
  ],
  [
    "changed after it was reported",
    { ...HOURLY, ...WEEK },
    { changedAt: "2026-01-15T11:45:00Z", ...open("unchanged", "2026-01-15T11:30:00Z") },
    "changed; ",
  ],
  [
    "a longer time in the config after it was reported",
    { ...HOURLY, unchangedForMs: 30 * 86_400_000 },
    { ...UNCHANGED, ...open("unchanged", "2026-01-15T11:30:00Z") },
    "; ",
  ],
  [
    "the option removed after it was reported",
    HOURLY,
    { ...UNCHANGED, ...open("unchanged", "2026-01-15T11:30:00Z") },
    "; ",
  ],
];

function describe(change: AlertChange | null): string | null {
  if (change === null) return null;
  const events = change.notices.map(({ event }) => event);
  return `${events.join(" ")}; ${change.alerted.map(({ kind }) => kind).join(" ")}`;
}

for (const [name, task, change, expected] of TABLE) {
  Deno.test(`alertChange: ${name}`, () => {
    const found = alertChange(defaultTask("a", task), record("a", change), NOW);
    assertEquals(describe(found), expected);
  });
}

Deno.test("alertChange: the facts of a notice", () => {
  const task = defaultTask("a", { ...HOURLY, ...WEEK });
  const noticesOf = (change: Partial<TaskRecord>) =>
    alertChange(task, record("a", change), NOW)?.notices;
  assertEquals(noticesOf({ ...FAILED, health: "unhealthy" }), [{
    ...{ event: "unhealthy", task: "a", health: "unhealthy", failures: 4 },
    ...{ code: "http.status", message: "404 Not Found", since: "2026-01-15T09:00:00Z" },
  }]);
  assertEquals(noticesOf(OLD), [{
    ...{ event: "stale", task: "a", health: "stale", failures: 0, code: null },
    message: "no success since 2026-01-15 08:00 UTC; its schedule is every 1h",
    since: "2026-01-15T08:00:00Z",
  }]);
  assertEquals(noticesOf(UNCHANGED), [{
    ...{ event: "unchanged", task: "a", health: "healthy", failures: 0, code: null },
    message: "the content has not changed since 2026-01-08 11:00 UTC, for more than 7d",
    since: "2026-01-08T11:00:00Z",
  }]);
});
