/** The planner: one worker at a time makes due hosts wait for workers, and sends alerts. */

import type { Config } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { FleetState } from "../state/postgres/fleet.ts";
import { nameOf } from "../state/postgres/rows.ts";
import { dueMemories } from "../state/record.ts";
import type { State } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import { checkPlanAlerts, deliverPlanChanges } from "../worker/run.ts";
import type { Dispatch } from "./dispatch.ts";
import { type FleetPlan, hintOf } from "./fleet_plan.ts";
import type { FleetRegistry } from "./registry.ts";

/** What a planner uses. */
export interface PlannerContext {
  readonly config: Config;
  readonly plan: FleetPlan;
  readonly host: Host;
  readonly state: State;
  readonly fleet: FleetState;
  readonly dispatch: Pick<Dispatch, "announce">;
  readonly registry: FleetRegistry;
  readonly store: Store;
  /** Ends the planning. */
  readonly signal: AbortSignal;
}

/** Hosts announced at a time, at most: those that have waited longest. */
const MOST_HOSTS = 10_000;

/** Time between two announcements of the fleet, in milliseconds. */
const ANNOUNCE_MS = 1_000;

/** An announcement that takes long is repeated after this many times its duration. */
const REST_FACTOR = 10;

/** The hints are computed again after this time, for what a crash or a wrong clock has left. */
const HINTS_MS = 10 * 60_000;

/** Time between two evaluations of alerts, and deliveries of what hooks have not received. */
const ALERTS_MS = 60_000;

/**
 * Plans until the signal is aborted. Any number of planners may run: each round is taken by one of
 * them, and repeating it is harmless. A state that is unavailable is waited for.
 */
export async function planRepeatedly(context: PlannerContext): Promise<void> {
  const { host: { clock, timers }, registry, signal } = context;
  let everyMs = ANNOUNCE_MS;
  while (!signal.aborted) {
    try {
      if (await registry.takeRound("hints", HINTS_MS)) await setHints(context);
      if (await registry.takeRound("announce", everyMs)) {
        const sinceMs = clock.monotonicMs();
        await announceDue(context);
        everyMs = Math.max(ANNOUNCE_MS, REST_FACTOR * (clock.monotonicMs() - sinceMs));
      }
      if (needsAlerts(context.config) && await registry.takeRound("alerts", ALERTS_MS)) {
        await evaluateAlerts(context);
      }
    } catch (error) {
      // The pool of the state has reported that it is unavailable.
      if (!(error instanceof CronfetchError)) throw error;
    }
    await timers.sleep(Math.ceil(everyMs), signal).catch(() => {});
  }
}

/** Makes the hosts wait that have due tasks. Returns how many began to wait. */
export async function announceDue(
  { fleet, dispatch }: Pick<PlannerContext, "fleet" | "dispatch">,
): Promise<number> {
  const due = await fleet.dueHosts(MOST_HOSTS);
  return due.length === 0 ? 0 : await dispatch.announce(due.map(({ host }) => host));
}

/** Writes when each task of the config is due, and removes the hints of others. */
export async function setHints(
  { plan, host: { clock }, state, fleet }: Pick<
    PlannerContext,
    "plan" | "host" | "state" | "fleet"
  >,
): Promise<void> {
  const now = clock.now();
  const tasks = plan.tasks(now);
  const memoryOf = await dueMemories(tasks, state);
  await fleet.setDue(tasks.map((task) => hintOf(task, memoryOf(task), now)));
  const { rows } = await fleet.query(`SELECT task FROM ${fleet.schema}.due`);
  const gone = rows.map(({ task }) => nameOf(String(task))).filter((id) => !plan.has(id));
  if (gone.length > 0) await fleet.removeDue(gone);
}

function needsAlerts({ alerts, tasks }: Config): boolean {
  return alerts.length > 0 || tasks.some(({ task }) => task.onChange.length > 0);
}

async function evaluateAlerts(context: PlannerContext): Promise<void> {
  const { config, plan, host, state, store, signal } = context;
  const entries = plan.tasks(host.clock.now())
    .map((task) => ({ task, included: false, reason: "" }));
  const own = {
    ...{ host, signal, trigger: "watch", interruptedExitCode: () => 0 } as const,
    storage: { state, openStore: () => Promise.resolve(store) },
  };
  await deliverPlanChanges(config, { entries }, own);
  await checkPlanAlerts(config, { entries }, null, own);
}
