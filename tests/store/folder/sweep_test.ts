// Run files and drafts of crashed runs, and their removal.

import { assertEquals } from "@std/assert";
import {
  type FileSystem,
  machineFileSystem as machine,
} from "../../../lib/store/folder/file_system.ts";
import { openFolder } from "../../../lib/store/folder/folder.ts";
import { draftName, folderLine, runFileName } from "../../../lib/store/folder/run_file.ts";
import type { Store } from "../../../lib/store/store.ts";
import { temporaryFolder, tree } from "../../helpers/folder.ts";
import { testHost } from "../../helpers/host.ts";
import { AS_FILE, assertCode, put, sealed } from "../fixture.ts";
import { failing, isDraft, recording, replacing } from "../file_system.ts";
import { denoRun } from "../process.ts";

function open(root: string, fileSystem?: FileSystem): Store {
  return openFolder(root, { sync: false, random: testHost().random }, fileSystem);
}

/** Creates the files of a crashed run: its run file, and one draft per folder. */
async function leaveDeadRun(
  root: string,
  run: string,
  folders: readonly string[],
  text = folders.map(folderLine).join(""),
): Promise<void> {
  for (const folder of folders) {
    await Deno.mkdir(`${root}/${folder}`, { recursive: true });
    await Deno.writeTextFile(`${root}/${folder}/${draftName(run, "0")}`, "half");
  }
  await Deno.writeTextFile(`${root}/${runFileName(run)}`, text);
}

Deno.test("row 82: sweep removes drafts of a killed run, and none of a live one", async () => {
  await using folder = await temporaryFolder();
  const permissions = [`--allow-read=${folder.path}`, `--allow-write=${folder.path}`];
  await using child = denoRun("killed_run.ts", permissions, [folder.path]).spawn();
  const output = child.stdout.getReader();
  assertEquals(new TextDecoder().decode((await output.read()).value), "ready\n");
  await using store = open(folder.path);
  await using draft = await sealed(store, "folder/new", "new", AS_FILE);
  const before = await tree(folder.path);
  assertEquals(Object.keys(before).filter(isDraft).length, 4);

  assertEquals(await store.sweep(), 0);
  assertEquals(await tree(folder.path), before);

  child.kill("SIGKILL");
  await child.status;
  await output.cancel();
  assertEquals(await tree(folder.path), before);

  await using another = open(folder.path);
  const swept = await Promise.all([store.sweep(), another.sweep(), store.sweep()]);
  assertEquals(swept.reduce((sum, removed) => sum + removed), 3);
  await draft.publish();
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(folder.path), { "folder/published": "text", "folder/new": "new" });
});

Deno.test("closing a store removes its run file", async () => {
  await using folder = await temporaryFolder();
  await using store = open(folder.path);
  await put(store, "a", "text");
  assertEquals(Object.keys(await tree(folder.path)).length, 2);
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(folder.path), { a: "text" });
});

Deno.test("sweep without run files reads one folder", async () => {
  await using folder = await temporaryFolder();
  {
    await using store = open(folder.path);
    for (const key of ["a/1", "b/2", "c/3"]) await put(store, key, "text");
  }
  const { fileSystem, calls } = recording();
  await using store = open(folder.path, fileSystem);
  assertEquals(await store.sweep(), 0);
  assertEquals(calls, ["readDir"]);
});

Deno.test("sweep of a removed folder returns 0", async () => {
  await using folder = await temporaryFolder();
  await using store = open(folder.file("store"));
  await put(store, "a", "text");
  await Deno.remove(folder.file("store"), { recursive: true });
  assertEquals(await store.sweep(), 0);
});

Deno.test("sweep removes drafts only in the folders that a crashed run has listed", async () => {
  await using folder = await temporaryFolder();
  await leaveDeadRun(folder.path, "dead1", ["", "a", "a/b"]);
  await leaveDeadRun(folder.path, "dead2", ["a", "gone"]);
  await Deno.remove(folder.file("gone"), { recursive: true });
  await Deno.writeTextFile(folder.file(`a/${draftName("unknown", "0")}`), "half");
  await Deno.writeTextFile(folder.file("a/file"), "text");
  await using store = open(folder.path);
  assertEquals(await store.sweep(), 4);
  assertEquals(await tree(folder.path), {
    [`a/${draftName("unknown", "0")}`]: "half",
    "a/file": "text",
  });
});

for (
  const [name, text, removed] of [
    ["empty", "", 0],
    ["torn", `${folderLine("a")}\n"a/b`, 1],
    ["torn, and then written on", `\n"a/${folderLine("a")}${folderLine("a/b")}`, 2],
    ["not even text", `\xff\u0000{}${folderLine("a")}\n{"a":1}\nnull\n7`, 1],
  ] as const
) {
  Deno.test(`sweep with a run file that is ${name}`, async () => {
    await using folder = await temporaryFolder();
    await leaveDeadRun(folder.path, "dead", ["a", "a/b"], text);
    await using store = open(folder.path);
    assertEquals(await store.sweep(), removed);
    assertEquals(Object.keys(await tree(folder.path)).length, 2 - removed);
  });
}

Deno.test("sweep ignores folders of a run file outside of the store", async () => {
  await using folder = await temporaryFolder();
  const names = ["../outside", "/", `${folder.path}/outside`, "link", "a/../../outside"];
  await Deno.mkdir(folder.file("store"));
  await leaveDeadRun(folder.path, "dead", ["outside"]);
  await Deno.rename(folder.file(runFileName("dead")), folder.file("store/.cronfetch-run-dead"));
  await Deno.writeTextFile(
    folder.file("store/.cronfetch-run-dead"),
    names.map(folderLine).join(""),
  );
  await new Deno.Command("ln", { args: ["-s", "../outside", folder.file("store/link")] }).output();
  await using store = open(folder.file("store"));
  assertEquals(await store.sweep(), 0);
  assertEquals(await tree(folder.file("outside")), { [draftName("dead", "0")]: "half" });
});

