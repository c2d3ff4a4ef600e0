/** Checks the files of a store against their records. */

import { CronfetchError } from "../../core/errors.ts";
import type { Clock, Host, Timers } from "../../core/host.ts";
import { isListKey, REFUSED_SUFFIX, versionedKey } from "../../core/key.ts";
import type { Validators } from "../../core/result.ts";
import type { Task } from "../../core/task.ts";
import { gather } from "../../schedule/pool.ts";
import type { FamilyMember, State, TaskRecord } from "../../state/state.ts";
import type { Store } from "../../store/store.ts";

/**
 * Whether a file matches its record: `good`, `edited` (other bytes), `missing`, `unreadable`; or
 * `extra` (belongs to no task) or `unrecorded` (the name belongs to a task that has no record).
 */
export type Verdict = "good" | "edited" | "missing" | "unreadable" | "extra" | "unrecorded";

/** A file, compared with its record. */
export interface Comparison {
  readonly key: string;
  readonly verdict: Verdict;
  /** Id of the task that published it, or null. */
  readonly task: string | null;
  /** Whether a run can fetch it again: the newest file of its task, or a member of that archive. */
  readonly isNewest: boolean;
  /** Recorded SHA-256, lower-case hexadecimal; or null. */
  readonly expected: string | null;
  /** SHA-256 of the file, lower-case hexadecimal; null if it was not read. */
  readonly found: string | null;
  /** Why it could not be read, or null. */
  readonly message: string | null;
}

/** What {@linkcode verifyFiles} uses. */
export interface CompareContext {
  readonly store: Store;
  /** Aborts reading, also within a file. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Files read concurrently. Hashing in one process makes a higher number useless. */
const AT_ONCE = 8;

/**
 * Reads the expected files and compares their digests.
 *
 * @returns One comparison per file, sorted by key.
 * @throws The signal's reason.
 */
export async function verifyFiles(
  entries: readonly ExpectedFile[],
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

/** What {@linkcode otherFiles} uses. */
export interface OtherFilesRequest extends Pick<CompareContext, "store" | "signal"> {
  /** Keys with a record. */
  readonly recorded: ReadonlySet<string>;
  /** Whether a key belongs to a task. */
  readonly isKnown: (key: string) => boolean;
}

/**
 * The files without a record, sorted by key.
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

/** The fields of a file without a record. */
const UNRECORDED = { task: null, isNewest: false, expected: null, found: null, message: null };

async function compareFile(
  { task, published, isNewest }: ExpectedFile,
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

/** A published file according to the state. */
export interface ExpectedFile {
  /** Id of the task that published it. */
  readonly task: string;
  readonly published: Pick<Validators, "key" | "sha256">;
  /** Whether it is the newest file of the task or a member of that, not an older one or refused content. */
  readonly isNewest: boolean;
}

/**
 * The published files, each once. If several records have the same key, because a task was renamed
 * or removed from the config, a task of the config takes precedence, then the last publication.
 *
 * @param records By id.
 * @param families Members of the families: older versions, earlier files, refused content.
 * @param configured Ids of the tasks of the config.
 */
export function expectedFiles(
  records: ReadonlyMap<string, TaskRecord>,
  families: ReadonlyMap<string, readonly FamilyMember[]>,
  configured: ReadonlySet<string>,
): ExpectedFile[] {
  const rank = ({ task, publishedAt }: TaskRecord) =>
    [
      configured.has(task) ? 1 : 0,
      publishedAt === null ? 0 : Temporal.Instant.from(publishedAt).epochMilliseconds,
    ] as const;
  const ascending = [...records.values()].toSorted((one, other) => {
    const [[oneKnown, oneTime], [otherKnown, otherTime]] = [rank(one), rank(other)];
    return oneKnown - otherKnown || oneTime - otherTime;
  });
  const byKey = new Map<string, ExpectedFile>();
  for (const { task, published } of ascending) {
    // Of an archive, perhaps only the members are published.
    if (published === null || published.unpacked?.isPublished === false) continue;
    if (isListKey(published.key)) continue;
    byKey.set(published.key, { task, published, isNewest: true });
  }
  for (const { task } of ascending.toReversed()) {
    for (const { key, sha256, publishedAt, kind } of families.get(task) ?? []) {
      // A member without a digest was reserved, and perhaps never published.
      if (sha256 === null || publishedAt === null || byKey.has(key)) continue;
      byKey.set(key, { task, published: { key, sha256 }, isNewest: kind === "member" });
    }
  }
  return [...byKey.values()];
}

/**
 * Creates the test whether a task may have published a key at any time. For a task with dates in
 * its key or URL, keys may differ in their digits; for a name chosen by the server, any name
 * matches. Older versions and refused content of such a file match too.
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

/** Long enough for reading and writing the records. */
const LEASE_MS = 60_000;

/**
 * Removes the validators of edited and missing files, and makes their tasks due. The history is
 * kept. An older file, which no run fetches, is removed from its family. A task that is leased to a
 * run is skipped, and so is one whose record has changed since its file was read.
 *
 * @param wrong Comparisons with a task.
 * @param namedByServer Ids of the tasks whose files are named by a server.
 * @param closed Ids of closed dates, which have an item instead of a record.
 * @returns Keys of the invalidated files.
 * @throws {CronfetchError} any `state.` code.
 */
export async function invalidateFiles(
  wrong: readonly Comparison[],
  namedByServer: ReadonlySet<string>,
  state: State,
  { clock, random }: Pick<Host, "clock" | "random">,
  closed: ReadonlySet<string> = new Set(),
): Promise<Set<string>> {
  const tasks = new Set(wrong.flatMap(({ task }) => task === null ? [] : [task]));
  if (tasks.size === 0) return new Set();
  const at = clock.now();
  const name = `verify-${random.name()}`;
  const leased = await state.acquire([...tasks], name, LEASE_MS);
  try {
    const records = await state.records(leased);
    const families = await state.members(leased);
    const invalidated = new Set<string>();
    for (const { key, task, isNewest, expected } of wrong) {
      if (task === null || !leased.has(task)) continue;
      const record = records.get(task);
      const member = families.get(task)?.find((one) => one.kind === "member" && one.key === key);
      if (closed.has(task) && record === undefined) {
        const at = task.lastIndexOf("@");
        state.saveItem(task.slice(0, at), task.slice(at + 1), null);
      } else if (!isNewest) {
        state.removeMember(task, key);
      } else if (record?.published?.key === key && record.published.sha256 === expected) {
        state.save(withoutPublished(record, at, namedByServer.has(task)));
      } else if (record !== undefined && member?.sha256 === expected) {
        // The next run finds out that the member differs, and unpacks the archive again.
        state.save({ ...record, notBefore: record.notBefore ?? at.toString() });
      } else {
        continue;
      }
      invalidated.add(key);
    }
    return invalidated;
  } finally {
    await state.release(name);
  }
}

/**
 * A record that makes its task due and fetch the whole file. Key and digest of a file named by the
 * server are kept, because they prove that the task owns the key.
 */
function withoutPublished(
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
    // Due now, unless the server has requested a pause.
    notBefore: record.notBefore ?? at.toString(),
    part: null,
  };
}
