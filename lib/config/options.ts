/** Task options in layers: the defaults, the config's, the file's `defaults`, the task's own. */

import type { Expectations, RetryLimits, Schedule, Task, Timeouts } from "../core/task.ts";
import { checkHeaderName, checkHeaderValue, isPublicHeader } from "./checks.ts";
import { substitute, suggestVariables } from "./variables.ts";
import { keyFor } from "./keys.ts";
import { parseDuration, parseSize } from "./schema/fields.ts";
import { DEFAULTS } from "./input.ts";
import type { TaskDefaults } from "./schema/task_schema.ts";
import { withGuess } from "./problem.ts";
import { type Path, resolveText, type Scope } from "./scope.ts";
import { secretsInHeader } from "./secrets.ts";
import { parseTemplate, type Template, templateWarning } from "./template.ts";

/** Options of a task except its ID, key and URLs. */
export interface Options
  extends
    Omit<Task, "id" | "url" | "mirrors" | "request" | "key" | "namedByServer" | "pendingUntil"> {
  /** The schedule as written; it is parsed again in another time zone. */
  readonly scheduleText: string;
  /** Age up to which a missing file is pending, in milliseconds; null if it is a failure. */
  readonly publishedWithinMs: number | null;
  /** `defaults.to`, for tasks without their own; null if the URL names the file. */
  readonly to: NameTemplate | null;
}

/** A value of `to`. */
export interface NameTemplate {
  /** As written in the config. */
  readonly written: string;
  /** Null if it is invalid. */
  readonly template: Template | null;
}

/** Parses a value of `to` and reports its problem. */
export function readName(written: string, path: Path, scope: Scope): NameTemplate {
  const template = parseTemplate(written, "name", scope.suggester.nearest);
  if (template.problem !== undefined) {
    scope.addProblem(path, template.problem);
    return { written, template: null };
  }
  const warning = templateWarning(written);
  if (warning !== null) scope.addWarning(path, warning);
  return { written, template: template.value };
}

/** A URL with every part that a name may contain. */
const SAMPLE_URL = "https://example.org/folder/name.txt";

/** Parses `defaults.to`. A problem that every URL would have is reported once, not for each task. */
export function readDefaultName(
  written: string,
  timezone: string,
  path: Path,
  scope: Scope,
): NameTemplate {
  const name = readName(written, path, scope);
  const { template } = name;
  if (template === null) return name;
  const url = new URL(SAMPLE_URL);
  for (const part of template.parts) {
    if (typeof part === "object" && "part" in part) url.searchParams.set(part.parameter, "x");
  }
  const { problem } = keyFor(template, url, timezone, scope.render);
  if (problem === undefined) return name;
  scope.addProblem(path, problem);
  return { written, template: null };
}

/** No request headers. */
export const NO_HEADERS: Pick<Options, "headers" | "publicHeaders"> = {
  headers: Object.freeze({}),
  publicHeaders: Object.freeze({}),
};

const { timeout, retry, expect: { minSize, maxSize, ...checks }, ...rest } = DEFAULTS;

/** The options of a task that sets none. */
export const DEFAULT_OPTIONS: Options = {
  ...NO_HEADERS,
  schedule: Object.freeze<Schedule>({ kind: "cron", expression: rest.schedule }),
  scheduleText: rest.schedule,
  to: null,
  timezone: rest.timezone,
  misfire: rest.misfire,
  jitterMs: parseDuration(rest.jitter) ?? NaN,
  timeouts: Object.freeze<Timeouts>({
    connectMs: parseDuration(timeout.connect) ?? NaN,
    responseMs: parseDuration(timeout.response) ?? NaN,
    idleMs: parseDuration(timeout.idle) ?? NaN,
    attemptMs: timeout.attempt,
  }),
  retry: Object.freeze<RetryLimits>({
    attempts: retry.attempts,
    budgetMs: parseDuration(retry.budget) ?? NaN,
  }),
  expect: Object.freeze<Expectations>({
    ...checks,
    minSizeBytes: parseSize(minSize) ?? NaN,
    maxSizeBytes: maxSize,
  }),
  segments: rest.segments,
  keep: rest.keep,
  mtime: rest.mtime,
  quarantine: rest.quarantine,
  allowPrivate: rest.allowPrivate,
  conditional: rest.conditional,
  unchangedForMs: rest.unchangedFor,
  publishedWithinMs: rest.publishedWithin,
  decode: rest.decode,
  same: rest.same,
  transform: rest.transform,
  onChange: rest.onChange,
  unpack: rest.unpack,
};

