// Rows 69 to 72 and 77 to 80: faults of the file system during a draft.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import type { ErrorCode } from "../../../lib/core/errors.ts";
import {
  type FileSystem,
  machineFileSystem as machine,
  type OpenFile,
} from "../../../lib/store/folder/file_system.ts";
import { openFolder } from "../../../lib/store/folder/folder.ts";
import type { Store } from "../../../lib/store/store.ts";
import { temporaryFolder, tree } from "../../helpers/folder.ts";
import { testHost } from "../../helpers/host.ts";
import { AS_FILE, assertCode, bytesOf, put, sealed } from "../fixture.ts";
import {
  failing,
  isDraft,
  osError,
  recording,
  replacing,
  replacingInDrafts,
} from "../file_system.ts";

function open(root: string, fileSystem?: FileSystem, sync = false): Store {
  return openFolder(root, { sync, random: testHost().random }, fileSystem);
}

/** A call that fails for drafts, and is the machine's for other paths. */
const failingForDrafts = (name: "open" | "rename" | "chmod", code: string): FileSystem =>
  replacing({
    [name]: (path: string, ...rest: never[]) =>
      isDraft(path) ? failing(code)() : Reflect.apply(machine[name], machine, [path, ...rest]),
  });

interface Fault {
  readonly name: string;
  readonly fileSystem: FileSystem;
  readonly code: ErrorCode;
  /** Part of the message. */
  readonly message: string;
  readonly sync?: boolean;
}

const inFile = (name: keyof OpenFile, code: string) =>
  replacingInDrafts(() => ({ [name]: failing(code) }));

const FAULTS: readonly Fault[] = [
  {
    name: "row 69: the disk is full",
    fileSystem: inFile("write", "ENOSPC"),
    code: "store.full",
    message: "no space is left on the disk; free some, or choose another folder",
  },
  {
    name: "row 69: the disk is full after some bytes",
    fileSystem: replacingInDrafts((file) => {
      let writes = 0;
      return {
        write: (bytes) => writes++ === 0 ? file.write(bytes.subarray(0, 2)) : failing("ENOSPC")(),
      };
    }),
    code: "store.full",
    message: "no space",
  },
  {
    name: "row 69: the disk is full before the draft is there",
    fileSystem: failingForDrafts("open", "ENOSPC"),
    code: "store.full",
    message: "no space",
  },
  {
    name: "row 69: the quota is used up",
    fileSystem: inFile("write", "EDQUOT"),
    code: "store.full",
    message: "quota",
  },
  {
    name: "row 70: no permission in the folder",
    fileSystem: failingForDrafts("open", "EACCES"),
    code: "store.denied",
    message: "let this user write there",
  },
  {
    name: "row 70: a file that must not be replaced",
    fileSystem: failingForDrafts("rename", "EPERM"),
    code: "store.denied",
    message: "let this user write there",
  },
  {
    name: "row 70: a read-only file system",
    fileSystem: failingForDrafts("open", "EROFS"),
    code: "store.denied",
    message: "read-only",
  },
  {
    name: "row 77: too many open files",
    fileSystem: failingForDrafts("open", "EMFILE"),
    code: "store.busy",
    message: "ulimit -n",
  },
  {
    name: "row 78: fsync fails",
    fileSystem: inFile("sync", "EIO"),
    code: "store.failed",
    message: "EIO",
    sync: true,
  },
  {
    name: "row 79: a write that reports more bytes than it stored",
    fileSystem: replacingInDrafts((file) => ({
      write: async (bytes) => {
        await file.write(bytes.subarray(1));
        return bytes.length;
      },
    })),
    code: "store.failed",
    message: "wrote 3 bytes, the file has 2",
  },
  {
    name: "row 79: a file that accepts no more bytes",
    fileSystem: replacingInDrafts(() => ({ write: () => Promise.resolve(0) })),
    code: "store.failed",
    message: "accepts no more bytes",
  },
  {
    name: "row 79: a file that shrinks before it is published",
    fileSystem: replacingInDrafts((file) => ({
      stat: async () => ({ ...await file.stat(), size: 0 }),
    })),
    code: "store.failed",
    message: "wrote 3 bytes, the file has 0",
  },
  {
    name: "an I/O error in rename",
    fileSystem: failingForDrafts("rename", "EIO"),
    code: "store.failed",
    message: "EIO",
  },
];

