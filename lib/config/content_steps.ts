/** Options of the steps of a received file, and of the hooks after them. Loaded only if there is one. */

import { problemWithQuery } from "../core/json_path.ts";
import type { Expectations, Hook, SameRule, Transform, Unpack } from "../core/task.ts";
import { readWebhook } from "./alerts.ts";
import { type SameInput, UNPACK_DEFAULTS } from "./input.ts";
import { checkFolder } from "./keys.ts";
import { applyExpectations } from "./expectations.ts";
import { DEFAULT_OPTIONS } from "./options.ts";
import { type Path, resolveText, type Scope } from "./scope.ts";
import { parseSize } from "./schema/fields.ts";
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

/** What its output has to meet, if nothing else is configured: a program that loops fills no disk. */
const OUTPUT_EXPECTATIONS: Expectations = {
  ...DEFAULT_OPTIONS.expect,
  maxSizeBytes: 10_000_000_000,
};

/** Reads `transform`. Returns null after a problem. */
export function readTransform(
  written: NonNullable<TaskDefaults["transform"]>,
  path: Path,
  scope: Scope,
): Transform | null {
  const options = Array.isArray(written) ? { command: written } : written;
  const { command: [program, ...words], timeout = TRANSFORM_MS, env = {}, expect = {} } = options;
  if (program === undefined) return null;
  return scope.intern<Transform>({
    command: [program, ...words],
    cwd: scope.folder,
    env: readVariables(env, [...path, "env"], scope),
    timeoutMs: timeout,
    expect: applyExpectations(OUTPUT_EXPECTATIONS, expect, [...path, "expect"], scope),
  });
}

/** Reads `onChange`. Leaves out entries with a problem. */
export function readHooks(
  written: NonNullable<TaskDefaults["onChange"]>,
  path: Path,
  scope: Scope,
): readonly Hook[] {
  return scope.intern(
    written.flatMap((hook, index) => readHook(hook, [...path, index], scope) ?? []),
  );
}

function readHook(
  { webhook, headers, command, env }: NonNullable<TaskDefaults["onChange"]>[number],
  path: Path,
  scope: Scope,
): Hook | null {
  if ((webhook === undefined) === (command === undefined)) {
    scope.addProblem(path, "must have either a webhook or a command");
    return null;
  }
  if (webhook === undefined) {
    if (headers !== undefined) scope.addProblem([...path, "headers"], "is for a webhook");
    const [program, ...words] = command ?? [];
    if (program === undefined) return null;
    return {
      kind: "command",
      command: [program, ...words],
      cwd: scope.folder,
      env: readVariables(env ?? {}, [...path, "env"], scope),
    };
  }
  if (env !== undefined) scope.addProblem([...path, "env"], "is for a command");
  const read = readWebhook(webhook, headers, path, scope);
  return read === null ? null : { kind: "webhook", url: read.url.href, headers: read.headers };
}

/** Environment variables of a program. */
function readVariables(
  written: Readonly<Record<string, string>>,
  path: Path,
  scope: Scope,
): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(written)) {
    const place = [...path, name];
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      scope.addProblem(place, "is no name of an environment variable");
      continue;
    }
    const text = resolveText(substitute(value, scope.host), place, scope);
    if (text !== null) values[name] = text;
  }
  return values;
}

/** Reads `unpack`. Returns null after a problem. */
export function readUnpack(
  written: NonNullable<TaskDefaults["unpack"]>,
  path: Path,
  scope: Scope,
): Unpack | null {
  const options = written === true ? {} : written;
  const { include = [], to, maxSize = parseSize(UNPACK_DEFAULTS.maxSize) ?? 0 } = options;
  const folder = to === undefined ? null : checkFolder(to);
  if (folder?.problem !== undefined) {
    scope.addProblem([...path, "to"], folder.problem);
    return null;
  }
  return scope.intern<Unpack>({
    include,
    strip: options.strip ?? UNPACK_DEFAULTS.strip,
    to: folder === null ? null : folder.value,
    archive: options.archive ?? UNPACK_DEFAULTS.archive,
    maxSizeBytes: maxSize,
  });
}
