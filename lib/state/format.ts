/** The format of a state, and the checks of what is read. Pure. */

import type { AlertKind, Health } from "../core/event.ts";
import {
  type ReceivedContent,
  type RunSummary,
  type RunTrigger,
  TASK_STATUSES,
  type TaskStatus,
  type UnpackedArchive,
  type Validators,
} from "../core/result.ts";
import { unreadable } from "./errors.ts";
import type { DayCounts } from "./history.ts";
import {
  boolean,
  count,
  isObject,
  type Kind,
  listOf,
  nothing,
  number,
  oneOf,
  orAbsent,
  orNull,
  shape,
  type ShapeCheck,
  text,
  time,
  unless,
  zero,
} from "./shape.ts";
import type {
  OlderRepresentation,
  OpenAlert,
  PartRecord,
  RecentResult,
  RunRecord,
  TaskRecord,
} from "./state.ts";

/** The version of the format. It grows if an older cronfetch would misread or drop something. */
export const FORMAT = 2;

/** A format that this version reads. It writes only {@linkcode FORMAT}. */
export type KnownFormat = 1 | typeof FORMAT;

const GO_BACK = "update cronfetch, or restore the copy from before the migration " +
  '(docs/state.md, "Format and migration")';

/**
 * Checks that this version can read a format.
 *
 * @param format The stored version number.
 * @returns The format.
 * @throws {CronfetchError} `state.unreadable`.
 */
export function checkFormat(format: unknown, location: string): KnownFormat {
  if (format === FORMAT || format === 1) return format;
  if (count.is(format) && format > FORMAT) {
    throw unreadable(location, `a newer cronfetch wrote it, in format ${format}`, {
      advice: GO_BACK,
    });
  }
  throw unreadable(location, "it is no state of cronfetch");
}

/** A record without its task id, which is its key. */
export type RecordBody = Omit<TaskRecord, "task">;

/** Fields that format 2 added to a record. */
type AddedInFormat2 =
  | "retryAt"
  | "failingSince"
  | "older"
  | "alerted"
  | "changedAt"
  | "outcomes";

/** A {@linkcode RecordBody} in format 1: `heldUntil` became `retryAt`. */
export type Format1RecordBody = Omit<RecordBody, AddedInFormat2> & {
  readonly heldUntil: string | null;
};

const VALIDATORS = shape<Validators>({
  key: text,
  source: text,
  etag: unless(nothing, orNull(text)),
  lastModified: unless(nothing, orNull(text)),
  sha256: text,
  sizeBytes: count,
  // The first versions wrote no revision: the digest decides then.
  revision: unless(() => "", text),
  finalUrl: orAbsent(text),
  received: orAbsent(
    shape<ReceivedContent>({
      sha256: text,
      sizeBytes: count,
      transform: orAbsent(text),
      same: orAbsent(text),
    }),
  ),
  unpacked: orAbsent(shape<UnpackedArchive>({ options: text, isPublished: boolean })),
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
  since: unless(({ at }) => at, time),
  times: unless(() => 1, count),
  status: oneOf<TaskStatus>(TASK_STATUSES),
  code: unless(nothing, orNull(text)),
  message: unless(nothing, orNull(text)),
  httpStatus: orNull(count),
  bytes: unless(zero, count),
  durationMs: orAbsent(number),
  attempts: orAbsent(count),
});

const OLDER = shape<OlderRepresentation>({ lastModified: text, runs: count, since: time });

const ALERT = shape<OpenAlert>({
  kind: oneOf<AlertKind>(["unhealthy", "stale", "unchanged"]),
  since: time,
});

const health = oneOf<Health>(["healthy", "failing", "unhealthy"]);

const RECORD = shape<RecordBody>({
  health: unless(() => "healthy", health),
  failures: unless(zero, count),
  failingSince: unless(nothing, orNull(time)),
  notBefore: unless(nothing, orNull(time)),
  retryAt: unless(nothing, orNull(time)),
  lastRunAt: unless(({ results }) => results[0]?.at ?? null, orNull(time)),
  lastSuccessAt: unless(({ lastRunAt }) => lastRunAt, orNull(time)),
  publishedAt: unless(({ results }) => lastPublication(results), orNull(time)),
  changedAt: unless(({ publishedAt }) => publishedAt, orNull(time)),
  published: orNull(VALIDATORS),
  older: unless(nothing, orNull(OLDER)),
  part: unless(nothing, orNull(PART)),
  alerted: orAbsent(listOf(ALERT)),
  results: listOf(RESULT),
  outcomes: unless(() => "", text),
});

