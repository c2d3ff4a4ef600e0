/** Loading: files, standard input, arguments, flags and environment -> one Config or all problems. */

import { dirname, extname, join, resolve } from "@std/path";
import { CronfetchError } from "../core/errors.ts";
import type { Host, Timers } from "../core/host.ts";
import { CONFIG_NAMES } from "../core/ownership.ts";
import { combine, type CombineContext } from "./combine.ts";
import type { Config } from "./config.ts";
import type { ConfigInput } from "./input.ts";
import { preload } from "./preload.ts";
import { NO_OVERRIDES, type Overrides, readOverrides } from "./overrides.ts";
import { ConfigError, type Problem, ProblemList } from "./problem.ts";
import { argumentSource, readSource } from "./source/read.ts";
import { createRedactor, redactExcerpt } from "./secrets.ts";
import { type ConfigPart, readValue } from "./source/source.ts";
import { variable } from "./variables.ts";

/** What to load. */
export interface LoadRequest {
  /** Files in order, as given; `-` is standard input. Empty: see {@linkcode findConfig}. */
  readonly files: readonly string[];
  /** URLs given as arguments. If there are any, no config is searched for. */
  readonly urls: readonly string[];
  /** Key of the file of the only URL in `urls`. Default: the name in the URL. */
  readonly name?: string;
  /** Values of flags. */
  readonly overrides: Overrides;
  /** Time at which dates in names and URLs are rendered to check them. */
  readonly at: Temporal.Instant;
  /** The state if none is configured. Default: a database beside the config. */
  readonly defaultState?: string;
  /**
   * How a secret without a value is treated: as a problem (default), or as a placeholder that texts
   * show as written, for commands that send no request. The state is always required.
   */
  readonly unsetSecrets?: "problem" | "placeholder";
  /** Whether to run modules again that were imported before. Default: false. */
  readonly reload?: boolean;
  /** Called with the absolute path of each file that the config names before it is read. */
  readonly beforeRead?: (path: string) => void;
  /** Called with what is valid of an invalid config, to report that no run is possible. */
  readonly onInvalid?: (config: Omit<Config, "files" | "warnings">) => void;
}

/** The part of the host that loading needs. */
export type LoadHost = Pick<Host, "env" | "cwd" | "readStdin">;

/**
 * Loads a config from the given files or the nearest `cronfetch.*`. Flags take precedence over
 * environment variables, and these over files. Sends no request.
 *
 * @throws {ConfigError} with every problem of all sources.
 * @throws {CronfetchError} `config.not-found` and `config.invalid`, see {@linkcode findConfig}.
 */
export async function loadConfig(request: LoadRequest, host: LoadHost): Promise<Config> {
  const problems = new ProblemList();
  const overrides = readOverrides(request.overrides, host, problems.listed);
  const files = await filesOf(request, host);
  const sources: ConfigPart[] = [];
  for (const file of files) {
    const result = await readSource(file, host, request.reload ?? false);
    for (const problem of result.problems) problems.add(() => problem);
    if (result.source) sources.push(result.source);
  }
  if (request.urls.length > 0) sources.push(argumentSource(request, host.cwd()));
  const paths = pathsOf(files, host);
  const preloaded = await preload(sources, request.beforeRead);
  const context = { ...request, ...preloaded, host, overrides, problems, files: paths };
  return { ...combineOrThrow(sources, context, request.onInvalid), files: paths };
}

/**
 * Returns the absolute paths of the files that {@linkcode loadConfig} reads.
 *
 * @throws {CronfetchError} `config.not-found` and `config.invalid`, see {@linkcode findConfig}.
 */
export async function configFiles(
  request: Pick<LoadRequest, "files" | "urls">,
  host: Pick<LoadHost, "env" | "cwd">,
): Promise<string[]> {
  return pathsOf(await filesOf(request, host), host);
}

/**
 * Loads a config from a value. Flags and `CRONFETCH_` variables are ignored, `${env:NAME}` and
 * `${file:PATH}` are substituted; paths start at the working folder.
 *
 * @throws {ConfigError} with every problem.
 */
