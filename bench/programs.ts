/** The programs that the benchmarks need: where they are, and which are missing. */

import { exists } from "@std/fs";
import { NGINX } from "../tests/heavy/nginx.ts";

/** A program that is not ours. */
export type ProgramName = "nginx" | "time" | "curl" | "wget2" | "aria2c" | "aiohttp";

/** One that was found. */
export interface Program {
  /** Path, or a name that is found on `PATH`. */
  readonly path: string;
  /** As it tells it. */
  readonly version: string;
}

/** How to ask each for its version. */
const ASKED: Readonly<Record<Exclude<ProgramName, "aiohttp">, readonly [string, ...string[]]>> = {
  nginx: [NGINX ?? "nginx", "-v"],
  time: ["/usr/bin/time", "--version"],
  curl: ["curl", "--version"],
  wget2: ["wget2", "--version"],
  aria2c: ["aria2c", "--version"],
};

/** Debian's packages are of Debian's Python, which need not be the first on `PATH`. */
const PYTHONS = ["python3", "/usr/bin/python3"];
const ASK_AIOHTTP = "import aiofiles, aiohttp; print(aiohttp.__version__)";

/** Looks for all of them. Those that are missing are left out. */
export async function findPrograms(): Promise<ReadonlyMap<ProgramName, Program>> {
  const found = new Map<ProgramName, Program>();
  for (const [name, [path, ...args]] of Object.entries(ASKED)) {
    const version = await versionOf(path, args);
    if (version !== null) found.set(name as ProgramName, { path, version });
  }
  for (const path of PYTHONS) {
    const version = await versionOf(path, ["-c", ASK_AIOHTTP]);
    if (version !== null && !found.has("aiohttp")) found.set("aiohttp", { path, version });
  }
  return found;
}

/** What a program says its version is; null if it cannot be run. */
async function versionOf(path: string, args: readonly string[]): Promise<string | null> {
  if (path.startsWith("/") && !await exists(path)) return null;
  try {
    const { code, stdout, stderr } = await new Deno.Command(path, { args: [...args] }).output();
    if (code !== 0) return null;
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    return /\d+\.\d+(?:\.\d+)*/.exec(said)?.[0] ?? "unknown";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
