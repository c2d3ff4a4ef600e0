/** Programs of these tests, run by a Deno of their own with permissions of their own. */

import { fromFileUrl } from "@std/path";

/** A program that is not started yet; `program` is a file beside this one. */
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
