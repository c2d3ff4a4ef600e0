/** From operands and flags to a valid config, its tasks, and their plan. */

import { dirname, resolve, SEPARATOR } from "@std/path";
import {
  type AlertConfig,
  type Config,
  isExpanded,
  tasksOf,
  type TaskTemplate,
  withoutHooks,
} from "../config/config.ts";
import { OVERRIDES } from "../config/override_table.ts";
import { ConfigError, withLastHint } from "../config/problem.ts";
import { loadConfig, type LoadRequest } from "../config/load.ts";
import { variable } from "../config/variables.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { Plan, Task } from "../core/task.ts";
import { type Backfill, expandTasks } from "../lists/expand.ts";
import { makePlan } from "../schedule/plan.ts";
import { dueMemories } from "../state/record.ts";
import type { State } from "../state/state.ts";
import { alertingOnFailure } from "../worker/run.ts";
import type { Flags } from "./flags.ts";

/** What a command on tasks starts from. */
export interface Prepared {
  readonly config: Config;
  /** Every task, those that are derived from the state included, with dates filled in for `at`. */
  readonly tasks: readonly Task[];
  /** Ids of the tasks that the command line selects, and of the named parents; null for all. */
  readonly selected: ReadonlySet<string> | null;
  /** The instant of the run. */
  readonly at: Temporal.Instant;
  /** Whether the command line names only URLs: then only partial files are kept for a later run. */
  readonly isBare: boolean;
}

/** How a command that sends no request loads the config: it needs no secrets. */
export const PASSIVE = { unsetSecrets: "placeholder" } as const;

/**
 * Loads the config that the operands and flags select.
 *
 * @param operands Ids of tasks, and URLs.
 * @param loading How a watch, or a command that sends no request, loads the config.
 * @throws {CronfetchError} `usage` and `config.` codes.
 */
export async function prepare(
  operands: readonly string[],
  flags: Flags,
  host: Host,
  loading: Pick<LoadRequest, "reload" | "beforeRead" | "unsetSecrets" | "onInvalid"> = {},
): Promise<Prepared> {
  const urls = [...new Set(urlsAmong(operands))];
  const ids = [...operands.filter((operand) => !operand.includes("://")), ...flags.only];
  const at = host.clock.now();
  const isBare = urls.length > 0 && ids.length === 0 && flags.config.length === 0;
  const output = isBare && flags.output !== undefined
    ? await outputOf(flags.output, urls.length, host)
    : { store: flags.output };
  if (flags.output !== undefined) await checkFolders(output.store ?? "", host);
  const loaded = await loadConfig({
    files: flags.config,
    urls,
    ...output,
    overrides: {
      ...flags,
      store: output.store,
      state: stateOverride(flags, urls, host),
      allowPrivate: flags.allowPrivate === true ? "true" : undefined,
    },
    at,
    ...loading,
  }, host).catch((error: unknown) => {
    throw explainOperands(error, operands, isBare);
  });
  const config = flags.hooks === false ? withoutHooks(loaded) : loaded;
  if (!flags.quiet && config.warnings.length > 0) {
    (await import("./errors.ts")).writeProblems(config.warnings, "warning", host);
  }
  if (!flags.quiet && !isBare) await warnOfFolder(flags.output, host);
  const backfill = flags.since === undefined && flags.until === undefined
    ? null
    : (await import("./backfill.ts")).readBackfill(flags, [...urls, ...ids], config, at);
  const tasks = config.tasks.some(isExpanded)
    ? await readTasks(config, { at, backfill }, host, loading.onInvalid !== undefined)
    : tasksOf(config, at);
  const named = backfill !== null && ids.length === 0
    ? config.tasks.filter(({ dates }) => dates !== undefined).map(({ task }) => task.id)
    : ids;
  const selected = named.length === 0
    ? null
    : (await import("../config/known_ids.ts")).knownIds(named, tasks, config.tasks);
  return { config, tasks, selected, at, isBare: isBareRun(flags, urls, host) };
}

