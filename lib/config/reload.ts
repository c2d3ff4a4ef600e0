/**
 * A config that may be edited while a program stays.
 *
 * Its files are asked about again and again, rather than watched by the system:
 * editors put a new file in an old one's place, folders of containers and
 * networks send no news of what changes in them, and asking takes no more than
 * leave to read the files.
 */

import { dirname, extname, resolve } from "@std/path";
import type { Timers } from "../core/host.ts";

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
const PATIENCE = 40;

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
  let seen = await looksOf(watched);
  const first = await load(false);

  return {
    first,
    changed: async (signal) => {
      let found = await looksOf(watched);
      if (found === seen) return null;
      for (let waits = 0; waits < PATIENCE; waits++) {
        await timers.sleep(SETTLED_MS, signal);
        const last = found;
        found = await looksOf(watched);
        if (found === last) break;
      }
      seen = found;
      // A look for a config that is not there any more fails here as it does in `load`.
      watched = await withImports(await files());
      seen = await looksOf(watched);
      return await load(true);
    },
  };
}

/** How files look from outside: what changes with whatever is done to one, its times restored or not. */
async function looksOf(paths: readonly string[]): Promise<string> {
  return (await Promise.all(paths.map(lookOf))).join("\n");
}

async function lookOf(path: string): Promise<string> {
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
