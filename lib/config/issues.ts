/** zod's issues -> problems. */

import type { core } from "zod/mini";
import type { ErrorCode } from "../core/errors.ts";
import { formatPath, show } from "./problem.ts";
import type { Suggester } from "./suggest.ts";

/** A mistake, and where in a source it is. */
export interface Finding {
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
export function findingsOf(
  issues: readonly core.$ZodIssue[],
  root: readonly PropertyKey[],
  input: unknown,
  suggester: Suggester,
): Finding[] {
  const findings = issues.flatMap((issue) => findingsOfIssue(issue, root, input, suggester));
  // One wrong number can break several rules that say the same sentence.
  const distinct = new Map(
    findings.map((found) => [`${formatPath(found.path)} ${found.message}`, found]),
  );
  return [...distinct.values()];
}

function findingsOfIssue(
  issue: core.$ZodIssue,
  root: readonly PropertyKey[],
  input: unknown,
  suggester: Suggester,
): Finding[] {
  const path = [...root, ...issue.path];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        code: "config.unknown-key",
        path: [...path, key],
        message: `is not an option${question(suggester.key(key, patternOf(path)))}`,
      }));
    case "invalid_union": {
      const branch = issue.errors.find((inner) => meant(inner));
      const value = valueAt(input, issue.path);
      return branch
        ? findingsOf(branch, path, value, suggester)
        : [{ code: "config.invalid", path, message: issue.message }];
    }
    case "invalid_value": {
      const value = valueAt(input, issue.path);
      const guess = typeof value === "string"
        ? suggester.nearest(value, issue.values.map(String))
        : null;
      return [{ code: "config.invalid", path, message: `${issue.message}${question(guess)}` }];
    }
    default:
      return [{ code: "config.invalid", path, message: issue.message }];
  }
}

/** Whether a union's alternative is the one that was meant: the value has at least its type. */
function meant(issues: readonly core.$ZodIssue[]): boolean {
  return !issues.some((issue) => issue.code === "invalid_type" && issue.path.length === 0);
}

/** A guess as the end of a sentence; empty without one. */
export function question(guess: string | null): string {
  return guess === null ? "" : `; did you mean ${show(guess)}?`;
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
