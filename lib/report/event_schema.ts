/**
 * The JSON Schema (draft 2020-12) of an event line, the contract with programs that read `--json`.
 *
 * Changes are additive: event types, fields, codes and warnings may be added; none is removed or
 * changes its meaning. Readers ignore unknown ones.
 */

import type { ProblemRow } from "../config/problem.ts";
import { ERROR_CODES } from "../core/errors.ts";
import type { EventHead, Health, RunEvent, RunOccurrence } from "../core/event.ts";
import {
  type AttemptResult,
  EXIT,
  exitCodeMeaning,
  type MemberCounts,
  type RunSummary,
  TASK_STATUSES,
  type TaskResult,
  type TaskStatus,
  type Timings,
} from "../core/result.ts";
import { WARNINGS } from "./lines.ts";

/** A JSON Schema. */
export type EventJsonSchema = Readonly<Record<string, unknown>>;

/** The schema of an object. */
export type ObjectSchema = EventJsonSchema & {
  readonly properties: Readonly<Record<string, EventJsonSchema>>;
};

/** One schema for every key of `T`; missing and extra keys do not compile. */
export type Properties<T> = Readonly<Record<keyof T, EventJsonSchema>>;

/** Any text. */
export const TEXT: EventJsonSchema = { type: "string" };
/** A whole number that is not negative. */
export const COUNT: EventJsonSchema = { type: "integer", minimum: 0 };
const DURATION = { type: "number", minimum: 0 };
/** RFC 3339. */
export const TIME: EventJsonSchema = { type: "string", format: "date-time" };
const CODE = { $ref: "#/$defs/code" };
const HTTP_STATUS = { type: "integer", minimum: 100, maximum: 999 };

const HEALTH = { enum: ["healthy", "failing", "unhealthy"] satisfies Health[] };

/** A schema with a description. */
export function described(schema: EventJsonSchema, description: string): EventJsonSchema {
  return { description, ...schema };
}

/** A schema, or null. */
export function orNull(schema: EventJsonSchema): EventJsonSchema {
  return { anyOf: [schema, { type: "null" }] };
}

/** The schema of an object. */
export function object<T>(
  properties: Properties<T>,
  optional: readonly (keyof T & string)[] = [],
): ObjectSchema {
  const required = Object.keys(properties).filter((key) => !optional.some((name) => name === key));
  return { type: "object", properties, required };
}

const ATTEMPT = object<AttemptResult>({
  code: described(orNull(CODE), "Error code, or null on success."),
  httpStatus: described(orNull(HTTP_STATUS), "Status of the attempt's last response, or null."),
  delayMs: described(DURATION, "Milliseconds waited before the attempt."),
});

const TIMINGS = object<Timings>({
  queuedMs: described(DURATION, "From the start of the run to the start of the task."),
  responseMs: described(DURATION, "From the request to the response headers, redirects included."),
  bodyMs: described(DURATION, "From the response headers to the end of the body."),
  publishMs: described(DURATION, "Publishing."),
  totalMs: described(DURATION, "All attempts, and the waits in between."),
});

const MEMBERS = object<MemberCounts>({
  created: described(COUNT, "Members without a file before."),
  updated: described(COUNT, "Members whose files had other bytes."),
  unchanged: described(COUNT, "Members whose files had the same bytes."),
});

const RESULT = object<TaskResult>({
  task: described(TEXT, "The task's id."),
  status: described({ enum: TASK_STATUSES }, "Status of the result."),
  code: described(CODE, "Error code; absent if the published file is up to date."),
  message: described(TEXT, "One human-readable sentence, if there is more to report."),
  url: described(TEXT, "The task's URL, without secrets."),
  servedFrom: described(orNull(TEXT), "The URL that responded, without secrets, or null."),
  key: described(TEXT, "Name of the file in the store."),
  bytes: described(COUNT, "Bytes of the body without content codings, in the last attempt."),
  wireBytes: described(COUNT, "Bytes of the body as received, in the last attempt."),
  sha256: described(
    orNull({ type: "string", pattern: "^[0-9a-f]{64}$" }),
    "Of the published file, or null if it is not known to be up to date.",
  ),
  sizeBytes: described(orNull(COUNT), "Size of the published file, or null like sha256."),
  previousSizeBytes: described(
    orNull(COUNT),
    "Size of the file that this one replaced, or null if none was replaced.",
  ),
  partialBytes: described(
    orNull(COUNT),
    "Size of the incomplete file that the next run resumes, or null.",
  ),
  httpStatus: described(orNull(HTTP_STATUS), "Status of the last response, or null."),
  attempts: described({ type: "array", items: ATTEMPT }, "Every attempt, in order."),
  timings: described(TIMINGS, "Durations of the phases, in milliseconds."),
  notBefore: described(
    TIME,
    "Only with deferred: the next attempt is not made before this time. Only with pending: it is " +
      "made at this time at the latest.",
  ),
  warnings: described(
    { type: "array", items: { enum: Object.keys(WARNINGS) } },
    "Warnings about a successful result.",
  ),
  members: described(MEMBERS, "Only of an archive that was unpacked: its members."),
}, ["code", "message", "notBefore", "members"]);

