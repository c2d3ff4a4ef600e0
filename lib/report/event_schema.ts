/**
 * The JSON Schema (draft 2020-12) of an event line: the contract with programs
 * that read `--json`.
 *
 * It grows compatibly: event types, fields, codes and warnings may be added,
 * none is taken away or changes its meaning. So a reader ignores what it does
 * not know.
 */

import { ERROR_CODES } from "../core/errors.ts";
import type { EventHead, Health, RunEvent, RunOccurrence } from "../core/event.ts";
import {
  type AttemptResult,
  EXIT,
  exitCodeMeaning,
  type RunSummary,
  TASK_STATUSES,
  type TaskResult,
  type TaskStatus,
  type Timings,
} from "../core/result.ts";
import { WARNINGS } from "./lines.ts";

/** A JSON Schema, as far as it is used here. */
export type EventJsonSchema = Readonly<Record<string, unknown>>;

/** The schema of an object. */
type ObjectSchema = EventJsonSchema & {
  readonly properties: Readonly<Record<string, EventJsonSchema>>;
};

/** One schema for every key of `T`: a key too many or too few does not compile. */
type Properties<T> = Readonly<Record<keyof T, EventJsonSchema>>;

const TEXT = { type: "string" };
const COUNT = { type: "integer", minimum: 0 };
const DURATION = { type: "number", minimum: 0 };
const TIME = { type: "string", format: "date-time" };
const CODE = { $ref: "#/$defs/code" };
const HTTP_STATUS = { type: "integer", minimum: 100, maximum: 999 };

const HEALTH = { enum: ["healthy", "failing", "unhealthy"] satisfies Health[] };

function described(schema: EventJsonSchema, description: string): EventJsonSchema {
  return { description, ...schema };
}

function orNull(schema: EventJsonSchema): EventJsonSchema {
  return { anyOf: [schema, { type: "null" }] };
}

function object<T>(
  properties: Properties<T>,
  optional: readonly (keyof T & string)[] = [],
): ObjectSchema {
  const required = Object.keys(properties).filter((key) => !optional.some((name) => name === key));
  return { type: "object", properties, required };
}

const ATTEMPT = object<AttemptResult>({
  code: described(orNull(CODE), "What went wrong, or null."),
  httpStatus: described(orNull(HTTP_STATUS), "Status of the attempt's last response, or null."),
  delayMs: described(DURATION, "Milliseconds waited before the attempt."),
});

const TIMINGS = object<Timings>({
  queuedMs: described(DURATION, "From the start of the run to the start of the task."),
  responseMs: described(DURATION, "From the request to the response headers, redirects included."),
  bodyMs: described(DURATION, "From the response headers to the end of the body."),
  publishMs: described(DURATION, "Publishing."),
});

const RESULT = object<TaskResult>({
  task: described(TEXT, "The task's id."),
  status: described({ enum: TASK_STATUSES }, "What became of it."),
  code: described(CODE, "Why the file is not known to be good; absent where it is."),
  message: described(TEXT, "One sentence for people, where there is something to say."),
  url: described(TEXT, "The URL asked, without secrets."),
  servedFrom: described(orNull(TEXT), "The URL that answered, without secrets, or null."),
  key: described(TEXT, "Name of the file in the store."),
  bytes: described(COUNT, "Body bytes received by the attempt that brought the result."),
  sha256: described(
    orNull({ type: "string", pattern: "^[0-9a-f]{64}$" }),
    "Of the published file, or null where no file is known to be good.",
  ),
  httpStatus: described(orNull(HTTP_STATUS), "Status of the last response, or null."),
  attempts: described({ type: "array", items: ATTEMPT }, "Every attempt, in order."),
  timings: described(TIMINGS, "Where the time went, in milliseconds."),
  notBefore: described(TIME, "Of deferred alone: the task is not tried again before this time."),
  warnings: described(
    { type: "array", items: { enum: Object.keys(WARNINGS) } },
    "What is worth knowing about a good result.",
  ),
}, ["code", "message", "notBefore"]);

const COUNTS = object<Record<TaskStatus, number>>({
  created: COUNT,
  updated: COUNT,
  unchanged: COUNT,
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
  time: described(TIME, "When, in UTC."),
  run: described(TEXT, "Which run."),
};

/** What each type of event carries beside what all carry. */
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
    url: described(TEXT, "The URL asked, without secrets."),
  },
  "task.retrying": {
    task: described(TEXT, "The task's id."),
    attempt: described(
      { type: "integer", minimum: 1 },
      "Number of the attempt to come; the first is 1.",
    ),
    code: described(CODE, "Why the last attempt failed."),
    delayMs: described(DURATION, "Milliseconds until the attempt to come."),
  },
  "task.finished": {
    result: { $ref: "#/$defs/result" },
  },
  "task.health": {
    task: described(TEXT, "The task's id."),
    before: described(HEALTH, "How it fared until now."),
    health: described(HEALTH, "How it fares now."),
    failures: described(COUNT, "Failures in a row."),
  },
  "run.finished": {
    summary: { $ref: "#/$defs/summary" },
  },
};

const EVENTS = Object.entries(EVENT_FIELDS).map(([type, carried]) =>
  object<Record<string, unknown>>({ type: { const: type }, ...HEAD, ...carried })
);

const SCHEMA: EventJsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "cronfetch event",
  description: "One line of --json. Types, fields, codes and warnings may be added: " +
    "ignore what you do not know.",
  oneOf: EVENTS,
  $defs: { result: RESULT, summary: SUMMARY, code: { enum: Object.keys(ERROR_CODES) } },
};

/** Every key of an event and of what is in it, in the order in which they are written. */
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
 * The JSON Schema of one line of `--json`, as published in
 * `cronfetch.events.schema.json`. It describes this version; what later
 * versions may add, a reader ignores.
 */
export function eventJsonSchema(): EventJsonSchema {
  return SCHEMA;
}
