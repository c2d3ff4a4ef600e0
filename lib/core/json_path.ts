/** JSONPath (RFC 9535): finds the nodes that a query of a config selects. */

import {
  type FilterFunction,
  FunctionExpressionType,
  JSONPathEnvironment,
  JSONPathError,
  JSONPathQuery,
} from "json-p3";
import { loadPatternEngine } from "./pattern.ts";
import { errorMessage, quoteServerText } from "./text.ts";

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

/** A selected node. */
export interface JsonNode {
  readonly value: unknown;
  /** From the root of the value that the query was applied to. */
  readonly location: JsonLocation;
}

/** A compiled query: the nodes it selects, in the order of RFC 9535; null if the value is too deep. */
export type JsonQuery = (value: unknown) => readonly JsonNode[] | null;

/**
 * Compiles a query that is applied to many values.
 *
 * @param query One that {@linkcode problemWithQuery} accepts.
 */
export function compileQuery(query: string): JsonQuery {
  const compiled = environment.compile(query);
  const names = memberNames(compiled);
  return (value) => {
    // Most queries are `$.name`, for which the engine takes twenty times as long.
    if (names !== null) return memberAt(value, names);
    try {
      // `query` passes all nodes of a step as arguments of one call, which overflows at 120,000.
      return Array.from(compiled.lazyQuery(value as never));
    } catch (error) {
      if (error instanceof JSONPathError || error instanceof RangeError) return null;
      throw error;
    }
  };
}

/**
 * The locations of the nodes that a query selects.
 *
 * @param query One that {@linkcode problemWithQuery} accepts.
 * @param value A value of `JSON.parse`.
 * @returns The locations in the order of RFC 9535; null if the value is too deep for the query.
 */
export function selectNodes(query: string, value: unknown): JsonLocation[] | null {
  return compileQuery(query)(value)?.map(({ location }) => location) ?? null;
}

/**
 * The beginning of a query that selects at most one node, as a query: `$.data.files` of
 * `$.data.files[*].url`.
 *
 * @param query One that {@linkcode problemWithQuery} accepts.
 */
export function singularPrefix(query: string): string {
  const { segments } = environment.compile(query);
  const end = segments.findIndex((_, index) =>
    !new JSONPathQuery(environment, segments.slice(0, index + 1)).singularQuery()
  );
  const singular = end < 0 ? segments : segments.slice(0, end);
  return new JSONPathQuery(environment, singular).toString();
}

/** A location as a query with short names where possible: `$.files[3]['a b']`. */
export function locationText(location: JsonLocation): string {
  const parts = location.map((part) =>
    typeof part === "number"
      ? `[${part}]`
      : /^[A-Za-z_][A-Za-z0-9_]*$/.test(part)
      ? `.${part}`
      : `[${quoteServerText(part)}]`
  );
  return `$${parts.join("")}`;
}

/** The names of a query that only consists of them, as `$.a.b` does; or null. */
function memberNames(query: JSONPathQuery): string[] | null {
  const selectors = query.singularQuery()
    ? query.segments.map(({ selectors: [one] }) => one)
    : [null];
  const names = selectors.map((selector) =>
    selector && "name" in selector && typeof selector.name === "string" ? selector.name : null
  );
  return names.every((name) => name !== null) ? names : null;
}

function memberAt(value: unknown, names: readonly string[]): JsonNode[] {
  let member = value;
  for (const name of names) {
    const isObject = typeof member === "object" && member !== null && !Array.isArray(member);
    if (!isObject || !Object.hasOwn(member as object, name)) return [];
    member = (member as Record<string, unknown>)[name];
  }
  return [{ value: member, location: names }];
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
