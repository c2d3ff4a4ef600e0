/** A tick: evaluates what is due and runs it. Every trigger leads here. */

import type { Config } from "../config/config.ts";
import type { CronfetchError } from "../core/errors.ts";
import type { RunEvent } from "../core/event.ts";
import { isListKey } from "../core/key.ts";
import type { TaskResult } from "../core/result.ts";
import { isNamed, parentOf, type Plan, type Task } from "../core/task.ts";
import { expandTasks } from "../lists/expand.ts";
import { decideDue, type DueMemory, nextWake, tickDuring, type Wake } from "../schedule/due.ts";
import { makePlan } from "../schedule/plan.ts";
import { dueMemories } from "../state/record.ts";
import type { State } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import { failureOf } from "./history.ts";
import {
  alertingOnFailure,
  checkPlanAlerts,
  deliverPlanChanges,
  type RunContext,
  type RunOutcome,
  runTasks,
} from "./run.ts";

/** What a tick evaluates. */
export interface TickRequest {
  readonly config: Config;
  /** Ids of the only tasks to consider, also of their parents; null for all. */
  readonly selected: ReadonlySet<string> | null;
  /** Ids of tasks to run now, regardless of their schedules. Unknown ids are ignored. */
  readonly requested: ReadonlySet<string>;
  /** Whether a task runs only on request. */
  readonly isPaused: (task: string) => boolean;
  /** Tasks that are postponed although they may be due, and until when. */
  readonly retryAt: ReadonlyMap<string, Temporal.Instant>;
}

/** What a tick uses. */
export interface TickContext extends RunContext {
  /** What starts the runs of tasks that were not requested. */
  readonly trigger: "watch" | "deploy";
  /** Called before tasks run. */
  readonly onSnapshot?: (snapshot: DueSnapshot) => void;
}

/** What is due at an instant, and what is due next. */
export interface DueSnapshot {
  readonly at: Temporal.Instant;
  readonly plan: Plan;
  /** Number of tasks to run now. */
  readonly due: number;
  /** Ids of the tasks whose last run failed, paused ones excepted. */
  readonly failing: readonly string[];
  /** When a schedule makes something due: `at` if something is due now; null for never. */
  readonly wake: Wake | null;
}

/** How a tick ended. */
export type TickOutcome =
  | { readonly kind: "idle"; readonly snapshot: DueSnapshot }
  | {
    readonly kind: "ran";
    readonly snapshot: DueSnapshot;
    readonly outcome: RunOutcome;
    /** Tasks that were not completed and may still be due, and when to try again. */
    readonly retryAt: ReadonlyMap<string, Temporal.Instant>;
    /** Tasks that were running at their next scheduled time. */
    readonly overran: readonly Overrun[];
  }
  | { readonly kind: "failed"; readonly error: CronfetchError };

/** A task that was running at its next scheduled time. */
export interface Overrun {
  /** Its id. */
  readonly task: string;
  /** The first such time. */
  readonly tick: Temporal.Instant;
}

/**
 * How long a task is postponed that was not completed, for example because another run has leased
 * it. As long as a lease, after which the tasks of a crashed run are free.
 */
const RETRY_MS = 60_000;

/**
 * Evaluates what is due. Writes nothing.
 *
 * @throws {CronfetchError} `state.` and `store.` codes; `config.invalid` if a date makes a key
 * invalid.
 */
export async function takeSnapshot(
  { config, selected, requested, isPaused, retryAt }: TickRequest,
  state: State,
  at: Temporal.Instant,
): Promise<DueSnapshot> {
  const tasks = await expandTasks(config, state, at);
  const recorded = await dueMemories(tasks, state);
  const memoryOf = (task: Task): DueMemory => {
    const postponedUntil = retryAt.get(task.id);
    return postponedUntil ? { ...recorded(task), postponedUntil } : recorded(task);
  };
  const isHeld = (task: Task) => {
    const parent = parentOf(task);
    return isPaused(task.id) || parent !== null && isPaused(parent);
  };
  const failing: string[] = [];
  const decide = (task: Task) => {
    const memory = memoryOf(task);
    if (hasFailed(memory) && !isHeld(task)) failing.push(task.id);
    return decideDue(task, memory, at);
  };
  const { entries } = makePlan({ tasks, asked: selected, decide });
  const plan: Plan = {
    entries: entries.map((entry) => {
      const { task } = entry;
      if (isNamed(task, requested)) return { ...entry, included: true, reason: "asked for" };
      return isNamed(task, selected) && isHeld(task)
        ? { ...entry, included: false, reason: "paused" }
        : entry;
    }),
  };
  const waiting = tasks.filter((task) => isNamed(task, selected) && !isHeld(task));
  return {
    at,
    plan,
    due: plan.entries.filter((entry) => entry.included).length,
    failing,
    wake: nextWake(waiting, memoryOf, at),
  };
}