export async function loadValue(
  value: ConfigInput,
  request: Pick<LoadRequest, "at">,
  host: Pick<Host, "env" | "cwd">,
): Promise<Config> {
  const problems = new ProblemList();
  const result = readValue("config", host.cwd(), value);
  for (const problem of result.problems) problems.add(() => problem);
  const sources = result.source ? [result.source] : [];
  const context = {
    ...request,
    ...await preload(sources),
    ...{ host, overrides: NO_OVERRIDES, problems, files: [] },
  };
  return { ...combineOrThrow(sources, context), files: [] };
}

async function filesOf(
  request: Pick<LoadRequest, "files" | "urls">,
  host: Pick<LoadHost, "env" | "cwd">,
): Promise<readonly string[]> {
  if (request.files.length > 0 || request.urls.length > 0) return request.files;
  return [variable("CRONFETCH_CONFIG", host) ?? await findConfig(host.cwd())];
}

function pathsOf(files: readonly string[], { cwd }: Pick<LoadHost, "cwd">): string[] {
  return files.filter((file) => file !== "-").map((file) => resolve(cwd(), file));
}

function combineOrThrow(
  sources: readonly ConfigPart[],
  context: Omit<CombineContext, "warnings">,
  onInvalid?: LoadRequest["onInvalid"],
): Omit<Config, "files"> {
  const warnings = new ProblemList();
  const config = combine(sources, { ...context, warnings });
  const { listed, unlisted, unchecked } = context.problems;
  const [first, ...others] = sortAndRedact(listed, config.secrets);
  const readableWarnings = sortAndRedact(warnings.listed, config.secrets);
  if (first !== undefined) {
    onInvalid?.(config);
    throw new ConfigError([first, ...others], unlisted, unchecked, readableWarnings);
  }
  return { ...config, warnings: readableWarnings };
}

/** Sorts problems by source, line and column, and redacts their texts. */
function sortAndRedact(problems: readonly Problem[], secrets: readonly string[]): Problem[] {
  const redact = createRedactor(secrets);
  const bySource = Map.groupBy(problems, (problem) => problem.source);
  return [...bySource.values()].flatMap((group) =>
    group
      .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
      .map((problem) => ({
        ...problem,
        message: redact(problem.message),
        hint: problem.hint && redact(problem.hint),
        excerpt: problem.excerpt && redactExcerpt(problem.excerpt, redact),
      }))
  );
}

/**
 * Searches a folder and its parents for a config, up to the first folder that contains `.git`.
 *
 * @returns Its absolute path.
 * @throws {CronfetchError} `config.not-found` if none is found, `config.invalid` if one folder
 * contains several.
 */
export async function findConfig(folder: string): Promise<string> {
  let current = folder;
  for (;;) {
    const found = await existing(current, CONFIG_NAMES);
    const [first, second] = found;
    if (second !== undefined) {
      throw new CronfetchError(
        "config.invalid",
        `Searching for a config: ${current} contains ${found.join(" and ")}`,
        { hint: "remove all but one, or select one with --config" },
      );
    }
    if (first !== undefined) return join(current, first);
    const above = dirname(current);
    if (above === current || (await existing(current, [".git"])).length > 0) break;
    current = above;
  }
  if (!await mayRead(folder)) {
    throw new CronfetchError(
      "config.not-found",
      `Searching for a config: no permission to read ${folder}`,
      { hint: "add the permission --allow-read of Deno, or -P in a checkout" },
    );
  }
  const where = current === folder ? folder : `${folder} or its parent folders`;
  const [name, ...others] = CONFIG_NAMES;
  const extensions = others.map((other) => other.slice(other.lastIndexOf("."))).join(", ");
  throw new CronfetchError(
    "config.not-found",
    `There is no ${name} (or ${extensions}) in ${where}`,
    { hint: "cronfetch init writes one; --config FILE selects one elsewhere" },
  );
}

async function existing(folder: string, names: readonly string[]): Promise<string[]> {
  const present = await Promise.all(names.map((name) => exists(join(folder, name))));
  return names.filter((_, index) => present[index]);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    // Without permission to read it, the file is not usable either.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) {
      return false;
    }
    throw error;
  }
}

/** Returns whether Deno may read a folder; a narrow permission is for some files in it. */
async function mayRead(folder: string): Promise<boolean> {
  const { state } = await Deno.permissions.query({ name: "read", path: folder });
  return state === "granted";
}

