/** The order of items: by date, by name with numbers as numbers, and by version. Pure. */

import type { ListItem, ListOrder } from "../core/list.ts";
import { trimEndOf } from "../core/text.ts";

/** Compares two items; negative if the first one is older. */
export type ItemOrder = (one: ListItem, other: ListItem) => number;

/**
 * The order of items, the oldest first. Items without a date or a version are the oldest; equal ones
 * are ordered by their names, and then by their URLs.
 */
export function itemOrder(by: ListOrder): ItemOrder {
  const runs = memoized(({ name }) => runsOf(name));
  const byName: ItemOrder = (one, other) =>
    compareRuns(runs(one), runs(other)) || compare(one.url, other.url);
  switch (by) {
    case "date": {
      const time = memoized(({ date }) => date === null ? -Infinity : Date.parse(date));
      return (one, other) => compare(time(one), time(other)) || byName(one, other);
    }
    case "name":
      return byName;
    case "version": {
      const version = memoized(versionOf);
      return (one, other) => compareVersions(version(one), version(other)) || byName(one, other);
    }
    default:
      return by satisfies never;
  }
}

/** Sorting requests the key of each item many times. */
function memoized<Key>(keyOf: (item: ListItem) => Key): (item: ListItem) => Key {
  const keys = new Map<ListItem, Key>();
  return (item) => keys.getOrInsertComputed(item, keyOf);
}

function compare<Value extends string | number>(one: Value, other: Value): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Runs of digits, and of anything else. */
const RUNS = /[0-9]+|[^0-9]+/g;

/**
 * Compares texts with numbers in them as numbers: `a9` is before `a10`. Independent of any locale.
 *
 * @example
 * ```ts
 * import { compareNatural } from "./order.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(["a10", "a9"].toSorted(compareNatural), ["a9", "a10"]);
 * ```
 */
export function compareNatural(one: string, other: string): number {
  return compareRuns(runsOf(one), runsOf(other));
}

function runsOf(text: string): readonly string[] {
  return text.match(RUNS) ?? [];
}

function compareRuns(ones: readonly string[], others: readonly string[]): number {
  /** Of numbers that are equal except for zeros in front. */
  let zeros = 0;
  for (const [index, run] of ones.entries()) {
    const against = others[index];
    if (against === undefined) return 1;
    const areDigits = isDigits(run) && isDigits(against);
    const order = areDigits ? compareDigits(run, against) : compare(run, against);
    if (order !== 0) return order;
    if (areDigits && zeros === 0) zeros = against.length - run.length;
  }
  return ones.length - others.length || zeros;
}

function isDigits(run: string): boolean {
  return run >= "0" && run < ":";
}

/** Compares numbers of any length. */
function compareDigits(one: string, other: string): number {
  const [digits, others] = [one.replace(/^0+/, ""), other.replace(/^0+/, "")];
  return digits.length - others.length || compare(digits, others);
}

/** A version in a name or a tag. */
interface Version {
  /** `1.10` of `1.10-rc.1`. */
  readonly numbers: readonly string[];
  /** `rc.1` of `1.10-rc.1`; null for a release. */
  readonly prerelease: string | null;
}

/** A whole text that is a version, as in Semantic Versioning (2.0.0, items 9 and 10). */
const SEMVER = /^v?([0-9]+(?:\.[0-9]+)*)(?:-([^+]+))?(?:\+.*)?$/is;

/** Numbers with dots between them, and perhaps behind them. */
const NUMBERS = /[0-9][0-9.]*/g;

/** A word that may mark a prerelease, and its number. */
const SUFFIX = /^[-._~]?([a-z]+)[-._]?([0-9]*)/i;

/** Words of prereleases in names; other words are those of systems and types. */
const PRERELEASES: ReadonlySet<string> = new Set(
  "alpha beta rc pre preview dev snapshot nightly canary next".split(" "),
);

/** The version in the field `version` of an item or in its name; null without. */
function versionOf({ name, fields }: ListItem): Version | null {
  const text = fields.version ?? name;
  const [, exact, prerelease] = SEMVER.exec(text) ?? [];
  if (exact !== undefined) {
    return { numbers: exact.split("."), prerelease: prerelease?.toLowerCase() ?? null };
  }
  // The digit of the extension is no part of `1.2` in `tool-1.2.7z`.
  const stem = text.replace(/\.7z$/i, "");
  let best: { readonly numbers: readonly string[]; readonly end: number } | null = null;
  for (const { 0: found, index } of stem.matchAll(NUMBERS)) {
    const run = trimEndOf(found, ".");
    const numbers = run.split(".");
    // Those with the most parts: 1.10.2 of `linux2.6-tool-1.10.2`.
    if (numbers.length <= (best?.numbers.length ?? 0)) continue;
    if (numbers.length > 1 || isSeparate(stem, index)) best = { numbers, end: index + run.length };
  }
  return best && { numbers: best.numbers, prerelease: prereleaseOf(stem.slice(best.end)) };
}

/** Whether a number is one by itself or after `v`, unlike those in `x86_64` and `win32`. */
function isSeparate(text: string, index: number): boolean {
  const end = /v/i.test(text.charAt(index - 1)) ? index - 1 : index;
  return !/[a-z0-9_]/i.test(text.charAt(end - 1));
}

/** @param rest What follows the numbers of a version. */
function prereleaseOf(rest: string): string | null {
  const [, word = "", number = ""] = SUFFIX.exec(rest.slice(0, 40).toLowerCase()) ?? [];
  const isOne = PRERELEASES.has(word) || (/^[ab]$/.test(word) && number !== "");
  return isOne ? `${word}${number}` : null;
}

/** A missing number is 0, a prerelease is before its release, and no version is before any. */
function compareVersions(one: Version | null, other: Version | null): number {
  if (one === null || other === null) return Number(one !== null) - Number(other !== null);
  const length = Math.max(one.numbers.length, other.numbers.length);
  for (let index = 0; index < length; index++) {
    const order = compareDigits(one.numbers[index] ?? "", other.numbers[index] ?? "");
    if (order !== 0) return order;
  }
  if (one.prerelease === null || other.prerelease === null) {
    return Number(one.prerelease === null) - Number(other.prerelease === null);
  }
  return compareNatural(one.prerelease, other.prerelease);
}
