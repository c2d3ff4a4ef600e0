/** The JSON responses of `/api`. Times are RFC 3339 in UTC. Pure. */

import type { ShownHealth } from "../core/event.ts";
import type { RunRecord, RunTaskResult } from "../state/run_record.ts";
import type { RecentResult } from "../state/state.ts";
import type { LiveRun } from "./live.ts";
import { isRunning, sizeOf } from "./filter.ts";
import { changedAt, problemOf } from "./labels.ts";
import type { PageNotice, PageTask, PageVersion } from "./source.ts";

/** A task in `/api/status`. */
export interface ApiTask {
  readonly id: string;
  /** Redacted. */
  readonly url: string;
  /** Name of the file in the store. */
  readonly key: string;
  /** The schedule as text. */
  readonly schedule: string;
  /** IANA name of its zone. */
  readonly timezone: string;
  readonly health: ShownHealth;
  /** Whether the task came due twice since its last success. */
  readonly stale: boolean;
  readonly paused: boolean;
  readonly running: boolean;
  readonly due: boolean;
  readonly nextDue: string | null;
  readonly lastRunAt: string | null;
  readonly lastSuccessAt: string | null;
  /** When the content of its file last changed. */
  readonly changedAt: string | null;
  /** Why its last result is not good, or null. Redacted. */
  readonly problem: string | null;
  /** Failures in a row. */
  readonly failures: number;
  /** Size of the published file, or of those of all dates; or null. */
  readonly sizeBytes: number | null;
  /** Of a list or a task with dates: `12 items, 2 gone`, `18 of 20 dates, 1 pending`. */
  readonly note?: string;
}

/** `/api/status`. */
export interface ApiStatus {
  readonly version: string;
  /** Time of this response. */
  readonly time: string;
  /** Banners about the serving process. */
  readonly notices: readonly PageNotice[];
  /** When the config was last reloaded, or null. */
  readonly configChangedAt: string | null;
  /** Whether all tasks are paused. */
  readonly paused: boolean;
  /** Numbers of all tasks by health, regardless of the filter. */
  readonly counts: Readonly<Record<ShownHealth, number>>;
  /** The current run of this process, or null. */
  readonly running: LiveRun & { readonly bytes: number } | null;
  /** The last finished run, or null. */
  readonly lastRun: RunRecord | null;
  /**
   * Tasks that match `?health=` and `?q=`, the unhealthy ones first. With more than 20,000 records in a
   * database, those of a `?page=` of 200.
   */
  readonly tasks: readonly ApiTask[];
}

/** `/api/runs`: newest first. */
export interface ApiRuns {
  readonly runs: readonly RunRecord[];
}

/** `/api/runs/:id`. */
export interface ApiRunDetails extends RunRecord {
  /** Results other than `unchanged` and `skipped`. */
  readonly results: readonly RunTaskResult[];
}

/** `/api/tasks/:id`. */
export interface ApiTaskDetails extends ApiTask {
  /** Redacted. */
  readonly mirrors: readonly string[];
  /** Validators of the published file, or null. */
  readonly published: {
    readonly key: string;
    readonly source: string;
    readonly etag: string | null;
    readonly lastModified: string | null;
    readonly sha256: string;
    readonly sizeBytes: number;
    readonly at: string | null;
  } | null;
  /** Deferred until this time, or null. */
  readonly notBefore: string | null;
  /** When it is retried after a failure, or null. */
  readonly heldUntil: string | null;
  /** The files of the task: the published one, then the others, newest first. */
  readonly files: readonly PageVersion[];
  /** Newest first. */
  readonly results: readonly RecentResult[];
}

/** The body of every response below `/api` with a status of 400 or more. */
export interface ApiError {
  /** One sentence. */
  readonly error: string;
}

/** A task as JSON. */
export function apiTask(task: PageTask, running: ReadonlySet<string>): ApiTask {
  const { id, url, key, schedule, timezone, health, stale, paused, due, nextDue, record, note } =
    task;
  return {
    ...{ id, url, key, schedule, timezone, health, stale, paused, due, nextDue },
    running: isRunning(task, running),
    lastRunAt: record?.lastRunAt ?? null,
    lastSuccessAt: record?.lastSuccessAt ?? null,
    changedAt: changedAt(record),
    problem: problemOf(task),
    failures: record?.failures ?? 0,
    sizeBytes: sizeOf(task),
    ...(note !== undefined && { note }),
  };
}

/** A task with its record as JSON. */
export function apiTaskDetails(
  task: PageTask,
  files: readonly PageVersion[],
  running: ReadonlySet<string>,
): ApiTaskDetails {
  const { record } = task;
  const published = record?.published ?? null;
  return {
    ...apiTask(task, running),
    mirrors: task.mirrors,
    published: published && {
      key: published.key,
      source: published.source,
      etag: published.etag,
      lastModified: published.lastModified,
      sha256: published.sha256,
      sizeBytes: published.sizeBytes,
      at: record?.publishedAt ?? null,
    },
    notBefore: record?.notBefore ?? null,
    heldUntil: record?.retryAt ?? null,
    files,
    results: record?.results ?? [],
  };
}
