/** What a run leaves in the history of its state. */

import { CronfetchError } from "../core/errors.ts";
import type { Clock } from "../core/host.ts";
import {
  exitCodeOf,
  type RunSummary,
  type RunTrigger,
  TASK_STATUSES,
  type TaskResult,
} from "../core/result.ts";
import type { Plan } from "../core/task.ts";
import { bugMessage } from "../core/text.ts";
import { ATTEMPTS_KEPT, RESULTS_PER_RUN } from "../state/history.ts";
import { cutMessage } from "../state/record.ts";
import type { RunRecord, RunTaskResult } from "../state/run_record.ts";
import type { State } from "../state/state.ts";

/** Collects the results of a run for its record. */
export interface RunHistory {
  /** Adds a result. */
  add(result: TaskResult): void;
  /** Records the run; one in which every task was skipped counts as an evaluation only. */
  save(state: Pick<State, "addRun" | "addEvaluation">, record: RunRecord): void;
}

/** Creates a history without results. Of very many results, it keeps failures rather than others. */
export function createRunHistory(): RunHistory {
  const failures: RunTaskResult[] = [];
  const others: RunTaskResult[] = [];
  return {
    add: (result) => {
      const { status } = result;
      if (status === "unchanged" || status === "skipped") return;
      const kept = status === "failed" ? failures : others;
      if (kept.length < RESULTS_PER_RUN) kept.push(recordedResult(result));
    },
    save: (state, record) => {
      const { counts } = record.summary;
      if (TASK_STATUSES.every((status) => status === "skipped" || counts[status] === 0)) {
        state.addEvaluation();
      } else {
        state.addRun(record, [...failures, ...others].slice(0, RESULTS_PER_RUN));
      }
    },
  };
}

function recordedResult(result: TaskResult): RunTaskResult {
  return {
    task: result.task,
    status: result.status,
    code: result.code ?? null,
    message: result.message === undefined ? null : cutMessage(result.message),
    httpStatus: result.httpStatus,
    bytes: result.bytes,
    sizeBytes: result.sizeBytes,
    previousSizeBytes: result.previousSizeBytes,
    durationMs: result.timings.totalMs,
    attempts: result.attempts.slice(-ATTEMPTS_KEPT),
    warnings: result.warnings,
  };
}

/** A run that failed. */
export interface FailedRun {
  readonly run: string;
  readonly startedAt: Temporal.Instant;
  readonly trigger: RunTrigger;
  readonly plan: Plan;
}

/**
 * Records a run that failed before its tasks had results. Consecutive ones that fail with the same code
 * share a record, so that a watch that tries again every minute does not displace the history. A state
 * that cannot be read or written either is left as it is; an interruption is no failure.
 */
export async function recordFailure(
  error: unknown,
  { run, startedAt, trigger, plan }: FailedRun,
  { state, clock }: {
    readonly state: Pick<State, "runs" | "addRun" | "flush">;
    readonly clock: Pick<Clock, "now">;
  },
): Promise<void> {
  const failure = failureOf(error);
  if (failure.code === "cancelled") return;
  const finishedAt = clock.now();
  try {
    const [last] = await state.runs(1);
    const repeated = last?.errorCode === failure.code ? last : null;
    state.addRun({
      ...repeated ?? { run, startedAt: startedAt.toString() },
      finishedAt: finishedAt.toString(),
      summary: {
        counts: NO_RESULTS,
        bytes: 0,
        durationMs: Math.max(0, Math.round(finishedAt.since(startedAt).total("milliseconds"))),
        exitCode: exitCodeOf(failure),
      },
      trigger,
      tasks: plan.entries.filter(({ included }) => included).length,
      error: sentenceOf(failure),
      errorCode: failure.code,
      failedRuns: (repeated?.failedRuns ?? 0) + 1,
    });
    await state.flush();
  } catch {
    // The caller reports why the run failed.
  }
}

const NO_RESULTS = Object.fromEntries(
  TASK_STATUSES.map((status) => [status, 0]),
) as RunSummary["counts"];

/** The message of an error for a record, without the lines of hints that may follow. */
export function sentenceOf({ message }: CronfetchError): string {
  const [sentence = ""] = message.split("\n", 1);
  return cutMessage(sentence);
}

/** The error itself; a bug is an `internal` error. */
export function failureOf(error: unknown): CronfetchError {
  // Report the original error, not the one from disposal.
  if (error instanceof SuppressedError) return failureOf(error.suppressed);
  if (error instanceof CronfetchError) return error;
  return new CronfetchError("internal", bugMessage(error), { cause: error });
}
