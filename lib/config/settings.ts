/** Settings of a config: each of the last source that contains it, or the default. */

import type { Config } from "./config.ts";
import type { ParsedLocation, StateLocation, StoreLocation } from "../core/location.ts";
import type { RunLimits } from "../core/task.ts";
import { DEFAULTS } from "./input.ts";
import { overrideProblem, type OverrideValues } from "./overrides.ts";
import { type Complaint, type ProblemList, withGuess } from "./problem.ts";
import { parseDuration } from "./schema/fields.ts";
import type { FileSettings } from "./schema/schema.ts";
import { resolveText, type Scope } from "./scope.ts";
import type { ConfigPart } from "./source/source.ts";
import { substitute, substituteUrl } from "./variables.ts";

/** A source with its valid settings. */
export interface ValidatedSource {
  readonly source: ConfigPart;
  readonly settings: FileSettings;
  readonly scope: Scope;
}

/** A setting of the last source that contains it. */
export function lastOf<Name extends keyof FileSettings>(
  parts: readonly ValidatedSource[],
  name: Name,
): { part: ValidatedSource; value: NonNullable<FileSettings[Name]> } | null {
  for (const part of parts.toReversed()) {
    const value = part.settings[name];
    if (value !== undefined && value !== null) return { part, value };
  }
  return null;
}

/** What a location depends on besides the sources. */
export interface LocationContext {
  readonly host: { cwd(): string };
  /** Values of flags and environment variables. */
  readonly overrides: OverrideValues;
  /** Collects every problem. */
  readonly problems: ProblemList;
  /** The state if none is configured. Default: {@linkcode DEFAULTS.state}. */
  readonly defaultState?: string;
}

/** Returned for a location that is invalid, beside the problem. */
const NOWHERE = { kind: "memory" } as const;

/** The path that was meant with backslashes, some of which have become control characters. */
function guessPath(text: string): string | null {
  const plain = text.replaceAll(/\p{Cc}/gu, (control) => {
    const letter = LETTERS[control];
    return letter === undefined ? control : `/${letter}`;
  });
  return plain === text ? null : plain.replaceAll("\\", "/");
}

/** Letters of the escapes that a Windows path may contain. */
const LETTERS: Readonly<Record<string, string>> = {
  ...{ "\t": "t", "\n": "n", "\r": "r", "\f": "f", "\b": "b" },
};

/** The store or the state: of a flag or variable, of the last file, or the default. */
export function locationOf<Location extends StoreLocation | StateLocation>(
  name: "store" | "state",
  parse: (text: string, folder: string) => ParsedLocation<Location>,
  parts: readonly ValidatedSource[],
  { overrides, host, problems, defaultState = DEFAULTS.state }: LocationContext,
): Location | typeof NOWHERE {
  const parseOr = (text: string, folder: string, addProblem: (complaint: Complaint) => void) => {
    const location = parse(text, folder);
    if (location.problem === undefined) return location.value;
    addProblem(withGuess(location.problem, location.guess ?? guessPath(text)));
    return NOWHERE;
  };
  const override = overrides[name];
  if (override !== null) {
    return parseOr(override.value, host.cwd(), (complaint) => {
      problems.add(() => overrideProblem(override.source, complaint));
    });
  }
  const found = lastOf(parts, name);
  if (found === null) {
    const folder = parts[0]?.source.folder ?? host.cwd();
    return parse(name === "state" ? defaultState : DEFAULTS[name], folder).value ?? NOWHERE;
  }
  const { source, scope } = found.part;
  const { placeholder: _, ...required } = scope.host;
  // A password in a URL is percent-encoded; a path may have spaces.
  const fill = /^postgres(?:ql)?:/.test(found.value) ? substituteUrl : substitute;
  // A store contains no credentials, so variables are not substituted there.
  const text = name === "store"
    ? found.value
    : resolveText(fill(found.value, required), [name], scope);
  if (text === null) return NOWHERE;
  return parseOr(text, source.folder, (complaint) => scope.addProblem([name], complaint));
}

/** {@linkcode DEFAULTS.limits} in milliseconds. */
const DEFAULT_LIMITS = {
  ...DEFAULTS.limits,
  spacing: parseDuration(DEFAULTS.limits.spacing) ?? NaN,
  deadline: parseDuration(DEFAULTS.limits.deadline) ?? NaN,
};

/** The limits of a run: of flags and variables, of the last source that sets each, or the default. */
export function limitsOf(parts: readonly ValidatedSource[], overrides: OverrideValues): RunLimits {
  const limit = <Name extends keyof typeof DEFAULT_LIMITS>(name: Name) => {
    const values = parts.map(({ settings }) => settings.limits?.[name]);
    const last = values.findLast((value) => value !== undefined);
    return last === undefined ? DEFAULT_LIMITS[name] : last;
  };
  const { concurrency, perHost, rate, deadline } = overrides;
  return {
    concurrency: concurrency ?? limit("concurrency"),
    perHost: perHost ?? limit("perHost"),
    spacingMs: limit("spacing"),
    rateBytesPerSecond: rate === null ? limit("rate") : rate.value,
    deadlineMs: deadline === null ? limit("deadline") : deadline.value,
  };
}

/** How `cronfetch work` shares the tasks: each option of the last source that sets it, or the default. */
export function fleetOf(parts: readonly ValidatedSource[]): Config["fleet"] {
  const set: NonNullable<FileSettings["fleet"]> = Object.assign(
    {},
    ...parts.map(({ settings }) => settings.fleet),
  );
  return {
    leaseMs: set.lease ?? parseDuration(DEFAULTS.fleet.lease) ?? NaN,
    slice: set.slice ?? DEFAULTS.fleet.slice,
    sharedStore: set.sharedStore ?? DEFAULTS.fleet.sharedStore,
  };
}
