/** Validation of one source: the scope that collects its problems and secrets, and its schema. */

import type * as z from "zod/mini";
import type { core } from "zod/mini";
import type { ErrorCode } from "../core/errors.ts";
import type { PatternEngine } from "../core/pattern.ts";
import type {
  Expectations,
  Hook,
  ReadRequest,
  SameRule,
  Task,
  Transform,
  Unpack,
} from "../core/task.ts";
import type { Calendar } from "../cron/calendar.ts";
import { parseUrl } from "./checks.ts";
import { suggestValue } from "./schema/fields.ts";
import type { SameInput } from "./input.ts";

import {
  type Complaint,
  didYouMean,
  formatPath,
  partsOf,
  quote,
  withGuess,
  withHint,
} from "./problem.ts";
import { secretsInUrl } from "./secrets.ts";
import type { Suggester } from "./suggest.ts";
import type { TaskDefaults, TaskOptions } from "./schema/task_schema.ts";
import { parseTemplate, type Render, type Template, templateWarning } from "./template.ts";
import {
  type Environment,
  substituteUrlTemplate,
  type Substitution,
  suggestVariables,
} from "./variables.ts";

/** Location in a source: keys and indexes from its root. */
export type Path = readonly PropertyKey[];

/** Reads expectations; loaded only for a config that has some. */
export interface ExpectationReader {
  /** Applies a layer of expectations; problems are reported below `path`. Returns a frozen object. */
  applyExpectations(
    base: Expectations,
    layer: NonNullable<TaskDefaults["expect"]>,
    path: Path,
    scope: Scope,
  ): Expectations;
  /** Returns the checksum files of expected digests; null without one. */
  readChecksumFiles(expect: Expectations): ChecksumFiles | null;
}

/** The checksum files of expected digests, whose URLs and names may contain dates. */
export interface ChecksumFiles {
  /** Whether one of them contains a date. */
  readonly dated: boolean;
  /** Returns the expectations with the dates of a time. */
  render(render: Render, timezone: string): Expectations;
}

/** Reads schedules and time zones; loaded only for a config that has one. */
export type ScheduleReader = typeof import("./schedule.ts");

/** A request other than a GET, and its part that depends on the time of the run. */
export interface CompiledRequest {
  /** The request at the time of loading. */
  readonly request: ReadRequest;
  /** Source of its body; null without one. */
  readonly body: Template | null;
}

/** Reads `method` and `body`; loaded only for a config that has one of them. */
export interface RequestReader {
  /** Returns null for a GET, and after a problem. */
  readRequest(
    own: TaskOptions,
    timezone: string,
    path: Path,
    scope: Scope,
  ): CompiledRequest | null;
}

/** Reads `dates`; loaded only for a config that has it. */
export interface DateReader {
  /** Returns null after a problem. */
  readDates(own: TaskOptions, task: DatedTask, path: Path, scope: Scope): DatesRule | null;
}

/** Which dates a task has files of. */
export interface DatesRule extends Calendar {
  /** Length of the window that ends with today, both days included. */
  readonly last: Temporal.DurationLike;
  /** Age of a date from which on its published file is not requested again; null for none. */
  readonly finalMs: number | null;
}

/** The parts of a compiled task that {@linkcode DateReader.readDates} checks. */
export interface DatedTask extends Pick<Task, "id" | "namedByServer"> {
  readonly url: Template;
  /** Null if the URL names the file. */
  readonly to: Template | null;
  /** Body of the request; null without one. */
  readonly body: Template | null;
}

/** Reads options of content steps; loaded only for a config that has one. */
export interface StepReader {
  /** Reads `same`, which has one rule by its schema. */
  readSame(written: SameInput, path: Path, scope: Scope): SameRule;
  /** Reads `transform`. */
  readTransform(
    written: NonNullable<TaskDefaults["transform"]>,
    path: Path,
    scope: Scope,
  ): Transform | null;
  /** Reads `onChange`. */
  readHooks(
    written: NonNullable<TaskDefaults["onChange"]>,
    path: Path,
    scope: Scope,
  ): readonly Hook[];
  /** Reads `unpack`. */
  readUnpack(written: NonNullable<TaskDefaults["unpack"]>, path: Path, scope: Scope): Unpack | null;
}

