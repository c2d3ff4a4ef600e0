/** What the commands share: from flags to a sound config, its tasks, and their plan. */

import type { Flags } from "../cli.ts";
import type { Config } from "../config/config.ts";
import { variable } from "../config/environment.ts";
import { loadConfig } from "../config/load.ts";
import { OVERRIDE_NAMES } from "../config/overrides.ts";
import { knownIds, tasksOf } from "../config/tasks.ts";
import type { Host } from "../core/host.ts";
import type { Plan, Task } from "../core/task.ts";
import { checkCron } from "../schedule/cron.ts";
import { makePlan } from "../schedule/plan.ts";
import { dueMemory } from "../state/record.ts";
import type { State } from "../state/state.ts";

/** What a command that is about tasks starts from. */
export interface Prepared {
  readonly config: Config;
  /** Every task of the config, with this instant's dates in it. */
  readonly tasks: readonly Task[];
  /** The ids a person asked for, or null for all. */
  readonly asked: ReadonlySet<string> | null;
  /** The instant of the run. */
  readonly at: Temporal.Instant;
}

/**
 * Loads the config that the operands and flags speak of.
 *
 * @param operands Ids of tasks, and URLs.
 * @param again Whether it was loaded before, and modules are to be run anew.
 * @throws {CronfetchError} `usage` and `config.` codes.
 */
export async function prepare(
  operands: readonly string[],
  flags: Flags,
  host: Host,
  again = false,
): Promise<Prepared> {
  const urls = urlsAmong(operands);
  const ids = [...operands.filter((operand) => !operand.includes("://")), ...flags.only];
  const at = host.clock.now();
  const config = await loadConfig({
    files: flags.config,
    urls,
    overrides: {
      ...flags,
      store: flags.output,
      state: stateAsked(flags, urls, host),
      allowPrivate: flags.allowPrivate === true ? "true" : undefined,
    },
    at,
    checkSchedule: checkCron,
    again,
  }, host);
  if (!flags.quiet) {
    for (const warning of config.warnings) host.stderr.write(`warning: ${warning}\n`);
  }
  const tasks = tasksOf(config, at);
  return { config, tasks, asked: ids.length === 0 ? null : knownIds(ids, tasks), at };
}

/** A config with nothing in it but the tasks that a person asked for. */
export function onlyAsked({ config, asked }: Pick<Prepared, "config" | "asked">): Config {
  if (asked === null) return config;
  return { ...config, tasks: config.tasks.filter(({ task }) => asked.has(task.id)) };
}

/** Those operands that are URLs. */
export function urlsAmong(operands: readonly string[]): string[] {
  return operands.filter((operand) => operand.includes("://"));
}

/**
 * What the command line says about the state. Where it names nothing but URLs,
 * files are wanted and no folder of ours beside them: nothing is remembered.
 */
function stateAsked(
  { state, config }: Pick<Flags, "state" | "config">,
  urls: readonly string[],
  host: Host,
): string | undefined {
  const named = state ?? variable(OVERRIDE_NAMES.state.variable, host);
  const isBare = urls.length > 0 && config.length === 0;
  return isBare && named === undefined ? "memory:" : state;
}

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
