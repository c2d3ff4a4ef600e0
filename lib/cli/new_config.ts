/** A config from URLs and imported tasks, checked like any other. */

import { type ConfigInput, DEFAULTS, type TaskInput } from "../config/input.ts";
import { loadValue } from "../config/load.ts";
import { ConfigError, quote } from "../config/problem.ts";
import { redactUrl } from "../config/secrets.ts";
import { variable } from "../config/variables.ts";
import type { Host } from "../core/host.ts";
import { configText, type WrittenFormat } from "./config_text.ts";
import type { ImportedConfig } from "./import/assemble.ts";
import type { ImportNote } from "./import/draft.ts";
import { withDistinctNames } from "./task_names.ts";

/** A new config, and what was not imported. */
export interface NewConfig {
  readonly text: string;
  readonly taskCount: number;
  readonly notes: readonly ImportNote[];
}

/** What a config is made of. */
export interface NewConfigRequest {
  readonly urls: readonly string[];
  /** Null if nothing is imported. */
  readonly imported: ImportedConfig | null;
  readonly format: WrittenFormat;
  /** What a TypeScript config imports `defineConfig` from. */
  readonly library: string;
}

/**
 * Makes a config with tasks, and checks it. Without any task it has an example.
 *
 * @throws {ConfigError} A URL is invalid, or two tasks have one file.
 */
export async function newConfig(
  { urls, imported, format, library }: NewConfigRequest,
  host: Pick<Host, "env" | "cwd" | "clock">,
): Promise<NewConfig> {
  const at = host.clock.now();
  const given = [...imported?.tasks ?? [], ...[...new Set(urls)].map((url) => ({ url }))];
  const tasks = given.length > 0 ? withDistinctNames(given, at) : [EXAMPLE];
  const { store, schedule, timezone } = DEFAULTS;
  const settings: ConfigInput = { store, schedule, timezone, ...imported?.settings };
  // Variables may get their values later; one that begins a URL is a URL.
  const bases = new Set(tasks.map(({ url }) => /^\$\{env:([^}]*)\}/.exec(url)?.[1]));
  const env = (name: string) =>
    variable(name, host) ?? (bases.has(name) ? "https://placeholder.invalid/" : "placeholder");
  const load = async (candidates: readonly TaskInput[]) => {
    const config = withoutFiles({ ...settings, tasks: [...candidates] });
    await loadValue(config, { at }, { env, cwd: host.cwd });
  };
  const { kept, notes } = await validTasks(tasks, imported !== null, load);
  const text = await configText({ ...settings, tasks: kept }, format, library);
  return { text, taskCount: kept.length, notes: [...imported?.notes ?? [], ...notes] };
}

/** The task of a config without any other. */
const EXAMPLE: TaskInput = { url: "https://www.irs.gov/pub/irs-pdf/f1040.pdf" };

/**
 * Leaves out imported tasks that a config does not allow, each with a note.
 *
 * @param load Loads a config with these tasks.
 * @throws {ConfigError} The tasks are not imported, none is valid, or something else is invalid.
 */
async function validTasks(
  tasks: readonly TaskInput[],
  isImported: boolean,
  load: (tasks: readonly TaskInput[]) => Promise<void>,
): Promise<{ readonly kept: TaskInput[]; readonly notes: readonly ImportNote[] }> {
  try {
    await load(tasks);
    return { kept: [...tasks], notes: [] };
  } catch (error) {
    if (!(error instanceof ConfigError) || !isImported) throw error;
    const invalid = new Map(error.problems.map(({ path, message, hint }) => [
      Number(/^tasks\[([0-9]+)\]/.exec(path)?.[1] ?? -1),
      // The index is that of a list the user does not see.
      `${path.replace(/^tasks\[[0-9]+\]\.?/, "")} ${message}${hint === null ? "" : `; ${hint}`}`,
    ]));
    const kept = tasks.filter((_, index) => !invalid.has(index));
    if (invalid.has(-1) || kept.length === 0) throw error;
    await load(kept);
    const notes = [...invalid].map(([index, reason]) => ({
      line: null,
      // After an unclosed quote, the URL is the rest of the text.
      what: quote(redactUrl(tasks[index]?.url ?? "")),
      reason,
    }));
    return { kept, notes };
  }
}

/** A config without certificates, which are needed only where it is used. */
function withoutFiles(config: ConfigInput): ConfigInput {
  const hosts = Object.entries(config.hosts ?? {}).map(([host, { proxy }]) => [host, { proxy }]);
  return { ...config, hosts: Object.fromEntries(hosts) };
}
