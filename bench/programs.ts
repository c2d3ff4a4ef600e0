/** Finds the programs that the benchmarks need. */

import { exists } from "@std/fs";
import { NGINX } from "../tests/heavy/nginx.ts";

/** A third-party program. */
export type ProgramName = "nginx" | "time" | "curl" | "wget2" | "aria2c" | "aiohttp";

/** An installed program. */
export interface InstalledProgram {
  /** Path, or a name on `PATH`. */
  readonly path: string;
  /** As printed by the program. */
  readonly version: string;
}

/** Commands that print versions. */
const VERSION_COMMANDS: Readonly<
  Record<Exclude<ProgramName, "aiohttp">, readonly [string, ...string[]]>
> = {
  nginx: [NGINX ?? "nginx", "-v"],
  time: ["/usr/bin/time", "--version"],
  curl: ["curl", "--version"],
  wget2: ["wget2", "--version"],
  aria2c: ["aria2c", "--version"],
};

/** Debian's packages belong to Debian's Python, which may not be the first on `PATH`. */
const PYTHONS = ["python3", "/usr/bin/python3"];
const ASK_AIOHTTP = "import aiofiles, aiohttp; print(aiohttp.__version__)";

/** Finds all programs; missing ones are omitted. */
export async function findPrograms(): Promise<ReadonlyMap<ProgramName, InstalledProgram>> {
  const found = new Map<ProgramName, InstalledProgram>();
  for (const [name, [path, ...args]] of Object.entries(VERSION_COMMANDS)) {
    const version = await versionOf(path, args);
    if (version !== null) found.set(name as ProgramName, { path, version });
  }
  for (const path of PYTHONS) {
    const version = await versionOf(path, ["-c", ASK_AIOHTTP]);
    if (version !== null && !found.has("aiohttp")) found.set("aiohttp", { path, version });
  }
  return found;
}

/** The version of a program; null if it cannot be run. */
async function versionOf(path: string, args: readonly string[]): Promise<string | null> {
  if (path.startsWith("/") && !await exists(path)) return null;
  try {
    const { code, stdout, stderr } = await new Deno.Command(path, { args: [...args] }).output();
    if (code !== 0) return null;
    const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    return /\d+\.\d+(?:\.\d+)*/.exec(output)?.[0] ?? "unknown";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
