/**
 * Two states of one task list, made one, when somebody else's run was pushed
 * first. Pure.
 *
 * Git would find a conflict in nearly every such pair, since both runs write
 * their name at one place; and lines taken from both could speak of a file that
 * neither has. But a state is a list of records, each about one task and its one
 * file. So whole records are chosen, and a task's files go with its record: then
 * what is remembered is true of what is there. What is lost is a line or two in
 * the history of a task, and at worst one download.
 */

import { applyChanges, type Contents } from "../../lib/state/driver.ts";
import {
  type Body,
  eachEntry,
  type Entries,
  type ReadonlyEntries,
  setEntry,
} from "../../lib/state/entries.ts";
import { parseContents, printContents } from "../../lib/state/file_text.ts";
import type { TaskRecord } from "../../lib/state/state.ts";

/** The texts of the states to merge. */
export interface StateTexts {
  /** The state as it was committed before the run; null where there was none. */
  readonly base: string | null;
  /** The state as it was pushed; null where there is none. */
  readonly theirs: string | null;
  /** The state that the run has left. */
  readonly ours: string;
}

/** What a merge gives. */
export interface MergedState {
  readonly text: string;
  /** The tasks of which theirs was chosen: our files of them are not to be committed. */
  readonly yielded: ReadonlySet<string>;
}

/**
 * Puts what a run has remembered into a newer state.
 *
 * Entries of collections (the members of families and the like) are united by
 * owner and id: what either side has added since `base` is kept, and what either
 * has removed is removed. Where both have changed an entry, ours counts. A task
 * whose record is theirs has their entries only, since our files of it are not
 * committed.
 *
 * @param tasks The tasks that the run has worked on; of all others theirs counts.
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
  const before = base === null ? new Map() : entriesOf(base);
  const entries = entryChanges(before, merged.entries, own.entries, yielded);
  applyChanges(merged, { records, parked, runs: own.runs, entries }, now);
  return { text: printContents(merged), yielded };
}

/** The entries of the state before the run. One that cannot be read has none. */
function entriesOf(base: string): Entries<Body> {
  try {
    return parseContents(base, "the state before this run").entries;
  } catch {
    return new Map();
  }
}

/** What is to be changed in their entries: what our run has set or removed since `base`. */
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
    // An entry that they have changed meanwhile is in use.
    if (!isSame(body, theirs.get(collection)?.get(owner)?.get(id))) continue;
    setEntry(changes, collection, owner, id, null);
  }
  return changes;
}

/** Whether two bodies are equal. Both were read from JSON that {@linkcode printContents} wrote. */
function isSame(one: Body, other: Body | undefined): boolean {
  return other !== undefined && JSON.stringify(one) === JSON.stringify(other);
}

/** Whether a record's file is the newer one; or, where no file is, what became of the task last. */
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

/** Compares times in RFC 3339; none is before all. */
function compareTimes(one: string | null, other: string | null): number {
  if (one === null || other === null) return Number(one !== null) - Number(other !== null);
  return Temporal.Instant.compare(one, other);
}
