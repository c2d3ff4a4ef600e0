/**
 * Writes the package for npm, `cronfetch-VERSION.tgz`, of the bundle in `dist/`:
 *
 *     deno task pack:npm [FOLDER]
 *
 * Its command starts the bundle with npm's `deno`, in the version of Deno that writes the package. Its
 * library has the types that JSR derives. Of a bundle with stand-ins for `@std`, the package is
 * private, so that npm does not publish it. Needs npm and tar.
 */

import { walk } from "@std/fs";
import { dirname, join, relative, resolve } from "@std/path";
import manifest from "../deno.json" with { type: "json" };
import * as library from "../lib/mod.ts";
import { ROOT } from "./bundle/stage.ts";
import { copyPackage } from "./pack/package_copy.ts";
import { mirror } from "./setup.ts";

/** Name of the package on npm. */
const NAME = "cronfetch";

/** Files of the package by their sources in the repository. */
const FILES: Readonly<Record<string, string>> = {
  "LICENSE": "LICENSE",
  "README.md": "README.md",
  "bin/cronfetch.js": "tools/pack/launcher.js",
  "bin/find_deno.js": "tools/pack/find_deno.js",
};

/** What other runtimes than Deno get as the library. */
const NEEDS_DENO = "needs_deno.js";

/**
 * Writes the package.
 *
 * @param dist Folder of the bundle.
 * @param target Folder to write to.
 * @returns Path of the package.
 * @throws {Error} If npm, tar or Deno fails.
 */
export async function pack(dist: string, target: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "cronfetch-pack-" });
  try {
    const path = join(folder, NAME);
    await mirror(dist, join(path, "dist"));
    for (const [name, source] of Object.entries(FILES)) {
      await Deno.mkdir(dirname(join(path, name)), { recursive: true });
      await Deno.copyFile(join(ROOT, source), join(path, name));
    }
    await Deno.writeTextFile(join(path, NEEDS_DENO), needsDenoText());
    await writeTypes(folder, join(path, "types"));
    const bundle = JSON.parse(await Deno.readTextFile(join(dist, "deno.json")));
    const isPrivate = `${bundle.version}`.includes("std-stand-ins");
    await Deno.writeTextFile(
      join(path, "package.json"),
      `${JSON.stringify(packageManifest(isPrivate), null, 2)}\n`,
    );
    await execute("npm", ["pack", "--silent", "--pack-destination", resolve(target)], path);
    return join(resolve(target), `${NAME}-${manifest.version}.tgz`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * A module that throws. It has all exports of the library, or the error would be that one is missing.
 */
function needsDenoText(): string {
  const message = "The library of cronfetch needs Deno: run this program with npx deno run, " +
    "or start the command cronfetch as a process.";
  const names = Object.keys(library).join(", ");
  return `throw new Error(${JSON.stringify(message)});\nexport let ${names};\n`;
}

/** The content of package.json. */
function packageManifest(isPrivate: boolean): unknown {
  const { version, license } = manifest;
  const repository = { type: "git", url: "git+https://github.com/cronfetch/cronfetch.git" };
  const entries = { types: "./types/mod.d.ts", deno: "./dist/mod.js", default: `./${NEEDS_DENO}` };
  return {
    ...{ name: NAME, version, ...isPrivate ? { private: true } : {} },
    description: "Keeps a folder or bucket of remote files up to date, each complete and checked",
    keywords: ["download", "mirror", "cron", "schedule", "deno", "cli"],
    ...{ license, repository },
    type: "module",
    bin: { [NAME]: "bin/cronfetch.js" },
    exports: { ".": entries, "./package.json": "./package.json" },
    types: entries.types,
    engines: { node: ">=18" },
    // An exact version: the one that the bundle was built and tested with.
    dependencies: { deno: Deno.version.deno },
  };
}

/**
 * Writes the declarations of the library.
 *
 * @param folder An empty place for files in between.
 */
async function writeTypes(folder: string, target: string): Promise<void> {
  const [sources, packed] = [join(folder, "sources"), join(folder, "packed")];
  await Deno.mkdir(sources);
  await Deno.mkdir(packed);
  const archive = join(folder, "types.tgz");
  const args = ["pack", "--quiet", "--allow-dirty", "--output", archive];
  await execute(Deno.execPath(), args, await copyPackage(sources));
  await execute("tar", ["-xzf", archive], packed);
  const root = join(packed, "package", "lib");
  for await (const { path } of walk(root, { exts: [".d.ts"] })) {
    const copied = join(target, relative(root, path));
    await Deno.mkdir(dirname(copied), { recursive: true });
    await Deno.copyFile(path, copied);
  }
}

async function execute(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    stdout: "null",
  }).output();
  if (!success) throw new Error(`${program} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}

if (import.meta.main) {
  const path = await pack(join(ROOT, "dist"), Deno.args[0] ?? ".");
  Deno.stdout.writeSync(new TextEncoder().encode(`${path}\n`));
}
