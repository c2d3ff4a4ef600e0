// Row 115: a folder of the store is swapped for a link, before each single call in turn.

import { assert, assertEquals } from "@std/assert";
import { CronfetchError } from "../../../lib/core/errors.ts";
import { openFolder } from "../../../lib/store/folder/folder.ts";
import type { FileSystem } from "../../../lib/store/folder/file_system.ts";
import type { Store } from "../../../lib/store/store.ts";
import { temporaryFolder, tree } from "../../helpers/folder.ts";
import { testHost } from "../../helpers/host.ts";
import { put, sealed } from "../fixture.ts";
import { replacing } from "../file_system.ts";

const OUTSIDE = { "file": "keep", "precious": "keep" };

/** More calls than any of the operations makes. */
const MOST_CALLS = 40;

interface Operation {
  readonly name: string;
  /** Carried out before anything is swapped; returns what is carried out while it is. */
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

/** A file system that calls back before and after each of its calls, with the call's number. */
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

/** Carries out an operation while `folder` is a link from one call on, or during it alone. */
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
    // Of a link that is gone again, the way to the draft is unknown: no byte of it is there.
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
    name: `row 115: ${operation.name}: a link in place of the folder leads to no file outside`,
    // There, links need a privilege.
    ignore: Deno.build.os === "windows",
    fn: () => race(operation, false),
  });
  // A copy is a hard link, and has its bytes from the first call on.
  if (operation.name === "copy") continue;
  Deno.test({
    name: `row 115: ${operation.name}: a link that comes and goes leads to no byte outside`,
    ignore: Deno.build.os === "windows",
    fn: () => race(operation, true),
  });
}
