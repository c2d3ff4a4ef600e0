/** Sums over all records and pages of them, for states with too many records to read them all. */

import type { Health } from "../core/event.ts";

/** Sums over all records, those of tasks that are no longer in the config included. */
export interface RecordSums {
  /** Number of records by health, without `stale`, which depends on the schedule. */
  readonly healths: Readonly<Record<Health, number>>;
  /** Number of published files. */
  readonly files: number;
  /** Size of the published files. */
  readonly sizeBytes: number;
  /** Number of records whose content changed recently. */
  readonly changed: number;
}

/** Selects records. */
export interface RecordQuery {
  /** Null for any: then unhealthy ones come first, failing ones next, unless a text is searched for. */
  readonly health: Health | null;
  /** Part of the task's id, case-insensitive; empty for any. Otherwise every id may be read. */
  readonly text: string;
  /** Only records whose content changed since, sorted by that; null for all, by id. */
  readonly changedSince: Temporal.Instant | null;
  /** With `changedSince`, the oldest change first. Default: the latest. */
  readonly oldestFirst?: boolean;
  /** Number of records to skip. */
  readonly offset: number;
  /** Maximum number of records. */
  readonly limit: number;
}

/** A worker of a fleet that has not ended. */
export interface WorkerSummary {
  /** Its name. */
  readonly name: string;
  /** When it started, RFC 3339 in UTC. */
  readonly startedAt: string;
  /** When it last reported, RFC 3339 in UTC. */
  readonly seenAt: string;
  /** Hosts that it holds. */
  readonly slices: number;
  /** Tasks that it executes per second. */
  readonly tasksPerSecond: number;
  /** Whether it claims no more hosts. */
  readonly isDraining: boolean;
}

/** A fleet of workers, and what waits for it. */
export interface FleetSummary {
  /** The workers, by name; at most 1,000. */
  readonly workers: readonly WorkerSummary[];
  /** Number of due tasks. */
  readonly dueTasks: number;
  /** The host that has waited longest, and since when, RFC 3339 in UTC; null if nothing is due. */
  readonly oldest: { readonly host: string; readonly dueAt: string } | null;
  /** The host with most due tasks; null if nothing is due. */
  readonly largest: { readonly host: string; readonly tasks: number } | null;
}

/** Queries that only a database answers without reading every record; see `State.index`. */
export interface RecordIndex {
  /**
   * Whether the state has more records than a number.
   *
   * @param count Small, since so many are counted.
   */
  hasMoreThan(count: number): Promise<boolean>;
  /**
   * Sums over all records. Reads a narrow part of each: a second or so for a million.
   *
   * @param changedSince Since when a change is recent.
   */
  sums(changedSince: Temporal.Instant): Promise<RecordSums>;
  /**
   * The ids of a page of records.
   *
   * @returns The ids, in order.
   */
  page(query: RecordQuery): Promise<string[]>;
  /**
   * Sums over the workers and the due tasks. Reads the times of all due tasks: a second or so for a
   * million.
   *
   * @returns Null if no worker ever used the state.
   */
  fleet(): Promise<FleetSummary | null>;
  /** Whether a record has a published key. */
  isPublished(key: string): Promise<boolean>;
}
