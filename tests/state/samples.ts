/** Records, results and runs for tests. */

import fc from "fast-check";
import {
  type RunSummary,
  TASK_STATUSES,
  type TaskResult,
  type TaskStatus,
  type Validators,
} from "../../lib/core/result.ts";
import type { AlertKind, Health } from "../../lib/core/event.ts";
import type { RunTaskResult } from "../../lib/state/run_record.ts";
import { addOutcome } from "../../lib/state/outcomes.ts";
import type {
  Delivery,
  FamilyMember,
  RecentResult,
  RunRecord,
  TaskRecord,
} from "../../lib/state/state.ts";

/** The validators of a published file of 3 bytes. */
export function validators(change: Partial<Validators> = {}): Validators {
  return {
    key: "a.csv",
    source: "https://example.org/a.csv",
    etag: '"1"',
    lastModified: "Thu, 15 Jan 2026 11:00:00 GMT",
    sha256: "ab".repeat(32),
    sizeBytes: 3,
    revision: "1768474800000",
    ...change,
  };
}

/** The record of a task with one `unchanged` result. */
export function record(task: string, change: Partial<TaskRecord> = {}): TaskRecord {
  return {
    task,
    published: validators(),
    publishedAt: "2026-01-14T12:00:00Z",
    changedAt: "2026-01-14T12:00:00Z",
    lastRunAt: "2026-01-15T12:00:00Z",
    lastSuccessAt: "2026-01-15T12:00:00Z",
    failures: 0,
    notBefore: null,
    failingSince: null,
    retryAt: null,
    older: null,
    health: "healthy",
    part: null,
    results: [recentResult()],
    outcomes: "",
    ...change,
  };
}

/** A published file of a family, of 3 bytes. */
export function member(key: string, change: Partial<FamilyMember> = {}): FamilyMember {
  return {
    key,
    kind: "file",
    sha256: "ab".repeat(32),
    sizeBytes: 3,
    publishedAt: "2026-01-15T12:00:00Z",
    ...change,
  };
}

/** A change of `a.csv` that no hook has received. */
export function delivery(id: string, change: Partial<Delivery> = {}): Delivery {
  const previous = { key: "a.csv", sha256: "ab".repeat(32), sizeBytes: 3 };
  return {
    id,
    status: "updated",
    run: "run-1",
    url: "https://example.org/a.csv",
    files: [{ key: "a.csv", sha256: "cd".repeat(32), sizeBytes: 4, previous }],
    claimedAt: "2026-01-15T11:59:59Z",
    publishedAt: "2026-01-15T12:00:00Z",
    received: [],
    failures: 0,
    retryAt: null,
    message: null,
    ...change,
  };
}

/** One `unchanged`. */
export function recentResult(change: Partial<RecentResult> = {}): RecentResult {
  return {
    run: "run-1",
    at: "2026-01-15T12:00:00Z",
    since: "2026-01-15T12:00:00Z",
    times: 1,
    status: "unchanged",
    code: null,
    message: null,
    httpStatus: 304,
    bytes: 0,
    ...change,
  };
}

/** The text of outcomes in a record, whose newest result is the last of them. */
export function outcomesText(
  outcomes: Iterable<Pick<RecentResult, "at" | "status" | "code">>,
): string {
  let record: Pick<TaskRecord, "outcomes" | "results"> = { outcomes: "", results: [] };
  for (const outcome of outcomes) {
    record = { outcomes: addOutcome(record, outcome), results: [recentResult(outcome)] };
  }
  return record.outcomes;
}

/** The result of a task. */
export function taskResult(status: TaskStatus, change: Partial<TaskResult> = {}): TaskResult {
  return {
    task: "a",
    status,
    url: "https://example.org/a.csv",
    servedFrom: "https://example.org/a.csv",
    key: "a.csv",
    bytes: 3,
    wireBytes: 3,
    sha256: null,
    sizeBytes: null,
    previousSizeBytes: null,
    partialBytes: null,
    httpStatus: 200,
    attempts: [{ code: null, httpStatus: 200, delayMs: 0 }],
    timings: { queuedMs: 0, responseMs: 1, bodyMs: 1, publishMs: 1, totalMs: 3 },
    warnings: [],
    ...change,
  };
}

