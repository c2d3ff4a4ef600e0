import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { exists } from "@std/fs";
import { join, toFileUrl } from "@std/path";
import manifest from "../../deno.json" with { type: "json" };
import { versionIn } from "../../lib/cli/version.ts";
import { build, checkDisposals, checkTarget } from "../../tools/build.ts";
import { changeChunks } from "../../tools/bundle/chunks.ts";
import { groupChunks, mergeChunks } from "../../tools/bundle/merge.ts";
import { licensesText } from "../../tools/bundle/licenses.ts";
import { ROOT } from "../../tools/bundle/stage.ts";
import { type TemporaryFolder, temporaryFolder, tree } from "../helpers/folder.ts";
import { origin } from "../helpers/origin.ts";

/** A body that is written by a thread of its own. */
const LARGE_BYTES = 33 * 2 ** 20;

Deno.test("build: two builds have the same bytes, and run", async (t) => {
  await using folder = await temporaryFolder();
  const [one, other] = [folder.file("one"), folder.file("a longer name")];
  await Promise.all([build(one), build(other)]);
  assertEquals(await tree(other), await tree(one));

  await t.step("and may be replaced, unlike other folders", async () => {
    await checkTarget(one);
    await checkTarget(folder.file("missing"));
    await Deno.writeTextFile(folder.file("notes.txt"), "mine");
    await assertRejects(() => build(folder.path), Error, "is no earlier build");
    assertEquals(await Deno.readTextFile(folder.file("notes.txt")), "mine");
  });
  await t.step("with the licences of the packages inside", async () => {
    const licenses = await Deno.readTextFile(join(one, "LICENSES.txt"));
    for (const name of ["commander", "zod", "croner", "token-types"]) {
      assertStringIncludes(licenses, `\n${name}@`);
    }
    assertEquals(/^(?:recheck|playwright-core)@/m.test(licenses), false);
  });
  await t.step("without the locales of zod", async () => {
    for await (const { name } of Deno.readDir(one)) {
      const text = await Deno.readTextFile(join(one, name));
      assertEquals(text.includes("Ungültige Eingabe"), false, name);
    }
  });
  await t.step("with a version that shows the commit and the stand-ins for @std", async () => {
    const version = await bundled(one, folder.path, ["--version"]);
    const labels = await exists(join(ROOT, ".offline")) ? ["std-stand-ins"] : [];
    assertEquals(version, `cronfetch ${await versionIn(ROOT, labels)}\n`);
  });
  await t.step("with the worker that writes large files", () => downloadLarge(folder, one));
  await t.step("with the library, for configs in TypeScript", () => runModule(folder, one));
  await t.step("with the worker that evaluates a module again", () => evaluate(folder, one));
});

/** Runs the bundle with the permissions of its deno.json. Returns its standard output. */
async function bundled(dist: string, cwd: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "-P", join(dist, "main.js"), ...args],
    cwd,
    env: { NO_COLOR: "1", NO_PROXY: "127.0.0.1", GITHUB_ACTIONS: "" },
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}

Deno.test("build: the bundle can be installed as a command", async () => {
  await using folder = await temporaryFolder();
  const [dist, root] = [folder.file("the bundle"), folder.file("root")];
  await build(dist);
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["install", "--quiet", "--global", "--root", root, "--name", "cronfetch", "--no-prompt"],
      ...["--allow-net", "--allow-read", "--allow-write", "--allow-run", "--allow-env"],
      ...["--config", join(dist, "deno.json"), join(dist, "main.js")],
    ],
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  await using server = origin({ "/a.txt": "a\n" });
  await Deno.writeTextFile(folder.file("cronfetch.txt"), `${server.origin}/a.txt\n`);
  const program = join(root, "bin", Deno.build.os === "windows" ? "cronfetch.cmd" : "cronfetch");
  const run = await new Deno.Command(program, {
    args: ["run", "--quiet"],
    cwd: folder.path,
    env: { NO_PROXY: "127.0.0.1", GITHUB_ACTIONS: "" },
  }).output();
  assertEquals([run.code, new TextDecoder().decode(run.stderr)], [0, ""]);
  assertEquals(await Deno.readTextFile(folder.file("downloads/a.txt")), "a\n");
});

async function downloadLarge(folder: TemporaryFolder, dist: string): Promise<void> {
  const body = new Uint8Array(LARGE_BYTES).fill(7);
  const headers = { "content-length": `${LARGE_BYTES}` };
  await using server = origin({ "/large.bin": () => new Response(body, { headers }) });
  await bundled(dist, folder.path, ["run", "-q", `${server.origin}/large.bin`]);
  const written = await Deno.readFile(folder.file("downloads/large.bin"));
  assertEquals([written.length, written.every((byte) => byte === 7)], [LARGE_BYTES, true]);
}

async function runModule(folder: TemporaryFolder, dist: string): Promise<void> {
  await using server = origin({ "/a0": "a\n" });
  await Deno.writeTextFile(
    folder.file("cronfetch.ts"),
    `import { EXIT } from "cronfetch";
    import { defineConfig } from "${manifest.name}";
    export default defineConfig({ tasks: ["${server.origin}/a" + EXIT.good] });`,
  );
  await bundled(dist, folder.path, ["run", "-q"]);
  assertEquals(await Deno.readTextFile(folder.file("downloads/a0")), "a\n");
}

