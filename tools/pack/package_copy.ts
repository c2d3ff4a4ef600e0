/** A copy of what is published to JSR, for Deno's commands that work on a package. */

import { exists } from "@std/fs";
import { join } from "@std/path";
import manifest from "../../deno.json" with { type: "json" };
import { ROOT } from "../bundle/stage.ts";
import { mirror } from "../setup.ts";

/** Where the stand-ins for `@std` are, if they are in use; and a place for their copy. */
const STAND_INS = ".offline";
const COPIED_STAND_INS = "std";

/**
 * Copies the files that `publish.include` names to the folder `package` in an empty folder. Deno
 * publishes no package whose modules are excluded, as the stand-ins are; outside of the package they
 * are linked like those of another workspace.
 *
 * @returns Path of the package.
 */
export async function copyPackage(folder: string): Promise<string> {
  const target = join(folder, "package");
  await Deno.mkdir(target);
  for (const name of manifest.publish.include) await copy(name, target);
  const hasStandIns = await exists(join(ROOT, STAND_INS));
  if (hasStandIns) await mirror(join(ROOT, STAND_INS), join(folder, COPIED_STAND_INS));
  const links = hasStandIns ? [`../${COPIED_STAND_INS}/*`] : [];
  await Deno.writeTextFile(join(target, "deno.json"), JSON.stringify({ ...manifest, links }));
  return target;
}

/** Copies a file or folder of the repository into a folder. */
async function copy(name: string, folder: string): Promise<void> {
  const [from, to] = [join(ROOT, name), join(folder, name)];
  if ((await Deno.stat(from)).isDirectory) await mirror(from, to);
  else await Deno.copyFile(from, to);
}
