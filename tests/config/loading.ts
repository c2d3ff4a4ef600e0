/** Loads configs for tests: from texts and values, at a fixed time. */

import { assertInstanceOf } from "@std/assert";
import { dirname } from "@std/path";
import { type Config, tasksOf } from "../../lib/config/config.ts";
import type { ConfigInput } from "../../lib/config/input.ts";
import { loadConfig, type LoadRequest } from "../../lib/config/load.ts";
import { type Complaint, ConfigError, formatProblem, partsOf } from "../../lib/config/problem.ts";
import type { Task } from "../../lib/core/task.ts";
import { testHost } from "../helpers/host.ts";

/** A Thursday, and in Berlin already a Friday. */
export const AT = Temporal.Instant.from("2026-01-15T23:30:00Z");

/** What to load, and the host. */
export interface LoadOptions extends Partial<LoadRequest> {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
}

/** Loads as the command line does. */
export function load({ env, cwd, stdin, ...request }: LoadOptions): Promise<Config> {
  const host = testHost({ env: env ?? {}, cwd: cwd ?? "/start", stdin: stdin ?? "" });
  return loadConfig({
    files: [],
    urls: [],
    overrides: {},
    at: AT,
    ...request,
  }, host);
}

/** Loads a config from standard input. */
export function loadText(stdin: string, given: LoadOptions = {}): Promise<Config> {
  return load({ ...given, files: ["-"], stdin });
}

/** Loads a config given as a value. */
export function loadInput(config: ConfigInput, given: LoadOptions = {}): Promise<Config> {
  return loadText(JSON.stringify(config), given);
}

/** The tasks of a config given as a value. */
export async function tasksIn(config: ConfigInput, given: LoadOptions = {}): Promise<Task[]> {
  return tasksOf(await loadInput(config, given), AT);
}

/** The only task of a config. */
export async function onlyTask(
  task: NonNullable<ConfigInput["tasks"]>[number],
  given: LoadOptions = {},
): Promise<Task> {
  const [first, ...others] = await tasksIn({ tasks: [task] }, given);
  if (first === undefined || others.length > 0) throw new Error("expected one task");
  return first;
}

/** The error of a load. */
export async function errorOf(loading: Promise<unknown>): Promise<ConfigError> {
  try {
    await loading;
  } catch (error) {
    assertInstanceOf(error, ConfigError);
    return error;
  }
  throw new Error("the config was loaded");
}

/** The formatted problems of a load, without the name of standard input. */
export async function problemLinesOf(loading: Promise<unknown>): Promise<string[]> {
  const { problems } = await errorOf(loading);
  return problems.map((problem) => formatProblem(problem).replace("standard input:", ""));
}

/** A complaint in one line; empty for none. */
export function complaintText(complaint: Complaint | null | undefined): string {
  if (complaint === null || complaint === undefined) return "";
  const { message, hint } = partsOf(complaint);
  return hint === null ? message : `${message}; ${hint}`;
}

/** Creates files and their folders. */
export async function makeFiles(
  folder: { file(name: string): string },
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(folder.file(name)), { recursive: true });
    await Deno.writeTextFile(folder.file(name), text);
  }
}
