/** Executes the due tasks of a claimed host, and writes what came of them under its fence. */

import type { Config } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { Plan, Task } from "../core/task.ts";
import { decideDue } from "../schedule/due.ts";
import type { FleetState } from "../state/postgres/fleet.ts";
import type { Guard } from "../state/postgres/fences.ts";
import { dueMemories } from "../state/record.ts";
import type { State } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import { type GatherContext, gatherTasks } from "../worker/gather.ts";
import { openHooks } from "../worker/hooks.ts";
import type { Leases } from "../worker/leases.ts";
import { hostOf } from "../worker/parking.ts";
import { TaskRecords } from "../worker/records.ts";
import { type FleetPlan, hintOf } from "./fleet_plan.ts";
import type { SlicePool } from "./slice_pool.ts";
import type { HeldHost, SliceEnd } from "./worker.ts";

/** What slices use, of one worker. */
export interface SliceContext {
  readonly config: Config;
  readonly plan: FleetPlan;
  readonly host: Host;
  readonly state: State;
  readonly fleet: FleetState;
  readonly store: Store;
  readonly pool: SlicePool;
  /** The table of the claims. */
  readonly claims: string;
  /** What the tasks of one slice add their results to. Called once for each slice with due tasks. */
  readonly begin: () => Period;
  /** Reports a state that cannot be read or written; the slice ends, and the next planning repeats it. */
  readonly onFailure: (error: CronfetchError) => void;
  /** Receives warnings about hooks. */
  readonly warn: (warning: string) => void;
}

/** A part of the life of a worker: what a run is elsewhere. */
export interface Period
  extends Omit<GatherContext, "config" | "host" | "state" | "parked" | "signal"> {
  /** Called when a slice has ended. */
  end(): void;
}

/** How long a slice waits that could not be read, in milliseconds. */
const FAILURE_MS = 1_000;

const NOTHING_LEFT: SliceEnd = { kind: "done", isMore: false };

/** Executes the slice of a claimed host. */
export async function executeSlice(held: HeldHost, context: SliceContext): Promise<SliceEnd> {
  const { host: { timers }, onFailure } = context;
  try {
    return await executeDue(held, context);
  } catch (error) {
    if (!(error instanceof CronfetchError)) throw error;
    if (held.isValid()) onFailure(error);
    await timers.sleep(FAILURE_MS, held.signal).catch(() => {});
    return NOTHING_LEFT;
  }
}

async function executeDue(held: HeldHost, context: SliceContext): Promise<SliceEnd> {
  const { config, plan, host: { clock }, state, fleet } = context;
  const { host } = held.claim;
  const limit = config.fleet.slice;
  const now = clock.now();
  const ids = await fleet.dueTasks(host, limit);
  const tasks = plan.tasks(now, ids);
  const recorded = await dueMemories(tasks, state);
  // A date in a host may have moved the task.
  const due = tasks.filter((task) =>
    hostOf(task) === host && decideDue(task, recorded(task), now).due
  );
  const parked = await state.parked();
  if (due.length > 0) await executeTasks(due, held, parked, context);
  if (!held.isValid()) return NOTHING_LEFT;
  const after = clock.now();
  const memoryOf = await dueMemories(tasks, state);
  await fleet.setDue(tasks.map((task) => hintOf(task, memoryOf(task), after)));
  const until = parked.get(host);
  if (until && Temporal.Instant.compare(until, after) > 0) return { kind: "parked", until };
  const handled = new Set(ids);
  const left = await fleet.dueTasks(host, limit);
  // What is due again already is announced by the next planning: another host comes first.
  return { kind: "done", isMore: left.some((id) => plan.has(id) && !handled.has(id)) };
}

async function executeTasks(
  due: readonly Task[],
  held: HeldHost,
  parked: Map<string, Temporal.Instant>,
  context: SliceContext,
): Promise<void> {
  const { config, host, state, fleet, store, claims } = context;
  const guard = fleet.guard(claims, held.claim, due.map(({ id }) => id));
  const period = context.begin();
  try {
    const plan = planOf(due, context);
    const { run, emit } = period;
    const { signal } = held;
    const hooks = due.some(({ onChange }) => onChange.length > 0)
      ? await openHooks({ run, plan, config, host, state, store, signal, emit })
      : null;
    const leases = await claimedTasks(due, held, guard, state);
    await gatherTasks({
      ...{ plan, tasks: due, store, leases, hooks },
      execute: (execution) => context.pool.execute(execution, held),
    }, { ...period, config, host, state, parked, signal });
    if (hooks !== null) (await hooks.finish(leases)).forEach(context.warn);
  } finally {
    period.end();
    await flush(guard, held, context);
  }
}

/** Writes the changes, however long the state is unavailable: without the guard, it would write later ones. */
async function flush(
  guard: Guard,
  { signal }: HeldHost,
  { state, host: { timers }, onFailure }: SliceContext,
): Promise<void> {
  for (;;) {
    try {
      await state.flush();
      return guard[Symbol.dispose]();
    } catch (error) {
      if (!(error instanceof CronfetchError)) throw error;
      onFailure(error);
      // The process ends, or another worker continues; the guard stays.
      if (signal.aborted || error.retry === "never") return;
      await timers.sleep(FAILURE_MS, signal).catch(() => {});
    }
  }
}

/** The plan of a slice; of all tasks, if a server may name a key that is another one's. */
function planOf(due: readonly Task[], { plan, host: { clock } }: SliceContext): Plan {
  const included = new Set(due.map(({ id }) => id));
  const tasks = due.some(({ namedByServer }) => namedByServer) ? plan.tasks(clock.now()) : due;
  return {
    entries: tasks.map((task) => {
      return { task, included: included.has(task.id), reason: "due" };
    }),
  };
}

/** The claim of a host is the lease of its tasks. */
async function claimedTasks(
  tasks: readonly Task[],
  held: HeldHost,
  guard: Guard,
  state: State,
): Promise<Leases> {
  const records = await TaskRecords.open(tasks, state);
  return {
    otherRuns: [],
    has: () => held.isValid() && !guard.isLost(),
    recordOf: (task) => records.recordOf(task),
    releaseRecord: (task) => records.release(task),
    serverKeyOf: (task) => records.serverKeyOf(task),
    release: () => state.flush(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
