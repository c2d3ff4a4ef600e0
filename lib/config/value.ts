/** A value that a program made -> plain data, which can be read any number of times. */

import { formatPath, type Problem } from "./problem.ts";
import { DEEPEST, type Reading, TOO_DEEP } from "./source.ts";

/** A value that cannot be copied. */
export interface Flaw {
  /** Keys and indexes from the top. */
  readonly path: readonly PropertyKey[];
  /** The rest of a sentence that begins with the path. */
  readonly message: string;
}

/** Longest list that is copied; an array can have a length without having entries. */
const LONGEST_LIST = 5_000_000;

/**
 * Copies objects and arrays with their own enumerable properties; other values stay as they are.
 * Equal references stay equal, so shared objects cost their size once. Getters and proxies run
 * here and never again: what they throw becomes a flaw.
 */
export function plainCopy(value: unknown): { value: unknown; flaws: readonly Flaw[] } {
  const flaws: Flaw[] = [];
  const copies = new Map<object, object>();
  const open = new Set<object>();

  const copy = (original: unknown, path: readonly PropertyKey[]): unknown => {
    if (typeof original !== "object" || original === null) return original;
    const known = copies.get(original);
    if (known && !open.has(original)) return known;
    if (known) flaws.push({ path, message: "contains itself" });
    else if (path.length >= DEEPEST) flaws.push({ path, message: TOO_DEEP });
    else return copyOf(original, path);
    return undefined;
  };
  const copyOf = (original: object, path: readonly PropertyKey[]): unknown => {
    try {
      const isList = Array.isArray(original);
      if (isList && original.length > LONGEST_LIST) {
        flaws.push({ path, message: `has more than ${LONGEST_LIST} entries` });
        return undefined;
      }
      const target: object = isList ? [] : {};
      copies.set(original, target);
      open.add(original);
      const keys = isList ? original.keys() : Object.keys(original);
      for (const key of keys) {
        const part = copy(Reflect.get(original, key), [...path, key]);
        // Assigning to `__proto__` could do something else.
        Object.defineProperty(target, key, {
          value: part,
          configurable: true,
          enumerable: true,
          writable: true,
        });
      }
      return target;
    } catch (error) {
      flaws.push({ path, message: `cannot be read: ${reasonOf(error)}` });
      return undefined;
    } finally {
      open.delete(original);
    }
  };
  return { value: copy(value, []), flaws };
}

/** A value that a program made, as a source: it has paths, but no lines. */
export function readValue(name: string, folder: string, value: unknown): Reading {
  const { value: plain, flaws } = plainCopy(value);
  const place = (path: readonly PropertyKey[]) => ({
    source: name,
    line: null,
    column: null,
    path: formatPath(path),
  });
  if (flaws.length === 0) return { source: { name, folder, value: plain, place }, problems: [] };
  const problems = flaws.map(({ path, message }): Problem => ({
    ...place(path),
    code: "config.invalid",
    message,
  }));
  return { source: null, problems };
}

/** Longest reason that is shown, in UTF-16 units. */
const LONGEST_REASON = 500;

/** What a program's error says. It may be any value, one that throws when it is looked at too. */
export function reasonOf(error: unknown): string {
  try {
    const text = String(error instanceof Error ? error.message : error);
    return text.length > LONGEST_REASON ? `${text.slice(0, LONGEST_REASON)}…` : text;
  } catch {
    return "for an unknown reason";
  }
}