function hasFailed({ retryAt, isPending }: DueMemory): boolean {
  return (retryAt ?? null) !== null && isPending !== true;
}

/** Runs what is due. Never throws: an error is the outcome, and a bug is an `internal` error. */
export async function runTick(request: TickRequest, context: TickContext): Promise<TickOutcome> {
  try {
    const { host, storage, signal } = context;
    const { config, isPaused } = request;
    // A state that cannot be read cannot remember the alert either.
    const snapshot = await alertingOnFailure(
      { config, host, signal, state: null },
      () => takeSnapshot(request, storage.state, host.clock.now()),
    );
    context.onSnapshot?.(snapshot);
    const own = { ...context, isPaused };
    if (snapshot.due > 0) return await runSnapshot(snapshot, request, own);
    storage.state.addEvaluation();
    await deliverPlanChanges(config, snapshot.plan, own);
    await checkPlanAlerts(config, snapshot.plan, null, own);
    return { kind: "idle", snapshot };
  } catch (error) {
    return { kind: "failed", error: failureOf(error) };
  }
}

async function runSnapshot(
  snapshot: DueSnapshot,
  request: TickRequest,
  context: TickContext,
): Promise<TickOutcome> {
  const { config, requested } = request;
  const { host: { clock }, storage, openReporters, progress, signal } = context;
  const { plan, at } = snapshot;
  const retryAt = new Map<string, Temporal.Instant>();
  const overran: Overrun[] = [];
  const tasks = new Map(plan.entries.map(({ task }) => [task.id, task]));
  const report = (event: RunEvent) => {
    if (event.type !== "task.finished") return;
    const { result } = event;
    const now = clock.now();
    const retry = retryAfter(result, now);
    if (retry) retryAt.set(result.task, retry);
    const task = tasks.get(result.task);
    const tick = retry || !task ? null : tickDuring(task, at, now);
    if (tick) overran.push({ task: result.task, tick });
  };
  const isRequested = plan.entries.some((entry) =>
    entry.included && isNamed(entry.task, requested)
  );
  progress.bytes = 0;
  const outcome = await runTasks(config, plan, {
    ...context,
    trigger: isRequested ? "page" : context.trigger,
    lists: {
      replan: async () => (await takeSnapshot(request, storage.state, at)).plan,
      acceptsShrunk: false,
    },
    storage: {
      state: storage.state,
      openStore: async (owned) => {
        const store = await storage.openStore(owned);
        await requireUsable(store, plan, signal);
        return store;
      },
    },
    openReporters: async () => [
      ...await openReporters(),
      { report, close: () => Promise.resolve() },
    ],
  });
  return { kind: "ran", snapshot, outcome, retryAt, overran };
}

/**
 * Checks that the store is usable. If it is not, the tick fails and its tasks stay due, without a
 * failure in their records.
 *
 * @throws {CronfetchError} `store.` codes.
 */
async function requireUsable(store: Store, { entries }: Plan, signal: AbortSignal): Promise<void> {
  using _abortable = store.abortOn(signal);
  const keys = entries.filter(({ included, task }) => included && !isListKey(task.key))
    .map(({ task }) => task.key);
  await store.statCache(keys, signal).ready();
}

/** When to try a task again after this result; null where the record determines it. */
function retryAfter(
  { status, notBefore }: TaskResult,
  now: Temporal.Instant,
): Temporal.Instant | null {
  switch (status) {
    case "skipped":
    case "cancelled":
      return now.add({ milliseconds: RETRY_MS });
    case "deferred":
      // The record has it too, but is ignored if the clock was set back.
      return notBefore === undefined
        ? now.add({ milliseconds: RETRY_MS })
        : Temporal.Instant.from(notBefore);
    case "created":
    case "updated":
    case "unchanged":
    case "pending":
    case "failed":
      return null;
    default:
      return status satisfies never;
  }
}
