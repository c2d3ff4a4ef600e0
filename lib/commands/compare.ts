/** Holds the files of a store against what is recorded of them. */

import type { Clock, Timers } from "../core/host.ts";
import { CronfetchError } from "../core/errors.ts";
import { gather } from "../schedule/pool.ts";
import type { Store } from "../store/store.ts";
import type { Entry } from "./inventory.ts";

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
