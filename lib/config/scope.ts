/** What the checks of one source share: where mistakes and secrets go. */

import type { ErrorCode } from "../core/errors.ts";
import type { PatternEngine } from "../core/pattern.ts";
import { parseUrl } from "./checks.ts";
import { type Environment, substituteUrl, type Substitution } from "./variables.ts";
import { formatPath, quote } from "./problem.ts";
import { secretsInUrl } from "./secrets.ts";
import { didYouMean, type Suggester } from "./suggest.ts";
import { parseTemplate, type Render, type Template } from "./template.ts";
import type * as z from "zod/mini";
import type { core } from "zod/mini";

/** Where in a source something stands: keys and indexes from its top. */
export type Path = readonly PropertyKey[];

/** What the checks of one source share. */
export interface Scope {
  /** Environment variables. */
  readonly host: Environment;
  /** Null if no config has a pattern. */
  readonly patterns: PatternEngine | null;
  /** Fills in templates as of the time of loading. */
  readonly render: Render;
  /** Finds what was probably meant, over all sources. */
  readonly suggester: Suggester;
  /** Everything that must not be shown, over all sources. */
  readonly secrets: Set<string>;
  /** Records a mistake; the message is the rest of a sentence that begins with the path. */
  addProblem(path: Path, message: string | (() => string), code?: ErrorCode): void;
  /** Records what is allowed and probably not meant, as `complain` records a mistake. */
  addWarning(path: Path, message: string): void;
  /** What `work` gave for this key before, or gives now; many tasks say the same. */
  memoize<Value>(key: string, work: () => Value): Value;
  /** Gives the one frozen object of those that are equal, so that 100,000 tasks share a few. */
  intern<Value extends object>(value: Value): Value;
}

/** Makes {@linkcode Scope.intern}. */
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

/** Makes {@linkcode Scope.memoize}. */
export function createMemo(): Scope["memoize"] {
  const known = new Map<string, unknown>();
  return <Value>(key: string, work: () => Value): Value => {
    if (!known.has(key)) known.set(key, work());
    return known.get(key) as Value;
  };
}

/** Records what came of filling in variables; gives the text, or null after a complaint. */
export function resolveText(substitution: Substitution, path: Path, scope: Scope): string | null {
  for (const value of substitution.values) scope.secrets.add(value);
  if (substitution.problem === null) return substitution.text;
  const code = substitution.missing ? "config.missing-secret" : "config.invalid";
  scope.addProblem(path, substitution.problem, code);
  return null;
}

/** A URL that may hold dates. */
export interface ResolvedUrl {
  /** The template as text, its variables filled in. */
  readonly written: string;
  /** The same, read. */
  readonly template: Template;
  /** What it is at the time of loading. */
  readonly text: string;
  /** The same, parsed. */
  readonly url: URL;
}

/** Reads a URL; null after a complaint. Its userinfo goes to the secrets. */
export function readUrl(
  text: string,
  timezone: string,
  path: Path,
  scope: Scope,
): ResolvedUrl | null {
  const written = resolveText(substituteUrl(text, scope.host), path, scope);
  if (written === null) return null;
  const template = parseTemplate(written, false, scope.suggester.nearest);
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
  const { hash } = url.value;
  if (hash !== "") {
    scope.addWarning(
      path,
      `has the fragment ${quote(hash)}, which is never sent; write %23 for a #`,
    );
  }
  return { written, template: template.value, text: rendered, url: url.value };
}

/**
 * Validates a value. Mistakes are recorded, and the rest of the value is returned, so that the
 * mistakes that no schema finds can be recorded with them.
 *
 * @param path Path of the value in its source.
 * @returns Null if nothing is left without the wrong parts.
 */
export function validate<Output>(
  schema: z.ZodMiniType<Output>,
  value: unknown,
  path: Path,
  scope: Scope,
): Output | null {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const findings = problemsOf(parsed.error.issues, path, value, scope.suggester);
  for (const finding of findings) scope.addProblem(finding.path, finding.message, finding.code);
  const wrong = findings.map((finding) => finding.path.slice(path.length));
  return schema.safeParse(withoutPaths(value, wrong)).data ?? null;
}

/**
 * A copy of an object without the parts at some paths. A list with a wrong entry is removed as a
 * whole, and so is an object that lacks a required key.
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

/** A mistake, and where in a source it is. */
interface PathProblem {
  /** A `config.` code. */
  readonly code: ErrorCode;
  /** Keys and indexes from the top of the source. */
  readonly path: readonly PropertyKey[];
  /** The rest of a sentence that begins with the path. */
  readonly message: string;
}

/**
 * Turns zod's issues into findings, one for each mistake, in plain words.
 *
 * @param root Path of the value that was validated.
 * @param input The value itself.
 * @param suggester Finds what was probably meant.
 */
function problemsOf(
  issues: readonly core.$ZodIssue[],
  root: readonly PropertyKey[],
  input: unknown,
  suggester: Suggester,
): PathProblem[] {
  const findings = issues.flatMap((issue) => problemsOfIssue(issue, root, input, suggester));
  // One wrong number can break several rules that say the same sentence.
  const distinct = new Map(
    findings.map((found) => [`${formatPath(found.path)} ${found.message}`, found]),
  );
  return [...distinct.values()];
}

function problemsOfIssue(
  issue: core.$ZodIssue,
  root: readonly PropertyKey[],
  input: unknown,
  suggester: Suggester,
): PathProblem[] {
  const path = [...root, ...issue.path];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        code: "config.unknown-key",
        path: [...path, key],
        message: `is not an option${didYouMean(suggester.key(key, patternOf(path)))}`,
      }));
    case "invalid_union": {
      const branch = issue.errors.find((inner) => isIntendedBranch(inner));
      const value = valueAt(input, issue.path);
      return branch
        ? problemsOf(branch, path, value, suggester)
        : [{ code: "config.invalid", path, message: issue.message }];
    }
    case "invalid_value": {
      const value = valueAt(input, issue.path);
      const guess = typeof value === "string"
        ? suggester.nearest(value, issue.values.map(String))
        : null;
      return [{ code: "config.invalid", path, message: `${issue.message}${didYouMean(guess)}` }];
    }
    default:
      return [{ code: "config.invalid", path, message: issue.message }];
  }
}

/** Whether a union's alternative is the one that was meant: the value has at least its type. */
function isIntendedBranch(issues: readonly core.$ZodIssue[]): boolean {
  return !issues.some((issue) => issue.code === "invalid_type" && issue.path.length === 0);
}

function patternOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[]`;
    return text === "" ? String(part) : `${text}.${String(part)}`;
  }, "");
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined,
    input,
  );
}
