/** The form in which a state is written, and the checks on what is read. Pure. */

import type { Health } from "../core/event.ts";
import { TASK_STATUSES } from "../core/result.ts";
import type { RunSummary, TaskStatus } from "../core/result.ts";
import type { Validators } from "../core/validators.ts";
import { unreadable } from "./errors.ts";
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
  const newer = count.is(format) && format > FORMAT;
  throw unreadable(location, newer ? "a newer cronfetch wrote it" : "it is no state of cronfetch");
}

/** A record without its task's id, under which it stands. */
export type RecordBody = Omit<TaskRecord, "task">;

/** Tells whether a value that was read is a `T`. */
export type Check<T> = (value: unknown) => value is T;

/** One kind of value: how to tell it, and how to write it. */
interface Kind<T> {
  readonly is: Check<T>;
  /** The same value, all fields in the order in which they are written. */
  readonly arrange: (value: T) => unknown;
}

/** The kinds of all fields, in the order in which they are written. */
type Fields<T> = { readonly [Name in keyof T]-?: Kind<T[Name]> };

function plain<T>(is: Check<T>): Kind<T> {
  return { is, arrange: (value) => value };
}

function oneOf<T extends string>(values: readonly T[]): Kind<T> {
  return plain((value): value is T => values.some((one) => one === value));
}

function orNull<T>({ is, arrange }: Kind<T>): Kind<T | null> {
  return {
    is: (value): value is T | null => value === null || is(value),
    arrange: (value) => value === null ? null : arrange(value),
  };
}

/** Of a field that older versions did not write. */
function orAbsent<T>({ is, arrange }: Kind<T>): Kind<T | undefined> {
  return {
    is: (value): value is T | undefined => value === undefined || is(value),
    arrange: (value) => value === undefined ? undefined : arrange(value),
  };
}

function listOf<T>({ is, arrange }: Kind<T>): Kind<readonly T[]> {
  return {
    is: (value): value is readonly T[] => Array.isArray(value) && value.every(is),
    arrange: (values) => values.map(arrange),
  };
}

/** A kind of object. */
interface Shape<T> extends Kind<T> {
  readonly arrange: (value: T) => object;
}

function shape<T>(fields: Fields<T>): Shape<T> {
  const names = Object.keys(fields) as (keyof T)[];
  return {
    is: (value): value is T => {
      if (typeof value !== "object" || value === null) return false;
      const object = value as Readonly<Record<keyof T, unknown>>;
      return names.every((name) => fields[name].is(object[name]));
    },
    arrange: (value) => {
      const arranged: Partial<Record<keyof T, unknown>> = {};
      for (const name of names) {
        const field = fields[name].arrange(value[name]);
        if (field !== undefined) arranged[name] = field;
      }
      return arranged;
    },
  };
}

/** Every time but for the last days of a month: parsing each of a million times takes seconds. */
const PLAIN_TIME =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z$/;

function isInstant(value: string): boolean {
  if (PLAIN_TIME.test(value)) return true;
  try {
    Temporal.Instant.from(value);
    return value.endsWith("Z");
  } catch {
    return false;
  }
}

const text = plain((value): value is string => typeof value === "string");
const number = plain((value): value is number => Number.isFinite(value));
const count = plain((value): value is number => Number.isSafeInteger(value));
const time = plain((value): value is string => text.is(value) && isInstant(value));

/** Absent in what the first versions wrote: no file has none, so its digest decides. */
const revision: Kind<string> = {
  is: (value): value is string => value === undefined || text.is(value),
  arrange: (value: string | undefined) => value ?? "",
};

const VALIDATORS = shape<Validators>({
  key: text,
  source: text,
  etag: orNull(text),
  lastModified: orNull(text),
  sha256: text,
  sizeBytes: count,
  revision,
});

const PART = shape<PartRecord>({
  key: text,
  source: text,
  validator: text,
  sizeBytes: count,
  totalBytes: orNull(count),
  draft: text,
});

const RESULT = shape<RecentResult>({
  run: text,
  at: time,
  since: time,
  times: count,
  status: oneOf<TaskStatus>(TASK_STATUSES),
  code: orNull(text),
  message: orNull(text),
  httpStatus: orNull(count),
  bytes: count,
  durationMs: orAbsent(number),
  attempts: orAbsent(count),
});

const RECORD = shape<RecordBody>({
  health: oneOf<Health>(["healthy", "failing", "unhealthy"]),
  failures: count,
  notBefore: orNull(time),
  heldUntil: orNull(time),
  lastRunAt: orNull(time),
  lastSuccessAt: orNull(time),
  publishedAt: orNull(time),
  published: orNull(VALIDATORS),
  part: orNull(PART),
  results: listOf(RESULT),
});

const COUNTS = shape<RunSummary["counts"]>({
  created: count,
  updated: count,
  unchanged: count,
  skipped: count,
  deferred: count,
  failed: count,
  cancelled: count,
});

const RUN = shape<RunRecord>({
  run: text,
  startedAt: time,
  finishedAt: time,
  summary: shape<RunSummary>({ counts: COUNTS, bytes: count, durationMs: number, exitCode: count }),
});

/** The fields of a record, and theirs, in an order that never changes. */
export function arrangeRecord(record: RecordBody): object {
  return RECORD.arrange(record);
}

/** The fields of a run, and theirs, in an order that never changes. */
export function arrangeRun(run: RunRecord): object {
  return RUN.arrange(run);
}

/** Whether a value that was read is a record. */
export const isRecordBody: Check<RecordBody> = RECORD.is;

/** Whether a value that was read is a run. */
export const isRun: Check<RunRecord> = RUN.is;

/** Whether a value that was read is a point in time, RFC 3339 in UTC. */
export const isTime: Check<string> = time.is;

/** Whether a value that was read is a list of text. */
export const isTexts: Check<readonly string[]> = listOf(text).is;

/** Whether a value that was read is a finite number. */
export const isNumber: Check<number> = number.is;

/** Whether a value that was read is an object, and no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
