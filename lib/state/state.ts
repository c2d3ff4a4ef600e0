/** State: what is kept between runs. Drivers are opened by `open.ts`. */

import type { Health } from "../core/event.ts";
import type { RunSummary, TaskStatus, Validators } from "../core/result.ts";

/**
 * A recorded `TaskResult`, or several consecutive equal ones, so that a year of `unchanged` does not
 * displace the last failure.
 */
export interface RecentResult {
  /** Id of the run; of several, the last one. */
  readonly run: string;
  /** When the task ended; of several, the last time. RFC 3339 in UTC. */
  readonly at: string;
  /** When it first ended, of several. */
  readonly since: string;
  /** Number of results; at least 1. */
  readonly times: number;
  /** The outcome. */
  readonly status: TaskStatus;
  /** Why the file is not known to be good: a code of the version that wrote it; or null. */
  readonly code: string | null;
  /** One sentence, cut if it is very long; or null. */
  readonly message: string | null;
  /** Status of the last response, or null without one. */
  readonly httpStatus: number | null;
  /** Body bytes received. */
  readonly bytes: number;
  /** Milliseconds of work, without waiting; absent if an older version wrote it. */
  readonly durationMs?: number;
  /** Number of attempts; absent if an older version wrote it. */
  readonly attempts?: number;
}

/** A partial file that a later run can resume. */
export interface PartRecord {
  /** Key of the complete file. */
  readonly key: string;
  /** The task's URL or mirror that the bytes came from, redacted. */
  readonly source: string;
  /** Strong ETag or Last-Modified that proves that the rest matches (RFC 9110, 13.1.5). */
  readonly validator: string;
  /** Bytes from the beginning of the file. */
  readonly sizeBytes: number;
  /** Size of the whole file as announced, or null. */
  readonly totalBytes: number | null;
  /** The store's name of the suspended draft. */
  readonly draft: string;
}

/** A representation older than the published one, received in several runs. */
export interface OlderRepresentation {
  /** Its `Last-Modified`, as received. */
  readonly lastModified: string;
  /** Consecutive runs that received it; at least 1. */
  readonly runs: number;
  /** When the first of these runs received it, RFC 3339 in UTC. */
  readonly since: string;
}

/** A member of a task's family: the files published by the task. */
export interface FamilyMember {
  /** Its key; at most 1,024 bytes in UTF-8. */
  readonly key: string;
  /** A published file, an older version, or quarantined content. */
  readonly kind: "file" | "version" | "refused";
  /** Digest of its bytes, lower-case hexadecimal; null if unknown. */
  readonly sha256: string | null;
  /** Its size in bytes. */
  readonly sizeBytes: number;
  /** When it was published, RFC 3339 in UTC; null for a key that is only claimed. */
  readonly publishedAt: string | null;
}

/** What is kept about one task. Times are RFC 3339 in UTC. Contains no secrets. */
export interface TaskRecord {
  /** The task's id. */
  readonly task: string;
  /** Validators of the published bytes; null if there are none. */
  readonly published: Validators | null;
  /** When those bytes were published, or null. */
  readonly publishedAt: string | null;
  /**
   * When a run last finished the task, successfully or not; or null. A deferral or cancellation
   * leaves it unchanged, so the task is still due.
   */
  readonly lastRunAt: string | null;
  /** When the published file was last known to be current, or null. */
  readonly lastSuccessAt: string | null;
  /** Consecutive failures. */
  readonly failures: number;
  /** End of a deferral, from which on the task is due; or null. */
  readonly notBefore: string | null;
  /** End of the backoff of a failed task; null after a success, or if its schedule decides. */
  readonly retryAt: string | null;
  /** When the first of the consecutive failures ended; null without failures. */
  readonly failingSince: string | null;
  /** An older representation that the server sends instead, or null. */
  readonly older: OlderRepresentation | null;
  /** Health without `stale`, which depends on the schedule. */
  readonly health: Health;
  /** A partial file to resume, or null. */
  readonly part: PartRecord | null;
  /** Recent results, the newest first, at most 10. */
  readonly results: readonly RecentResult[];
}

/** What is kept about one run. */
export interface RunRecord {
  /** The run's id. */
  readonly run: string;
  /** When it started, RFC 3339 in UTC. */
  readonly startedAt: string;
  /** When it ended, RFC 3339 in UTC. */
  readonly finishedAt: string;
  /** Its figures. */
  readonly summary: RunSummary;
}

/**
 * What is kept between runs.
 *
 * `save`, `saveMember`, `removeMember`, `park` and `addRun` are visible to this state's readers
 * immediately, and are written soon after in batches. Failed writes are kept and repeated;
 * {@linkcode State.flush} reports whether they succeeded. Disposal flushes. Leases are visible to
 * other processes immediately.
 *
 * Any call may reject with a `CronfetchError`: `state.locked` (another process locked the state for too
 * long), `state.unreadable` (it is corrupt or of a newer version, and unchanged), or `store.full`,
 * `store.denied`, `store.failed` (the disk or the service failed). Ids and hosts must be well-formed
 * text of at most 1,000 bytes in UTF-8, keys of at most 1,024; a call throws `config.invalid`
 * otherwise.
 */
export interface State extends AsyncDisposable {
  /** Its location, for messages; without secrets. */
  readonly location: string;
  /** Whether it survives the process. */
  readonly durable: boolean;

  /** The existing records of some tasks, by id. */
  records(tasks: Iterable<string>): Promise<Map<string, TaskRecord>>;
  /** Every record by id, including tasks that are no longer in the config. */
  allRecords(): Promise<Map<string, TaskRecord>>;
  /** Replaces a task's record. Only for the holder of the task's lease. */
  save(record: TaskRecord): void;

  /** The existing families of some tasks, by task id; each sorted by key. */
  members(tasks: Iterable<string>): Promise<Map<string, FamilyMember[]>>;
  /**
   * Saves a member of a task's family, replacing the one with the same key. Only for the holder of the
   * task's lease. To claim a key before publishing, await {@linkcode State.flush} after this.
   */
  saveMember(task: string, member: FamilyMember): void;
  /** Removes a member from a task's family; does nothing if it is missing. */
  removeMember(task: string, key: string): void;

  /** The hosts that requested a pause that is not over, and when it ends. */
  parked(): Promise<Map<string, Temporal.Instant>>;
  /** Records a host's pause, replacing an earlier one. */
  park(host: string, until: Temporal.Instant): void;

  /** The recent runs, the newest first, at most `limit`. */
  runs(limit: number): Promise<RunRecord[]>;
  /** Records a finished run; runs beyond 100, or older than 90 days, are removed. */
  addRun(run: RunRecord): void;

  /** Writes all pending changes. */
  flush(): Promise<void>;

  /**
   * Leases tasks to a run for `ttlMs`, including those it has already leased. Read the records after
   * this, as another run may just have written them.
   *
   * @returns The tasks now leased to the run; the others are leased to another live run.
   */
  acquire(tasks: readonly string[], run: string, ttlMs: number): Promise<Set<string>>;
  /**
   * Extends all leases of a run to `ttlMs` from now.
   *
   * @returns False if they had ended before: other runs may have leased the tasks since.
   */
  renew(run: string, ttlMs: number): Promise<boolean>;
  /** Flushes, then ends all leases of a run. */
  release(run: string): Promise<void>;
}