/**
 * Reads the state for the tasks that are derived from it, and closes it: ids are checked before
 * anything else happens.
 *
 * @param isRun Whether alerts report a state that cannot be read.
 */
async function readTasks(
  config: Config,
  { at, backfill }: { readonly at: Temporal.Instant; readonly backfill: Backfill | null },
  host: Host,
  isRun: boolean,
): Promise<readonly Task[]> {
  const read = async () => {
    const { openExistingState } = await import("../worker/storage.ts");
    // The minifier of the bundle would lose a `using` here.
    const state = await openExistingState(config.state, host, config.historyMs);
    try {
      return await expandTasks(config, state, at, backfill);
    } finally {
      await state[Symbol.asyncDispose]();
    }
  };
  const { signal } = new AbortController();
  return await (isRun ? alertingOnFailure({ config, host, signal, state: null }, read) : read());
}

/**
 * {@linkcode prepare} for a command that runs tasks. If the config is invalid, its valid alerts
 * report that nothing runs; not when it is reloaded, as the last config stays in force then.
 */
export async function prepareRun(
  operands: readonly string[],
  flags: Flags,
  host: Host,
  loading: Pick<LoadRequest, "reload" | "beforeRead"> = {},
): Promise<Prepared> {
  const invalid: AlertConfig[] = [];
  const onInvalid = (config: AlertConfig) => void invalid.push(config);
  try {
    return await prepare(operands, flags, host, { ...loading, onInvalid });
  } catch (error) {
    const [config] = invalid;
    if (config === undefined || loading.reload) throw error;
    const { signal } = new AbortController();
    const context = { config, host, signal, state: null };
    return await alertingOnFailure(context, () => Promise.reject(error));
  }
}

/** The value of `--output`: a store, and the name of the only file in it. */
interface OutputTarget {
  readonly store: string;
  readonly name?: string;
}

/**
 * Reads `--output` where the command line names only URLs: for one URL, an existing file or a last
 * part with an extension names the file, unless it is a folder; anything else is a store.
 *
 * @throws {CronfetchError} `usage`, for several URLs and a name for one file.
 */
async function outputOf(
  output: string,
  urlCount: number,
  { cwd }: Pick<Host, "cwd">,
): Promise<OutputTarget> {
  const kind = await kindOf(resolve(cwd(), output));
  const named = kind === "file" ? splitName(output) : splitOutput(output);
  if (named === null || kind === "folder") return { store: output };
  if (urlCount === 1) return named;
  // A file in place of the folder is reported by `checkFolders`.
  if (kind === "file") return { store: output };
  throw new CronfetchError(
    "usage",
    `--output ${JSON.stringify(output)} names one file, and there are ${urlCount} URLs; ` +
      `write ${JSON.stringify(`${output}/`)} for a folder of that name`,
  );
}

/** Rejects a folder that cannot be created, because a part of its path is a file. */
async function checkFolders(output: string, { cwd }: Pick<Host, "cwd">): Promise<void> {
  if (isLocation(output)) return;
  for (let path = resolve(cwd(), output);; path = dirname(path)) {
    const kind = await kindOf(path);
    if (kind === "file" || kind === "other") {
      throw new CronfetchError(
        "usage",
        `--output ${JSON.stringify(output)} is not a folder: ${JSON.stringify(path)} is ` +
          (kind === "file" ? "a file" : "a device, a pipe or a socket"),
      );
    }
    if (kind === "folder" || dirname(path) === path) return;
  }
}

/** Warns if `--output` looks like a file, but is a folder because the tasks are those of a config. */
async function warnOfFolder(output: string | undefined, host: Host): Promise<void> {
  if (output === undefined || splitOutput(output) === null) return;
  if (await kindOf(resolve(host.cwd(), output)) === "folder") return;
  const { writeMessage } = await import("./errors.ts");
  const message = `--output ${JSON.stringify(output)} is a folder for the tasks of a config`;
  writeMessage("warning", message, 'name the file of a task with its "to"', host);
}

