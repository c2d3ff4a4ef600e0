// Row 115: a folder of the store is replaced by a link, before each single call in turn.

import { assert, assertEquals } from "@std/assert";
import { CronfetchError } from "../../../lib/core/errors.ts";
import { openFolder } from "../../../lib/store/folder/folder.ts";
import type { FileSystem } from "../../../lib/store/folder/file_system.ts";
import type { Store } from "../../../lib/store/store.ts";
import { temporaryFolder, tree } from "../../helpers/folder.ts";
import { testHost } from "../../helpers/host.ts";
import { AS_FILE, put, sealed } from "../fixture.ts";
import { replacing } from "../file_system.ts";

const OUTSIDE = { "file": "keep", "precious": "keep" };

/** More calls than any operation makes. */
const MOST_CALLS = 40;

interface Operation {
  readonly name: string;
  /** Runs before the folder is replaced; returns the operation that runs while it is. */
  readonly prepare: (store: Store) => Promise<() => Promise<unknown>>;
}

const OPERATIONS: readonly Operation[] = [
  {
    name: "draft and publish",
    prepare: (store) =>
      Promise.resolve(async () => {
        await using draft = await sealed(store, "folder/file", "new");
        await draft.publish();
      }),
  },
  {
    name: "draft and publish a large file",
    prepare: (store) =>
      Promise.resolve(async () => {
        await using draft = await sealed(store, "folder/file", "new", AS_FILE);
        await draft.publish();
      }),
  },
  {
    name: "publish exclusively",
    prepare: (store) =>
      Promise.resolve(async () => {
        await using draft = await sealed(store, "folder/file", "new");
        await draft.publish({ exclusive: true });
      }),
  },
  {
    name: "copy",
    prepare: async (store) => {
      await put(store, "source", "new");
      return () => store.copy("source", "folder/file");
    },
  },
  {
    name: "resume",
    prepare: async (store) => {
      const draft = await store.draft("folder/file");
      await draft.write(new TextEncoder().encode("new"));
      const name = await draft.suspend();
      return async () => {
        const resumed = await store.resume("folder/file", name, new AbortController().signal);
        await using draft = resumed?.draft;
        await draft?.seal();
        await draft?.publish();
      };
    },
  },
];

/** A file system that calls `before` and `after` with the number of each call. */
function counted(before: (call: number) => Promise<void>, after: (call: number) => Promise<void>) {
  let calls = 0;
  const plain = replacing({});
  const fileSystem = Object.fromEntries(
    Object.entries(plain).map(([name, call]) => [
      name,
      name === "readDir" ? call : async (...given: unknown[]) => {
        const number = ++calls;
        await before(number);
        try {
          return await Reflect.apply(call as () => unknown, null, given);
        } finally {
          await after(number);
        }
      },
    ]),
  ) as unknown as FileSystem;
  return { fileSystem, calls: () => calls };
}

async function link(target: string, path: string): Promise<void> {
  const { success } = await new Deno.Command("ln", { args: ["-s", target, path] }).output();
  assert(success);
}

/** Runs an operation while `folder` is a link, from one call on or during that call only. */
async function race(operation: Operation, isBack: boolean): Promise<void> {
  for (let swapAt = 1; swapAt <= MOST_CALLS; swapAt++) {
    await using folder = await temporaryFolder();
    const inside = folder.file("store/folder");
    const moved = folder.file("moved");
    await Deno.mkdir(folder.file("outside"));
    for (const [name, text] of Object.entries(OUTSIDE)) {
      await Deno.writeTextFile(folder.file(`outside/${name}`), text);
    }
    let first = Infinity;
    const swapping = counted(async (call) => {
      if (call !== first) return;
      await Deno.rename(inside, moved);
      await link(folder.file("outside"), inside);
    }, async (call) => {
      if (call !== first || !isBack) return;
      await Deno.remove(inside);
      await Deno.rename(moved, inside);
    });
    const random = testHost().random;
    const root = folder.file("store");
    let wasSwapped: boolean;
    {
      await using store = openFolder(root, { sync: false, random }, swapping.fileSystem);
      await put(store, "folder/other", "text");
      const carryOut = await operation.prepare(store);
      first = swapping.calls() + swapAt;
      await carryOut().catch((error) => assert(error instanceof CronfetchError, String(error)));
      wasSwapped = swapping.calls() >= first;
    }
    const found = await tree(folder.file("outside"));
    // If the link is gone again, the draft cannot be found: an empty file is left.
    const drafts = Object.entries(found).filter(([name]) => name.startsWith(".cronfetch-"));
    for (const [name, text] of drafts) assertEquals([isBack, text], [true, ""], name);
    for (const [name] of drafts) delete found[name];
    assertEquals(found, OUTSIDE, `swapped before call ${swapAt}`);
    if (!wasSwapped) {
      assert(swapAt > 5, "the operation makes calls");
      return;
    }
  }
  throw new Error("the operation makes more calls than were tried");
}

for (const operation of OPERATIONS) {
  Deno.test({
    name: `row 115: ${operation.name}: no file outside if a link replaces the folder`,
    // Links require a privilege on Windows.
    ignore: Deno.build.os === "windows",
    fn: () => race(operation, false),
  });
  // A copy is a hard link, which has its bytes from the first call on.
  if (operation.name === "copy") continue;
  Deno.test({
    name: `row 115: ${operation.name}: no byte outside if a link keeps replacing the folder`,
    ignore: Deno.build.os === "windows",
    fn: () => race(operation, true),
  });
}
