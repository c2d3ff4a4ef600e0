/** Whether the commands of alerts may be run here, and are there. Runs nothing. */

import { join, resolve } from "@std/path";
import type { Config } from "../config/config.ts";
import { variable } from "../config/variables.ts";
import type { Host } from "../core/host.ts";
import type { Finding } from "./finding.ts";

/** Looks for the program of each alert that is a command, once each. */
export async function checkPrograms(
  { alerts }: Pick<Config, "alerts">,
  host: Pick<Host, "env" | "cwd">,
): Promise<Finding[]> {
  const names = alerts.flatMap((alert) => alert.kind === "command" ? [alert.command[0]] : []);
  return await Promise.all([...new Set(names)].map((name) => checkProgram(name, host)));
}

async function checkProgram(name: string, host: Pick<Host, "env" | "cwd">): Promise<Finding> {
  const places = placesOf(name, host);
  const found = places === null ? null : await firstProgram(places);
  if (places !== null && found === null) {
    const message = `the command ${name} is not there: no alert can be given to it`;
    return { check: "alerts", verdict: "wrong", message };
  }
  // Deno knows a command that is granted by the path it is found at, if it is granted at all.
  const { state } = await Deno.permissions.query({ name: "run", command: name });
  if (state !== "granted") {
    const message = `the command ${name} may not be run: that needs --allow-run=${name}`;
    return { check: "alerts", verdict: "wrong", message };
  }
  const message = found === null ? `the command ${name} may be run` : `the command is ${found}`;
  return { check: "alerts", verdict: "good", message };
}

/** Where a program can be, in the order in which it is looked for; null where nobody can tell. */
function placesOf(name: string, host: Pick<Host, "env" | "cwd">): string[] | null {
  const isWindows = Deno.build.os === "windows";
  if (name.includes("/") || (isWindows && name.includes("\\"))) {
    return endings(resolve(host.cwd(), name), host);
  }
  const path = variable("PATH", host);
  if (path === undefined) return null;
  return path.split(isWindows ? ";" : ":")
    .flatMap((folder) => endings(join(resolve(host.cwd(), folder), name), host));
}

/** Windows finds `mail` where `mail.exe` is. */
function endings(path: string, host: Pick<Host, "env">): string[] {
  const more = Deno.build.os === "windows" ? variable("PATHEXT", host)?.split(";") ?? [] : [];
  return [path, ...more.map((ending) => path + ending)];
}

async function firstProgram(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) if (await isProgram(path)) return path;
  return null;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    const { isFile, mode } = await Deno.stat(path);
    // Windows has no such bits.
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}
