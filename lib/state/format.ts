/** The form in which a state is written, and the checks on what is read. Pure. */

import { TASK_STATUSES } from "../core/result.ts";
import type { RunSummary, TaskStatus } from "../core/result.ts";
import type { Validators } from "../core/validators.ts";
import { unreadable } from "./errors.ts";
import type { Health } from "../core/event.ts";
import type { PartRecord, RecentResult, RunRecord, TaskRecord } from "./state.ts";

/** The version of the form. It grows whenever an older cronfetch would misread or drop something. */
export const FORMAT = 1;

/**
 * Goes on where a state is of a form this version knows.
 *
 * @param format What stands in the place of {@linkcode FORMAT}.
 * @throws {CronfetchError} `state.unreadable`.
 */
export function checkFormat(format: unknown, location: string): void {
  if (format === FORMAT) return;
  const newer = count(format) && format > FORMAT;
  throw unreadable(location, newer ? "a newer cronfetch wrote it" : "it is no state of cronfetch");
}

/** A record without its task's id, under which it stands. */
export type RecordBody = Omit<TaskRecord, "task">;

/** Tells whether a value that was read is a `T`. */
export type Check<T> = (value: unknown) => value is T;

/** One check a field, in the order in which the fields are written. */
type Fields<T> = { readonly [Name in keyof T]-?: Check<T[Name]> };

const text: Check<string> = (value) => typeof value === "string";
const number: Check<number> = (value): value is number => Number.isFinite(value);
const count: Check<number> = (value): value is number => Number.isSafeInteger(value);
const time: Check<string> = (value): value is string => text(value) && isInstant(value);

function isInstant(value: string): boolean {
  try {
    Temporal.Instant.from(value);
    return value.endsWith("Z");
  } catch {
    return false;
  }
}

function oneOf<T extends string>(values: readonly T[]): Check<T> {
  return (value): value is T => values.some((one) => one === value);
}

function orNull<T>(check: Check<T>): Check<T | null> {
  return (value): value is T | null => value === null || check(value);
}

function listOf<T>(check: Check<T>): Check<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(check);
}

function shape<T>(fields: Fields<T>): Check<T> {
  const names = Object.keys(fields) as (keyof T)[];
  return (value): value is T => {
    if (typeof value !== "object" || value === null) return false;
    const object = value as Record<keyof T, unknown>;
    return names.every((name) => fields[name](object[name]));
  };
}

const VALIDATORS: Fields<Validators> = {
  key: text,
  source: text,
  etag: orNull(text),
  lastModified: orNull(text),
  sha256: text,
  sizeBytes: count,
  modifiedMs: number,
};

const PART: Fields<PartRecord> = {
  source: text,
  validator: text,
  sizeBytes: count,
  totalBytes: orNull(count),
  draft: text,
};

const RESULT: Fields<RecentResult> = {
  run: text,
  at: time,
  since: time,
  times: count,
  status: oneOf<TaskStatus>(TASK_STATUSES),
  code: orNull(text),
  message: orNull(text),
  httpStatus: orNull(count),
  bytes: count,
};

const RECORD: Fields<RecordBody> = {
  health: oneOf<Health>(["healthy", "failing", "unhealthy"]),
  failures: count,
  notBefore: orNull(time),
  heldUntil: orNull(time),
  lastRunAt: orNull(time),
  lastSuccessAt: orNull(time),
  publishedAt: orNull(time),
  published: orNull(shape(VALIDATORS)),
  part: orNull(shape(PART)),
  results: listOf(shape(RESULT)),
};

const COUNTS = Object.fromEntries(
  TASK_STATUSES.map((status) => [status, count]),
) as Fields<RunSummary["counts"]>;

const SUMMARY: Fields<RunSummary> = {
  counts: shape(COUNTS),
  bytes: count,
  durationMs: number,
  exitCode: count,
};

const RUN: Fields<RunRecord> = {
  run: text,
  startedAt: time,
  finishedAt: time,
  summary: shape(SUMMARY),
};

const NAMES = [RECORD, VALIDATORS, PART, RESULT, RUN, SUMMARY, COUNTS].flatMap(Object.keys);

/** Part of a record or a run as JSON on one line, its fields in an order that never changes. */
export function inOrder(value: RecordBody[keyof RecordBody] | RecentResult | RunRecord): string {
  // A list of names also orders what it lets through.
  return JSON.stringify(value, NAMES);
}

/** The names of a record's fields, in the order in which they are written. */
export const RECORD_FIELDS = Object.keys(RECORD) as readonly (keyof RecordBody)[];

/** Whether a value that was read is a record. */
export const isRecordBody: Check<RecordBody> = shape(RECORD);

/** Whether a value that was read is a run. */
export const isRun: Check<RunRecord> = shape(RUN);

/** Whether a value that was read is a point in time, RFC 3339 in UTC. */
export const isTime: Check<string> = time;

/** Whether a value that was read is a list of text. */
export const isTexts: Check<readonly string[]> = listOf(text);

/** Whether a value that was read is a finite number. */
export const isNumber: Check<number> = number;

/** Whether a value that was read is an object, and no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
