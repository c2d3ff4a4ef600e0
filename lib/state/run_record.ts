/** What is kept about runs: their records, their results, and the days they ran on. */

import type { AttemptResult, RunSummary, RunTrigger, TaskStatus, Warning } from "../core/result.ts";

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
  /** Why it failed as a whole, before a task started: one sentence; absent otherwise. */
  readonly error?: string;
  /** Whether an alert about `error` is open: it was sent, and its recovery was not. */
  readonly alerted?: boolean;
  /** What started it; absent if an older version wrote it. */
  readonly trigger?: RunTrigger;
  /** Number of planned tasks; absent if an older version wrote it. */
  readonly tasks?: number;
  /** Number of its results in the state, see {@linkcode State.runResults}; absent if there are none. */
  readonly resultsKept?: number;
  /** The code of `error`: one of the version that wrote it. */
  readonly errorCode?: string;
  /**
   * Number of consecutive runs that failed with this code; the record is that of the first one, and
   * ended with the last one. Absent without `error`.
   */
  readonly failedRuns?: number;
}

/** A result of a recorded run. URLs and messages are redacted. */
export interface RunTaskResult {
  /** The task's id. */
  readonly task: string;
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
  /** Size of the published file; null if no file is known to be good. */
  readonly sizeBytes: number | null;
  /** Size of the file that this one replaced; null unless the task was `updated`. */
  readonly previousSizeBytes: number | null;
  /** Milliseconds from the start of the task to its result. */
  readonly durationMs: number;
  /** The last attempts, at most 20. */
  readonly attempts: readonly RecordedAttempt[];
  /** Reservations about a good result. */
  readonly warnings: readonly (Warning | string)[];
}

/** A recorded attempt, whose code is one of the version that wrote it. */
export type RecordedAttempt = Omit<AttemptResult, "code"> & { readonly code: string | null };

/** What happened on one day in UTC. */
export interface DayRecord {
  /** The day: `2026-01-15`. */
  readonly day: string;
  /** Number of evaluations without a run: nothing was due, or other runs had leased all that was. */
  readonly evaluations: number;
  /** Number of recorded runs that ended on this day. */
  readonly runs: number;
  /** Their results by status. */
  readonly counts: RunSummary["counts"];
  /** Body bytes that they received. */
  readonly bytes: number;
}

/** A run that is in progress. */
export interface ActiveRun {
  /** The run's id. */
  readonly run: string;
  /** When it started, in whole seconds, RFC 3339 in UTC. */
  readonly startedAt: string;
  /** Number of tasks that are leased to it. */
  readonly tasks: number;
}
