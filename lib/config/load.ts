/** Files, standard input, arguments, flags and environment -> one Config, or every mistake in them. */

import { dirname, extname, join, resolve } from "@std/path";
import type { Host, Timers } from "../core/host.ts";
import { loadPatternEngine, type PatternEngine } from "../core/pattern.ts";
import { combine, type CombineContext } from "./combine.ts";
import type { Config } from "./config.ts";
import { variable } from "./variables.ts";
import { NO_OVERRIDES, type Overrides, readOverrides } from "./overrides.ts";
import { ConfigError, type Problem, problemLines, ProblemList } from "./problem.ts";
import { argumentSource, readSource } from "./read.ts";
import type { ConfigInput } from "./input.ts";
import { createRedactor } from "./secrets.ts";
import { readValue, type Source } from "./source.ts";
import { CronfetchError } from "../core/errors.ts";
import { CONFIG_NAMES } from "../core/ownership.ts";

/** What to load. */
export interface LoadRequest {
  /** Files in order, as they were given; `-` is standard input. Empty: look for one. */
  readonly files: readonly string[];
  /** URLs given as arguments. With these and without files no file is looked for. */
  readonly urls: readonly string[];
  /** Name of the file of the only URL in `urls`. Default: the URL's own. */
  readonly name?: string;
  /** Values of flags. */
  readonly overrides: Overrides;
  /** When, for checking what the dates in names and URLs come to. */
  readonly at: Temporal.Instant;
  /** The state where nobody names one. Default: a database beside the config. */
  readonly defaultState?: string;
  /** Whether modules that were run before are to be run anew. Default: false. */
  readonly reload?: boolean;
}

/** The part of the host that loading needs. */
export type LoadHost = Pick<Host, "env" | "cwd" | "readStdin">;

/**
 * Loads a config: the named files or the nearest `cronfetch.*`, and over them
 * environment variables, and over these flags. Requests nothing.
 *
 * @throws {ConfigError} with every mistake in all of them.
 * @throws {CronfetchError} `config.not-found` if no file was named and none is
 * there, `config.invalid` if one folder holds two.
 */
export async function loadConfig(request: LoadRequest, host: LoadHost): Promise<Config> {
  const problems = new ProblemList();
  const overrides = readOverrides(request.overrides, host, problems.listed);
  const files = await filesOf(request, host);
  const again = request.reload ?? false;
  const sources: Source[] = [];
  for (const file of files) {
    const reading = await readSource(file, host, again);
    for (const problem of reading.problems) problems.add(() => problem);
    if (reading.source) sources.push(reading.source);
  }
  if (request.urls.length > 0) sources.push(argumentSource(request, host.cwd()));
  const patterns = await patternEngineFor(sources.map(({ value }) => value));
  const paths = pathsOf(files, host);
  const surroundings = { ...request, host, overrides, problems, patterns, files: paths };
  return { ...combineOrThrow(sources, surroundings), files: paths };
}

/**
 * The absolute paths of the files that {@linkcode loadConfig} reads.
 *
 * @throws {CronfetchError} As that does where it finds none, or two.
 */
export async function configFiles(
  request: Pick<LoadRequest, "files" | "urls">,
  host: Pick<LoadHost, "env" | "cwd">,
): Promise<string[]> {
  return pathsOf(await filesOf(request, host), host);
}

/**
 * Loads a config that a program made. Flags and the `CRONFETCH_` variables do
 * not count, `${env:NAME}` does.
 *
 * @param request Has the engine of {@linkcode patternEngineFor} if the value may have patterns.
 * @throws {ConfigError} with every mistake in it.
 */
export function loadValue(
  value: ConfigInput,
  request: Pick<LoadRequest, "at"> & { readonly patterns?: PatternEngine | null },
  host: Pick<Host, "env" | "cwd">,
): Config {
  const problems = new ProblemList();
  const { source, problems: flaws } = readValue("config", host.cwd(), value);
  for (const flaw of flaws) problems.add(() => flaw);
  const sources = source ? [source] : [];
  const surroundings = {
    ...{ patterns: null, ...request },
    ...{ host, overrides: NO_OVERRIDES, problems, files: [] },
  };
  return { ...combineOrThrow(sources, surroundings), files: [] };
}

/** Loads the engine for `expect.matches` if one of the configs has a pattern; null if none has. */
export async function patternEngineFor(configs: readonly unknown[]): Promise<PatternEngine | null> {
  return configs.some(hasPattern) ? await loadPatternEngine() : null;
}

function hasPattern(config: unknown): boolean {
  const tasks = field(config, "tasks");
  return [field(config, "defaults"), ...(Array.isArray(tasks) ? tasks : [])]
    .some((options) => typeof field(field(options, "expect"), "matches") === "string");
}

function field(value: unknown, name: string): unknown {
  try {
    return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  } catch {
    // A getter that throws is a mistake, which loading reports.
    return undefined;
  }
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
  sources: readonly Source[],
  given: Omit<CombineContext, "warnings">,
): Omit<Config, "files"> {
  const warnings = new ProblemList();
  const surroundings = { ...given, warnings };
  const config = combine(sources, surroundings);
  const { listed, unlisted, unchecked } = surroundings.problems;
  const [first, ...others] = sortAndRedact(listed, config.secrets);
  if (first !== undefined) throw new ConfigError([first, ...others], unlisted, unchecked);
  const readableWarnings = sortAndRedact(warnings.listed, config.secrets);
  return { ...config, warnings: problemLines(readableWarnings, warnings.unlisted) };
}