for (const { name, fileSystem, code, message, sync } of FAULTS) {
  Deno.test(name, async () => {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(folder.file("a.txt"), "old bytes");
    await using store = open(folder.path, fileSystem, sync);
    const error = await assertCode(code, () => put(store, "a.txt", "new"));
    assertStringIncludes(error.message, message);
    assertMatch(error.message, /^storing "a\.txt": /);
    await store[Symbol.asyncDispose]();
    assertEquals(await tree(folder.path), { "a.txt": "old bytes" });
  });
}

Deno.test("row 79: a partial write is continued", async () => {
  await using folder = await temporaryFolder();
  let writes = 0;
  const fileSystem = replacingInDrafts((file) => ({
    write: (bytes) => (writes++, file.write(bytes.subarray(0, 2))),
  }));
  await using store = open(folder.path, fileSystem);
  await put(store, "a.txt", "seven b");
  assertEquals(writes, 4);
  assertEquals(await Deno.readTextFile(folder.file("a.txt")), "seven b");
});

Deno.test("a failed draft keeps failing, and seal removes it", async () => {
  await using folder = await temporaryFolder();
  await using store = open(folder.path, inFile("write", "ENOSPC"));
  const draft = await store.draft("a.txt", AS_FILE);
  const writes = [draft.write(bytesOf("one")), draft.write(bytesOf("two"))];
  for (const write of writes) await assertCode("store.full", () => write);
  await assertCode("store.full", () => draft.seal());
  assertEquals(draft.sizeBytes, 0);
  assertEquals(Object.keys(await tree(folder.path)).filter(isDraft), []);
});

Deno.test("row 79: read fails if the draft was truncated", async () => {
  await using folder = await temporaryFolder();
  await using store = open(folder.path);
  await using draft = await sealed(store, "a.txt", "new", AS_FILE);
  await Deno.truncate(await draftPath(folder.path), 2);
  const error = await assertCode("store.failed", () => draft.read());
  assertStringIncludes(error.message, "wrote 3 bytes, the file has 2");
});

Deno.test("digest aborts between two reads", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeFile(folder.file("a"), new Uint8Array(2_000_000));
  const controller = new AbortController();
  let reads = 0;
  const fileSystem = replacing({
    async open(path, options) {
      const file = await machine.open(path, options);
      const read = file.read.bind(file);
      return Object.assign(file, {
        read: (bytes: Uint8Array) => {
          if (++reads === 2) controller.abort();
          return read(bytes);
        },
      });
    },
  });
  await using store = open(folder.path, fileSystem);
  const error = await assertRejects(() => store.digest("a", controller.signal));
  assertStrictEquals(error, controller.signal.reason);
  assertEquals(reads, 2);
});

Deno.test("row 71: a draft is in the folder of its target, never on another device", async () => {
  await using folder = await temporaryFolder();
  const moved: string[][] = [];
  const noted = (move: (from: string, to: string) => Promise<void>) => {
    return (from: string | URL, to: string | URL) => {
      moved.push([from, to].map((path) => String(path).replace(/[^/\\]+$/, "")));
      return move(String(from), String(to));
    };
  };
  const fileSystem = replacing({ rename: noted(machine.rename), link: noted(machine.link) });
  await using store = open(folder.path, fileSystem);
  for (const key of ["a", "b/c", "b/d/e"]) await put(store, key, key);
  assertEquals(moved.length, 3);
  for (const key of ["a", "b/c", "b/d/e"]) await put(store, key, `${key} again`);
  assertEquals(moved.length, 6);
  for (const [from, to] of moved) assertEquals(from, to);
});

const LONGEST_NAME = 255;