const COUNTS = object<Record<TaskStatus, number>>({
  created: COUNT,
  updated: COUNT,
  unchanged: COUNT,
  pending: COUNT,
  skipped: COUNT,
  deferred: COUNT,
  failed: COUNT,
  cancelled: COUNT,
});

const SUMMARY = object<RunSummary>({
  counts: described(COUNTS, "Results by status."),
  bytes: described(COUNT, "Body bytes received by results."),
  durationMs: described(DURATION, "Milliseconds from the start to the end of the run."),
  exitCode: described(
    { enum: Object.values(EXIT) },
    Object.values(EXIT).map((code) => `${code}: ${exitCodeMeaning(code)?.meaning}`).join("; "),
  ),
});

const HEAD: Properties<EventHead> = {
  time: described(TIME, "Time of the event, in UTC."),
  run: described(TEXT, "Id of the run."),
};

/** The fields of an event type, except those of every event. */
type EventFields<Type extends RunEvent["type"]> = Omit<
  Extract<RunOccurrence, { readonly type: Type }>,
  "type"
>;

const EVENT_FIELDS: { readonly [Type in RunEvent["type"]]: Properties<EventFields<Type>> } = {
  "run.started": {
    tasks: described(COUNT, "Tasks in the run's plan."),
  },
  "task.started": {
    task: described(TEXT, "The task's id."),
    url: described(TEXT, "The task's URL, without secrets."),
  },
  "task.retrying": {
    task: described(TEXT, "The task's id."),
    attempt: described(
      { type: "integer", minimum: 1 },
      "Number of the next attempt; the first is 1.",
    ),
    code: described(CODE, "Why the last attempt failed."),
    delayMs: described(DURATION, "Milliseconds until the next attempt."),
  },
  "task.finished": {
    result: { $ref: "#/$defs/result" },
  },
  "task.health": {
    task: described(TEXT, "The task's id."),
    before: described(HEALTH, "Health before this result."),
    health: described(HEALTH, "Health after this result."),
    failures: described(COUNT, "Failures in a row."),
  },
  "hook.finished": {
    task: described(TEXT, "The task's id."),
    change: described(TEXT, "Id of the change: the idempotency key of the hook's document."),
    hook: described(TEXT, "Host of the webhook, or program."),
    status: described(
      { enum: ["delivered", "failed", "expired"] },
      "failed: it is retried; expired: it has failed for 7 days, and is not.",
    ),
    code: described(orNull(CODE), "Error code, or null if it was delivered."),
    message: described(orNull(TEXT), "Why it was not delivered, or null."),
    retryAt: described(orNull(TIME), "When it is tried again, or null."),
  },
  "task.gone": {
    task: described(TEXT, "The id of the item's task. Its file stays."),
    list: described(TEXT, "The list's id."),
  },
  "run.finished": {
    summary: { $ref: "#/$defs/summary" },
  },
};

const EVENTS = Object.entries(EVENT_FIELDS).map(([type, carried]) =>
  object<Record<string, unknown>>({ type: { const: type }, ...HEAD, ...carried })
);

const PROBLEM = object<ProblemRow>({
  type: { const: "problem" },
  level: described(
    { enum: ["error", "warning"] satisfies ProblemRow["level"][] },
    "An error ends the command before any request.",
  ),
  code: described(CODE, "Error code."),
  file: described(
    orNull(TEXT),
    "The config file, flag, variable or argument; null for the command line as a whole.",
  ),
  line: described(orNull(COUNT), "Line in the file, from 1, or null."),
  column: described(orNull(COUNT), "Column in UTF-16 units, from 1, or null."),
  path: described(TEXT, "Path in the config, such as tasks[3].expect.minSize; may be empty."),
  message: described(TEXT, "What is wrong: the rest of a sentence that begins with the path."),
  hint: described(orNull(TEXT), "What was probably meant, or what to do, or null."),
});

const SCHEMA: EventJsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "cronfetch event",
  description: "One line of --json. Types, fields, codes and warnings may be added: " +
    "ignore unknown ones.",
  oneOf: [...EVENTS, PROBLEM],
  $defs: { result: RESULT, summary: SUMMARY, code: { enum: Object.keys(ERROR_CODES) } },
};

/** Every key of events and their values, in output order. */
export const EVENT_KEYS: readonly string[] = [
  ...new Set([
    "type",
    ...Object.keys(HEAD),
    ...[RESULT, ...EVENTS, ATTEMPT, TIMINGS, SUMMARY, COUNTS].flatMap(({ properties }) =>
      Object.keys(properties)
    ),
  ]),
];

/**
 * The JSON Schema of one line of `--json`, as published in `cronfetch.events.schema.json`. It
 * describes this version.
 */
export function eventJsonSchema(): EventJsonSchema {
  return SCHEMA;
}
