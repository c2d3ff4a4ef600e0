/** The plan of a run: which tasks it includes, and why. Pure. */

import { isNamed, type Plan, type PlanEntry, type Task } from "../core/task.ts";
import type { DueDecision } from "./due.ts";

/** The input of a plan. */
export interface PlanRequest {
  readonly tasks: readonly Task[];
  /** Requested ids, also of the parents of tasks; null for all. */
  readonly asked: ReadonlySet<string> | null;
  /**
   * Decides whether a task is due, if only due tasks are included; else null. It is an argument, as a
   * run of all tasks loads neither `due.ts` nor the parser of cron expressions.
   */
  readonly decide: ((task: Task) => Pick<DueDecision, "due" | "reason">) | null;
}

/** The plan over all tasks, in the order of the config. */
export function makePlan({ tasks, asked, decide }: PlanRequest): Plan {
  const entries = tasks.map((task): PlanEntry => {
    if (!isNamed(task, asked)) return { task, included: false, reason: "not asked for" };
    if (!decide) return { task, included: true, reason: asked ? "asked for" : "every task runs" };
    const { due, reason } = decide(task);
    return { task, included: due, reason };
  });
  return { entries };
}

/** The plan with `"conditional": false` for every task, as `run --force` executes it. */
export function withoutConditions({ entries }: Plan): Plan {
  return {
    entries: entries.map((entry) => ({ ...entry, task: { ...entry.task, conditional: false } })),
  };
}
