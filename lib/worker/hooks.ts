/** The hooks of a run: they receive changes at least once, in order per task, beside the downloads. */

import type { Config } from "../config/config.ts";
import type { Plan, Task } from "../core/task.ts";
import type { State } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import {
  createDeliverer,
  type Deliverer,
  type DelivererContext,
  HOOK_CONCURRENCY,
} from "./deliverer.ts";
import { failureOf } from "./history.ts";
import { type Leases, leaseTasks } from "./leases.ts";
import { isDue, Outbox } from "./outbox.ts";

/** What hooks use. */
export interface HooksContext extends DelivererContext {
  readonly config: DelivererContext["config"] & Pick<Config, "tasks">;
  /** Id of the run, or of another holder of leases. */
  readonly run: string;
  readonly plan: Plan;
  readonly state: State;
}

/** The hooks of a run. */
export interface Hooks {
  /** Saves a change before it is published. */
  readonly claim: Outbox["claim"];
  /**
   * Confirms the change of a task, and starts to deliver it.
   *
   * @param publishedAt When its record was saved; null if it was not, or nothing was published.
   */
  settle(task: Task, publishedAt: string | null): void;
  /**
   * Waits for the deliveries, and then delivers what earlier runs have left.
   *
   * @returns Warnings about failures, without `warning:`.
   */
  finish(leases: Pick<Leases, "has">): Promise<readonly string[]>;
}

/**
 * Creates the hooks of a run.
 *
 * @throws {CronfetchError} `state.` and `store.` codes.
 */
export async function openHooks(context: HooksContext): Promise<Hooks> {
  const { plan, signal } = context;
  const outbox = await Outbox.open(context);
  const deliverer = createDeliverer(outbox, context);
  const settled = new Set<string>();
  const queue: Task[] = [];
  const working = new Set<Promise<void>>();

  const work = async () => {
    for (let task = queue.shift(); task && !signal.aborted; task = queue.shift()) {
      await deliverer.deliver(task, true);
    }
  };

  return {
    claim: (task, change) => outbox.claim(task, change),
    settle: (task, publishedAt) => {
      if (!outbox.settle(task.id, publishedAt)) return;
      settled.add(task.id);
      queue.push(task);
      if (working.size === HOOK_CONCURRENCY) return;
      const worker = work().finally(() => working.delete(worker));
      working.add(worker);
    },
    finish: async (leases) => {
      await using _closing = deliverer;
      while (working.size > 0) await Promise.all(working);
      const left = (await tasksWithChanges(plan, outbox.tasks(), context.config))
        .filter((task) => !settled.has(task.id) && outbox.isDue(task));
      await deliverer.deliverAll(left.filter(({ id }) => leases.has(id)));
      const others = left.filter(({ id }) => !leases.has(id));
      await deliverer.guard(() => deliverLeased(others, outbox, deliverer, context));
      return deliverer.warnings;
    },
  };
}

/** What {@linkcode deliverPending} uses. */
export interface PendingContext extends Omit<HooksContext, "run" | "emit" | "store"> {
  /** Opens the store, if there is something to deliver. */
  readonly openStore: (owned: AsyncDisposableStack) => Promise<Store>;
}

/**
 * Delivers what earlier runs have left, if nothing is due. Never throws.
 *
 * @returns Warnings about failures, without `warning:`.
 */
export async function deliverPending(context: PendingContext): Promise<readonly string[]> {
  const { plan, host: { clock }, state, signal } = context;
  try {
    // An evaluation costs one read, unless there is something to deliver.
    const outboxes = await state.deliveries(null);
    const due = (await tasksWithChanges(plan, outboxes.keys(), context.config))
      .filter(({ id }) => isDue(outboxes.get(id), clock.now()));
    if (due.length === 0 || signal.aborted) return [];
    await using owned = new AsyncDisposableStack();
    const store = await context.openStore(owned);
    using _abortable = store.abortOn(signal);
    const own = { ...context, store, run: "", emit: () => {} };
    const outbox = await Outbox.open(own);
    await using deliverer = createDeliverer(outbox, own);
    await deliverer.guard(() => deliverLeased(due, outbox, deliverer, own));
    return deliverer.warnings;
  } catch (error) {
    return [`Delivering changes failed: ${failureOf(error).message}`];
  }
}

/** The tasks of a plan, and closed dates with changes that their hooks have not received. */
async function tasksWithChanges(
  { entries }: Plan,
  changed: Iterable<string>,
  { tasks: templates }: Pick<Config, "tasks">,
): Promise<readonly Task[]> {
  const tasks = entries.map(({ task }) => task);
  if (!templates.some(({ dates }) => dates !== undefined)) return tasks;
  const { taskOfId, withDates } = await import("../lists/dates.ts");
  const planned = new Set(tasks.map(({ id }) => id));
  const dated = withDates(templates);
  const closed = [...changed].filter((id) => !planned.has(id)).map((id) => taskOfId(id, dated));
  return [...tasks, ...closed.filter((task) => task !== null)];
}

/** Leases tasks that the run does not have, and delivers their changes. */
async function deliverLeased(
  tasks: readonly Task[],
  outbox: Outbox,
  deliverer: Deliverer,
  { state, host: { timers, random }, signal }: Pick<HooksContext, "state" | "host" | "signal">,
): Promise<void> {
  if (tasks.length === 0 || signal.aborted) return;
  // Another run that has leased a task delivers its changes itself.
  await using leases = await leaseTasks(tasks, `hooks-${random.name()}`, { state, timers });
  const own = tasks.filter(({ id }) => leases.has(id));
  await outbox.refresh(own);
  await deliverer.deliverAll(own);
  await leases.release();
}
