/** Holds the files of a store against what is recorded of them. */

import type { Clock, Host, Timers } from "../core/host.ts";
import { CronfetchError } from "../core/errors.ts";
import { gather } from "../schedule/pool.ts";
import type { Store } from "../store/store.ts";
import { REFUSED_SUFFIX, versionedKey } from "../core/key.ts";
import type { Task } from "../core/task.ts";
import type { Validators } from "../core/result.ts";
import type { FamilyMember, State, TaskRecord } from "../state/state.ts";

/**
 * What became of a published file: `good`, `edited` (its bytes are others),
 * `missing`, `unreadable`; `extra` (no task knows it) or `unrecorded` (a task
 * knows its name, and nothing is recorded of it, so that nothing can be said).
 */
export type Verdict = "good" | "edited" | "missing" | "unreadable" | "extra" | "unrecorded";

/** A file, and how it compares with what is recorded. */
export interface Comparison {
  /** Name of the file in the store. */
  readonly key: string;
  /** How it compares. */
  readonly verdict: Verdict;
  /** Id of the task that published it, or null. */
  readonly task: string | null;
  /** Whether it is the newest file of its task, which a run can fetch again. */
  readonly isNewest: boolean;
  /** Lower-case hexadecimal digest that is recorded, or null. */
  readonly expected: string | null;
  /** Lower-case hexadecimal digest of the bytes that are there, or null where they were not read. */
  readonly found: string | null;
  /** Why it could not be read, or null. */
  readonly message: string | null;
}

/** What comparing needs. */
export interface CompareContext {
  /** Where the files are. */
  readonly store: Store;
  /** Ends the reading, in the middle of a file too. */
  readonly signal: AbortSignal;
  /** For the pool. */
  readonly clock: Clock;
  /** For the pool. */
  readonly timers: Timers;
}

/** Files read at once. A disk gains little from more, and one process hashes them all. */
const AT_ONCE = 8;

/**
 * Reads every published file, several at once.
 *
 * @returns One comparison an entry, by key.
 * @throws The signal's reason.
 */
export async function compareFiles(
  entries: readonly Entry[],
  { store, signal, clock, timers }: CompareContext,
): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  await gather(entries, {
    limits: { concurrency: AT_ONCE, perHost: AT_ONCE, spacingMs: 0 },
    groupOf: () => store.location,
    work: async (entry) => {
      comparisons.push(await compareFile(entry, store, signal));
    },
    signal,
    clock,
    timers,
  });
  signal.throwIfAborted();
  return comparisons.toSorted(byKey);
}

/** What tells the files of a store that nothing is recorded of. */
export interface OtherFilesRequest extends Pick<CompareContext, "store" | "signal"> {
  /** Keys of the files that have a record. */
  readonly recorded: ReadonlySet<string>;
  /** Whether a key is one of a task. */
  readonly isKnown: (key: string) => boolean;
}

/**
 * The files that nothing is recorded of, by key.
 *
 * @throws The signal's reason.
 */
export async function otherFiles(
  { recorded, isKnown, store, signal }: OtherFilesRequest,
): Promise<Comparison[]> {
  const others: Comparison[] = [];
  for await (const { key } of store.list("")) {
    signal.throwIfAborted();
    if (recorded.has(key)) continue;
    const verdict = isKnown(key) ? "unrecorded" : "extra";
    others.push({ ...UNRECORDED, key, verdict });
  }
  return others.toSorted(byKey);
}

/** What is known of a file without a record. */
const UNRECORDED = { task: null, isNewest: false, expected: null, found: null, message: null };

async function compareFile(
  { task, published, isNewest }: Entry,
  store: Store,
  signal: AbortSignal,
): Promise<Comparison> {
  const { key, sha256 } = published;
  const comparison = { key, task, isNewest, expected: sha256, found: null, message: null };
  try {
    const found = await store.digest(key, signal);
    if (found === null) return { ...comparison, verdict: "missing" };
    return { ...comparison, verdict: found === sha256 ? "good" : "edited", found };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CronfetchError)) throw error;
    return { ...comparison, verdict: "unreadable", message: error.message };
  }
}

function byKey(one: Comparison, other: Comparison): number {
  return one.key < other.key ? -1 : one.key > other.key ? 1 : 0;
}

/** A file that was published, and what was recorded of it. */
export interface Entry {
  /** Id of the task that published it. */
  readonly task: string;
  /** Its key and its digest. */
  readonly published: Pick<Validators, "key" | "sha256">;
  /** Whether it is the newest file of the task: not an older one, nor refused content. */
  readonly isNewest: boolean;
}

/**
 * The published files, each once. A task that was renamed, or taken out of the
 * config, leaves a record of a file that another one may keep by now: then the
 * task of the config counts, and of two others the one that published last.
 *
 * @param records By id.
 * @param families The members of their families: older versions, earlier files, refused content.
 * @param configured Ids of the tasks of the config.
 */