for (
  const [what, name] of [
    ["letters", "n".repeat(LONGEST_NAME)],
    ["letters of three bytes", "\u20ac".repeat(LONGEST_NAME / 3)],
  ] as const
) {
  Deno.test({
    name: `row 72: a name as long as the file system allows, of ${what}, and one longer`,
    // Other systems limit the number of characters.
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      await using folder = await temporaryFolder();
      await using store = open(folder.path);
      await put(store, `b/${name}`, "text");
      await store.copy(`b/${name}`, name);
      const error = await assertCode("store.name", () => store.draft(`b/${name}n`));
      assertStringIncludes(error.message, "too long");
      await assertCode("store.name", () => store.draft(`${name}n/b`));
      await store[Symbol.asyncDispose]();
      assertEquals(await tree(folder.path), { [`b/${name}`]: "text", [name]: "text" });
    },
  });
}

Deno.test("row 72: the name of a draft has the same length for every target", async () => {
  await using folder = await temporaryFolder();
  await using store = open(folder.path);
  const lengths = new Set<number>();
  for (const key of ["a", "a".repeat(200), "long.tar.gz"]) {
    await using _draft = await store.draft(key, AS_FILE);
    const names = Object.keys(await tree(folder.path)).filter(isDraft);
    assertEquals(names.length, 1);
    for (const name of names) {
      assertMatch(name, /^\.cronfetch-[0-9a-f]{32}-[0-9a-f]{32}\.part$/);
      lengths.add(name.length);
    }
  }
  assertEquals(lengths.size, 1);
});

const withModes = (name: string, fn: (root: string, store: Store) => Promise<void>) =>
  Deno.test({
    name: `row 80: ${name}`,
    ignore: Deno.build.os === "windows",
    fn: async () => {
      await using folder = await temporaryFolder();
      await using store = open(folder.path);
      await fn(folder.path, store);
    },
  });

async function modeOf(path: string): Promise<number> {
  return ((await Deno.stat(path)).mode ?? 0) & 0o777;
}

/** The path of the only draft in a folder. */
async function draftPath(root: string): Promise<string> {
  const [name, ...others] = Object.keys(await tree(root)).filter(isDraft);
  assert(name !== undefined && others.length === 0);
  return `${root}/${name}`;
}

for (const mode of [0o600, 0o640, 0o400, 0o444, 0o644, 0o666, 0o755, 0o777]) {
  withModes(`mode ${mode.toString(8)} is kept, and never widened`, async (root, store) => {
    await Deno.writeTextFile(`${root}/a`, "old");
    await Deno.chmod(`${root}/a`, mode);
    await using draft = await store.draft("a", AS_FILE);
    assertEquals(await modeOf(await draftPath(root)) & ~mode, 0);
    await draft.write(bytesOf("new"));
    await draft.seal();
    assertEquals(await modeOf(await draftPath(root)) & ~mode, 0);
    assertEquals(new TextDecoder().decode(await draft.read()), "new");
    await draft.publish();
    assertEquals(await modeOf(`${root}/a`), mode);
    assertEquals(await Deno.readTextFile(`${root}/a`), "new");
  });
}

withModes("publish: a new file has the default mode", async (root, store) => {
  await put(store, "a", "text");
  await Deno.writeTextFile(`${root}/b`, "text");
  assertEquals(await modeOf(`${root}/a`), await modeOf(`${root}/b`));
});

withModes("publish keeps a mode that was restricted during the draft", async (root, store) => {
  await put(store, "a", "old");
  await using draft = await sealed(store, "a", "new");
  await Deno.chmod(`${root}/a`, 0o600);
  await draft.publish();
  assertEquals(await modeOf(`${root}/a`), 0o600);
});

withModes(
  "copy keeps the modes of the target and the source",
  async (root, store) => {
    await put(store, "public", "new");
    await put(store, "private", "old");
    await Deno.chmod(`${root}/public`, 0o644);
    await Deno.chmod(`${root}/private`, 0o600);
    await store.copy("public", "private");
    assertEquals(await modeOf(`${root}/private`), 0o600);
    assertEquals(await modeOf(`${root}/public`), 0o644);
    assertEquals(await Deno.readTextFile(`${root}/private`), "new");
  },
);

