// Rows 191 and 192: small drafts stay in memory until they are published, and become files if they
// grow. Their faults are in folder_faults_test.ts, with those of all drafts.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { openFolder } from "../../../lib/store/folder/folder.ts";
import { SMALL_BYTES } from "../../../lib/store/folder/small_draft.ts";
import type { Store } from "../../../lib/store/store.ts";
import { temporaryFolder, tree } from "../../helpers/folder.ts";
import { testHost } from "../../helpers/host.ts";
import { assertCode, bytesOf, digestOf, put, sealed } from "../fixture.ts";
import { failing, isDraft, recording, replacing } from "../file_system.ts";

function open(root: string, fileSystem = replacing({})): Store {
  return openFolder(root, { sync: false, random: testHost().random }, fileSystem);
}

async function draftNames(root: string): Promise<string[]> {
  return Object.keys(await tree(root)).filter(isDraft);
}

Deno.test("row 191: a small draft is a file only while it is published", async () => {
  await using folder = await temporaryFolder();
  const drafts: number[] = [];
  const fileSystem = replacing({
    link: async (from, to) => {
      drafts.push((await draftNames(folder.path)).length);
      await Deno.link(String(from), String(to));
    },
  });
  await using store = open(folder.path, fileSystem);
  await using draft = await sealed(store, "a", "text");
  assertEquals(await draftNames(folder.path), []);
  await draft.publish();
  assertEquals(drafts, [1]);
  assertEquals(await draftNames(folder.path), []);
  assertEquals(await Deno.readTextFile(folder.file("a")), "text");
});

Deno.test("row 191: the run file lists the folder before a small draft is a file", async () => {
  await using folder = await temporaryFolder();
  const { fileSystem, calls } = recording();
  await using store = open(folder.path, fileSystem);
  await using draft = await sealed(store, "b/a", "text");
  const runFile = Object.entries(await tree(folder.path)).find(([name]) => name.includes("run-"));
  assertEquals(runFile?.[1], '\n"b"');
  calls.length = 0;
  await draft.publish();
  assertEquals(calls[0], "open");
});

for (const text of ["x".repeat(SMALL_BYTES), "x".repeat(SMALL_BYTES + 1)]) {
  Deno.test(`row 192: a draft of ${text.length} bytes, in pieces of any size`, async () => {
    await using folder = await temporaryFolder();
    await using store = open(folder.path);
    for (const pieceBytes of [1_000, SMALL_BYTES - 1, SMALL_BYTES, text.length]) {
      const key = String(pieceBytes);
      await using draft = await store.draft(key);
      for (let at = 0; at < text.length; at += pieceBytes) {
        await draft.write(bytesOf(text.slice(at, at + pieceBytes)));
      }
      assertEquals((await draftNames(folder.path)).length, text.length > SMALL_BYTES ? 1 : 0);
      const sha256 = await digestOf(text);
      assertEquals(await draft.seal(), { sizeBytes: text.length, sha256 });
      assertEquals((await draft.read()).length, text.length);
      await draft.publish();
      assertEquals(await store.digest(key, new AbortController().signal), sha256);
      await store.remove(key);
    }
  });
}

Deno.test("a small draft exchanges its first buffer, which the next draft returns", async () => {
  await using folder = await temporaryFolder();
  await using store = open(folder.path);
  const sizeBytes = 64 * 1024;
  const filled = (buffer: ArrayBuffer, text: string) => {
    const bytes = new Uint8Array(buffer, 0, text.length);
    bytes.set(bytesOf(text));
    return bytes;
  };
  const first = new ArrayBuffer(sizeBytes);
  {
    await using draft = await store.draft("a");
    const second = await draft.write(filled(first, "one "));
    assertEquals([second === first, second.byteLength], [false, sizeBytes]);
    assertStrictEquals(await draft.write(filled(second, "two ")), second);
    new Uint8Array(second).fill(0);
    assertEquals(new TextDecoder().decode(draft.head), "one two ");
    assertEquals((await draft.seal()).sha256, await digestOf("one two "));
    await draft.publish();
  }
  await using draft = await store.draft("b");
  assertStrictEquals(await draft.write(new Uint8Array(new ArrayBuffer(sizeBytes), 0, 1)), first);
  assertEquals(await Deno.readTextFile(folder.file("a")), "one two ");
});

Deno.test("row 192: a draft that cannot become a file fails, and leaves nothing", async () => {
  await using folder = await temporaryFolder();
  let isFull = false;
  const fileSystem = replacing({
    open: (path, options) => isFull ? failing("ENOSPC")() : Deno.open(path, options),
  });
  await using store = open(folder.path, fileSystem);
  await put(store, "before", "text");
  for (const action of ["write", "publish", "suspend"] as const) {
    await using draft = await store.draft("a");
    await draft.write(bytesOf("text"));
    if (action === "publish") await draft.seal();
    isFull = true;
    await assertCode(
      "store.full",
      () => action === "write" ? draft.write(new Uint8Array(SMALL_BYTES)) : draft[action](),
    );
    isFull = false;
  }
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(folder.path), { before: "text" });
});

Deno.test("a small draft is published in a folder that was created again, unless a file is new there", async () => {
  await using folder = await temporaryFolder();
  await using store = open(folder.path);
  await using draft = await sealed(store, "b/a", "ours");
  await using other = await sealed(store, "b/other", "ours");
  await Deno.remove(folder.file("b"), { recursive: true });
  await draft.publish();
  await Deno.remove(folder.file("b"), { recursive: true });
  await Deno.mkdir(folder.file("c"));
  await Deno.writeTextFile(folder.file("c/other"), "theirs");
  const { success } = await new Deno.Command("ln", {
    args: ["-s", folder.file("c"), folder.file("b")],
  }).output();
  assertEquals(success, true);
  await assertCode("store.conflict", () => other.publish());
  assertEquals(await Deno.readTextFile(folder.file("c/other")), "theirs");
});