async function evaluate(folder: TemporaryFolder, dist: string): Promise<void> {
  await Deno.writeTextFile(folder.file("config.ts"), `export default { tasks: [] as string[] };`);
  const worker = new Worker(toFileUrl(join(dist, "module_worker.js")), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.postMessage(toFileUrl(folder.file("config.ts")).href);
  assertEquals(await promise.finally(() => worker.terminate()), { value: { tasks: [] } });
}

const PREAMBLE =
  'import{createRequire as __r} from "node:module";var m=__r(import.meta.url);export{m as a};';

Deno.test("changeChunks: defers `require`, and names the bundles of workers", () => {
  const modules = new Map([
    ["main.js", 'new Worker(new URL("./a_worker.ts",import.meta.url))'],
    ["chunk.js", PREAMBLE],
  ]);
  const changed = changeChunks(modules, ["a_worker.ts"]);
  assertEquals(changed.get("main.js"), 'new Worker(new URL("./a_worker.js",import.meta.url))');
  assertEquals(
    changed.get("chunk.js"),
    'var m=name=>process.getBuiltinModule("node:module").createRequire(import.meta.url)(name);' +
      "export{m as a};",
  );
});

Deno.test("changeChunks: rejects bundles of another form", () => {
  const table: [name: string, modules: [string, string][]][] = [
    ["no preamble", [["main.js", '"./a_worker.ts"']]],
    ["two preambles", [["main.js", `"./a_worker.ts"`], ["1.js", PREAMBLE], ["2.js", PREAMBLE]]],
    ["no worker", [["main.js", PREAMBLE]]],
  ];
  for (const [name, modules] of table) {
    assertThrows(() => changeChunks(new Map(modules), ["a_worker.ts"]), Error, "times", name);
  }
});

/** A bundle: a program, two modules that are loaded on demand, a worker, and their chunks. */
const CHUNKS = new Map([
  ["main.js", 'import{a as f}from"./core.js";import("./run-AB12.js");import("./version-CD34.js");'],
  ["run-AB12.js", 'import{b}from"./core.js";import{c as d}from"./http.js";import"./hash.js";'],
  ["version-CD34.js", 'import{a}from"./text.js";'],
  ["a_worker.js", 'import{a}from"./hash.js";'],
  ["core.js", "export{x as a,y as b};"],
  ["http.js", 'import{a as g}from"./core.js";import{b}from"./text.js";export{c};'],
  ["text.js", "export{a,z as b};"],
  ["hash.js", "export{h as a};"],
]);

Deno.test("groupChunks: what the program and a run load, without the chunks of workers", () => {
  assertEquals(groupChunks(CHUNKS, ["a_worker.js"]), [
    { name: "base.js", members: ["core.js", "text.js"] },
    { name: "run_base.js", members: ["http.js"] },
  ]);
  const without = new Map(CHUNKS.entries().filter(([name]) => !name.startsWith("run-")));
  assertThrows(() => groupChunks(without, []), Error, "no chunks of run");
});

Deno.test("mergeChunks: imports of chunks become imports of their group, under distinct names", async () => {
  const bundled = new Map<string, string>();
  const groups = groupChunks(CHUNKS, ["a_worker.js"]);
  const merged = await mergeChunks(CHUNKS, groups, (entry, modules) => {
    for (const [name, text] of modules) bundled.set(name, text);
    return Promise.resolve(`bundle of ${entry}`);
  });
  assertEquals(Object.fromEntries(merged), {
    "main.js":
      'import{a_0 as f}from"./base.js";import("./run-AB12.js");import("./version-CD34.js");',
    "run-AB12.js":
      'import{b_0 as b}from"./base.js";import{c_0 as d}from"./run_base.js";import"./hash.js";',
    "version-CD34.js": 'import{a_1 as a}from"./base.js";',
    "a_worker.js": 'import{a}from"./hash.js";',
    "hash.js": "export{h as a};",
    "base.js": "bundle of base.js",
    "run_base.js": "bundle of run_base.js",
  });
  assertEquals(
    bundled.get("base.js"),
    'export{a as a_0,b as b_0}from"./core.js";\nexport{a as a_1,b as b_1}from"./text.js";',
  );
  assertEquals(
    bundled.get("http.js"),
    'import{a_0 as g}from"./base.js";import{b_1 as b}from"./base.js";export{c};',
  );
  for (const text of ["export default 1;", 'import("./text.js");export{c};']) {
    const odd = new Map([...CHUNKS, ["http.js", text]]);
    await assertRejects(
      () => mergeChunks(odd, groups, () => Promise.resolve("")),
      Error,
      "http.js",
    );
  }
});

Deno.test("licensesText: has each text once", () => {
  const packages = [{ id: "a@1.0.0", text: "MIT" }, { id: "b@2.0.0", text: "ISC" }, {
    id: "c@3.0.0",
    text: "MIT",
  }];
  const line = "-".repeat(80);
  assertEquals(
    licensesText("Own\n", packages),
    `Own\n\n${line}\n\ncronfetch contains these packages:\n\n${line}\n\n` +
      `a@1.0.0\nc@3.0.0\n\nMIT\n\n${line}\n\nb@2.0.0\n\nISC\n`,
  );
});

Deno.test("checkDisposals: a using that the minifier has lost fails the build", () => {
  const plain = new Map([["a.js", "using file = open();\nawait using other = open();\n"]]);
  checkDisposals(plain, new Map([["b.js", "using a=open();"], ["c.js", "await using b=open();"]]));
  const lost = new Map([["b.js", "await using b=open();return await open().lock()"]]);
  assertThrows(() => checkDisposals(plain, lost), Error, "2 declarations with using became 1");
});
