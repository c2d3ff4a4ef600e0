/** `completions`: completion scripts for shells, and the ids of tasks that they offer. */

import { EXIT } from "../../core/result.ts";
import type { CommandHost, Flags } from "../flags.ts";
import { printLines } from "../output.ts";
import { PASSIVE, prepare } from "../prepare.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import type { CommandSpec, Shell } from "./spec.ts";
import { zshScript } from "./zsh.ts";

/**
 * Prints the completion script of a shell. With `--tasks` it prints the ids of the tasks of the
 * config instead, one per line: the script calls this for a word that may be a task.
 */
export async function completions(
  shell: Shell,
  spec: CommandSpec,
  flags: Flags,
  host: CommandHost,
): Promise<number> {
  if (!flags.tasks) {
    host.stdout.write(completionScript(shell, spec));
    return EXIT.good;
  }
  const { tasks } = await prepare([], flags, host, PASSIVE);
  await printLines(tasks.map(({ id }) => id), host);
  return EXIT.good;
}

/**
 * Generates the script that completes commands, options, known values and the ids of tasks in a
 * shell. Except for the ids, it runs only shell built-ins.
 *
 * @returns The script, to be sourced (bash, zsh) or saved to the completions folder of the shell.
 */
export function completionScript(shell: Shell, spec: CommandSpec): string {
  switch (shell) {
    case "bash":
      return bashScript(spec);
    case "zsh":
      return zshScript(spec);
    case "fish":
      return fishScript(spec);
    default:
      return shell satisfies never;
  }
}