Deno.test("sweep does not follow a link that replaced a folder", async () => {
  await using folder = await temporaryFolder();
  await using store = open(folder.file("store"));
  await put(store, "a/file", "text");
  await leaveDeadRun(folder.path, "dead", ["outside"]);
  await Deno.rename(folder.file(runFileName("dead")), folder.file("store/.cronfetch-run-dead"));
  await Deno.writeTextFile(folder.file("store/.cronfetch-run-dead"), folderLine("a"));
  await Deno.rename(folder.file("store/a"), folder.file("store/b"));
  await new Deno.Command("ln", { args: ["-s", "../outside", folder.file("store/a")] }).output();
  assertEquals(await store.sweep(), 0);
  assertEquals(await tree(folder.file("outside")), { [draftName("dead", "0")]: "half" });
});

Deno.test("sweep ignores links and folders named like a run file", async () => {
  await using folder = await temporaryFolder();
  await leaveDeadRun(folder.path, "dead", [""]);
  await Deno.rename(folder.file(runFileName("dead")), folder.file("other"));
  await new Deno.Command("ln", { args: ["-s", "other", folder.file(runFileName("dead"))] })
    .output();
  await Deno.mkdir(folder.file(runFileName("folder")));
  const before = await tree(folder.path);
  await using store = open(folder.path);
  assertEquals(await store.sweep(), 0);
  assertEquals(await tree(folder.path), before);
});

Deno.test("sweep skips its own run, even if the lock can be taken twice", async () => {
  await using folder = await temporaryFolder();
  const fileSystem = replacing({
    open: async (path, options) =>
      Object.assign(await machine.open(path, options), { tryLock: () => Promise.resolve(true) }),
  });
  await using store = open(folder.path, fileSystem);
  await using draft = await sealed(store, "a", "text");
  assertEquals(await store.sweep(), 0);
  await draft.publish();
});

Deno.test("sweep keeps the run file if a draft cannot be removed", async () => {
  await using folder = await temporaryFolder();
  await leaveDeadRun(folder.path, "dead1", ["a"]);
  await leaveDeadRun(folder.path, "dead2", ["b"]);
  const fileSystem = replacing({
    remove: (path) =>
      String(path).startsWith(folder.file("a/")) ? failing("EACCES")() : machine.remove(path),
  });
  await using hindered = open(folder.path, fileSystem);
  assertEquals(await hindered.sweep(), 1);
  await using store = open(folder.path);
  assertEquals(await store.sweep(), 1);
  assertEquals(await tree(folder.path), {});
});

Deno.test("without locks, drafts work and sweep removes nothing", async () => {
  await using folder = await temporaryFolder();
  const fileSystem = replacing({
    open: async (path, options) =>
      Object.assign(await machine.open(path, options), { tryLock: failing("ENOTSUP") }),
  });
  await using store = open(folder.path, fileSystem);
  await using draft = await sealed(store, "a", "text");
  await using another = open(folder.path, fileSystem);
  assertEquals(await another.sweep(), 0);
  await draft.publish();
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(folder.path), { a: "text" });
});

Deno.test("a run file that is swept before it is locked is created again", async () => {
  await using folder = await temporaryFolder();
  await using sweeper = open(folder.path);
  let begun = 0;
  const fileSystem = replacing({
    async open(path, options) {
      const file = await machine.open(path, options);
      if (path.includes(".cronfetch-run-") && ++begun <= 2) await sweeper.sweep();
      return file;
    },
  });
  await using store = open(folder.path, fileSystem);
  await using draft = await sealed(store, "a", "text");
  assertEquals(begun, 3);
  assertEquals(await sweeper.sweep(), 0);
  await draft.publish();
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(folder.path), { a: "text" });
});

Deno.test("a run file that cannot be created is created by the next draft", async () => {
  await using folder = await temporaryFolder();
  let busy = true;
  const fileSystem = replacing({
    open: (path, options) => busy ? failing("EMFILE")() : machine.open(path, options),
  });
  await using store = open(folder.path, fileSystem);
  await assertCode("store.busy", () => store.draft("a"));
  busy = false;
  await put(store, "a", "text");
});

Deno.test("a run file that is swept on every attempt fails the draft", async () => {
  await using folder = await temporaryFolder();
  const fileSystem = replacing({
    open: async (path, options) =>
      Object.assign(await machine.open(path, options), { tryLock: () => Promise.resolve(false) }),
  });
  await using store = open(folder.path, fileSystem);
  await assertCode("store.failed", () => store.draft("a"));
  assertEquals(await tree(folder.path), {});
});

Deno.test("a run file that cannot be written fails the draft, and is written by the next", async () => {
  await using folder = await temporaryFolder();
  let full = true;
  const fileSystem = replacing({
    async open(path, options) {
      const file = await machine.open(path, options);
      const write = file.write.bind(file);
      return Object.assign(file, {
        write: (bytes: Uint8Array) => full ? failing("ENOSPC")() : write(bytes),
      });
    },
  });
  await using store = open(folder.path, fileSystem);
  const failed = await Promise.allSettled([store.draft("a"), store.draft("b/c")]);
  assertEquals(failed.map(({ status }) => status), ["rejected", "rejected"]);
  full = false;
  await put(store, "a", "text");
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(folder.path), { a: "text" });
});