/** A run of one second in which one task was unchanged. */
export function runRecord(run: string, startedAt: string): RunRecord {
  return {
    run,
    startedAt,
    finishedAt: Temporal.Instant.from(startedAt).add({ seconds: 1 }).toString(),
    summary: { counts: counts({ unchanged: 1 }), bytes: 0, durationMs: 1000, exitCode: 0 },
  };
}

function counts(change: Partial<RunSummary["counts"]>): RunSummary["counts"] {
  const none = {
    created: 0,
    updated: 0,
    unchanged: 0,
    pending: 0,
    skipped: 0,
    deferred: 0,
    failed: 0,
  };
  return { ...none, cancelled: 0, ...change };
}

/** An `updated` in a run. */
export function runResult(task: string, change: Partial<RunTaskResult> = {}): RunTaskResult {
  return {
    task,
    status: "updated",
    code: null,
    message: null,
    httpStatus: 200,
    bytes: 3,
    sizeBytes: 3,
    previousSizeBytes: 3,
    durationMs: 14,
    attempts: [{ code: null, httpStatus: 200, delayMs: 0 }],
    warnings: [],
    ...change,
  };
}

/** `count` ids, each different. */
export function ids(count: number, prefix = "task-"): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

const text = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), fc.constant("__proto__"));
const count = fc.nat();
const time = fc.date({
  min: new Date("1970-01-01"),
  max: new Date("2200-01-01"),
  noInvalidDate: true,
}).map((date) => Temporal.Instant.fromEpochMilliseconds(date.getTime()).toString());
const orNull = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values);

/** Fields of a result in format 1; the others were added later. */
const RESULT_KEYS = [
  ...["run", "at", "since", "times"] as const,
  ...["status", "code", "message", "httpStatus", "bytes"] as const,
];

const recordWithoutAlerts: fc.Arbitrary<TaskRecord> = fc.record({
  task: text,
  published: orNull(fc.record({
    key: text,
    source: text,
    etag: orNull(text),
    lastModified: orNull(text),
    sha256: text,
    sizeBytes: count,
    revision: fc.string(),
  })),
  publishedAt: orNull(time),
  changedAt: orNull(time),
  lastRunAt: orNull(time),
  lastSuccessAt: orNull(time),
  failures: count,
  notBefore: orNull(time),
  failingSince: orNull(time),
  retryAt: orNull(time),
  older: orNull(fc.record({ lastModified: text, runs: count, since: time })),
  health: fc.constantFrom<Health>("healthy", "failing", "unhealthy"),
  part: orNull(fc.record({
    key: fc.string(),
    source: text,
    validator: text,
    sizeBytes: count,
    totalBytes: orNull(count),
    draft: text,
  })),
  results: fc.array(
    fc.record({
      run: text,
      at: time,
      since: time,
      times: count,
      status: fc.constantFrom(...TASK_STATUSES),
      code: orNull(text),
      message: orNull(text),
      httpStatus: orNull(count),
      bytes: count,
      durationMs: count,
      attempts: count,
    }, { requiredKeys: RESULT_KEYS }),
    { maxLength: 10 },
  ),
  outcomes: text,
});

const alerts = fc.array(
  fc.record({
    kind: fc.constantFrom<AlertKind>("unhealthy", "stale", "unchanged"),
    since: time,
  }),
  { maxLength: 3 },
);

/** Any valid record. */
export const anyRecord: fc.Arbitrary<TaskRecord> = fc.oneof(
  recordWithoutAlerts,
  fc.tuple(recordWithoutAlerts, alerts).map(([record, alerted]) => ({ ...record, alerted })),
);

/** Any valid result of a run. */
export const anyRunResult: fc.Arbitrary<RunTaskResult> = fc.record({
  task: text,
  status: fc.constantFrom(...TASK_STATUSES),
  code: orNull(text),
  message: orNull(text),
  httpStatus: orNull(count),
  bytes: count,
  sizeBytes: orNull(count),
  previousSizeBytes: orNull(count),
  durationMs: count,
  attempts: fc.array(
    fc.record({ code: orNull(text), httpStatus: orNull(count), delayMs: count }),
    { maxLength: 4 },
  ),
  warnings: fc.array(text, { maxLength: 2 }),
});

/** Any valid family member. */
export const anyMember: fc.Arbitrary<FamilyMember> = fc.record({
  key: text,
  kind: fc.constantFrom<FamilyMember["kind"]>("file", "version", "refused"),
  sha256: orNull(text),
  sizeBytes: count,
  publishedAt: orNull(time),
});
