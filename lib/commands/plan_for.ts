/** From what was prepared to a plan, with what is remembered where that matters. */

import type { Flags } from "../cli.ts";
import type { Host } from "../core/host.ts";
import type { Plan } from "../core/task.ts";
import { makePlan } from "../schedule/plan.ts";
import { openState } from "../state/open.ts";
import { dueMemory } from "../state/record.ts";
import type { State } from "../state/state.ts";
import type { Prepared } from "./prepare.ts";

/** The plan of a run, by a state that is open. */
export async function planWith(
  { tasks, asked, at }: Prepared,
  { due }: Pick<Flags, "due">,
  state: State,
): Promise<Plan> {
  if (!due) return makePlan({ tasks, asked, due: null, at });
  const records = await state.records(tasks.map((task) => task.id));
  return makePlan({ tasks, asked, due: (task) => dueMemory(records.get(task.id)), at });
}

/** The plan of a run that is only looked at; the state is opened where schedules need it. */
export async function planFor(
  prepared: Prepared,
  flags: Pick<Flags, "due">,
  host: Host,
): Promise<Plan> {
  const { tasks, asked, at, config } = prepared;
  if (!flags.due) return makePlan({ tasks, asked, due: null, at });
  await using state = await openState(config.state, host);
  return await planWith(prepared, flags, state);
}