export function publishedEntries(
  records: ReadonlyMap<string, TaskRecord>,
  families: ReadonlyMap<string, readonly FamilyMember[]>,
  configured: ReadonlySet<string>,
): Entry[] {
  const rank = ({ task, publishedAt }: TaskRecord) =>
    [
      configured.has(task) ? 1 : 0,
      publishedAt === null ? 0 : Temporal.Instant.from(publishedAt).epochMilliseconds,
    ] as const;
  const ascending = [...records.values()].toSorted((one, other) => {
    const [[oneKnown, oneTime], [otherKnown, otherTime]] = [rank(one), rank(other)];
    return oneKnown - otherKnown || oneTime - otherTime;
  });
  const byKey = new Map<string, Entry>();
  for (const { task, published } of ascending) {
    if (published !== null) byKey.set(published.key, { task, published, isNewest: true });
  }
  for (const { task } of ascending.toReversed()) {
    for (const { key, sha256, publishedAt } of families.get(task) ?? []) {
      // What was only claimed may never have been published.
      if (sha256 === null || publishedAt === null || byKey.has(key)) continue;
      byKey.set(key, { task, published: { key, sha256 }, isNewest: false });
    }
  }
  return [...byKey.values()];
}

/**
 * Makes the test whether a key is one that a task may have published at some
 * time. Of a task with dates in its name or URL that is every key that differs
 * in its digits alone, and where the server gives the name, every name. The older
 * versions of such a file, and what was refused in its place, are known with it.
 *
 * @param dated Ids of the tasks with dates.
 */
export function knownKeys(
  tasks: readonly Pick<Task, "id" | "key" | "namedByServer">[],
  dated: ReadonlySet<string>,
): (key: string) => boolean {
  const plain = new Set<string>();
  const patterns = new Set<string>();
  for (const { id, key, namedByServer } of tasks) {
    if (dated.has(id) || namedByServer) patterns.add(keyPattern(key, dated.has(id)));
    else plain.add(key);
  }
  const expressions = [...patterns].map((pattern) => new RegExp(`^${pattern}$`, "u"));
  const isFile = (key: string) =>
    plain.has(key) || expressions.some((expression) => expression.test(key));
  return (key) => {
    const current = key.endsWith(REFUSED_SUFFIX) ? key.slice(0, -REFUSED_SUFFIX.length) : key;
    return isFile(key) || isFile(current) || isFile(versionedKey(current) ?? current);
  };
}

function keyPattern(key: string, isDated: boolean): string {
  return key
    .split("{name}")
    .map((text) => {
      if (!isDated) return RegExp.escape(text);
      return text.split(/[0-9]+/).map((part) => RegExp.escape(part)).join("[0-9]+");
    })
    .join("[^/]+");
}

/** Long enough for a look at the records and a write. */
const LEASE_MS = 60_000;

/**
 * Forgets what is known about the published bytes of files that are not what is
 * recorded, and makes their tasks due. Their history stays. An older file, which no run
 * fetches again, leaves its family. A task that a run is working on is left alone, and so
 * is one whose record has changed since its file was read.
 *
 * @param wrong Comparisons with a task.
 * @param namedByServer Ids of the tasks whose files are named by a server.
 * @returns Keys of the files that were forgotten.
 * @throws {CronfetchError} any `state.` code.
 */
export async function forgetPublished(
  wrong: readonly Comparison[],
  namedByServer: ReadonlySet<string>,
  state: State,
  { clock, random }: Pick<Host, "clock" | "random">,
): Promise<Set<string>> {
  const tasks = new Set(wrong.flatMap(({ task }) => task === null ? [] : [task]));
  if (tasks.size === 0) return new Set();
  const at = clock.now();
  const name = `verify-${random.name()}`;
  const held = await state.acquire([...tasks], name, LEASE_MS);
  try {
    const records = await state.records(held);
    const forgotten = new Set<string>();
    for (const { key, task, isNewest, expected } of wrong) {
      if (task === null || !held.has(task)) continue;
      const record = records.get(task);
      if (!isNewest) {
        state.removeMember(task, key);
      } else if (record?.published?.key === key && record.published.sha256 === expected) {
        state.save(withoutPublished(record, at, namedByServer.has(task)));
      } else {
        continue;
      }
      forgotten.add(key);
    }
    return forgotten;
  } finally {
    await state.release(name);
  }
}

/**
 * A record that makes its task fetch everything, at the next run that looks for what is due. Of
 * a file that a server has named, key and digest are kept: they show that the file is the task's.
 */
export function withoutPublished(
  record: TaskRecord,
  at: Temporal.Instant,
  namedByServer: boolean,
): TaskRecord {
  const { published, publishedAt } = record;
  const isKept = namedByServer && published !== null;
  return {
    ...record,
    published: isKept ? { ...published, etag: null, lastModified: null, revision: "" } : null,
    publishedAt: isKept ? publishedAt : null,
    // As good as a tick of the schedule; a time that a server asked for is kept.
    notBefore: record.notBefore ?? at.toString(),
    part: null,
  };
}
