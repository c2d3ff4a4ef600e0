/** One pass: look at what is due by now, and run it. What every trigger sets off. */

import { type Config, tasksOf } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Reporter, RunEvent } from "../core/event.ts";
import type { TaskResult } from "../core/result.ts";
import type { Plan, Task } from "../core/task.ts";
import { bugMessage } from "../core/text.ts";
import { type DueMemory, makePlan } from "../schedule/due.ts";
import { nextWake, tickDuring, type Wake } from "../schedule/trigger.ts";
import { dueMemory } from "../state/record.ts";
import type { State } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import { carryOut, type RunContext, type RunOutcome } from "./run.ts";

/** What a pass is about. */
export interface PassRequest {
  readonly config: Config;
  /** Ids of the only tasks that count, or null for all. */
  readonly asked: ReadonlySet<string> | null;
  /** Ids of tasks that somebody wants now, whatever their schedules say. Unknown ones are nobody's. */
  readonly wanted: ReadonlySet<string>;
  /** Whether a task is run only if it is wanted, by its id. */
  readonly isPaused: (task: string) => boolean;
  /** Tasks that are left alone although they are due, by id, and until when. */
  readonly leftUntil: ReadonlyMap<string, Temporal.Instant>;
}

/** What a pass works with. */
export interface PassContext
  extends Pick<RunContext, "host" | "state" | "progress" | "signal" | "interruptedExitCode"> {
  /** Opens the store, if anything is to be run; the pass disposes of it. */
  readonly openStore: () => Promise<Store>;
  /** Makes those who are told, if anything is to be run; the pass closes them. */
  readonly openReporters: () => readonly Reporter[] | Promise<readonly Reporter[]>;
  /** Told what the pass has found, before anything is run. */
  readonly looked?: (look: Look) => void;
}

/** What is to be done now, and when there will be something. */
export interface Look {
  /** When it was. */
  readonly at: Temporal.Instant;
  readonly plan: Plan;
  /** Tasks that are to run now. */
  readonly due: number;
  /** When something comes due by itself: `at` if something is; null for never. */
  readonly wake: Wake | null;
}

/** How a pass ended. */
export type Pass =
  | { readonly kind: "idle"; readonly look: Look }
  | {
    readonly kind: "ran";
    readonly look: Look;
    readonly outcome: RunOutcome;
    /** Tasks that were not brought to an end, and may be due still; and when to look again. */
    readonly leftUntil: ReadonlyMap<string, Temporal.Instant>;
    /** Tasks that were at work when their next ticks came. */
    readonly overran: readonly Overrun[];
  }
  | { readonly kind: "failed"; readonly error: CronfetchError };

/** A task that was at work when its next tick came. */
export interface Overrun {
  /** Its id. */
  readonly task: string;
  /** The first such tick. */
  readonly tick: Temporal.Instant;
}

/**
 * As long as a task is left alone that a run could not bring to an end: because
 * another run holds it, say. It is what the lease of a dead run lasts.
 */
const LEFT_MS = 60_000;

/**
 * Looks at what is due, and writes nothing.
 *
 * @throws {CronfetchError} `state.` and `store.` codes; `config.invalid` if a date spoils a name.
 */
export async function lookForDue(
  { config, asked, wanted, isPaused, leftUntil }: PassRequest,
  state: State,
  at: Temporal.Instant,
): Promise<Look> {
  const tasks = tasksOf(config, at);
  const records = await state.records(tasks.map((task) => task.id));
  const memoryOf = ({ id }: Task): DueMemory => {
    const memory = dueMemory(records.get(id));
    const left = leftUntil.get(id);
    return left ? { ...memory, leftUntil: left } : memory;
  };
  const isCounting = ({ id }: Task) => asked?.has(id) ?? true;
  const { entries } = makePlan({ tasks, asked, due: memoryOf, at });
  const plan: Plan = {
    entries: entries.map((entry) => {
      if (wanted.has(entry.task.id)) return { ...entry, included: true, reason: "asked for" };
      const isHeld = isCounting(entry.task) && isPaused(entry.task.id);
      return isHeld ? { ...entry, included: false, reason: "paused" } : entry;
    }),
  };
  const waiting = tasks.filter((task) => isCounting(task) && !isPaused(task.id));
  return {
    at,
    plan,
    due: plan.entries.filter((entry) => entry.included).length,
    wake: nextWake(waiting, memoryOf, at),
  };
}

/**
 * Runs what is due by now, if anything is. Never throws: what stands in its way
 * is how it ends. So does a bug, as `internal`.
 */
export async function runPass(request: PassRequest, context: PassContext): Promise<Pass> {
  try {
    const look = await lookForDue(request, context.state, context.host.clock.now());
    context.looked?.(look);
    return look.due === 0 ? { kind: "idle", look } : await runPlan(look, request.config, context);
  } catch (error) {
    return { kind: "failed", error: failureOf(error) };
  }
}

async function runPlan(look: Look, config: Config, context: PassContext): Promise<Pass> {
  const { openStore, openReporters, ...rest } = context;
  const { host: { clock }, progress } = context;
  await using store = await openStore();
  await checkStore(store, look.plan, rest.signal);
  const reporters = await openReporters();
  const leftUntil = new Map<string, Temporal.Instant>();
  const overran: Overrun[] = [];
  const tasks = new Map(look.plan.entries.map(({ task }) => [task.id, task]));
  const report = (event: RunEvent) => {
    if (event.type !== "task.finished") return;
    const { result } = event;
    const now = clock.now();
    const left = leftAfter(result, now);
    if (left) leftUntil.set(result.task, left);
    const task = tasks.get(result.task);
    const tick = left || !task ? null : tickDuring(task, look.at, now);
    if (tick) overran.push({ task: result.task, tick });
  };
  progress.bytes = 0;
  try {
    const outcome = await carryOut(look.plan, {
      ...rest,
      store,
      reporters: [...reporters, { report, close: () => Promise.resolve() }],
      configFiles: config.files,
      limits: config.limits,
      alertAfter: config.alertAfter,
      secrets: config.secrets,
    });
    return { kind: "ran", look, outcome, leftUntil, overran };
  } finally {
    for (const reporter of reporters) await reporter.close();
  }
}

/**
 * Looks whether a store can be used. That it cannot is no fault of the tasks:
 * they stay due, and the pass has failed.
 *
 * @throws {CronfetchError} `store.` codes.
 */
async function checkStore(store: Store, { entries }: Plan, signal: AbortSignal): Promise<void> {
  using _heeding = store.abortOn(signal);
  const keys = entries.filter((entry) => entry.included).map(({ task }) => task.key);
  await store.statCache(keys, signal).ready();
}

/** Until when a task with this result is left alone; null where its record says all. */
function leftAfter(
  { status, notBefore }: TaskResult,
  now: Temporal.Instant,
): Temporal.Instant | null {
  switch (status) {
    case "skipped":
    case "cancelled":
      return now.add({ milliseconds: LEFT_MS });
    case "deferred":
      // Its record says so too, but is not believed once the clock was put back.
      return notBefore === undefined
        ? now.add({ milliseconds: LEFT_MS })
        : Temporal.Instant.from(notBefore);
    case "created":
    case "updated":
    case "unchanged":
    case "failed":
      return null;
    default:
      return status satisfies never;
  }
}

function failureOf(error: unknown): CronfetchError {
  // What went wrong in closing what had failed already says nothing new.
  if (error instanceof SuppressedError) return failureOf(error.suppressed);
  if (error instanceof CronfetchError) return error;
  return new CronfetchError("internal", bugMessage(error), { cause: error });
}
