/** The record of a task. */

import type { AlertKind, Health } from "../core/event.ts";
import type { TaskStatus, Validators } from "../core/result.ts";

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
  /**
   * Milliseconds from the start of the task to its result; absent if an older version wrote it.
   * Versions before 0.2 wrote the time of the last attempt.
   */
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

/** An alert about a task that was sent, and whose recovery was not. */
export interface OpenAlert {
  /** What it reports: failures, an overdue success, or content that does not change. */
  readonly kind: AlertKind;
  /** When it was sent, RFC 3339 in UTC. */
  readonly since: string;
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
   * When the content last changed: the first file, or one with another digest than the file before.
   * Null before the first file.
   */
  readonly changedAt: string | null;
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
  /** The open alerts, at most one of each kind; absent without any. */
  readonly alerted?: readonly OpenAlert[];
  /** A partial file to resume, or null. */
  readonly part: PartRecord | null;
  /** Recent results, the newest first, at most 10. */
  readonly results: readonly RecentResult[];
  /** The last 50 outcomes as text, to be read by `recentOutcomes`; empty if there are none. */
  readonly outcomes: string;
}
