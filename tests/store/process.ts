/** Programs of these tests, run in a child process with given permissions. */

import { fromFileUrl } from "@std/path";

/** A command that runs `program`, a file in this folder. */
export function denoRun(
  program: string,
  permissions: readonly string[],
  args: readonly string[],
): Deno.Command {
  const path = fromFileUrl(new URL(program, import.meta.url));
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...permissions, path, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  });
}