const FORMAT_1_RECORD = shape<Format1RecordBody>({
  health,
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
  // Runs of versions without it have none.
  pending: unless(zero, count),
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
  error: orAbsent(text),
  alerted: orAbsent(boolean),
  // Any text: a later version may add triggers.
  trigger: orAbsent(text as Kind<RunTrigger>),
  tasks: orAbsent(count),
  resultsKept: orAbsent(count),
  errorCode: orAbsent(text),
  failedRuns: orAbsent(count),
});

const DAY_COUNTS = shape<DayCounts["counts"]>({
  created: orAbsent(count),
  updated: orAbsent(count),
  unchanged: orAbsent(count),
  pending: orAbsent(count),
  skipped: orAbsent(count),
  deferred: orAbsent(count),
  failed: orAbsent(count),
  cancelled: orAbsent(count),
});

const DAY = shape<DayCounts>({
  evaluations: unless(zero, count),
  runs: unless(zero, count),
  bytes: unless(zero, count),
  counts: DAY_COUNTS,
});

/** The fields of a record that differ from their defaults, in an order that never changes. */
export function arrangeRecord(record: RecordBody): object {
  return RECORD.arrange(record);
}

/** The fields of a run, in an order that never changes. */
export function arrangeRun(run: RunRecord): object {
  return RUN.arrange(run);
}

/** The amounts of a day, in an order that never changes. */
export function arrangeDay(day: DayCounts): object {
  return DAY.arrange(day);
}

/** Whether a stored value is a record of a known format. */
export function isStoredRecord(value: unknown): value is RecordBody | Format1RecordBody {
  return isObject(value) && ("heldUntil" in value ? FORMAT_1_RECORD : RECORD).is(value);
}

/**
 * A stored record in the present format.
 *
 * @param task The task's id, which is the key of the stored record.
 * @param stored Its fields are changed.
 */
export function readRecord(task: string, stored: RecordBody | Format1RecordBody): TaskRecord {
  const body = "heldUntil" in stored ? upgrade(stored) : stored;
  RECORD.addDefaults(body);
  // Spread into an object, the fields would make it a hash table of ten times the size.
  const record: TaskRecord = {
    task,
    published: body.published,
    publishedAt: body.publishedAt,
    changedAt: body.changedAt,
    lastRunAt: body.lastRunAt,
    lastSuccessAt: body.lastSuccessAt,
    failures: body.failures,
    failingSince: body.failingSince,
    notBefore: body.notBefore,
    retryAt: body.retryAt,
    older: body.older,
    health: body.health,
    part: body.part,
    results: body.results,
    outcomes: body.outcomes,
  };
  return body.alerted === undefined ? record : { ...record, alerted: body.alerted };
}

/** When the last recorded publication ended, or null. */
function lastPublication(results: readonly RecentResult[]): string | null {
  return results.find(({ status }) => status === "created" || status === "updated")?.at ?? null;
}

function upgrade({ heldUntil, ...body }: Format1RecordBody): RecordBody {
  return {
    ...body,
    retryAt: heldUntil,
    failingSince: failingSince(body),
    older: null,
    changedAt: body.publishedAt,
    outcomes: "",
  };
}

/** When the present streak of failures began, as far as the kept results show. */
function failingSince(
  { failures, results, lastRunAt }: Omit<Format1RecordBody, "heldUntil">,
): string | null {
  if (failures === 0) return null;
  let since = lastRunAt;
  for (const result of results) {
    if (SUCCESSES.includes(result.status)) break;
    if (result.status === "failed") since = result.since;
  }
  return since;
}

const SUCCESSES: readonly TaskStatus[] = ["created", "updated", "unchanged"];

/** Whether a stored value is a day; see {@linkcode readDay}. */
export const isDay: ShapeCheck<DayCounts> = DAY.is;

/**
 * A stored day with the amounts that are 0.
 *
 * @param stored Its fields are changed.
 */
export function readDay(stored: DayCounts): DayCounts {
  DAY.addDefaults(stored);
  return stored;
}

/** Whether a stored value is a run. */
export const isRun: ShapeCheck<RunRecord> = RUN.is;

/** A stored run with the amounts that it lacks. */
export function readRun(stored: RunRecord): RunRecord {
  RUN.addDefaults(stored);
  return stored;
}

/** Whether a stored value is an instant, RFC 3339 in UTC. */
export const isTime: ShapeCheck<string> = time.is;

/** Whether a stored value is a list of text. */
export const isTexts: ShapeCheck<readonly string[]> = listOf(text).is;

/** Whether a stored value is a finite number. */
export const isNumber: ShapeCheck<number> = number.is;
