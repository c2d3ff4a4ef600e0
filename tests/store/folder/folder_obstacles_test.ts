// Rows 73 to 75: links, folders and files in the way of a file, before or during a draft.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { openFolder } from "../../../lib/store/folder/folder.ts";
import type { Store } from "../../../lib/store/store.ts";
import { machineFileSystem as machine } from "../../../lib/store/folder/file_system.ts";
import { temporaryFolder, type Tree, tree } from "../../helpers/folder.ts";
import { testHost } from "../../helpers/host.ts";
import { AS_FILE, assertCode, put, sealed } from "../fixture.ts";
import { replacing } from "../file_system.ts";

/** Files next to the store, which every test must leave unchanged. */
const OUTSIDE: Tree = { "precious": "keep", "sub/precious": "keep" };

interface Scene {
  readonly store: Store;
  /** Absolute path of a file in the store. */
  readonly inside: (name: string) => string;
  /** Absolute path of a file outside of it. */
  readonly outside: (name: string) => string;
}

/** Creates a link without `Deno.symlink`, which requires write permission for all paths. */
async function symlink(target: string, path: string): Promise<void> {
  const { success } = await new Deno.Command("ln", { args: ["-s", target, path] }).output();
  if (!success) throw new Error(`no link at ${path}`);
}

function test(name: string, body: (scene: Scene) => Promise<void>): void {
  Deno.test({
    name,
    // Links require a privilege on Windows.
    ignore: Deno.build.os === "windows",
    fn: async () => {
      await using folder = await temporaryFolder();
      const outside = (name: string) => folder.file(`outside/${name}`);
      const inside = (name: string) => folder.file(`store/${name}`);
      await Deno.mkdir(outside("sub"), { recursive: true });
      await Deno.mkdir(inside(""));
      for (const [name, text] of Object.entries(OUTSIDE)) {
        await Deno.writeTextFile(outside(name), text);
      }
      await using store = openFolder(inside(""), { sync: false, random: testHost().random });
      await body({ store, inside, outside });
      await store[Symbol.asyncDispose]();
      assertEquals(await tree(outside("")), OUTSIDE);
      const leftovers = Object.keys(await tree(inside(""))).filter((name) =>
        /cronfetch-/.test(name)
      );
      assertEquals(leftovers, []);
    },
  });
}

interface Obstacle {
  readonly name: string;
  /** Creates an obstacle for `folder/file`. */
  readonly place: (scene: Scene) => Promise<unknown>;
  /** Message if it exists before the draft. */
  readonly message: string;
  /** Message if it is created during a draft that is a file. */
  readonly laterMessage: string;
  /** Message if it is created during a draft in memory; default: the same. */
  readonly smallMessage?: string;
}

const moveAway = ({ inside }: Scene) => Deno.rename(inside("folder"), inside("moved"));

const OBSTACLES: readonly Obstacle[] = [
  {
    name: "row 73: a folder as the target",
    place: ({ inside }) => Deno.mkdir(inside("folder/file")),
    message: "folder/file is a folder",
    laterMessage: "folder/file is a folder",
  },
  {
    name: "row 74: a file as the parent",
    place: async (scene) => {
      await moveAway(scene);
      await Deno.writeTextFile(scene.inside("folder"), "text");
    },
    message: "folder is a file where a folder is needed",
    laterMessage: "a file exists where a folder is needed",
    smallMessage: "folder is a file where a folder is needed",
  },
  {
    name: "row 75: a link to a file as the target",
    place: ({ inside, outside }) => symlink(outside("precious"), inside("folder/file")),
    message: "folder/file is a symbolic link",
    laterMessage: "folder/file is a symbolic link",
  },
  {
    name: "row 75: a link to nothing as the target",
    place: ({ inside, outside }) => symlink(outside("nothing"), inside("folder/file")),
    message: "folder/file is a symbolic link",
    laterMessage: "folder/file is a symbolic link",
  },
  {
    name: "row 75: a link to a folder as the parent",
    place: async (scene) => {
      await moveAway(scene);
      await symlink(scene.outside("sub"), scene.inside("folder"));
    },
    message: "folder is a symbolic link",
    laterMessage: "folder was replaced",
    smallMessage: "folder is a symbolic link",
  },
  {
    name: "row 75: a link to another folder of the store as the parent",
    place: async (scene) => {
      await moveAway(scene);
      await symlink(scene.inside("moved"), scene.inside("folder"));
    },
    message: "folder is a symbolic link",
    laterMessage: "folder was replaced",
    smallMessage: "folder is a symbolic link",
  },
];

