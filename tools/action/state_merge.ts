/**
 * Merges the states of two runs, when another run was pushed first. Pure.
 *
 * Git's merge would usually conflict, since both runs write their id to the same line, and a merge by
 * lines could describe a file that neither has. So whole records are chosen, and a task's files with
 * its record, which keeps state and files consistent. At worst a result in the history of a task, or
 * one download, is lost.
 */

import { applyChanges, type Contents, emptyContents } from "../../lib/state/driver.ts";
import {
  type Body,
  eachEntry,
  type Entries,
  type ReadonlyEntries,
  setEntry,
} from "../../lib/state/entries.ts";
import { parseContents, printContents } from "../../lib/state/file_text.ts";
import { type DayCounts, NO_COUNTS, subtractCounts } from "../../lib/state/history.ts";
import type { TaskRecord } from "../../lib/state/state.ts";

/** The texts of the states to merge. */
export interface StateTexts {
  /** The committed state before the run; null if there was none. */
  readonly base: string | null;
  /** The pushed state of the other run; null if there is none. */
  readonly theirs: string | null;
  /** The state after this run. */
  readonly ours: string;
}

/** The result of a merge. */
export interface MergedState {
  readonly text: string;
  /** Tasks with the other run's record, whose files must not be committed by this run. */
  readonly yielded: ReadonlySet<string>;
}

/**
 * Merges the state of a run into a newer state.
 *
 * Entries of collections, such as members of families, are merged by owner and id: additions and
 * removals of both sides since `base` are kept, and for entries changed on both sides `ours` wins. A
 * task with the record of `theirs` keeps only entries of `theirs`, since our files of it are not
 * committed. The runs of both sides are kept, and a day has what both have added to it.
 *
 * @param tasks The tasks of the run; for all others `theirs` wins.
 * @throws {CronfetchError} `state.unreadable`.
 */
export function mergeStates(
  { base, theirs, ours }: StateTexts,
  tasks: Iterable<string>,
  now: Temporal.Instant,
): MergedState {
  if (theirs === null) return { text: ours, yielded: new Set() };
  const merged = parseContents(theirs, "the state that was pushed meanwhile");
  const own = parseContents(ours, "the state of this run");
  const yielded = new Set<string>();
  const records = new Map<string, TaskRecord>();
  for (const task of tasks) {
    const record = own.records.get(task);
    if (record === undefined) continue;
    if (isNewer(merged.records.get(task), record)) yielded.add(task);
    else records.set(task, record);
  }
  const parked = new Map([...own.parked].filter(([host, until]) => !isAfter(merged, host, until)));
  const before = base === null ? emptyContents() : contentsOf(base);
  const entries = entryChanges(before.entries, merged.entries, own.entries, yielded);
  const days = dayChanges(before.days, own.days);
  const runs = new Map([...own.runs].filter(([id, run]) => !isSame(run, before.runs.get(id))));
  // Either run has removed what its config does not keep.
  applyChanges(merged, { records, parked, runs, days, entries }, now, Infinity);
  return { text: printContents(merged), yielded };
}

/** The contents of the state before the run; none if it is unreadable. */
function contentsOf(base: string): Contents {
  try {
    return parseContents(base, "the state before this run");
  } catch {
    return emptyContents();
  }
}

/** What our run has added to the days since `base`. */
function dayChanges(
  base: ReadonlyMap<string, DayCounts>,
  ours: ReadonlyMap<string, DayCounts>,
): Map<string, DayCounts> {
  return new Map([...ours].map(([day, counts]) => {
    return [day, subtractCounts(counts, base.get(day) ?? NO_COUNTS)];
  }));
}

/** The changes of our run since `base`, to apply to the entries of `theirs`. */
function entryChanges(
  base: ReadonlyEntries<Body>,
  theirs: ReadonlyEntries<Body>,
  ours: ReadonlyEntries<Body>,
  yielded: ReadonlySet<string>,
): Entries {
  const changes: Entries = new Map();
  for (const [collection, owner, id, body] of eachEntry(ours)) {
    if (yielded.has(owner) || isSame(body, base.get(collection)?.get(owner)?.get(id))) continue;
    setEntry(changes, collection, owner, id, body);
  }
  for (const [collection, owner, id, body] of eachEntry(base)) {
    if (yielded.has(owner) || ours.get(collection)?.get(owner)?.has(id)) continue;
    // An entry that `theirs` has changed is in use.
    if (!isSame(body, theirs.get(collection)?.get(owner)?.get(id))) continue;
    setEntry(changes, collection, owner, id, null);
  }
  return changes;
}

/** Whether two values are equal. Both were read from JSON that {@linkcode printContents} wrote. */
function isSame<T extends object>(one: T, other: T | undefined): boolean {
  return other !== undefined && JSON.stringify(one) === JSON.stringify(other);
}

/** Whether a record has the newer file or, without newer file, the later result. */
function isNewer(theirs: TaskRecord | undefined, ours: TaskRecord): boolean {
  if (theirs === undefined) return false;
  const published = compareTimes(theirs.publishedAt, ours.publishedAt);
  if (published !== 0) return published > 0;
  return compareTimes(theirs.results[0]?.at ?? null, ours.results[0]?.at ?? null) > 0;
}

function isAfter({ parked }: Contents, host: string, until: Temporal.Instant): boolean {
  const theirs = parked.get(host);
  return theirs !== undefined && Temporal.Instant.compare(theirs, until) > 0;
}

/** Compares RFC 3339 times; null is the earliest. */
function compareTimes(one: string | null, other: string | null): number {
  if (one === null || other === null) return Number(one !== null) - Number(other !== null);
  return Temporal.Instant.compare(one, other);
}
