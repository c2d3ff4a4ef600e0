/** JSONPath (RFC 9535): finds the nodes that a query of a config selects. */

import {
  type FilterFunction,
  FunctionExpressionType,
  JSONPathEnvironment,
  JSONPathError,
} from "json-p3";
import { loadPatternEngine } from "./pattern.ts";
import { errorMessage } from "./text.ts";

/** Keys and indexes from the root to a node. */
export type JsonLocation = readonly (string | number)[];

/** Longest query; a longer one is a mistake. */
const LONGEST_QUERY = 1_000;

/** Deepest node that `..` reaches. */
const MAX_DEPTH = 200;

const { find } = await loadPatternEngine();

// The functions of the package use backtracking expressions, and texts come from servers.
const environment = new JSONPathEnvironment({ maxRecursionDepth: MAX_DEPTH });
environment.functionRegister.set("match", patternFunction("whole"));
environment.functionRegister.set("search", patternFunction("part"));

/**
 * Why a query is unusable, as the rest of a sentence; null if it is usable.
 *
 * @example
 * ```ts
 * import { problemWithQuery } from "./json_path.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(problemWithQuery("$..timestamp"), null);
 * ```
 */
export function problemWithQuery(query: string): string | null {
  if (query.length > LONGEST_QUERY) return `must have at most ${LONGEST_QUERY} characters`;
  try {
    environment.compile(query);
    return null;
  } catch (error) {
    return `must be a JSONPath (RFC 9535) such as "$.generated": ${errorMessage(error)}`;
  }
}

/**
 * The locations of the nodes that a query selects.
 *
 * @param query One that {@linkcode problemWithQuery} accepts.
 * @param value A value of `JSON.parse`.
 * @returns The locations in the order of RFC 9535; null if the value is too deep for the query.
 */
export function selectNodes(query: string, value: unknown): JsonLocation[] | null {
  try {
    return environment.query(query, value as never).nodes.map(({ location }) => location);
  } catch (error) {
    if (error instanceof JSONPathError || error instanceof RangeError) return null;
    throw error;
  }
}

/** `match` or `search` (RFC 9535, sections 2.4.6 and 2.4.7). */
function patternFunction(extent: "whole" | "part"): FilterFunction {
  return {
    argTypes: [FunctionExpressionType.ValueType, FunctionExpressionType.ValueType],
    returnType: FunctionExpressionType.LogicalType,
    call: (text: unknown, pattern: unknown) =>
      typeof text === "string" && typeof pattern === "string" && find(pattern, text, extent),
  };
}
