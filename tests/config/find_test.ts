import { assertEquals, assertRejects } from "@std/assert";
import { findConfig } from "../../lib/config/load.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { makeFiles } from "./loading.ts";

const FOUND: readonly (readonly [what: string, files: string[], start: string, found: string])[] = [
  ["here", ["cronfetch.jsonc"], ".", "cronfetch.jsonc"],
  ["above", ["cronfetch.yaml", "a/b/x"], "a/b", "cronfetch.yaml"],
  ["the nearest", ["cronfetch.ts", "a/cronfetch.txt"], "a", "a/cronfetch.txt"],
  ["beside .git", ["cronfetch.yml", ".git/HEAD", "a/x"], "a", "cronfetch.yml"],
];

Deno.test("the nearest config is found", async (t) => {
  for (const [what, files, start, found] of FOUND) {
    await t.step(what, async () => {
      await using folder = await temporaryFolder();
      await makeFiles(folder, Object.fromEntries(files.map((name) => [name, ""])));
      assertEquals(await findConfig(folder.file(start)), folder.file(found));
    });
  }
});

Deno.test("nothing is looked for above a folder that holds .git", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, { "cronfetch.json": "{}", "a/.git": "gitdir: x", "a/b/x": "" });
  const error = await assertRejects(() => findConfig(folder.file("a/b")), CronfetchError);
  assertEquals(error.code, "config.not-found");
  assertEquals(
    error.message,
    "Looking for a config: there is no cronfetch.jsonc, cronfetch.json, cronfetch.yaml, " +
      `cronfetch.yml, cronfetch.ts, cronfetch.txt in ${folder.file("a/b")} or in a folder ` +
      `above it, up to ${folder.file("a")}; cronfetch init makes one, and --config names one ` +
      "elsewhere",
  );
});

Deno.test("two configs in one folder are refused, both named", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, { "cronfetch.json": "{}", "cronfetch.txt": "" });
  const error = await assertRejects(() => findConfig(folder.path), CronfetchError);
  assertEquals(error.code, "config.invalid");
  assertEquals(error.message.includes("holds cronfetch.json and cronfetch.txt;"), true);
});
