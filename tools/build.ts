/**
 * Writes the program as one bundle, which starts in half the time of the sources and needs nothing
 * but Deno:
 *
 *     deno task build [FOLDER]
 *
 * The folder, by default `dist`, gets the program `main.js`, the library `mod.js`, their chunks and
 * workers, a `deno.json` with the permissions and features of Deno that they need, and the licences
 * of the packages inside. The same commit and packages make the same bytes, in any folder.
 */

import { emptyDir } from "@std/fs";
import { join } from "@std/path";
import manifest from "../deno.json" with { type: "json" };
import { changeChunks, outputOf } from "./bundle/chunks.ts";
import { type License, licensesText, readLicenses } from "./bundle/licenses.ts";
import { groupChunks, mergeChunks } from "./bundle/merge.ts";
import { LIBRARY, prepareStage, ROOT, runDeno } from "./bundle/stage.ts";

/** The worker of `run --workers`: it loads what a run loads, so both may load the same groups. */
const RUN_WORKER = "slice_worker.ts";

/** Where a build is, unless a folder is named. */
const TARGET = "dist";

/**
 * Builds the bundle.
 *
 * @param target Folder to write to; the files of an earlier build are removed.
 * @throws {Error} If the folder has other files, or Deno cannot bundle the sources, or bundles them in
 * an unknown way.
 */
export async function build(target: string): Promise<void> {
  await checkTarget(target);
  const folder = await Deno.makeTempDir({ prefix: "cronfetch-build-" });
  try {
    const { version, workers, packages, hasStandIns } = await prepareStage(folder);
    const bundled = join(folder, "bundled");
    const options = ["--code-splitting", "main.ts", LIBRARY, ...workers, "--outdir"];
    await runDeno(folder, "bundle", ["--minify", ...options, bundled]);
    const chunks = changeChunks(await readTexts(bundled), workers);
    const small = workers.filter((worker) => !worker.endsWith(RUN_WORKER));
    const groups = groupChunks(chunks, small.map(outputOf));
    const files = await mergeChunks(chunks, groups, async (entry, modules) => {
      const path = join(folder, "merged");
      await emptyDir(path);
      for (const [name, text] of modules) await Deno.writeTextFile(join(path, name), text);
      const kept = [...chunks.keys(), ...groups.map(({ name }) => name)]
        .filter((name) => !modules.has(name)).map((name) => `--external=./${name}`);
      const output = join(folder, "merged.js");
      const source = join(path, entry);
      await runDeno(folder, "bundle", ["--minify", ...kept, source, "--output", output]);
      return await Deno.readTextFile(output);
    });
    const plain = join(folder, "plain");
    await runDeno(folder, "bundle", [...options, plain]);
    checkDisposals(await readTexts(plain), files);
    const own = await Deno.readTextFile(join(ROOT, "LICENSE"));
    const licenses = [...await readLicenses(packages), ...hasStandIns ? [] : [licenseOfStd(own)]];
    files.set("LICENSES.txt", licensesText(own, licenses));
    files.set("deno.json", JSON.stringify(runConfig(version), null, 2) + "\n");
    await emptyDir(target);
    for (const [name, text] of files) await Deno.writeTextFile(join(target, name), text);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Checks that every `using` of the sources is in the bundle. The minifier replaces a variable that is
 * used once, in the next statement, by its value, also if it is to be disposed of: the file stays open.
 *
 * @param plain The chunks without minification.
 * @throws {Error} A `using` is lost: write the source with `try` and `finally`.
 */
export function checkDisposals(
  plain: ReadonlyMap<string, string>,
  minified: ReadonlyMap<string, string>,
): void {
  const [before, after] = [plain, minified].map((chunks) =>
    chunks.values().reduce((sum, text) => sum + (text.match(DISPOSAL)?.length ?? 0), 0)
  );
  if (before !== after) throw new Error(`${before} declarations with using became ${after}`);
}

const DISPOSAL = /\busing [\w$]+ *=/g;

/** Names of the files of a build. */
const BUILT = /\.js$|^deno\.json$|^LICENSES\.txt$/;

/**
 * Checks that a folder is missing, empty, or a build, perhaps of a killed process: all of its files
 * are removed.
 *
 * @throws {Error} It has something else.
 */
export async function checkTarget(target: string): Promise<void> {
  try {
    for await (const { name, isFile } of Deno.readDir(target)) {
      if (isFile && BUILT.test(name)) continue;
      throw new Error(`${target} is no earlier build: it has ${name}; name an empty folder`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The parts of deno.json that a run needs, and the library for configs in TypeScript. */
function runConfig(version: string): unknown {
  const { name, unstable, permissions } = manifest;
  const library = `./${outputOf(LIBRARY)}`;
  // The names of the packages on JSR and npm.
  const imports = { [name]: library, cronfetch: library };
  return { version, unstable, lock: false, imports, permissions: { default: permissions.default } };
}

/** The licence of `@std`, whose packages are cached without it. It is the one of cronfetch. */
function licenseOfStd(own: string): License {
  const text = own.replace(/^Copyright .*$/m, "Copyright 2018-2026 the Deno authors.").trim();
  return { id: "@std/async, @std/path", text };
}

async function readTexts(folder: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for await (const { name } of Deno.readDir(folder)) {
    texts.set(name, await Deno.readTextFile(join(folder, name)));
  }
  return texts;
}

if (import.meta.main) await build(Deno.args[0] ?? TARGET);