Deno.test("copy works without hard links", async () => {
  await using folder = await temporaryFolder();
  await using store = open(folder.path, replacing({ link: failing("ENOTSUP") }));
  const text = "0123456789".repeat(200_000);
  await put(store, "a", text);
  await store.copy("a", "b/c");
  await put(store, "a", "two");
  assertEquals(await Deno.readTextFile(folder.file("b/c")), text);
});

Deno.test("a failed copy keeps the old file and removes its draft", async () => {
  for (
    const fault of [
      { rename: failing("EIO") },
      { rename: failing("EIO"), link: failing("ENOTSUP") },
    ]
  ) {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(folder.file("a"), "new");
    await Deno.writeTextFile(folder.file("b"), "old");
    await using store = open(folder.path, replacing(fault));
    const error = await assertCode("store.failed", () => store.copy("a", "b"));
    assertMatch(error.message, /^(?:copying "a" to|storing) "b": /);
    await store[Symbol.asyncDispose]();
    assertEquals(await tree(folder.path), { a: "new", b: "old" });
  }
});

Deno.test("publish renames a new file if links are unsupported", async () => {
  await using folder = await temporaryFolder();
  await using store = open(folder.path, replacing({ link: failing("EPERM") }));
  await put(store, "a", "text");
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(folder.path), { a: "text" });
});

Deno.test("publish replaces a file that was created concurrently", async () => {
  await using folder = await temporaryFolder();
  await using store = open(folder.path);
  await using draft = await sealed(store, "a", "ours");
  await Deno.writeTextFile(folder.file("a"), "theirs");
  await draft.publish();
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(folder.path), { a: "ours" });
});

Deno.test("publish succeeds if the name of the draft cannot be removed", async () => {
  await using folder = await temporaryFolder();
  const fileSystem = replacing({
    remove: (path, options) =>
      isDraft(path) ? Promise.reject(osError("EACCES")) : machine.remove(path, options),
  });
  await using store = open(folder.path, fileSystem);
  await put(store, "a", "text");
  assertEquals(await Deno.readTextFile(folder.file("a")), "text");
});

Deno.test("a file takes a fixed number of file system calls", async (t) => {
  await using folder = await temporaryFolder();
  const { fileSystem, calls } = recording();
  await using store = open(folder.path, fileSystem);
  await put(store, "b/first", "text");
  const written = ["write", "stat", "close"];
  const table: [name: string, work: () => Promise<unknown>, expected: string[]][] = [
    ["new and small", () => put(store, "b/second", "text"), [
      ...["exists", "open", "realPath", ...written, "link", "remove"],
    ]],
    ["changed and small", () => put(store, "b/second", "other text"), [
      ...["exists", "lstat", "open", "realPath", ...written, "lstat", "rename"],
    ]],
    ["small, and not published", async () => {
      await using draft = await sealed(store, "b/second", "other text");
      await draft.read();
      await Array.fromAsync(draft.pieces());
    }, ["exists", "lstat"]],
    ["checked", () => store.stat("b/second"), ["lstat"]],
    ["new and large", () => put(store, "b/large", "text", AS_FILE), [
      ...["exists", "open", "realPath", ...written, "realPath", "link", "remove"],
    ]],
    ["changed and large", () => put(store, "b/large", "other text", AS_FILE), [
      ...["exists", "lstat", "open", "realPath", ...written, "realPath", "lstat", "rename"],
    ]],
  ];
  for (const [name, work, expected] of table) {
    await t.step(name, async () => {
      calls.length = 0;
      await work();
      assertEquals(calls, expected);
    });
  }
});