/** Problems as people read: source after source, from top to bottom, without a secret. */
function sortAndRedact(problems: readonly Problem[], secrets: readonly string[]): Problem[] {
  const redact = createRedactor(secrets);
  const bySource = Map.groupBy(problems, (problem) => problem.source);
  return [...bySource.values()].flatMap((group) =>
    group
      .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
      .map((problem) => ({ ...problem, message: redact(problem.message) }))
  );
}

/**
 * Looks for a config in a folder, then in each one above it, up to the first
 * that holds `.git` or to the root.
 *
 * @returns Its absolute path.
 * @throws {CronfetchError} `config.not-found` if there is none, `config.invalid`
 * if a folder holds two.
 */
export async function findConfig(folder: string): Promise<string> {
  let current = folder;
  for (;;) {
    const found = await existing(current, CONFIG_NAMES);
    const [first, second] = found;
    if (second !== undefined) {
      throw new CronfetchError(
        "config.invalid",
        `Looking for a config: ${current} holds ${found.join(" and ")}; ` +
          "remove all but one, or name the ones to use with --config",
      );
    }
    if (first !== undefined) return join(current, first);
    const above = dirname(current);
    if (above === current || (await existing(current, [".git"])).length > 0) break;
    current = above;
  }
  const where = current === folder ? folder : `${folder} or in a folder above it, up to ${current}`;
  throw new CronfetchError(
    "config.not-found",
    `Looking for a config: there is no ${CONFIG_NAMES.join(", ")} in ${where}; ` +
      "cronfetch init makes one, and --config names one elsewhere",
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
    // What may not be read cannot be used either.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) {
      return false;
    }
    throw error;
  }
}

/** What is in force, and what comes after it. */
export interface ConfigSource<Loaded> {
  /** As it was loaded at first. */
  readonly first: Loaded;
  /**
   * Looks whether the files have changed, and loads them if so.
   *
   * @param signal Ends the wait for files that are still being written.
   * @returns Null if they are as they were when it was last asked.
   * @throws {CronfetchError} Every mistake in them, once for each change. Or the signal's reason.
   */
  changed(signal: AbortSignal): Promise<Loaded | null>;
}

/** Where a config comes from. */
export interface ConfigRequest<Loaded> {
  /** Loads it; `again` says that modules are to be run anew. */
  readonly load: (again: boolean) => Promise<Loaded>;
  /** The absolute paths of the files that `load` is going to read. */
  readonly files: () => Promise<readonly string[]>;
  readonly timers: Timers;
}

/** How long files must stay the same to be taken for written, in milliseconds. */
const SETTLED_MS = 250;

/** How often that is waited for. */
const MAX_SETTLE_WAITS = 40;

/**
 * Loads a config for the first time.
 *
 * @throws {CronfetchError} Every mistake in it.
 */
export async function openConfigSource<Loaded>(
  { load, files, timers }: ConfigRequest<Loaded>,
): Promise<ConfigSource<Loaded>> {
  // Looked at before they are read, so that no edit in between goes unseen.
  let watched = await withImports(await files());
  let seen = await fingerprintsOf(watched);
  const first = await load(false);

  return {
    first,
    changed: async (signal) => {
      let found = await fingerprintsOf(watched);
      if (found === seen) return null;
      for (let waits = 0; waits < MAX_SETTLE_WAITS; waits++) {
        await timers.sleep(SETTLED_MS, signal);
        const last = found;
        found = await fingerprintsOf(watched);
        if (found === last) break;
      }
      seen = found;
      // A look for a config that is not there any more fails here as it does in `load`.
      watched = await withImports(await files());
      seen = await fingerprintsOf(watched);
      return await load(true);
    },
  };
}

/** How files look from outside: what changes with whatever is done to one, its times restored or not. */
async function fingerprintsOf(paths: readonly string[]): Promise<string> {
  return (await Promise.all(paths.map(fingerprintOf))).join("\n");
}

async function fingerprintOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtime, ctime } = await Deno.stat(path);
    return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

const MODULES = new Set([".ts", ".mts", ".js", ".mjs"]);

/** What a module imports from files. What only looks like it is looked at too, and does no harm. */
const IMPORT = /\b(?:from|import)(?:\s+|\s*\(\s*)?["'](\.{1,2}\/[^"'\n]+)["']/g;

/** The files, and those that modules among them import, directly or not. */
async function withImports(files: readonly string[]): Promise<string[]> {
  const found = new Set(files);
  // What is added on the way is come to as well.
  for (const path of found) {
    if (!MODULES.has(extname(path).toLowerCase())) continue;
    const text = await Deno.readTextFile(path).catch(() => "");
    for (const [, specifier = ""] of text.matchAll(IMPORT)) {
      found.add(resolve(dirname(path), specifier));
    }
  }
  return [...found];
}