/** State shared by the checks of one source. */
export interface Scope {
  /** Environment variables. */
  readonly host: Environment;
  /** Absolute folder that relative paths of the source start at. */
  readonly folder: string;
  /** Null if no source contains a pattern. */
  readonly patterns: PatternEngine | null;
  /** Null if no source contains expectations. */
  readonly expectations: ExpectationReader | null;
  /** Null if no source contains a schedule or a time zone. */
  readonly schedules: ScheduleReader | null;
  /** Reads the options of content steps; null if no source has one. */
  readonly steps: StepReader | null;
  /** Null if no source has a method or a body. */
  readonly requests: RequestReader | null;
  /** Reads `dates`; null if no source has that. */
  readonly dates: DateReader | null;
  /** Renders templates at the time of loading. */
  readonly render: Render;
  /** Shared by all sources, which bounds the cost of suggestions. */
  readonly suggester: Suggester;
  /** Values to redact, of all sources. */
  readonly secrets: Set<string>;
  /** Adds a problem. The message is the rest of a sentence that begins with the path. */
  addProblem(path: Path, complaint: Complaint | (() => Complaint), code?: ErrorCode): void;
  /** Adds a warning about a value that is valid but probably unintended. */
  addWarning(path: Path, complaint: Complaint): void;
  /** Returns the cached value of a key, or computes it; many tasks contain equal values. */
  memoize<Value>(key: string, compute: () => Value): Value;
  /** Returns one frozen object for equal ones, so that 100,000 tasks share a few. */
  intern<Value extends object>(value: Value): Value;
}

/** Creates {@linkcode Scope.intern}. */
export function createInterner(): Scope["intern"] {
  const known = new Map<string, object>();
  return <Value extends object>(value: Value): Value => {
    const text = JSON.stringify(value);
    const before = known.get(text);
    if (before !== undefined) return before as Value;
    known.set(text, Object.freeze(value));
    return value;
  };
}

/** Creates {@linkcode Scope.memoize}. */
export function createMemo(): Scope["memoize"] {
  const known = new Map<string, unknown>();
  return <Value>(key: string, compute: () => Value): Value => {
    if (!known.has(key)) known.set(key, compute());
    return known.get(key) as Value;
  };
}

/**
 * Adds the secrets and the problem of a substitution to the scope.
 *
 * @returns The text, or null after a problem.
 */
export function resolveText(substitution: Substitution, path: Path, scope: Scope): string | null {
  for (const value of substitution.values) scope.secrets.add(value);
  if (substitution.problem === null) return substitution.text;
  const code = substitution.missing ? "config.missing-secret" : "config.invalid";
  scope.addProblem(path, substitution.problem, code);
  return null;
}

/** A URL that may contain dates. */
export interface ResolvedUrl {
  /** Source of the template, its variables substituted. */
  readonly written: string;
  readonly template: Template;
  /** The URL at the time of loading. */
  readonly text: string;
  readonly url: URL;
}

/**
 * Resolves a URL of the config; its userinfo is added to the secrets.
 *
 * @returns Null after a problem.
 */
export function readUrl(
  text: string,
  timezone: string,
  path: Path,
  scope: Scope,
): ResolvedUrl | null {
  const written = resolveText(substituteUrlTemplate(text, scope.host), path, scope);
  if (written === null) return null;
  const template = parseTemplate(written, "url", scope.suggester.nearest);
  if (template.problem !== undefined) {
    scope.addProblem(path, template.problem);
    return null;
  }
  const rendered = scope.render(template.value, timezone);
  const url = parseUrl(rendered, text);
  if (url.problem !== undefined) {
    scope.addProblem(path, url.problem);
    return null;
  }
  for (const secret of secretsInUrl(url.value)) scope.secrets.add(secret);
  const warning = templateWarning(text);
  if (warning !== null) scope.addWarning(path, warning);
  else if (template.value.parts.length === 1 || text.includes("{{")) {
    const guess = suggestVariables(text);
    if (guess !== null) {
      scope.addWarning(path, withGuess("contains the name of a variable", guess));
    }
  }
  const { hash } = url.value;
  if (hash !== "") {
    scope.addWarning(
      path,
      withHint(`has the fragment ${quote(hash)}, which is never sent`, "write %23 for a #"),
    );
  }
  return { written, template: template.value, text: rendered, url: url.value };
}

/**
 * Validates a value by a schema and adds its problems to the scope. The valid parts are returned,
 * so that checks beyond the schema report their problems in the same run.
 *
 * @param path Path of the value in its source.
 * @returns Null if no part is valid.
 */
