/** A run in numbers: results are counted as they come, and weighed at the end. */

import type { CronfetchError } from "./core/errors.ts";
import { EXIT, type RunSummary, type TaskResult, type TaskStatus } from "./core/result.ts";

/** How a run ended, beside its results. */
export interface RunEnding {
  readonly durationMs: number;
  /** The run's deadline passed, perhaps when there was nothing left to cut short. */
  readonly deadlinePassed: boolean;
  /** The exit code of whoever interrupted it, or null. */
  readonly interrupted: number | null;
  /** Why the state did not take all that is to be remembered, or null. */
  readonly unsaved: CronfetchError | null;
}

/** Counts results. */
export interface Tally {
  /** Counts one; `permanent` if asking again would give the same failure. */
  add(result: TaskResult, permanent: boolean): void;
  /** What it comes to. */
  summary(ending: RunEnding): RunSummary;
}

/** A tally without results. */
export function createTally(): Tally {
  const counts: Record<TaskStatus, number> = {
    created: 0,
    updated: 0,
    unchanged: 0,
    skipped: 0,
    deferred: 0,
    failed: 0,
    cancelled: 0,
  };
  let bytes = 0;
  let bugs = 0;
  let permanentFailures = 0;

  const exitCode = (ending: RunEnding): number => {
    if (bugs > 0) return EXIT.bug;
    if (ending.interrupted !== null) return ending.interrupted;
    if (ending.deadlinePassed && counts.cancelled > 0) return EXIT.deadline;
    if (permanentFailures > 0 || ending.unsaved?.retry === "never") return EXIT.failed;
    if (counts.failed + counts.deferred + counts.cancelled > 0) return EXIT.temporary;
    if (ending.unsaved) return EXIT.temporary;
    return EXIT.good;
  };

  return {
    add: (result, permanent) => {
      counts[result.status]++;
      bytes += result.bytes;
      if (result.code === "internal") bugs++;
      else if (permanent) permanentFailures++;
    },
    summary: (ending) => ({
      counts: { ...counts },
      bytes,
      durationMs: ending.durationMs,
      exitCode: exitCode(ending),
    }),
  };
}
