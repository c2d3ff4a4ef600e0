/** The tasks of a run: those of the config, and those that are derived from it and the state. */

import { type Config, isExpanded, tasksOf, type TaskTemplate } from "../config/config.ts";
import type { Task } from "../core/task.ts";
import type { ItemState } from "./derive.ts";
import type { State } from "../state/state.ts";
import type { DateSpan } from "./dates.ts";

/**
 * Returns the tasks of a config at a time: those of the config in their order, a list before the
 * tasks of its items, and one task per date of a task with `dates`. Writes nothing. The tasks of a
 * config without lists and dates are returned synchronously.
 *
 * @param state Holds the items of the lists, as their last refresh found them, and the closed dates.
 * @param at The time of the run.
 * @param backfill Which dates to return instead of those within `dates.last`. Default: none.
 * @throws {CronfetchError} `config.invalid`, as `tasksOf`; any `state.` code.
 */
export function expandTasks(
  config: Pick<Config, "tasks">,
  state: ItemState & Pick<State, "records">,
  at: Temporal.Instant,
  backfill: Backfill | null = null,
): readonly Task[] | Promise<readonly Task[]> {
  const tasks = tasksOf(config, at);
  return config.tasks.some(isExpanded)
    ? expandLater(config.tasks, tasks, state, { at, backfill })
    : tasks;
}

/** Loads what expands on demand: most configs have neither lists nor dates. */
async function expandLater(
  templates: readonly TaskTemplate[],
  tasks: readonly Task[],
  state: ItemState & Pick<State, "records">,
  { at, backfill }: { readonly at: Temporal.Instant; readonly backfill: Backfill | null },
): Promise<readonly Task[]> {
  const derived = templates.some(({ list }) => list !== undefined)
    ? await (await import("./derive.ts")).deriveTasks(templates, tasks, state)
    : tasks;
  if (!templates.some(({ dates }) => dates !== undefined)) return derived;
  const { datedTasks, withDates } = await import("./dates.ts");
  const { span = null, reopen = false } = backfill ?? {};
  const dated = await datedTasks(withDates(templates), state, { at, span, reopen });
  return derived.flatMap((task) => dated.get(task.id) ?? [task]);
}

/** Dates that a run fetches besides those within `dates.last`. */
export interface Backfill {
  readonly span: DateSpan;
  /** Whether closed dates are requested again. */
  readonly reopen: boolean;
}