export function validate<Output>(
  schema: z.ZodMiniType<Output>,
  value: unknown,
  path: Path,
  scope: Scope,
): Output | null {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = problemsOf(parsed.error.issues, path, value, scope.suggester);
  for (const { path, complaint, code } of problems) scope.addProblem(path, complaint, code);
  const wrong = problems.map((problem) => problem.path.slice(path.length));
  return schema.safeParse(withoutPaths(value, wrong)).data ?? null;
}

/**
 * Copies an object without the values at `paths`. A list with an invalid entry and an object that
 * lacks a required key are removed as a whole.
 */
function withoutPaths(value: unknown, paths: readonly Path[]): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const below = new Map<PropertyKey, Path[]>();
  for (const [key, ...rest] of paths) {
    if (key === undefined) return undefined;
    if (!Object.hasOwn(value, key) && rest.length === 0) return undefined;
    const known = below.get(key);
    if (known) known.push(rest);
    else below.set(key, [rest]);
  }
  const kept: [string, unknown][] = [];
  for (const [key, part] of Object.entries(value)) {
    const inner = below.get(key);
    const rest = inner ? withoutPaths(part, inner) : part;
    if (!inner || rest !== undefined) kept.push([key, rest]);
  }
  return Object.fromEntries(kept);
}

/** A problem and its path in a source. */
interface PathProblem {
  /** A `config.` code. */
  readonly code: ErrorCode;
  readonly path: Path;
  readonly complaint: Complaint;
}

/**
 * Translates zod's issues into problems.
 *
 * @param root Path of the validated value.
 * @param input The validated value.
 */
function problemsOf(
  issues: readonly core.$ZodIssue[],
  root: Path,
  input: unknown,
  suggester: Suggester,
): PathProblem[] {
  // The length of a text in place of a list is checked as well.
  const mistyped = new Set(
    issues.filter(({ code }) => code === "invalid_type").map(({ path }) => formatPath(path)),
  );
  const problems = issues
    .filter(({ code, path }) => code === "invalid_type" || !mistyped.has(formatPath(path)))
    .flatMap((issue) => problemsOfIssue(issue, root, input, suggester));
  // A number can violate several rules with the same message.
  const distinct = new Map(
    problems.map((problem) => [
      `${formatPath(problem.path)} ${partsOf(problem.complaint).message}`,
      problem,
    ]),
  );
  return [...distinct.values()];
}

function problemsOfIssue(
  issue: core.$ZodIssue,
  root: Path,
  input: unknown,
  suggester: Suggester,
): PathProblem[] {
  const path = [...root, ...issue.path];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        code: "config.unknown-key",
        path: [...path, key],
        complaint: withHint(
          "is not an option",
          unknownKeyHint(key, suggester.key(key, patternOf(path))),
        ),
      }));
    case "invalid_union": {
      const branch = issue.errors.find((inner) => isIntendedBranch(inner));
      const value = valueAt(input, issue.path);
      return branch ? problemsOf(branch, path, value, suggester) : [{
        code: "config.invalid",
        path,
        complaint: withHint(issue.message, suggestValue(issue.message, value)),
      }];
    }
    case "invalid_value": {
      const value = valueAt(input, issue.path);
      const guess = typeof value === "string"
        ? suggester.nearest(value, issue.values.map(String))
        : null;
      return [{ code: "config.invalid", path, complaint: withGuess(issue.message, guess) }];
    }
    default: {
      const hint = suggestValue(issue.message, valueAt(input, issue.path));
      return [{ code: "config.invalid", path, complaint: withHint(issue.message, hint) }];
    }
  }
}

/** A hint for an unknown key; one of the whole config has the same name there. */
function unknownKeyHint(key: string, guess: string | null): string | null {
  return guess === key ? `"${key}" is an option of the whole config` : didYouMean(guess);
}

/** Whether an alternative of a union is the intended one: the value has at least its type. */
function isIntendedBranch(issues: readonly core.$ZodIssue[]): boolean {
  return !issues.some((issue) => issue.code === "invalid_type" && issue.path.length === 0);
}

/** The path as in `OptionRow`, with `[]` for every index and `*` for every host or origin. */
function patternOf(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[]`;
    if (text === "hosts" || text === "auth") return `${text}.*`;
    return text === "" ? String(part) : `${text}.${String(part)}`;
  }, "");
}

/** Returns the value at a path; undefined if there is none. */
export function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined,
    input,
  );
}
