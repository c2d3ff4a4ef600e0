/** The schema's answer, with its mistakes told and what is sound kept. */

import type * as z from "zod/mini";
import { findingsOf } from "./issues.ts";
import type { Path, Scope } from "./scope.ts";

/**
 * Validates a value. Where a part of it is wrong, that is told, and the rest is
 * given all the same, so that its own mistakes can be told along with it.
 *
 * @param path Where the value stands in its source.
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
  let rest = value;
  for (const finding of findingsOf(parsed.error.issues, path, value)) {
    scope.complain(finding.path, finding.message, finding.code);
    rest = without(rest, finding.path.slice(path.length));
  }
  return schema.safeParse(rest).data ?? null;
}

/**
 * A copy of an object without what stands at a path. A list with a wrong entry
 * goes as a whole, and so does an object that lacks what is wrong with it.
 */
function without(value: unknown, [key, ...path]: Path): unknown {
  if (key === undefined || typeof value !== "object" || value === null || Array.isArray(value)) {
    return undefined;
  }
  if (!Object.hasOwn(value, key)) return path.length === 0 ? undefined : value;
  const inner = without(Reflect.get(value, key), path);
  const others = Object.entries(value).filter(([name]) => name !== key);
  return Object.fromEntries(inner === undefined ? others : [...others, [key, inner]]);
}
