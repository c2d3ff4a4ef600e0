/**
 * The texts of a `file:` state. The main one is suitable for git: sorted, one line per record, identical
 * bytes for identical contents. Pure.
 */

import { type Contents, emptyContents, type LeaseTable } from "./driver.ts";
import { arrangeBody, type Body, COLLECTIONS, isBody, setEntry } from "./entries.ts";
import { unreadable } from "./errors.ts";
import {
  arrangeDay,
  arrangeRecord,
  arrangeRun,
  checkFormat,
  FORMAT,
  isDay,
  isNumber,
  isRun,
  isStoredRecord,
  isTexts,
  isTime,
  readDay,
  readRecord,
  readRun,
} from "./format.ts";
import { isObject } from "./shape.ts";
import { newestFirst } from "./history.ts";
import type { TaskRecord } from "./state.ts";

/** Serializes contents as JSON. */
export function printContents({ records, parked, runs, days, entries }: Contents): string {
  const collections = COLLECTIONS.filter((collection) => entries.has(collection));
  const text = block(0, "{}", [
    `"format": ${FORMAT}`,
    `"records": ${block(1, "{}", byName(records, printRecord))}`,
    ...collections.map((collection) => {
      const owners = byName(
        entries.get(collection) ?? new Map(),
        (owned: ReadonlyMap<string, Body>) =>
          block(2, "{}", byName(owned, (body) => toJson(arrangeBody(collection, body)))),
      );
      return `"${collection}": ${block(1, "{}", owners)}`;
    }),
    `"parked": ${block(1, "{}", byName(parked, (until) => `"${until}"`))}`,
    `"runs": ${block(1, "[]", newestFirst(runs.values()).map((run) => toJson(arrangeRun(run))))}`,
    ...days.size === 0
      ? []
      : [`"days": ${block(1, "{}", byName(days, (day) => toJson(arrangeDay(day))))}`],
  ]);
  return `${text}\n`;
}

/**
 * Parses the text of {@linkcode printContents}.
 *
 * @param location Of the state, for the error.
 * @throws {CronfetchError} `state.unreadable` for anything else.
 */
export function parseContents(text: string, location: string): Contents {
  const parsed = parse(text, location);
  const contents = emptyContents();
  const damaged = (what: string) => unreadable(location, `${what} is damaged`);
  const { records, parked, runs } = parsed;
  if (!isObject(records)) throw damaged("the list of records");
  for (const [task, body] of Object.entries(records)) {
    if (!isStoredRecord(body)) throw damaged(`the record of ${JSON.stringify(task)}`);
    contents.records.set(task, readRecord(task, body));
  }
  for (const collection of COLLECTIONS) {
    const owners = parsed[collection] ?? {};
    if (!isObject(owners)) throw damaged(`the collection of ${collection}`);
    for (const [owner, owned] of Object.entries(owners)) {
      if (!isObject(owned)) throw damaged(`the ${collection} of ${JSON.stringify(owner)}`);
      for (const [id, body] of Object.entries(owned)) {
        if (!isBody(collection, body)) {
          throw damaged(
            `the entry ${JSON.stringify(id)} of the ${collection} of ${JSON.stringify(owner)}`,
          );
        }
        setEntry(contents.entries, collection, owner, id, body);
      }
    }
  }
  if (!isObject(parked)) throw damaged("the list of parked hosts");
  for (const [host, until] of Object.entries(parked)) {
    if (!isTime(until)) throw damaged(`the time of ${JSON.stringify(host)}`);
    contents.parked.set(host, Temporal.Instant.from(until));
  }
  if (!Array.isArray(runs) || !runs.every(isRun)) throw damaged("the list of runs");
  for (const run of runs) contents.runs.set(run.run, readRun(run));
  const { days = {} } = parsed;
  if (!isObject(days)) throw damaged("the list of days");
  for (const [day, counts] of Object.entries(days)) {
    if (!isDay(counts)) throw damaged(`the day ${JSON.stringify(day)}`);
    contents.days.set(day, readDay(counts));
  }
  return contents;
}

/** Serializes leases as JSON. */
export function printLeases(leases: LeaseTable): string {
  return `${JSON.stringify({ format: FORMAT, leases: Object.fromEntries(leases) })}\n`;
}

/**
 * Parses the text of {@linkcode printLeases}.
 *
 * @param location Of the leases, for the error.
 * @throws {CronfetchError} `state.unreadable` for anything else.
 */
export function parseLeases(text: string, location: string): LeaseTable {
  const { leases } = parse(text, location);
  if (!isObject(leases)) throw unreadable(location, "the list of leases is damaged");
  return new Map(
    Object.entries(leases).map(([run, lease]) => {
      if (isObject(lease)) {
        const { expiresMs, tasks } = lease;
        if (isNumber(expiresMs) && isTexts(tasks)) return [run, { expiresMs, tasks }];
      }
      throw unreadable(location, `the lease of ${JSON.stringify(run)} is damaged`);
    }),
  );
}

/** The marker of a git merge conflict. */
const CONFLICT = /^<{7} /m;

function parse(text: string, location: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    if (!CONFLICT.test(text)) throw unreadable(location, "it is no JSON", { cause: error });
    const advice = "take one of the two versions whole";
    throw unreadable(location, "a merge left conflicts in it", { cause: error, advice });
  }
  if (!isObject(parsed)) throw unreadable(location, "it is no state of cronfetch");
  checkFormat(parsed.format, location);
  return parsed;
}

function printRecord(record: TaskRecord): string {
  const fields = Object.entries(arrangeRecord(record)).map(([name, value]) => {
    const text = Array.isArray(value) ? block(3, "[]", value.map(toJson)) : toJson(value);
    return `"${name}": ${text}`;
  });
  return block(2, "{}", fields);
}

/** On one line. */
function toJson(value: unknown): string {
  return JSON.stringify(value);
}

function byName<T>(values: ReadonlyMap<string, T>, print: (value: T) => string): string[] {
  return [...values]
    .sort(([a], [b]) => compare(a, b))
    .map(([name, value]) => `${JSON.stringify(name)}: ${print(value)}`);
}

/** One item per line at `depth`, in brackets. */
function block(depth: number, [open, close]: string, items: readonly string[]): string {
  const indent = "  ".repeat(depth);
  if (items.length === 0) return `${open}${close}`;
  return `${open}\n${indent}  ${items.join(`,\n${indent}  `)}\n${indent}${close}`;
}

/** Compares by code units, independent of the locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
