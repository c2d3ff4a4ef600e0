/** Options of the steps between a received file and a published one. Loaded only if there is one. */

import { problemWithQuery } from "../core/json_path.ts";
import type { SameRule } from "../core/task.ts";
import type { SameInput } from "./input.ts";
import type { Path, Scope } from "./scope.ts";

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
