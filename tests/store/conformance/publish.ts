/** Publishing: atomic, conditional, exclusive, concurrent. */

import { assert, assertEquals } from "@std/assert";
import {
  assertCode,
  bytesOf,
  type ConformanceTest,
  contents,
  digestOf,
  forever,
  put,
  sealed,
} from "../fixture.ts";

/** Registers the tests of this topic. */
export function publishConformance(test: ConformanceTest): void {
  test("Draft.publish: no bytes are visible before it", async (store) => {
    await using draft = await store.draft("a.txt");
    assertEquals(await contents(store), {});
    await draft.write(bytesOf("hello "));
    await draft.write(bytesOf("world"));
    assertEquals(await contents(store), {});
    assertEquals(await draft.seal(), { sizeBytes: 11, sha256: await digestOf("hello world") });
    assertEquals(await contents(store), {});
    const file = await draft.publish();
    assertEquals(file.sizeBytes, 11);
    assertEquals((await store.stat("a.txt"))?.revision, file.revision);
    assertEquals(await contents(store), { "a.txt": await digestOf("hello world") });
  });

  test("Draft.publish replaces the previous file", async (store) => {
    await put(store, "a.txt", "old");
    await using draft = await sealed(store, "a.txt", "newer");
    assertEquals(await contents(store), { "a.txt": await digestOf("old") });
    await draft.publish();
    assertEquals(await contents(store), { "a.txt": await digestOf("newer") });
  });

  test("Draft.publish: an empty file", async (store) => {
    await using draft = await store.draft("empty");
    assertEquals(await draft.seal(), { sizeBytes: 0, sha256: await digestOf("") });
    assertEquals((await draft.read()).length, 0);
    assertEquals((await draft.publish()).sizeBytes, 0);
    assertEquals(await contents(store), { "empty": await digestOf("") });
  });

  test("Draft.publish, as: another key, which is checked", async (store) => {
    await put(store, "a", "old");
    await using draft = await sealed(store, "a", "refused");
    const file = await draft.publish({ as: "a.refused" });
    assertEquals((await store.stat("a.refused"))?.revision, file.revision);
    assertEquals(await contents(store), {
      "a": await digestOf("old"),
      "a.refused": await digestOf("refused"),
    });
    await using another = await sealed(store, "a", "x");
    await assertCode("store.name", () => another.publish({ as: "../a" }));
  });

  test("Draft.publish: drafts of one key are independent", async (store, { refusesChanged }) => {
    await using first = await store.draft("same");
    await using second = await store.draft("same");
    await using third = await store.draft("same");
    await Promise.all([
      first.write(bytesOf("first")),
      second.write(bytesOf("the second")),
      third.write(bytesOf("third")),
    ]);
    await Promise.all([first.seal(), second.seal(), third.seal()]);
    await third.discard();
    assertEquals((await second.publish()).sizeBytes, 10);
    assertEquals(await contents(store), { "same": await digestOf("the second") });
    if (refusesChanged) {
      await assertCode("store.conflict", () => first.publish());
      assertEquals(await contents(store), { "same": await digestOf("the second") });
    } else {
      // The last to be published wins.
      assertEquals((await first.publish()).sizeBytes, 5);
      assertEquals(await contents(store), { "same": await digestOf("first") });
    }
  });

  test(
    "Draft.publish refuses a changed key, unless the bytes are equal",
    async (store, { refusesChanged }) => {
      if (!refusesChanged) return;
      await put(store, "a", "old");
      await using over = await sealed(store, "a", "mine");
      await using alike = await sealed(store, "a", "theirs");
      await using fresh = await sealed(store, "new", "mine");
      await using removed = await sealed(store, "removed", "mine");
      await put(store, "a", "theirs");
      await put(store, "new", "theirs");
      const error = await assertCode("store.conflict", () => over.publish());
      assertEquals(error.retry, "later");
      await assertCode("store.conflict", () => fresh.publish());
      const now = await store.stat("a");
      assertEquals((await alike.publish()).revision, now?.revision);
      await removed.publish();
      assertEquals(await contents(store), {
        "a": await digestOf("theirs"),
        "new": await digestOf("theirs"),
        "removed": await digestOf("mine"),
      });
      await using gone = await sealed(store, "removed", "mine again");
      await store.remove("removed");
      await assertCode("store.conflict", () => gone.publish());
      assertEquals(await store.stat("removed"), null);
    },
  );

  test("Draft.publish, exclusive: refuses every existing file, even of equal bytes", async (store) => {
    await put(store, "old", "theirs");
    for (const text of ["mine", "theirs"]) {
      await using over = await sealed(store, "old", text);
      await assertCode("store.conflict", () => over.publish({ exclusive: true }));
      await using aside = await sealed(store, "other", text);
      await assertCode("store.conflict", () => aside.publish({ as: "old", exclusive: true }));
      await using late = await sealed(store, `late ${text}`, text);
      await put(store, `late ${text}`, "theirs");
      await assertCode("store.conflict", () => late.publish({ exclusive: true }));
    }
    await using fresh = await sealed(store, "new", "mine");
    await fresh.publish({ exclusive: true });
    const theirs = await digestOf("theirs");
    assertEquals(await contents(store), {
      "old": theirs,
      "late mine": theirs,
      "late theirs": theirs,
      "new": await digestOf("mine"),
    });
  });

  test(
    "Draft.publish: of concurrent publications one wins, and its file is whole",
    async (store, { refusesChanged, leavesGap = false }) => {
      const texts = Array.from({ length: 24 }, (_, index) => `${index},`.repeat(index + 1));
      const drafts = await Promise.all(texts.map((text) => sealed(store, "a", text)));
      const ends = await Promise.allSettled(drafts.map((draft) => draft.publish()));
      const winners = texts.filter((_, index) => ends[index]?.status === "fulfilled");
      for (const end of ends) {
        if (end.status === "rejected") assertEquals(end.reason.code, "store.conflict");
      }
      if (refusesChanged && !leavesGap) assertEquals(winners.length, 1);
      const digest = await store.digest("a", forever());
      const digests = await Promise.all(winners.map(digestOf));
      assert(digest !== null && digests.includes(digest));
    },
  );

  test("Draft.publish: 40 files concurrently", async (store) => {
    const keys = Array.from({ length: 40 }, (_, index) => `${index % 4}/${index % 8}/${index}.txt`);
    await Promise.all(keys.map((key) => put(store, key, key)));
    const expected = await Promise.all(keys.map(async (key) => [key, await digestOf(key)]));
    assertEquals(await contents(store), Object.fromEntries(expected));
  });
}
