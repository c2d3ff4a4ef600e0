/** Options of the steps between a received file and a published one. Loaded only if there is one. */

import { problemWithQuery } from "../core/json_path.ts";
import type { SameRule, Transform } from "../core/task.ts";
import type { SameInput } from "./input.ts";
import { applyExpectations, DEFAULT_OPTIONS } from "./options.ts";
import { type Path, resolveText, type Scope } from "./scope.ts";
import type { TaskDefaults } from "./schema/task_schema.ts";
import { substitute } from "./variables.ts";

/** Reads `same`, which has one rule by its schema. */
export function readSame(
  { json, lines }: SameInput,
  path: Path,
  scope: Scope,
): SameRule {
  if (json !== undefined) {
    for (const [index, query] of json.entries()) {
      const problem = scope.memoize(`query ${query}`, () => problemWithQuery(query));
      if (problem !== null) scope.addProblem([...path, "json", index], problem);
    }
    return scope.intern<SameRule>({ kind: "json", ignored: json });
  }
  if (lines === undefined) return scope.intern<SameRule>({ kind: "zip" });
  const problem = scope.patterns?.problemWith(lines) ?? null;
  if (problem !== null) scope.addProblem([...path, "lines"], problem);
  return scope.intern<SameRule>({ kind: "lines", ignored: lines });
}

/** How long a transform may run, in milliseconds, if nothing else is configured. */
const TRANSFORM_MS = 60_000;

/** Reads `transform`. Returns null after a problem. */
export function readTransform(
  written: NonNullable<TaskDefaults["transform"]>,
  path: Path,
  scope: Scope,
): Transform | null {
  const options = Array.isArray(written) ? { command: written } : written;
  const { command: [program, ...words], timeout = TRANSFORM_MS, env = {}, expect = {} } = options;
  if (program === undefined) return null;
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    const place = [...path, "env", name];
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      scope.addProblem(place, "is no name of an environment variable");
      continue;
    }
    const text = resolveText(substitute(value, scope.host), place, scope);
    if (text !== null) values[name] = text;
  }
  return scope.intern<Transform>({
    command: [program, ...words],
    cwd: scope.folder,
    env: values,
    timeoutMs: timeout,
    expect: applyExpectations(DEFAULT_OPTIONS.expect, expect, [...path, "expect"], scope),
  });
}
