// The documented behaviour of `@std/fs`, tested on the package or its stand-in, whichever is in use. Nothing here
// may depend on the text of a message or on undocumented behaviour.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { emptyDir, ensureDir, exists, walk, type WalkOptions } from "@std/fs";
import { relative, toFileUrl } from "@std/path";

/** Calls `test` with a temporary folder. */
async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Creates a link without `Deno.symlink`, which needs unscoped write permission. */
async function link(target: string, path: string): Promise<void> {
  const { success } = await new Deno.Command("ln", { args: ["-s", target, path] }).output();
  assertStrictEquals(success, true);
}

Deno.test("ensureDir: creates missing folders", () =>
  withFolder(async (folder) => {
    await ensureDir(`${folder}/a/b`);
    await Deno.writeTextFile(`${folder}/a/b/file`, "x");
    await ensureDir(`${folder}/a/b`);
    assertEquals(await Deno.readTextFile(`${folder}/a/b/file`), "x");
    await assertRejects(() => ensureDir(`${folder}/a/b/file`), Error);
    assertEquals(await Deno.readTextFile(`${folder}/a/b/file`), "x");
  }));

Deno.test("emptyDir: empties or creates a folder", () =>
  withFolder(async (folder) => {
    await ensureDir(`${folder}/a/b`);
    await Deno.writeTextFile(`${folder}/a/file`, "x");
    await emptyDir(`${folder}/a`);
    await emptyDir(toFileUrl(`${folder}/c`));
    assertEquals(Array.from(Deno.readDirSync(`${folder}/a`)), []);
    assertEquals(Array.from(Deno.readDirSync(`${folder}/c`)), []);
  }));

Deno.test("exists: isDirectory, isFile and isReadable", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "x");
    await link("file", `${folder}/link`);
    const table: [name: string, options: Parameters<typeof exists>[1], expected: boolean][] = [
      ["file", undefined, true],
      ["file", { isFile: true, isReadable: true }, true],
      ["file", { isDirectory: true }, false],
      ["link", { isFile: true }, true],
      ["missing", {}, false],
      [".", { isDirectory: true }, true],
      [".", { isFile: true }, false],
    ];
    for (const [name, options, expected] of table) {
      assertStrictEquals(await exists(`${folder}/${name}`, options), expected, name);
    }
  }));

Deno.test("walk: follows its options", () =>
  withFolder(async (folder) => {
    await ensureDir(`${folder}/a/b`);
    for (const name of ["one.ts", "a/two.md", "a/b/three.ts"]) {
      await Deno.writeTextFile(`${folder}/${name}`, "x");
    }
    await link("a/two.md", `${folder}/link`);
    const table: [options: WalkOptions, expected: string[]][] = [
      [{}, ["", "a", "a/b", "a/b/three.ts", "a/two.md", "link", "one.ts"]],
      [{ includeDirs: false }, ["a/b/three.ts", "a/two.md", "link", "one.ts"]],
      [{ includeFiles: false }, ["", "a", "a/b", "link"]],
      [{ includeDirs: false, includeSymlinks: false }, ["a/b/three.ts", "a/two.md", "one.ts"]],
      [{ maxDepth: 0 }, [""]],
      [{ maxDepth: 1, includeDirs: false }, ["link", "one.ts"]],
      [{ exts: [".ts"] }, ["a/b/three.ts", "one.ts"]],
      [{ exts: ["md"] }, ["a/two.md"]],
      [{ match: [/three/, /one/] }, ["a/b/three.ts", "one.ts"]],
      [{ skip: [/\/b$/, /link/] }, ["", "a", "a/two.md", "one.ts"]],
      [{ followSymlinks: true, includeDirs: false, maxDepth: 1 }, ["a/two.md", "one.ts"]],
      [{ followSymlinks: true, canonicalize: false, includeDirs: false, maxDepth: 1 }, [
        "link",
        "one.ts",
      ]],
    ];
    const root = await Deno.realPath(folder);
    for (const [options, expected] of table) {
      const entries = await Array.fromAsync(walk(root, options));
      const found = entries.map((entry) => relative(root, entry.path)).sort();
      assertEquals(found, expected, Deno.inspect(options));
    }
    const [entry] = await Array.fromAsync(walk(`${root}/a`, { match: [/two/] }));
    assertStrictEquals(entry?.path, `${root}/a/two.md`);
    assertStrictEquals(entry.name, "two.md");
    assertEquals([entry.isFile, entry.isDirectory, entry.isSymlink], [true, false, false]);
    await assertRejects(
      () => Array.fromAsync(walk(`${root}/missing`)),
      Deno.errors.NotFound,
    );
  }));
