/** Runs that failed before a task started: which of them were reported, and when that is over. */

import type { Config } from "../config/config.ts";
import { ConfigError, formatProblem } from "../config/problem.ts";
import type { CronfetchError } from "../core/errors.ts";
import { stateFile } from "../core/location.ts";
import type { AlertNotice } from "../report/alerts/changes.ts";
import { plural } from "../report/format.ts";
import type { RunRecord } from "../state/run_record.ts";
import type { State } from "../state/state.ts";
import { sentenceOf } from "./history.ts";

/** Where it is remembered that an alert about failed runs is open. */
export interface FailureMemory {
  /** Whether one is open. */
  isOpen(): Promise<boolean>;
  /**
   * Called once the alert was sent.
   *
   * @param run The id of the failed run; null if it had none.
   */
  open(error: CronfetchError, run: string | null): Promise<void>;
  /** Called once its recovery was sent. */
  close(): Promise<void>;
}

/** Most runs that are read: an open alert is among the latest, since a good run closes it. */
const RUNS_READ = 100;

/** Remembers the alert in the record of the failed run. */
export function memoryInState(
  state: Pick<State, "runs" | "updateRun" | "flush">,
): FailureMemory {
  const find = async (isWanted: (record: RunRecord) => boolean) =>
    (await state.runs(RUNS_READ)).find(isWanted);
  const openRun = () => find(({ alerted }) => alerted === true);
  return {
    isOpen: async () => await openRun() !== undefined,
    open: async (error, run) => {
      // A run that failed before a task started has the record of the first one with this error.
      const recorded = await find((record) => {
        return run === null ? record.errorCode === error.code : record.run === run;
      });
      if (recorded === undefined) return;
      state.updateRun({ ...recorded, error: sentenceOf(error), alerted: true });
      await state.flush();
    },
    close: async () => {
      const run = await openRun();
      if (run === undefined) return;
      const { alerted: _, ...rest } = run;
      state.updateRun(rest);
      await state.flush();
    },
  };
}

/** Suffix of the file beside a state that cannot be opened. */
const MARK = ".failed";

/** Configs of this process whose alert is open. */
const reported = new WeakSet<Pick<Config, "state">>();

/**
 * Remembers the alert in this process, and in a file beside the state, which itself may be unusable.
 * If there is no place for the file, the next process reports the failure again.
 */
export function memoryBesideState(config: Pick<Config, "state">): FailureMemory {
  const file = stateFile(config.state);
  const path = file === null ? null : file + MARK;
  return {
    isOpen: async () => reported.has(config) || path !== null && await exists(path),
    open: async (error) => {
      reported.add(config);
      if (path !== null) await Deno.writeTextFile(path, `${error.message}\n`).catch(() => {});
    },
    close: async () => {
      reported.delete(config);
      if (path !== null) await Deno.remove(path).catch(() => {});
    },
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

/** The notice about a run that failed. Of an invalid config it has the first problem. */
export function failedNotice(error: CronfetchError, at: Temporal.Instant): AlertNotice {
  const [problem, ...others] = error instanceof ConfigError ? error.problems : [];
  const more = others.length === 0 ? "" : `, and ${plural(others.length, "more problem")}`;
  const message = problem === undefined ? error.message : formatProblem(problem) + more;
  return {
    ...{ event: "run.failed", task: null, health: null, failures: 0 },
    ...{ code: error.code, message, since: at.toString() },
  };
}

/** The notice that runs work again. */
export const RECOVERED_NOTICE: AlertNotice = {
  ...{ event: "run.recovered", task: null, health: null, failures: 0 },
  ...{ code: null, message: null, since: null },
};
