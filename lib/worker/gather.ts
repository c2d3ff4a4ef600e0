/** Gathers leased tasks: executes them, saves their records, and reports their results. */

import type { Config } from "../config/config.ts";
import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import type { RunCounter } from "../core/result.ts";
import type { Task } from "../core/task.ts";
import type { DownloadOutcome } from "../download/download.ts";
import { nextRecord } from "../state/record.ts";
import type { State, TaskRecord } from "../state/state.ts";
import type { ContinueTask, Execute, ExecutionContext } from "./execute.ts";
import type { RunHistory } from "./history.ts";
import type { Hooks } from "./hooks.ts";
import type { Leases } from "./leases.ts";

/** What differs between the tasks of a run that are gathered one after the other. */
type Gathered = "tasks" | "plan" | "store" | "leases";

/** What all tasks of a run share. */
export interface GatherContext
  extends Omit<ExecutionContext, Gathered | "claimChange" | "settle" | "more"> {
  readonly state: State;
  readonly config: ExecutionContext["config"] & Pick<Config, "alertAfter" | "tasks">;
  /** Counts the results. */
  readonly counter: RunCounter;
  readonly history: RunHistory;
  /** Collects the failures of the store. */
  readonly storeErrors: CronfetchError[];
}

/** Tasks that are gathered together. */
export interface GatherRequest extends Pick<ExecutionContext, Exclude<Gathered, "leases">> {
  readonly leases: Leases;
  /** Null if no task has hooks. */
  readonly hooks: Pick<Hooks, "claim" | "settle"> | null;
  readonly execute: Execute;
  /** Changes the outcome of a task before it is recorded. Default: as it is. */
  readonly accept?: (
    task: Task,
    outcome: DownloadOutcome,
    continueTask: ContinueTask | undefined,
  ) => Promise<DownloadOutcome>;
}

/** Runs tasks. Every task yields exactly one result. */
export async function gatherTasks(
  { hooks, execute, accept, ...request }: GatherRequest,
  context: GatherContext,
): Promise<void> {
  const { run, state, counter, history, storeErrors, emit } = context;
  const { config: { alertAfter }, host: { clock } } = context;
  const { leases } = request;

  /** Saves the record of a task before its result is reported. */
  const finish = (
    task: Task,
    outcome: DownloadOutcome,
    last: TaskRecord | null,
    unhealthyAfterMs = 0,
  ) => {
    const { result } = outcome;
    const at = clock.now().toString();
    const record = !leases.has(task.id) ? null : nextRecord(last, result, {
      run,
      at,
      published: outcome.validators,
      permanent: outcome.permanent,
      ...{ alertAfter, unhealthyAfterMs },
      ...(outcome.part === undefined ? {} : { part: outcome.part }),
      ...(outcome.older && { older: outcome.older }),
    });
    if (record) state.save(record);
    const isPublished = result.status === "created" || result.status === "updated";
    hooks?.settle(task, record && isPublished ? at : null);
    leases.releaseRecord(task);
    counter.add(result, outcome.permanent);
    const { code, message = "" } = result;
    if (code !== undefined && STORE_CODES.has(code)) {
      storeErrors.push(new CronfetchError(code, message));
    }
    history.add(result);
    emit({ type: "task.finished", result }, at);
    const before = last?.health ?? "healthy";
    if (record && record.health !== before) {
      const { health, failures } = record;
      emit({ type: "task.health", task: task.id, before, health, failures }, at);
    }
  };

  const settleLater = async (
    task: Task,
    outcome: DownloadOutcome,
    last: TaskRecord | null | Promise<TaskRecord | null>,
  ) => {
    // With the parser of cron expressions.
    const due = outcome.result.status === "failed" ? await import("../schedule/due.ts") : null;
    finish(task, outcome, await last, due?.unhealthyAfterMs(task, clock.now()));
  };

  await execute({
    ...context,
    ...request,
    claimChange: hooks?.claim ?? null,
    settle: (task, outcome, continueTask) => {
      // Read again if the leases were lost: another run may have written it since.
      const last = leases.recordOf(task);
      if (accept !== undefined) {
        return accept(task, outcome, continueTask).then((accepted) =>
          settleLater(task, accepted, last)
        );
      }
      const isSimple = outcome.result.status !== "failed" && !(last instanceof Promise);
      return isSimple ? finish(task, outcome, last) : settleLater(task, outcome, last);
    },
  });
}

/** Codes of a store that is unusable, if every task of a run has one. */
const STORE_CODES: ReadonlySet<ErrorCode> = new Set(["store.denied", "store.failed", "store.full"]);
