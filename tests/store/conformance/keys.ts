/** Keys that every store accepts, and those that it rejects. */

import { assertEquals } from "@std/assert";
import { assertCode, type ConformanceTest, contents, digestOf, forever, put } from "../fixture.ts";

/** Registers the tests of this topic. */
export function keysConformance(test: ConformanceTest): void {
  for (
    const key of [
      "a",
      ".hidden",
      "a b/c d",
      "-n",
      "...",
      "a/..b/c..",
      "deeply/nested/below/many/folders.tar.gz",
      "ünï/cødé/文件-🦕.txt",
      "quote'\"$(x)`&;.txt",
      ".cronfetch/state.db",
    ]
  ) {
    test(`the key ${JSON.stringify(key)} is accepted as a key`, async (store) => {
      await put(store, key, "text");
      assertEquals(await contents(store), { [key]: await digestOf("text") });
      await store.remove(key);
      assertEquals(await store.stat(key), null);
    });
  }

  for (
    const key of [
      "",
      "/etc/passwd",
      ".",
      "..",
      "../a",
      "a/../../b",
      "a/./b",
      "a//b",
      "a/",
      "a\\b",
      "..\\a",
      "a\0b",
      "\ud800",
      ".cronfetch-run-0",
      ".cronfetch-0-1.part",
      "a/.CronFetch-x/b",
    ]
  ) {
    test(`the key ${JSON.stringify(key)} is rejected as a key`, async (store) => {
      await put(store, "good", "good");
      await assertCode("store.name", () => store.draft(key));
      await assertCode("store.name", () => store.stat(key));
      await assertCode("store.name", () => store.digest(key, forever()));
      await assertCode("store.name", () => store.copy("good", key));
      await assertCode("store.name", () => store.copy(key, "good"));
      await assertCode("store.name", () => store.remove(key));
      if (key !== "") await assertCode("store.name", () => Array.fromAsync(store.list(key)));
      assertEquals(await contents(store), { "good": await digestOf("good") });
    });
  }
}