Deno.test("draft: a folder that was removed or replaced is resolved again", async (t) => {
  const steps: [name: string, change: (at: string) => Promise<void>][] = [
    ["removed", (at) => Deno.remove(`${at}/real/sub`, { recursive: true })],
    ["replaced by a new folder", async (at) => {
      await Deno.rename(`${at}/real/sub`, `${at}/moved`);
      await Deno.mkdir(`${at}/real/sub`);
    }],
    ["the root removed", (at) => Deno.remove(`${at}/real`, { recursive: true })],
    ["the root a link to another folder", async (at) => {
      await Deno.mkdir(`${at}/other`);
      await Deno.remove(`${at}/link`);
      assert(
        (await new Deno.Command("ln", { args: ["-s", "other", `${at}/link`] }).output()).success,
      );
    }],
  ];
  for (const [name, change] of steps) {
    await t.step({
      name,
      ignore: Deno.build.os === "windows",
      fn: async () => {
        await using folder = await temporaryFolder();
        await Deno.mkdir(folder.file("real"));
        const linked = await new Deno.Command("ln", { args: ["-s", "real", folder.file("link")] })
          .output();
        assert(linked.success);
        await using store = open(folder.file("link"));
        await put(store, "sub/first", "text");
        await change(folder.path);
        if (name === "the root removed") await Deno.mkdir(folder.file("real"));
        await put(store, "sub/second", "other text");
        assertEquals(await Deno.readTextFile(folder.file("link/sub/second")), "other text");
        // No draft is left in the former folder.
        const places = [folder.file("real/sub"), folder.file("other/sub"), folder.file("moved")];
        for (const place of places) {
          const names = await Array.fromAsync(Deno.readDir(place)).catch(() => []);
          assertEquals(names.filter(({ name }) => name.startsWith(".cronfetch-")), []);
        }
      },
    });
  }
});

Deno.test("with sync, the bytes are synced before the file is renamed", async () => {
  await using folder = await temporaryFolder();
  const { fileSystem, calls } = recording();
  await using store = open(folder.path, fileSystem, true);
  await put(store, "first", "text");
  calls.length = 0;
  await put(store, "second", "text");
  assertEquals(calls, [
    ...["exists", "open", "realPath"],
    ...["write", "stat", "sync", "close"],
    ...["link", "remove"],
    ...["open", "sync", "close"],
  ]);
});

Deno.test("publish succeeds if the folder cannot be synced", async () => {
  await using folder = await temporaryFolder();
  const fileSystem = replacing({
    open: (path, options) =>
      path === folder.path ? Promise.reject(osError("EACCES")) : machine.open(path, options),
  });
  await using store = open(folder.path, fileSystem, true);
  await put(store, "a", "text");
  assertEquals(await Deno.readTextFile(folder.file("a")), "text");
});

Deno.test("draft creates a folder again that was removed", async () => {
  await using folder = await temporaryFolder();
  await using store = open(folder.path);
  await put(store, "b/c/first", "text");
  await Deno.remove(folder.file("b"), { recursive: true });
  assertEquals(await store.stat("b/c/first"), null);
  assertEquals(await Array.fromAsync(store.list("b/c")), []);
  await put(store, "b/c/second", "text");
  await using draft = await sealed(store, "b/c/third", "text");
  await using file = await sealed(store, "b/c/fourth", "text", AS_FILE);
  await Deno.remove(folder.file("b"), { recursive: true });
  await assertCode("store.conflict", () => file.publish());
  await draft.publish();
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(folder.path), { "b/c/third": "text" });
});

Deno.test("a draft that cannot be removed is removed by a later sweep", async () => {
  await using folder = await temporaryFolder();
  {
    await using store = open(
      folder.path,
      replacing({ remove: (path) => isDraft(path) ? failing("EIO")() : machine.remove(path) }),
    );
    const draft = await store.draft("b/a", AS_FILE);
    await draft.discard();
  }
  assertEquals(Object.keys(await tree(folder.path)).length, 2);
  await using store = open(folder.path);
  assertEquals(await store.sweep(), 1);
  assertEquals(await tree(folder.path), {});
});

Deno.test("openFolder, stat and list create nothing", async () => {
  await using folder = await temporaryFolder();
  await using store = open(folder.file("store"));
  assertEquals(await store.stat("a"), null);
  assertEquals(await Array.fromAsync(store.list("")), []);
  assertEquals(await store.sweep(), 0);
  await store.remove("a");
  assertEquals(await Array.fromAsync(Deno.readDir(folder.path)), []);
});
