/**
 * How the running program was started, as the start of a command line: from a checkout, a bundle,
 * `deno install`, npm, JSR, a container or a compiled binary.
 */

import { dirname, fromFileUrl, join, SEPARATOR } from "@std/path";
import manifest from "../../../deno.json" with { type: "json" };
import { variable } from "../../config/variables.ts";
import type { Host } from "../../core/host.ts";

/** What identifies a program. */
export interface RunningProgram {
  /** URL of the main module. */
  readonly mainModule: string;
  /** Absolute path of Deno, or of the compiled binary. */
  readonly execPath: string;
  /** Whether `deno compile` made it. */
  readonly isCompiled: boolean;
  /** Whether the command `deno` starts the same Deno. */
  readonly isOnPath: boolean;
}

/** The words of a command line around the permission flags. */
export interface ProgramCommand {
  readonly before: readonly string[];
  /**
   * Whether permission flags are possible. Those of a compiled binary were set when it was compiled.
   */
  readonly takesPermissions: boolean;
  /** The main module; empty for a compiled binary. */
  readonly after: readonly string[];
}

/** Describes this process. */
export async function runningProgram(host: Pick<Host, "env">): Promise<RunningProgram> {
  const execPath = Deno.execPath();
  return {
    mainModule: Deno.mainModule,
    execPath,
    isCompiled: Deno.build.standalone,
    isOnPath: await isFirstOnPath("deno", execPath, host),
  };
}

/** Whether a shell finds this program under a name. Without access to the folders it is unknown. */
async function isFirstOnPath(
  name: string,
  path: string,
  host: Pick<Host, "env">,
): Promise<boolean> {
  const isWindows = Deno.build.os === "windows";
  const file = isWindows ? `${name}.exe` : name;
  for (const folder of variable("PATH", host)?.split(isWindows ? ";" : ":") ?? []) {
    if (!folder.startsWith(SEPARATOR) && !isWindows) continue;
    try {
      return await Deno.realPath(join(folder, file)) === await Deno.realPath(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return false;
    }
  }
  return false;
}

/**
 * The command that starts a program again, from any folder.
 *
 * The `deno.json` is named, since Deno does not look for one in `node_modules`, where npm installs
 * the program. A module from a server has none, so the features that it needs are named.
 */
export function programCommand(
  { mainModule, execPath, isCompiled, isOnPath }: RunningProgram,
): ProgramCommand {
  if (isCompiled) return { before: [execPath], takesPermissions: false, after: [] };
  const deno = [isOnPath ? "deno" : execPath, "run", "--quiet", "--no-prompt"];
  if (!mainModule.startsWith("file:")) {
    const features = manifest.unstable.map((feature) => `--unstable-${feature}`);
    const before = [...deno, ...features];
    return { before, takesPermissions: true, after: [specifierOf(mainModule)] };
  }
  const config = fromFileUrl(new URL("deno.json", mainModule));
  return {
    before: [...deno, `--config=${config}`],
    takesPermissions: true,
    after: [fromFileUrl(mainModule)],
  };
}

/** Folder of a program's modules; null if they are not files. */
export function folderOf({ mainModule }: Pick<RunningProgram, "mainModule">): string | null {
  return mainModule.startsWith("file:") ? dirname(fromFileUrl(mainModule)) : null;
}

/** JSR serves modules to Deno only under the package's specifier. */
function specifierOf(mainModule: string): string {
  return isOnJsr(mainModule) ? `jsr:${manifest.name}@${manifest.version}/cli` : mainModule;
}

/**
 * The specifier by which a TypeScript config imports the library. A program in a folder resolves
 * the package's name by its `deno.json`; one from JSR has none. The package on npm has another
 * name, by which editors find its types.
 */
export function librarySpecifier(mainModule: string): string {
  if (isOnJsr(mainModule)) return `jsr:${manifest.name}@${manifest.version}`;
  return isOnNpm(mainModule) ? NPM_NAME : manifest.name;
}

/** The name of the package on npm. */
const NPM_NAME = "cronfetch";

function isOnNpm(mainModule: string): boolean {
  return mainModule.startsWith("file:") && mainModule.includes(`/node_modules/${NPM_NAME}/`);
}

function isOnJsr(mainModule: string): boolean {
  return /^(?:jsr:|https:\/\/jsr\.io\/)/.test(mainModule);
}
