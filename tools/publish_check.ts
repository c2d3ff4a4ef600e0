/**
 * Checks that the package can be published to JSR, as `deno publish` does before an upload:
 *
 *     deno task publish:check
 *
 * Where JSR is unreachable, the stand-ins for `@std` take part instead of its packages. Types are
 * left to `deno check`.
 */

import { copyPackage } from "./pack/package_copy.ts";

/**
 * Checks a package.
 *
 * @param path Its folder.
 * @returns The output of Deno, with the reasons against it.
 */
export async function checkPublication(path: string): Promise<{ isGood: boolean; output: string }> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--no-check", "--allow-dirty"],
    cwd: path,
    env: { NO_COLOR: "1" },
    stdout: "null",
  }).output();
  return { isGood: success, output: new TextDecoder().decode(stderr) };
}

if (import.meta.main) {
  const folder = await Deno.makeTempDir({ prefix: "cronfetch-publish-" });
  try {
    const { isGood, output } = await checkPublication(await copyPackage(folder));
    if (!isGood) {
      Deno.stderr.writeSync(new TextEncoder().encode(output));
      Deno.exitCode = 1;
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
