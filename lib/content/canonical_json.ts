/** JSON texts that differ only in spelling, the order of keys, or ignored nodes become equal. Pure. */

import { type JsonLocation, selectNodes } from "../core/json_path.ts";

/** Digits that every number of JavaScript keeps, if it is not smaller than {@linkcode SMALLEST_EXACT}. */
const SAFE_DIGITS = 15;
/** Smallest number with the full precision; smaller ones lose digits, and become 0 (IEEE 754). */
const SMALLEST_EXACT = 2.2250738585072014e-308;

/** The functions of JSON that TypeScript does not declare yet (ECMAScript 2026). */
const { rawJSON, isRawJSON } = JSON as typeof JSON & {
  /** A value that is written as this text. */
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
};

/**
 * The canonical text of a JSON document, without the nodes that JSONPath queries select. Keys are sorted,
 * white space is removed, and `1.0` equals `1`; numbers with more digits than a double has are compared
 * by their spelling.
 *
 * @param queries Of `problemWithQuery`.
 * @returns Null if the text is not JSON, too deep, or repeats a key in an object: readers differ in
 * which of the values they use.
 */
export function canonicalJson(text: string, queries: readonly string[]): string | null {
  try {
    const value = JSON.parse(text.startsWith("\ufeff") ? text.slice(1) : text, readExactly);
    if (countKeys(value) !== countMembers(text)) return null;
    const root = new Branch();
    for (const query of queries) {
      const found = selectNodes(query, value);
      if (found === null) return null;
      for (const location of found) root.cut(location);
    }
    return root.isCut ? "" : JSON.stringify(without(value, root));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return null;
    throw error;
  }
}

/** The number of members of all objects in a valid JSON text: the colons outside of strings. */
function countMembers(text: string): number {
  let count = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "\\") at++;
    else if (character === '"') isInString = !isInString;
    else if (character === ":" && !isInString) count++;
  }
  return count;
}

/** The number of keys in all objects of a value. */
function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null || isRawJSON(value)) return 0;
  const children = Object.values(value);
  const below = children.reduce((sum: number, child) => sum + countKeys(child), 0);
  return Array.isArray(value) ? below : below + children.length;
}

/** Keeps the spelling of a number that would be rounded, and of -0. */
function readExactly(
  this: unknown,
  _key: string,
  value: unknown,
  context?: { readonly source?: string },
): unknown {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined) return value;
  const isNormal = Number.isFinite(value) && Math.abs(value) >= SMALLEST_EXACT;
  if (isNormal && source.length <= SAFE_DIGITS) return value;
  const digits = source.split(/[eE]/, 1).join().replace(/^[-0.]+|\D/g, "");
  const isExact = digits === "" ? !Object.is(value, -0) : isNormal && digits.length <= SAFE_DIGITS;
  return isExact ? value : rawJSON(source);
}

/** The ignored nodes below a node. */
class Branch {
  readonly #children = new Map<string | number, Branch>();
  /** Whether the node itself is ignored. */
  isCut = false;

  /** Ignores the node at a location below. */
  cut(location: JsonLocation): void {
    let branch = this as Branch;
    for (const key of location) {
      branch = branch.#children.getOrInsertComputed(key, () => new Branch());
    }
    branch.isCut = true;
  }

  /** Undefined if nothing is ignored at or below a key. */
  at(key: string | number): Branch | undefined {
    return this.#children.get(key);
  }
}

/** A copy with sorted keys and without the ignored nodes. */
function without(value: unknown, branch: Branch | undefined): unknown {
  if (typeof value !== "object" || value === null || isRawJSON(value)) return value;
  if (Array.isArray(value)) {
    const kept: unknown[] = [];
    for (const [index, item] of value.entries()) {
      const below = branch?.at(index);
      if (!below?.isCut) kept.push(without(item, below));
    }
    return kept;
  }
  const sorted: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value).sort()) {
    const below = branch?.at(key);
    if (!below?.isCut) sorted[key] = without(value[key as never], below);
  }
  return sorted;
}
