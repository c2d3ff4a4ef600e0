/** A copy of the sources with their packages, changed to what a bundle is made of. */

import { exists, walk } from "@std/fs";
import { basename, dirname, fromFileUrl, join, relative, SEPARATOR } from "@std/path";
import manifest from "../../deno.json" with { type: "json" };
import { versionIn } from "../../lib/cli/version.ts";
import { mirror } from "../setup.ts";

/** The root of the repository. */
export const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** Where `links` in deno.json points to: the stand-ins for `@std`, if they are in use. */
const STAND_INS = ".offline";

/** The config of a stage. Its `deno.json` holds only what the program imports of it. */
const CONFIG = "bundle.json";

/** The module of the library. */
export const LIBRARY = "mod.ts";

/** A prepared folder. */
export interface Stage {
  readonly folder: string;
  /** The version of cronfetch, with build metadata. */
  readonly version: string;
  /** Names of the modules of workers; the program is `main.ts`, the library {@linkcode LIBRARY}. */
  readonly workers: readonly string[];
  /** Folders of all packages of npm by `name@version`. */
  readonly packages: ReadonlyMap<string, string>;
  readonly hasStandIns: boolean;
}

/**
 * Copies the sources to an empty folder and installs their packages there.
 *
 * @throws {Error} A package cannot be installed, or commander has changed.
 */
export async function prepareStage(folder: string): Promise<Stage> {
  await mirror(join(ROOT, "lib"), join(folder, "lib"));
  await Deno.copyFile(join(ROOT, "main.ts"), join(folder, "main.ts"));
  const hasStandIns = await exists(join(ROOT, STAND_INS));
  if (hasStandIns) await mirror(join(ROOT, STAND_INS), join(folder, STAND_INS));
  const version = await versionIn(ROOT, hasStandIns ? ["std-stand-ins"] : []);
  const { name, unstable } = manifest;
  await writeJson(join(folder, "deno.json"), { name, version, unstable });
  const sources = await readSources(folder);
  await writeJson(join(folder, CONFIG), bundleConfig(sources.values()));
  const workers = await writeWorkerEntries(folder, sources);
  await Deno.writeTextFile(join(folder, LIBRARY), `export * from "./lib/${LIBRARY}";\n`);
  await runDeno(folder, "install", ["--entrypoint", "main.ts", LIBRARY, ...workers]);
  await replaceNode(join(folder, "node_modules", "commander", "lib"));
  await separateJsonSchema(folder);
  return { folder, version, workers, packages: await packagesIn(folder), hasStandIns };
}

/** The parts of deno.json that determine what is bundled, with the imports that sources use. */
function bundleConfig(sources: Iterable<string>): unknown {
  const { unstable, links, compilerOptions } = manifest;
  const text = [...sources].join("\n");
  const isUsed = (name: string) => text.includes(`"${name}"`) || text.includes(`"${name}/`);
  const imports = Object.entries(manifest.imports).filter(([name]) => isUsed(name));
  return {
    ...{ unstable, links, compilerOptions, imports: Object.fromEntries(imports) },
    lock: false,
    nodeModulesDir: "auto",
  };
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify(value));
}

/**
 * Runs a command of Deno in a stage.
 *
 * @throws {Error} If it fails, with its output.
 */
export async function runDeno(
  folder: string,
  command: string,
  args: readonly string[],
): Promise<void> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [command, "--quiet", "--config", CONFIG, ...args],
    cwd: folder,
    stdout: "null",
  }).output();
  if (code !== 0) throw new Error(`deno ${command}: ${new TextDecoder().decode(stderr)}`);
}

/**
 * Writes a module for each worker into the root of the stage, so that its bundle is in the folder of
 * all others. `deno bundle` itself does not follow `new Worker(new URL(…))`.
 */
async function writeWorkerEntries(
  folder: string,
  sources: ReadonlyMap<string, string>,
): Promise<string[]> {
  const names: string[] = [];
  for (const [path, text] of sources) {
    for (const [, name = ""] of text.matchAll(WORKER_URL)) {
      await Deno.writeTextFile(join(folder, name), `import "./${dirname(path)}/${name}";\n`);
      names.push(name);
    }
  }
  return names.sort();
}

/** The URL of a worker in a source. */
const WORKER_URL = /new URL\("\.\/(\w+_worker\.ts)", import\.meta\.url\)/g;

/** The modules of `lib/` by path, with `/` between segments. */
async function readSources(folder: string): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  for await (const { path } of walk(join(folder, "lib"), { exts: [".ts", ".tsx"] })) {
    sources.set(relative(folder, path).replaceAll(SEPARATOR, "/"), await Deno.readTextFile(path));
  }
  return sources;
}

/** The module of zod that makes a JSON Schema, and the exports that lead to it. */
const PROCESSORS = "node_modules/zod/v4/core/json-schema-processors.js";
const JSON_SCHEMA_EXPORTS = { "core/index.js": 3, "mini/external.js": 1 };

/**
 * Makes the only module that needs JSON Schemas import them from where they are made. The bundler
 * would put the 15 kB into the chunk of every run, as the index of zod exports them.
 */
async function separateJsonSchema(folder: string): Promise<void> {
  for (const [name, count] of Object.entries(JSON_SCHEMA_EXPORTS)) {
    const path = join(folder, "node_modules", "zod", "v4", ...name.split("/"));
    const lines = (await Deno.readTextFile(path)).split("\n");
    const kept = lines.filter((line) => !/^export .*(?:json-schema-|to-json-schema)/.test(line));
    if (lines.length - kept.length !== count) throw new Error(`zod: ${name} has other exports`);
    // The file may be a hard link to Deno's cache.
    await Deno.remove(path);
    await Deno.writeTextFile(path, kept.join("\n"));
  }
  const path = join(folder, "lib", "config", "schema", "json_schema.ts");
  const parts = (await Deno.readTextFile(path)).split("z.toJSONSchema(");
  if (parts.length !== 2) throw new Error("json_schema.ts has other calls of zod");
  const statement = `import { toJSONSchema } from "../../../${PROCESSORS}";\n`;
  await Deno.writeTextFile(path, statement + parts.join("toJSONSchema("));
}

const NODE = fromFileUrl(new URL("commander_node.js", import.meta.url));
/** Imports of Node in commander's modules. */
const COMMANDER_IMPORTS = { "command.js": 6, "help.js": 1 };

/** Directs commander's imports of Node to `commander_node.js`. */
async function replaceNode(folder: string): Promise<void> {
  for (const [name, count] of Object.entries(COMMANDER_IMPORTS)) {
    const path = join(folder, name);
    const parts = (await Deno.readTextFile(path)).split(/ from 'node:\w+';/);
    if (parts.length - 1 !== count) throw new Error(`commander: ${name} has other imports of Node`);
    // The file may be a hard link to Deno's cache.
    await Deno.remove(path);
    await Deno.writeTextFile(path, parts.join(` from './${basename(NODE)}';`));
  }
  await Deno.copyFile(NODE, join(folder, basename(NODE)));
}

/** All packages of npm. Deno has a folder `SCOPE+NAME@VERSION` for each. */
async function packagesIn(folder: string): Promise<Map<string, string>> {
  const store = join(folder, "node_modules", ".deno");
  const names = (await Array.fromAsync(Deno.readDir(store))).map(({ name }) => name).sort();
  return new Map(names.flatMap((name) => {
    const [, plus, version] = /^(.+)@([^@]+)$/.exec(name) ?? [];
    if (plus === undefined) return [];
    const id = plus.replace("+", "/");
    return [[`${id}@${version}`, join(store, name, "node_modules", id)]];
  }));
}
