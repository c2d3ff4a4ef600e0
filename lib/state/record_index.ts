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
  /** Only records whose content changed since, the latest first; null for all, by id. */
  readonly changedSince: Temporal.Instant | null;
  /** Number of records to skip. */
  readonly offset: number;
  /** Maximum number of records. */
  readonly limit: number;
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
  /** Whether a record has a published key. */
  isPublished(key: string): Promise<boolean>;
}