/** Adds a hint to an error that is caused by the operands. */
function explainOperands(error: unknown, operands: readonly string[], isBare: boolean): unknown {
  if (!(error instanceof CronfetchError)) return error;
  const hint = error.code === "config.not-found"
    ? schemeHint(operands)
    : error.code === "config.collision" && isBare
    ? "cronfetch init URL… writes a config in which each URL has its own file"
    : null;
  if (hint === null) return error;
  if (error instanceof ConfigError) return withLastHint(error, hint);
  return new CronfetchError(error.code, error.message, { cause: error, hint });
}

/** A host with a port or a path, as people copy it from a browser. */
const WITHOUT_SCHEME = /^(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::[0-9]+)?[/?]/i;

function schemeHint(operands: readonly string[]): string | null {
  const operand = operands.find((text) => WITHOUT_SCHEME.test(text));
  return operand === undefined
    ? null
    : `a URL needs its scheme: ${JSON.stringify(`https://${operand}`)}`;
}

/**
 * Splits a path whose last part has an extension: up to ten letters and digits after a dot, at
 * least one of them a letter, so that `v1.2` is a folder. Null for any other text.
 */
export function splitOutput(output: string): Required<OutputTarget> | null {
  if (isLocation(output)) return null;
  const split = splitName(output);
  const { name } = split;
  const extension = name.slice(name.lastIndexOf(".") + 1);
  const hasExtension = name.lastIndexOf(".") > 0 && /^[a-z0-9]{1,10}$/i.test(extension) &&
    /[a-z]/i.test(extension);
  return hasExtension ? split : null;
}

/** Splits a path into its folder and its last part. */
function splitName(output: string): Required<OutputTarget> {
  const start = Math.max(output.lastIndexOf("/"), output.lastIndexOf(SEPARATOR)) + 1;
  return { store: output.slice(0, start) || ".", name: output.slice(start) };
}

/** Whether a store is no folder, but a bucket or another location. */
function isLocation(output: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(output);
}

async function kindOf(path: string): Promise<"file" | "folder" | "other" | null> {
  try {
    const { isDirectory, isFile } = await Deno.stat(path);
    return isDirectory ? "folder" : isFile ? "file" : "other";
  } catch {
    return null;
  }
}

/** A config with only the selected tasks. If a derived task is selected, all of its parent are kept. */
export function onlySelected(
  { config, selected }: Pick<Prepared, "config" | "selected">,
): Config {
  if (selected === null) return config;
  const isSelected = (template: TaskTemplate) => {
    const { id } = template.task;
    return selected.has(id) ||
      isExpanded(template) &&
        selected.values().some((one) => one.startsWith(`${id}/`) || one.startsWith(`${id}@`));
  };
  return { ...config, tasks: config.tasks.filter(isSelected) };
}

/** The operands that are URLs. */
export function urlsAmong(operands: readonly string[]): string[] {
  return operands.filter((operand) => operand.includes("://"));
}

/** The state to use instead of the config's. A command line of only URLs keeps no state. */
function stateOverride(
  flags: Pick<Flags, "state" | "config">,
  urls: readonly string[],
  host: Host,
): string | undefined {
  return isBareRun(flags, urls, host) ? "memory:" : flags.state;
}

/** Whether the command line names URLs, but neither a config nor a state. */
function isBareRun(
  { state, config }: Pick<Flags, "state" | "config">,
  urls: readonly string[],
  host: Host,
): boolean {
  const named = state ?? variable(OVERRIDES.state.variable, host);
  return urls.length > 0 && config.length === 0 && named === undefined;
}

/**
 * Plans the selected tasks.
 *
 * @param state With the records that determine what is due; null to include tasks that are not.
 * @throws {CronfetchError} any `state.` code.
 */
export async function planTasks(
  { tasks, selected, at }: Prepared,
  state: State | null,
): Promise<Plan> {
  if (state === null) return makePlan({ tasks, asked: selected, decide: null });
  const [{ decideDue }, memoryOf] = await Promise.all([
    import("../schedule/due.ts"),
    dueMemories(tasks, state),
  ]);
  return makePlan({
    tasks,
    asked: selected,
    decide: (task) => decideDue(task, memoryOf(task), at),
  });
}
