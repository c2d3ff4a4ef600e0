/** Published files: reading, metadata, lists, copies. */

import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { CronfetchError } from "../../../lib/core/errors.ts";
import { sha256 } from "../../helpers/folder.ts";
import {
  assertCode,
  type ConformanceTest,
  contents,
  digestOf,
  forever,
  put,
  sealed,
} from "../fixture.ts";

/** Registers the tests of this topic. */
export function filesConformance(test: ConformanceTest): void {
  test("Store.read returns the whole file in pieces", async (store) => {
    const bytes = new Uint8Array(3_000_000).map((_, index) => index * 7 % 251);
    await using draft = await store.draft("a");
    await draft.write(bytes.slice());
    await draft.seal();
    await draft.publish();
    const read = await store.read("a", forever());
    assert(read);
    const whole = new Uint8Array(bytes.length);
    let offset = 0;
    for await (const piece of read) {
      whole.set(piece, offset);
      offset += piece.length;
    }
    assertEquals(offset, bytes.length);
    assertEquals(await sha256(whole), await sha256(bytes));
    assertEquals(await store.read("b", forever()), null);
  });

  test("Store.read may be ended early, and aborts with the reason of the signal", async (store) => {
    await put(store, "a", "text");
    for await (const _piece of await store.read("a", forever()) ?? []) break;
    const controller = new AbortController();
    const read = await store.read("a", controller.signal);
    const reason = new CronfetchError("cancelled", "interrupted by SIGINT");
    controller.abort(reason);
    assert(read);
    assertStrictEquals(await assertRejects(() => Array.fromAsync(read)), reason);
    assertStrictEquals(await assertRejects(() => store.read("a", controller.signal)), reason);
  });

  test("Store.digest aborts with the reason of the signal", async (store) => {
    await put(store, "a", "text");
    const reason = new CronfetchError("cancelled", "interrupted by SIGINT");
    const error = await assertRejects(() => store.digest("a", AbortSignal.abort(reason)));
    assertStrictEquals(error, reason);
  });

  test("Store.stat: other bytes have another revision, and a known digest is right", async (store) => {
    const one = await put(store, "a", "one");
    assertEquals(one.sizeBytes, 3);
    const first = await store.stat("a");
    assertEquals([first?.revision, first?.sizeBytes], [one.revision, 3]);
    if (first?.sha256 !== null) assertEquals(first?.sha256, await digestOf("one"));
    await put(store, "a", "three");
    const second = await store.stat("a");
    // Two versions of one millisecond have the same revision in a folder, but different sizes.
    assertNotEquals([second?.revision, second?.sizeBytes], [one.revision, 3]);
  });

  test("Store.stat: modifiedMs is a whole number", async (store) => {
    await put(store, "a", "text");
    const [listed] = await Array.fromAsync(store.list(""));
    for (const file of [await store.stat("a"), listed]) {
      assert(Number.isSafeInteger(file?.modifiedMs));
    }
  });

  test("Store.statCache returns what stat returns, also for unannounced keys", async (store) => {
    const keys = ["a", "b/c", "b/d/e", "b/\u{1f995}", "b/\uffee", "z"];
    for (const key of keys) await put(store, key, key);
    const statCache = store.statCache(["z", "b/missing", ...keys, "a", "0"], forever());
    for (const key of [...keys.toReversed(), "b/d", "unforeseen"]) {
      const cached = await statCache.get(key);
      const file = await store.stat(key);
      assertEquals([cached?.sizeBytes, cached?.revision], [file?.sizeBytes, file?.revision], key);
    }
    assertEquals(await statCache.get("b/missing"), null);
    assertEquals(await statCache.get("0"), null);
    await using draft = await store.draft("a", { statCache });
    assertEquals(draft.existing?.revision, (await store.stat("a"))?.revision);
  });

  test("Store: a missing file is null, an empty list, or no error", async (store) => {
    const check = async () => {
      assertEquals(await store.stat("gone"), null);
      assertEquals(await store.stat("gone/below"), null);
      assertEquals(await store.digest("gone", forever()), null);
      assertEquals(await Array.fromAsync(store.list("gone")), []);
      await store.remove("gone");
      await store.remove("gone/below");
      assertEquals(await store.sweep(), 0);
      await assertCode("store.failed", () => store.copy("gone", "anywhere"));
    };
    await check();
    await put(store, "folder/a", "a");
    await check();
    assertEquals(await contents(store), { "folder/a": await digestOf("a") });
  });

  test("Store.list returns the files below whole segments", async (store) => {
    for (const key of ["a", "b/c", "b/d/e", "bc/f"]) await put(store, key, key);
    const listed = async (prefix: string) =>
      (await Array.fromAsync(store.list(prefix))).map(({ key }) => key).sort();
    assertEquals(await listed(""), ["a", "b/c", "b/d/e", "bc/f"]);
    assertEquals(await listed("b"), ["b/c", "b/d/e"]);
    assertEquals(await listed("b/d"), ["b/d/e"]);
    assertEquals(await listed("a"), []);
    for await (const { key, sizeBytes, revision } of store.list("")) {
      const file = await store.stat(key);
      assertEquals([sizeBytes, revision], [file?.sizeBytes, file?.revision], key);
    }
  });

  test("Store.list omits drafts, and may be ended early", async (store) => {
    for (const key of ["a", "b", "c"]) await put(store, key, key);
    await using _draft = await sealed(store, "d", "d");
    let seen = 0;
    for await (const _file of store.list("")) {
      if (++seen === 2) break;
    }
    assertEquals(Object.keys(await contents(store)), ["a", "b", "c"]);
  });

  test("Store.copy: the copy is independent of its source", async (store) => {
    await put(store, "a", "one");
    await store.copy("a", "versions/a");
    await put(store, "a", "two");
    assertEquals(await contents(store), {
      "a": await digestOf("two"),
      "versions/a": await digestOf("one"),
    });
    await store.copy("a", "versions/a");
    await store.remove("a");
    assertEquals(await contents(store), { "versions/a": await digestOf("two") });
  });

  test("Store.copy: copies of copies, and onto itself, change nothing", async (store) => {
    await put(store, "a", "text");
    for (let time = 0; time < 2; time++) {
      await store.copy("a", "b");
      await store.copy("b", "a");
      await store.copy("a", "a");
    }
    const digest = await digestOf("text");
    assertEquals(await contents(store), { "a": digest, "b": digest });
  });

  test("Store: published files are found when it is opened again", async (store, fixture) => {
    await put(store, "folder/a", "text");
    const before = await store.stat("folder/a");
    if (fixture.reopen === null) return;
    await using again = await fixture.reopen();
    assertEquals(await again.stat("folder/a"), before);
    assertEquals(await contents(again), { "folder/a": await digestOf("text") });
  });
}
