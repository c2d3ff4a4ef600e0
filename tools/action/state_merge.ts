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
import { parseContents, printContents } from "../../lib/state/file_text.ts";
import type { TaskRecord } from "../../lib/state/state.ts";

/** What a merge gives. */
export interface MergedState {
  readonly text: string;
  /** The tasks of which theirs was chosen: our files of them are not to be committed. */
  readonly yielded: ReadonlySet<string>;
}

/**
 * Puts what a run has remembered into a newer state.
 *
 * @param theirs Text of the state as it was pushed; null where there is none.
 * @param ours Text of the state that the run has left.
 * @param tasks The tasks that the run has worked on; of all others theirs counts.
 * @throws {CronfetchError} `state.unreadable`.
 */
export function mergeStates(
  theirs: string | null,
  ours: string,
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
  applyChanges(merged, { records, parked, runs: own.runs }, now);
  return { text: printContents(merged), yielded };
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