for (const { name, place, message, laterMessage, smallMessage = laterMessage } of OBSTACLES) {
  test(`${name}, before the draft`, async (scene) => {
    const { store, inside } = scene;
    await Deno.mkdir(inside("folder"));
    await place(scene);
    const before = await tree(inside(""));
    const error = await assertCode("store.conflict", () => store.draft("folder/file"));
    assertStringIncludes(error.message, `storing "folder/file": `);
    assertStringIncludes(error.message, message);
    await put(store, "source", "text");
    await assertCode("store.conflict", () => store.copy("source", "folder/file"));
    await store.remove("source");
    await store[Symbol.asyncDispose]();
    assertEquals(await tree(inside("")), before);
  });

  test(`${name}, once the folder is known`, async (scene) => {
    const { store, inside } = scene;
    await put(store, "folder/other", "text");
    await place(scene);
    await assertCode("store.conflict", () => store.draft("folder/file", AS_FILE));
    await assertCode("store.conflict", () => put(store, "folder/file", "new"));
    assertEquals(await store.stat("folder/file"), null);
    await store.remove("folder/file");
    await Deno.lstat(inside("folder"));
  });

  test(`${name}, between draft and publish`, async (scene) => {
    const { store, inside } = scene;
    await Deno.mkdir(inside("folder"));
    await using draft = await sealed(store, "folder/file", "new", AS_FILE);
    await using small = await sealed(store, "folder/file", "new");
    const [name] = Object.keys(await tree(inside("folder")));
    await place(scene);
    const error = await assertCode("store.conflict", () => draft.publish());
    assertStringIncludes(error.message, laterMessage);
    const smallError = await assertCode("store.conflict", () => small.publish());
    assertStringIncludes(smallError.message, smallMessage);
    // If the folder was moved away, the draft in it cannot be found.
    await Deno.remove(inside(`moved/${name}`)).catch(() => {});
  });

  test(`${name}: it is no published file`, async (scene) => {
    const { store, inside } = scene;
    await Deno.mkdir(inside("folder"));
    await place(scene);
    const before = await tree(inside(""));
    assertEquals(await store.stat("folder/file"), null);
    assertEquals(await store.digest("folder/file", new AbortController().signal), null);
    await store.remove("folder/file");
    await assertCode("store.failed", () => store.copy("folder/file", "copy"));
    assertEquals(await tree(inside("")), before);
    const listed = (await Array.fromAsync(store.list(""))).map(({ key }) => key);
    assertEquals(listed, Object.keys(before).filter((name) => before[name] === "text"));
  });
}

test("row 75: remove does not follow a link that replaced the folder", async (scene) => {
  const { store, inside, outside } = scene;
  await put(store, "folder/precious", "text");
  await moveAway(scene);
  await symlink(outside("sub"), inside("folder"));
  await assertCode("store.conflict", () => store.remove("folder/precious"));
});

test("row 75: a link that replaces the folder while it is checked is refused", async (scene) => {
  const { inside, outside } = scene;
  await Deno.mkdir(inside("folder"));
  const fileSystem = replacing({
    lstat: async (path) => {
      const standing = await machine.lstat(path);
      if (path === inside("folder")) {
        await Deno.remove(inside("folder"));
        await symlink(outside("sub"), inside("folder"));
      }
      return standing;
    },
  });
  await using store = openFolder(
    inside(""),
    { sync: false, random: testHost().random },
    fileSystem,
  );
  await assertCode("store.conflict", () => put(store, "folder/precious", "new"));
});

test("row 75: copy refuses a source that is replaced by a link", async (scene) => {
  const { inside, outside } = scene;
  const fileSystem = replacing({
    link: async (from, to) => {
      if (from === inside("source")) {
        await Deno.remove(from);
        await symlink(outside("precious"), from);
      }
      await machine.link(from, to);
    },
  });
  await using store = openFolder(
    inside(""),
    { sync: false, random: testHost().random },
    fileSystem,
  );
  await put(store, "source", "text");
  await assertCode("store.conflict", () => store.copy("source", "copy"));
  assertEquals(await store.stat("copy"), null);
});

test("row 75: the root may be a link, since the user configured it", async ({ inside }) => {
  await Deno.mkdir(inside("real"));
  await symlink(inside("real"), inside("link"));
  await using store = openFolder(inside("link"), { sync: false, random: testHost().random });
  await put(store, "folder/file", "text");
  await store.copy("folder/file", "copy");
  const keys = (await Array.fromAsync(store.list(""))).map(({ key }) => key).sort();
  assertEquals(keys, ["copy", "folder/file"]);
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(inside("real")), { "copy": "text", "folder/file": "text" });
});

test("row 75: a root that was replaced during a draft is refused", async ({ inside, outside }) => {
  await Deno.mkdir(inside("real"));
  await symlink(inside("real"), inside("link"));
  await using store = openFolder(inside("link"), { sync: false, random: testHost().random });
  {
    await using draft = await sealed(store, "precious", "new", AS_FILE);
    await using small = await sealed(store, "precious", "new");
    const before = await tree(inside("real"));
    await Deno.remove(inside("link"));
    await symlink(outside(""), inside("link"));
    await assertCode("store.conflict", () => draft.publish());
    await assertCode("store.conflict", () => small.publish());
    assertEquals(await tree(inside("real")), before);
  }
  await Deno.remove(inside("link"));
  await symlink(inside("real"), inside("link"));
  await Deno.remove(inside("real"), { recursive: true });
});

test("row 74: a file as the root", async ({ inside }) => {
  await Deno.writeTextFile(inside("file"), "text");
  await using store = openFolder(inside("file"), { sync: false, random: testHost().random });
  assertEquals(await store.stat("a"), null);
  await assertCode("store.conflict", () => store.draft("a"));
  assertEquals(await Deno.readTextFile(inside("file")), "text");
});