/**
 * Applies a layer of options. Only the values of the new layer are checked, so that a problem is
 * reported once, at its place.
 *
 * @param path Path of the layer in its source.
 */
export function applyOptions(
  base: Options,
  layer: TaskDefaults,
  path: Path,
  scope: Scope,
): Options {
  return {
    ...applyTiming(base, layer, path, scope),
    to: base.to,
    ...applyHeaders(base, layer.headers ?? {}, path, scope),
    timeouts: layer.timeout === undefined
      ? base.timeouts
      : scope.intern(applyTimeouts(base.timeouts, layer.timeout)),
    retry: layer.retry
      ? scope.intern({
        attempts: layer.retry.attempts ?? base.retry.attempts,
        budgetMs: layer.retry.budget ?? base.retry.budgetMs,
      })
      : base.retry,
    expect: layer.expect && scope.expectations
      ? scope.expectations.applyExpectations(base.expect, layer.expect, [...path, "expect"], scope)
      : base.expect,
    segments: layer.segments ?? base.segments,
    keep: layer.keep ?? base.keep,
    mtime: layer.mtime === undefined ? base.mtime : layer.mtime,
    quarantine: layer.quarantine ?? base.quarantine,
    allowPrivate: layer.allowPrivate ?? base.allowPrivate,
    conditional: layer.conditional ?? base.conditional,
    unchangedForMs: layer.unchangedFor === undefined ? base.unchangedForMs : layer.unchangedFor,
    publishedWithinMs: layer.publishedWithin === undefined
      ? base.publishedWithinMs
      : layer.publishedWithin,
    decode: layer.decode ?? base.decode,
    ...applySteps(base, layer, path, scope),
  };
}

/** Applies the options of content steps, whose reader is loaded if any source has one. */
function applySteps(
  base: Options,
  { same, transform, unpack, onChange }: TaskDefaults,
  path: Path,
  scope: Scope,
): Pick<Options, "same" | "transform" | "unpack" | "onChange"> {
  const { steps } = scope;
  return {
    same: same === undefined
      ? base.same
      : same && (steps?.readSame(same, [...path, "same"], scope) ?? null),
    transform: transform === undefined
      ? base.transform
      : transform && (steps?.readTransform(transform, [...path, "transform"], scope) ?? null),
    onChange: onChange === undefined
      ? base.onChange
      : steps?.readHooks(onChange, [...path, "onChange"], scope) ?? [],
    unpack: unpack === undefined
      ? base.unpack
      : unpack && (steps?.readUnpack(unpack, [...path, "unpack"], scope) ?? null),
  };
}

type TimingOptions = Pick<
  Options,
  "schedule" | "scheduleText" | "timezone" | "misfire" | "jitterMs"
>;

function applyTiming(
  base: TimingOptions,
  layer: TaskDefaults,
  path: Path,
  scope: Scope,
): TimingOptions {
  const timezone = readTimezone(base, layer, path, scope);
  return {
    ...readSchedule(base, layer, timezone, path, scope),
    timezone,
    misfire: layer.misfire ?? base.misfire,
    jitterMs: layer.jitter ?? base.jitterMs,
  };
}

