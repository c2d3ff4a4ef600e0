/** A simulated year of runs, written to a state: for its limits, and for pages that show it. */

import { TASK_STATUSES, type TaskResult, type TaskStatus } from "../../lib/core/result.ts";
import { nextRecord } from "../../lib/state/record.ts";
import type { State, TaskRecord } from "../../lib/state/state.ts";
import { createRunHistory } from "../../lib/worker/history.ts";
import { ids, taskResult, validators } from "../state/samples.ts";
import type { TestHost } from "./host.ts";

/** What a year consists of. */
export interface Year {
  /** Number of tasks of each run. */
  readonly tasks: number;
  /** Minutes from one run to the next. */
  readonly everyMinutes: number;
  /** Number of runs. */
  readonly runs: number;
  /** Evaluations between two runs that find nothing due. */
  readonly evaluations: number;
  /** The outcome of a task in a run. */
  readonly statusOf: (run: number, task: number) => TaskStatus;
}

/** Daily runs of 200 tasks with changes and failures, and a cron every five minutes. */
export const DAILY_YEAR: Year = {
  tasks: 200,
  everyMinutes: 24 * 60,
  runs: 365,
  evaluations: 287,
  statusOf: (run, task) => {
    if (run === 0) return "created";
    // Three tasks fail for a week each month, others for a day; each changes every ten days.
    if (task < 3 && run % 30 < 7) return "failed";
    if ((run * 7 + task * 13) % 97 === 0) return "failed";
    return (run + task) % 10 === 0 ? "updated" : "unchanged";
  },
};

/**
 * Writes a year as runs would, from the time of the clock on, which is advanced.
 *
 * @param writesEvery Runs from one flush to the next.
 */
export async function writeYear(
  state: State,
  host: TestHost,
  { tasks, everyMinutes, runs, evaluations, statusOf }: Year = DAILY_YEAR,
  writesEvery = 1,
): Promise<void> {
  const names = ids(tasks, "data/measurements-");
  const records = new Map<string, TaskRecord>();
  for (let index = 0; index < runs; index++) {
    const startedAt = host.clock.now();
    const run = `${startedAt.toString({ smallestUnit: "second" })}-${hexOf(index, 6)}`;
    const counts = Object.fromEntries(TASK_STATUSES.map((status) => [status, 0])) as Record<
      TaskStatus,
      number
    >;
    const history = createRunHistory();
    let bytes = 0;
    for (const [number, task] of names.entries()) {
      const status = statusOf(index, number);
      const result = resultOf(task, status, index);
      const record = nextRecord(records.get(task) ?? null, result, {
        run,
        at: startedAt.add({ milliseconds: (number * 37 + index * 11) % 20_000 }).toString(),
        published: status === "created" || status === "updated"
          ? validators({ key: task, source: result.url, sha256: hexOf(index * tasks + number, 64) })
          : null,
        permanent: status === "failed",
        alertAfter: 3,
        unhealthyAfterMs: 60 * 60_000,
      });
      if (record !== null) {
        records.set(task, record);
        state.save(record);
      }
      history.add(result);
      counts[status]++;
      bytes += result.bytes;
    }
    history.save(state, {
      run,
      startedAt: startedAt.toString(),
      finishedAt: startedAt.add({ seconds: 20 }).toString(),
      summary: { counts, bytes, durationMs: 20_000, exitCode: counts.failed > 0 ? 3 : 0 },
      trigger: "schedule",
      tasks,
    });
    for (let times = 0; times < evaluations; times++) state.addEvaluation();
    if ((index + 1) % writesEvery === 0) await state.flush();
    host.jump(everyMinutes * 60_000);
  }
  await state.flush();
}

function resultOf(task: string, status: TaskStatus, run: number): TaskResult {
  const url = `https://files.example.org/archive/${task}.csv`;
  const isPublished = status === "created" || status === "updated";
  const failure = {
    code: "http.status" as const,
    message: `fetching ${url}: 404 Not Found; the file may have been moved or removed`,
    httpStatus: 404,
    attempts: [{ code: "http.status" as const, httpStatus: 404, delayMs: 0 }],
  };
  return taskResult(status, {
    ...{ task, url, servedFrom: url, key: task },
    ...{ bytes: isPublished ? 16_384 : 0, httpStatus: isPublished ? 200 : 304 },
    sizeBytes: status === "failed" ? null : 16_384 + run,
    previousSizeBytes: status === "updated" ? 16_383 + run : null,
    ...status === "failed" ? failure : {},
  });
}

function hexOf(number: number, digits: number): string {
  return number.toString(16).padStart(digits, "0");
}
