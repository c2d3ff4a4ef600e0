/** Validation by schema: mistakes are recorded, valid parts are kept. */

import type * as z from "zod/mini";
import { findingsOf } from "./issues.ts";
import type { Path, Scope } from "./scope.ts";

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
  const findings = findingsOf(parsed.error.issues, path, value, scope.suggester);
  for (const finding of findings) scope.complain(finding.path, finding.message, finding.code);
  const wrong = findings.map((finding) => finding.path.slice(path.length));
  return schema.safeParse(without(value, wrong)).data ?? null;
}

/**
 * A copy of an object without the parts at some paths. A list with a wrong entry is removed as a
 * whole, and so is an object that lacks a required key.
 */
function without(value: unknown, paths: readonly Path[]): unknown {
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
    const rest = inner ? without(part, inner) : part;
    if (!inner || rest !== undefined) kept.push([key, rest]);
  }
  return Object.fromEntries(kept);
}