function readTimezone(base: TimingOptions, layer: TaskDefaults, path: Path, scope: Scope): string {
  const { timezone } = layer;
  const { schedules } = scope;
  if (timezone === undefined || schedules === null) return base.timezone;
  const problem = scope.memoize(
    `timezone ${timezone}`,
    () => schedules.checkTimezone(timezone, scope.suggester.nearest),
  );
  if (problem === null) return timezone;
  scope.addProblem([...path, "timezone"], problem);
  return base.timezone;
}

/** Parses the schedule in its time zone. An invalid one is dropped, or every layer would report it. */
function readSchedule(
  base: TimingOptions,
  layer: TaskDefaults,
  timezone: string,
  path: Path,
  scope: Scope,
): Pick<TimingOptions, "schedule" | "scheduleText"> {
  const { schedule: scheduleText = base.scheduleText } = layer;
  const known = { schedule: base.schedule, scheduleText: base.scheduleText };
  const { schedules } = scope;
  const isKnown = scheduleText === base.scheduleText && timezone === base.timezone;
  if (isKnown || schedules === null) return known;
  const schedule = scope.memoize(
    `schedule ${timezone} ${scheduleText}`,
    () => schedules.parseSchedule(scheduleText, timezone, scope.suggester.nearest),
  );
  if (schedule.problem === undefined) {
    const warning = layer.schedule === undefined ? null : schedules.scheduleWarning(schedule.value);
    if (warning !== null) scope.addWarning([...path, "schedule"], warning);
    return { schedule: scope.intern(schedule.value), scheduleText };
  }
  scope.addProblem(
    [...path, layer.schedule === undefined ? "timezone" : "schedule"],
    schedule.problem,
  );
  return known;
}

/** Applies request headers with their variables substituted; problems are reported below `path`. */
export function applyHeaders(
  base: typeof NO_HEADERS,
  layer: Options["headers"],
  path: Path,
  scope: Scope,
): typeof NO_HEADERS {
  const added = Object.entries(layer);
  if (added.length === 0) return { headers: base.headers, publicHeaders: base.publicHeaders };
  const headers = new Map(Object.entries(base.headers));
  const publicHeaders = new Map(Object.entries(base.publicHeaders));
  const seen = new Set<string>();
  for (const [name, written] of added) {
    const place = [...path, "headers", name];
    const lower = name.toLowerCase();
    const nameProblem = seen.has(lower)
      ? "is a duplicate; header names are case-insensitive"
      : checkHeaderName(name);
    seen.add(lower);
    if (nameProblem !== null) {
      scope.addProblem(place, nameProblem);
      continue;
    }
    const substitution = substitute(written, scope.host);
    const value = resolveText(substitution, place, scope);
    if (value === null) continue;
    const valueProblem = checkHeaderValue(value);
    if (valueProblem !== null) scope.addProblem(place, valueProblem);
    const guess = substitution.values.length === 0 ? suggestVariables(value) : null;
    // The name of a variable is no secret, and is shown in the warning.
    if (guess !== null) {
      scope.addWarning(place, withGuess("contains the name of a variable", guess));
    } else for (const secret of secretsInHeader(lower, value)) scope.secrets.add(secret);
    headers.set(lower, value);
    const isPublic = substitution.values.length === 0 && isPublicHeader(lower, value);
    if (isPublic) publicHeaders.set(lower, value);
    else publicHeaders.delete(lower);
  }
  return {
    headers: scope.intern(Object.fromEntries(headers)),
    publicHeaders: scope.intern(Object.fromEntries(publicHeaders)),
  };
}

function applyTimeouts(base: Timeouts, layer: NonNullable<TaskDefaults["timeout"]>): Timeouts {
  if (typeof layer === "number") return { ...base, attemptMs: layer };
  return {
    connectMs: layer.connect ?? base.connectMs,
    responseMs: layer.response ?? base.responseMs,
    idleMs: layer.idle ?? base.idleMs,
    attemptMs: layer.attempt === undefined ? base.attemptMs : layer.attempt,
  };
}
