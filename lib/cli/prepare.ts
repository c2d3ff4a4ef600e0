/** What the commands share: from flags to a sound config, its tasks, and their plan. */

import { resolve, SEPARATOR } from "@std/path";
import type { Flags } from "./flags.ts";
import { type Config, knownIds, tasksOf } from "../config/config.ts";
import { variable } from "../config/variables.ts";
import { loadConfig } from "../config/load.ts";
import { OVERRIDES } from "../config/input.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { Plan, Task } from "../core/task.ts";
import { makePlan } from "../schedule/due.ts";
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
  /** Only URLs were given: nothing outlives the run, except parts that a later call can resume. */
  readonly isBare: boolean;
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
  const isBare = urls.length > 0 && ids.length === 0 && flags.config.length === 0;
  const output = isBare && flags.output !== undefined
    ? await outputOf(flags.output, urls.length, host)
    : { store: flags.output };
  const config = await loadConfig({
    files: flags.config,
    urls,
    ...output,
    overrides: {
      ...flags,
      store: output.store,
      state: stateAsked(flags, urls, host),
      allowPrivate: flags.allowPrivate === true ? "true" : undefined,
    },
    at,
    reload: again,
  }, host);
  if (!flags.quiet) {
    for (const warning of config.warnings) host.stderr.write(`warning: ${warning}\n`);
  }
  const tasks = tasksOf(config, at);
  const asked = ids.length === 0 ? null : knownIds(ids, tasks);
  return { config, tasks, asked, at, isBare: isBareRun(flags, urls, host) };
}

/** What `--output` is for: a store, and the name of the only file in it. */
interface OutputPlace {
  readonly store: string;
  readonly name?: string;
}

/**
 * Reads `--output` where the command line names only URLs: for one URL a last part with an
 * extension names the file, unless it is a folder; anything else is a store.
 *
 * @throws {CronfetchError} `usage`, for several URLs and a name for one file.
 */
async function outputOf(
  output: string,
  urlCount: number,
  { cwd }: Pick<Host, "cwd">,
): Promise<OutputPlace> {
  const place = splitOutput(output);
  if (place === null || await isFolder(resolve(cwd(), output))) return { store: output };
  if (urlCount === 1) return place;
  throw new CronfetchError(
    "usage",
    `--output ${JSON.stringify(output)} names one file, and there are ${urlCount} URLs; ` +
      `write ${JSON.stringify(`${output}/`)} for a folder of that name`,
  );
}

/**
 * Splits a path whose last part has an extension: up to ten letters and digits after a dot, at
 * least one of them a letter, so that `v1.2` is a folder. Null for any other text.
 */
export function splitOutput(output: string): Required<OutputPlace> | null {
  if (/^[a-z][a-z0-9+.-]+:/i.test(output)) return null;
  const name = output.slice(Math.max(output.lastIndexOf("/"), output.lastIndexOf(SEPARATOR)) + 1);
  const extension = name.slice(name.lastIndexOf(".") + 1);
  const hasExtension = name.lastIndexOf(".") > 0 && /^[a-z0-9]{1,10}$/i.test(extension) &&
    /[a-z]/i.test(extension);
  if (!hasExtension) return null;
  return { store: output.slice(0, output.length - name.length) || ".", name };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
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
  flags: Pick<Flags, "state" | "config">,
  urls: readonly string[],
  host: Host,
): string | undefined {
  return isBareRun(flags, urls, host) ? "memory:" : flags.state;
}

/** Whether the command line names URLs, and neither a config nor a state. */
function isBareRun(
  { state, config }: Pick<Flags, "state" | "config">,
  urls: readonly string[],
  host: Host,
): boolean {
  const named = state ?? variable(OVERRIDES.state.variable, host);
  return urls.length > 0 && config.length === 0 && named === undefined;
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