/**
 * A config that is reloaded after its files change.
 *
 * Its files are polled instead of watched: editors replace files, mounted and network folders send
 * no change events, and polling needs no permission besides reading the files.
 */
export interface ConfigSource<Loaded> {
  /** The config as first loaded. */
  readonly first: Loaded;
  /**
   * Reloads the config if its files have changed since the last call.
   *
   * @param signal Aborts the wait for files that are still being written.
   * @returns Null if the files have not changed.
   * @throws {CronfetchError} with every problem, once per change; or the reason of the signal.
   */
  changed(signal: AbortSignal): Promise<Loaded | null>;
}

/** How a config is loaded and reloaded. */
export interface ConfigRequest<Loaded> {
  /** Loads the config; see {@linkcode LoadRequest.reload}. */
  readonly load: (
    reload: boolean,
    beforeRead: NonNullable<LoadRequest["beforeRead"]>,
  ) => Promise<Loaded>;
  /** Returns the absolute paths of the config files that `load` reads. */
  readonly files: () => Promise<readonly string[]>;
  readonly timers: Timers;
}

/** Files that do not change for this time are considered written. */
const SETTLE_MS = 250;

/** Maximum number of waits for files that keep changing. */
const MAX_SETTLE_WAITS = 40;

/**
 * Loads a config and prepares to reload it.
 *
 * @throws {CronfetchError} with every problem.
 */
export async function openConfigSource<Loaded>(
  { load, files, timers }: ConfigRequest<Loaded>,
): Promise<ConfigSource<Loaded>> {
  let previous: Fingerprints = new Map();
  const read = async (reload: boolean): Promise<Loaded> => {
    // Throws the same error as `load` if the config has been deleted.
    const paths = await withImports(await files());
    // Taken before the files are read, so that no change in between is missed.
    const last = previous = await fingerprintsOf(paths);
    return await load(reload, (path) => void last.set(path, fingerprintSync(path)));
  };
  const first = await read(false);

  return {
    first,
    changed: async (signal) => {
      const paths = [...previous.keys()];
      let found = await fingerprintsOf(paths);
      if (isSame(found, previous)) return null;
      for (let waits = 0; waits < MAX_SETTLE_WAITS; waits++) {
        await timers.sleep(SETTLE_MS, signal);
        const last = found;
        found = await fingerprintsOf(paths);
        if (isSame(found, last)) break;
      }
      previous = found;
      return await read(true);
    },
  };
}

/** Metadata of files by path; it changes with every modification, even if the time is restored. */
type Fingerprints = Map<string, string>;

async function fingerprintsOf(paths: readonly string[]): Promise<Fingerprints> {
  return new Map(
    await Promise.all(paths.map(async (path) => [path, await fingerprintOf(path)] as const)),
  );
}

/** Whether fingerprints of the same paths are equal. */
function isSame(one: Fingerprints, other: Fingerprints): boolean {
  return [...one].every(([path, fingerprint]) => other.get(path) === fingerprint);
}

async function fingerprintOf(path: string): Promise<string> {
  try {
    return fingerprint(await Deno.stat(path));
  } catch (error) {
    return nameOfError(error);
  }
}

/** {@linkcode fingerprintOf} a file that is read next: also secret files, which are read at once. */
function fingerprintSync(path: string): string {
  try {
    return fingerprint(Deno.statSync(path));
  } catch (error) {
    return nameOfError(error);
  }
}

function fingerprint({ dev, ino, size, mtime, ctime }: Deno.FileInfo): string {
  return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
}

function nameOfError(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}

const MODULES = new Set([".ts", ".mts", ".js", ".mjs"]);

/** An import of a file. A match in a comment or a string only adds a file to poll. */
const IMPORT = /\b(?:from|import)(?:\s+|\s*\(\s*)?["'](\.{1,2}\/[^"'\n]+)["']/g;

/** The files and the transitive imports of modules among them. */
async function withImports(files: readonly string[]): Promise<string[]> {
  const found = new Set(files);
  // The iteration includes the paths that it adds.
  for (const path of found) {
    if (!MODULES.has(extname(path).toLowerCase())) continue;
    const text = await Deno.readTextFile(path).catch(() => "");
    for (const [, specifier = ""] of text.matchAll(IMPORT)) {
      found.add(resolve(dirname(path), specifier));
    }
  }
  return [...found];
}
