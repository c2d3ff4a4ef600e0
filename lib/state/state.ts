/** State: what is remembered between runs. A narrow interface; see `open.ts` for the drivers. */

import type { Health } from "../core/event.ts";
import type { RunSummary, TaskStatus, Validators } from "../core/result.ts";

/**
 * A `TaskResult` as it is remembered; or several in a row that were alike, so
 * that a year of `unchanged` does not push the last failure out of sight.
 */
export interface RecentResult {
  /** Id of the run, the last one of several. */
  readonly run: string;
  /** When the task ended, the last time of several; RFC 3339 in UTC. */
  readonly at: string;
  /** When it ended the first time of several. */
  readonly since: string;
  /** How many there were; at least 1. */
  readonly times: number;
  /** What became of the task. */
  readonly status: TaskStatus;
  /** Why the file is not known to be good, in the words of the version that wrote it; or null. */
  readonly code: string | null;
  /** One sentence for people, cut where it is very long; or null. */
  readonly message: string | null;
  /** Status of the last response, or null without one. */
  readonly httpStatus: number | null;
  /** Body bytes received. */
  readonly bytes: number;
  /** Milliseconds of work, waiting for a turn left out; absent where an older version wrote it. */
  readonly durationMs?: number;
  /** Attempts made; absent where an older version wrote it. */
  readonly attempts?: number;
}

/** A part of a file that a later run may continue. */
export interface PartRecord {
  /** Name the file is to have in the store. */
  readonly key: string;
  /** The task's URL or mirror the part came from, redacted. */
  readonly source: string;
  /** What proves that the rest belongs to it: a strong ETag or Last-Modified (RFC 9110, 13.1.5). */
  readonly validator: string;
  /** Bytes held, from the beginning of the file. */
  readonly sizeBytes: number;
  /** Size of the whole file as announced, or null. */
  readonly totalBytes: number | null;
  /** What the store calls the draft that holds them. */
  readonly draft: string;
}

/** A representation older than the published one, served in several runs. */
export interface OlderRepresentation {
  /** Its `Last-Modified`, as received. */
  readonly lastModified: string;
  /** Runs in a row that received it; at least 1. */
  readonly runs: number;
  /** When the first of them did, RFC 3339 in UTC. */
  readonly since: string;
}

/** A file of a task's family: of all files published by the task. */
export interface FamilyMember {
  /** Its name in the store; at most 1,024 bytes in UTF-8. */
  readonly key: string;
  /** A published file, a kept older version of one, or refused content that was put aside. */
  readonly kind: "file" | "version" | "refused";
  /** Digest of its bytes, lower-case hexadecimal; null where it is unknown. */
  readonly sha256: string | null;
  /** Its size. */
  readonly sizeBytes: number;
  /** When it was published, RFC 3339 in UTC; null: claimed before publishing, perhaps never published. */
  readonly publishedAt: string | null;
}

/** What is remembered about one task. Times are RFC 3339 in UTC. Holds no secret. */
export interface TaskRecord {
  /** The task's id. */
  readonly task: string;
  /** About the published bytes; null as long as there are none. */
  readonly published: Validators | null;
  /** When those bytes were published, or null. */
  readonly publishedAt: string | null;
  /**
   * When a run last came to an end with the task, well or badly; or null. A run
   * that deferred or cancelled it leaves it due, and this time as it was.
   */
  readonly lastRunAt: string | null;
  /** When the published file was last known to be the newest, or null. */
  readonly lastSuccessAt: string | null;
  /** Failures in a row. */
  readonly failures: number;
  /** Deferred until then, and due from then on; or null. */
  readonly notBefore: string | null;
  /** When a task that failed is due again; null after a success, and where its schedule decides. */
  readonly retryAt: string | null;
  /** When the first of the present failures in a row ended; null without failures. */
  readonly failingSince: string | null;
  /** An older representation that a server keeps serving, or null. */
  readonly older: OlderRepresentation | null;
  /** How it fares. Whether a healthy task is stale depends on its schedule, and is not remembered. */
  readonly health: Health;
  /** A part to continue, or null. */
  readonly part: PartRecord | null;
  /** The newest first, at most 10. */
  readonly results: readonly RecentResult[];
}

/** What is remembered about one run. */
export interface RunRecord {
  /** The run's id. */
  readonly run: string;
  /** RFC 3339 in UTC. */
  readonly startedAt: string;
  /** RFC 3339 in UTC. */
  readonly finishedAt: string;
  /** The run in numbers. */
  readonly summary: RunSummary;
}

/**
 * What is remembered between runs.
 *
 * `save`, `saveMember`, `removeMember`, `park` and `addRun` take effect for this state's readers at once, and
 * are written soon after, many at a time. What could not be written is kept and
 * tried again; {@linkcode State.flush} tells whether it worked. Disposing
 * flushes. Leases reach the other runs at once.
 *
 * Any call may reject with a `CronfetchError`: `state.locked` (another process
 * kept it for too long), `state.unreadable` (what stands there is corrupt or
 * newer, and was left as it is), or `store.full`, `store.denied`,
 * `store.failed` (the disk or the service failed). Ids and hosts must be
 * well-formed text of at most 1,000 bytes in UTF-8, keys of at most 1,024; a
 * call throws `config.invalid` otherwise.
 */
export interface State extends AsyncDisposable {
  /** Where it is, for people; without secrets. */
  readonly location: string;
  /** Whether it outlives the process. */
  readonly durable: boolean;

  /** The records of those of `tasks` that have one, by id. */
  records(tasks: Iterable<string>): Promise<Map<string, TaskRecord>>;
  /** Every record, by id: of tasks that are no longer in the config, too. */
  allRecords(): Promise<Map<string, TaskRecord>>;
  /** Remembers a record in place of the task's last one. Only for the holder of the task's lease. */
  save(record: TaskRecord): void;

  /** The families of those of `tasks` that have one, by the task's id; each sorted by key. */
  members(tasks: Iterable<string>): Promise<Map<string, FamilyMember[]>>;
  /**
   * Saves a member of a task's family, in place of one of the same key. Only for the holder of the
   * task's lease. To claim a key before publishing, await {@linkcode State.flush} after this.
   */
  saveMember(task: string, member: FamilyMember): void;
  /** Removes a member from a task's family, if it has one of this key. */
  removeMember(task: string, key: string): void;

  /** The hosts that asked to be left alone, and until when; those whose time is over left out. */
  parked(): Promise<Map<string, Temporal.Instant>>;
  /** Remembers not to ask a host before `until`, whatever was said before. */
  park(host: string, until: Temporal.Instant): void;

  /** The recent runs, the newest first, at most `limit`. */
  runs(limit: number): Promise<RunRecord[]>;
  /** Remembers a finished run; those beyond 100, or older than 90 days, are forgotten. */
  addRun(run: RunRecord): void;

  /** Writes what is not written yet. */
  flush(): Promise<void>;

  /**
   * Leases tasks to a run for `ttlMs`, all the run holds already included. Read
   * the records after this, not before: another run may just have written them.
   *
   * @returns Those of `tasks` the run holds now; the others are held by a live run.
   */
  acquire(tasks: readonly string[], run: string, ttlMs: number): Promise<Set<string>>;
  /**
   * Prolongs all leases of a run to `ttlMs` from now.
   *
   * @returns False if they had ended before: others may hold the tasks by now.
   */
  renew(run: string, ttlMs: number): Promise<boolean>;
  /** Flushes, then ends all leases of a run. */
  release(run: string): Promise<void>;
}
