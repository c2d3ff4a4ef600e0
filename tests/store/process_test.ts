// Rows 69 and 70 in a child process: a full device, missing permissions of Deno and the system.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { openFolder } from "../../lib/store/folder/folder.ts";
import { temporaryFolder, tree } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { assertCode } from "./fixture.ts";
import { denoRun } from "./process.ts";

/** Runs the program that stores one file, and returns its output. */
async function storeOneFile(permissions: readonly string[], args: readonly string[]) {
  const { success, stdout } = await denoRun("lone_file.ts", permissions, args).output();
  assertEquals(success, true);
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test({
  name: "row 69: a full device is store.full",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await temporaryFolder();
    // Deno requires all permissions for devices.
    const { code, message } = await storeOneFile(["--allow-all"], [folder.path, "full"]);
    assertEquals(code, "store.full");
    assertStringIncludes(message, `storing "folder/file": no space is left on the disk`);
    assertEquals(await tree(folder.path), {});
  },
});

for (
  const [name, flags, missing] of [
    ["to write", ["--allow-read"], "--allow-write"],
    ["to read", ["--allow-write"], "--allow-read"],
    ["for this folder", ["--allow-read", "--allow-write=elsewhere"], "--allow-write"],
  ] as const
) {
  Deno.test(`row 70: a missing permission of Deno ${name} is store.denied`, async () => {
    await using folder = await temporaryFolder();
    const { code, message } = await storeOneFile(flags, [folder.file("store")]);
    assertEquals(code, "store.denied");
    assertStringIncludes(message, `run again with ${missing}`);
    assertEquals(await tree(folder.path), {});
  });
}

Deno.test("openFolder needs permissions for its own folder only", async () => {
  await using folder = await temporaryFolder();
  const root = folder.file("store");
  const { code } = await storeOneFile([`--allow-read=${root}`, `--allow-write=${root}`], [root]);
  assertEquals(code, null);
  assertEquals(await tree(root), { "copy": "text", "folder/file": "text" });
});

Deno.test({
  name: "row 70: a folder without write permission is store.denied",
  // Permissions do not apply to root.
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
  fn: async () => {
    await using folder = await temporaryFolder();
    await Deno.mkdir(folder.file("store"), { mode: 0o500 });
    const random = testHost().random;
    await using store = openFolder(folder.file("store"), { sync: false, random });
    await assertCode("store.denied", () => store.draft("a"));
    await assertCode("store.denied", () => store.draft("b/c"));
  },
});
