/** The plan: which tasks a run works on, and why. Pure. */

import type { Plan, PlanEntry, Task } from "../core/task.ts";
import { decideDue } from "./due.ts";

/** What a plan is made of. */
export interface PlanRequest {
  readonly tasks: readonly Task[];
  /** Ids a person asked for; null for all. */
  readonly asked: ReadonlySet<string> | null;
  /** What is remembered of the tasks by id, if only what is due is wanted; else null. */
  readonly due: ((task: Task) => Parameters<typeof decideDue>[1]) | null;
  readonly at: Temporal.Instant;
}

/** The plan with `"conditional": false` for every task, as `run --force` executes it. */
export function withoutConditions({ entries }: Plan): Plan {
  return {
    entries: entries.map((entry) => ({ ...entry, task: { ...entry.task, conditional: false } })),
  };
}

/** Decides about every task, in the order of the config. */
export function makePlan({ tasks, asked, due, at }: PlanRequest): Plan {
  const entries = tasks.map((task): PlanEntry => {
    if (asked && !asked.has(task.id)) return { task, included: false, reason: "not asked for" };
    if (!due) return { task, included: true, reason: asked ? "asked for" : "every task runs" };
    const decision = decideDue(task, due(task), at);
    return { task, included: decision.due, reason: decision.reason };
  });
  return { entries };
}
