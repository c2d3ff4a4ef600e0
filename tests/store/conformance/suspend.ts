/** Suspended drafts. */

import { assert, assertEquals } from "@std/assert";
import {
  assertCode,
  bytesOf,
  type ConformanceTest,
  contents,
  digestOf,
  forever,
  put,
} from "../fixture.ts";

/** Registers the tests of this topic. */
export function suspendConformance(test: ConformanceTest): void {
  test(
    "Draft.suspend fails, and discards the draft, if the driver keeps none",
    async (store, { keepsDrafts = true }) => {
      if (keepsDrafts) return;
      await using draft = await store.draft("a");
      await draft.write(bytesOf("text"));
      await assertCode("store.failed", () => draft.suspend());
      assertEquals(await store.resume("a", "anything", forever()), null);
      await store.drop("a", "anything");
      assertEquals(await contents(store), {});
    },
  );

  test(
    "Store.resume continues a draft, once, and its digest is that of all bytes",
    async (store, { keepsDrafts = true }) => {
      if (!keepsDrafts) return;
      const first = await store.draft("folder/a");
      await first.write(bytesOf("hello "));
      const name = await first.suspend();
      await first.discard();
      assertEquals(await contents(store), {});
      assertEquals(await store.sweep(), 0);
      const resumed = await store.resume("folder/a", name, forever());
      assert(resumed);
      await using draft = resumed.draft;
      assertEquals([draft.sizeBytes, new TextDecoder().decode(resumed.head)], [6, "hello "]);
      assertEquals(await store.resume("folder/a", name, forever()), null);
      await draft.write(bytesOf("world"));
      assertEquals(await draft.seal(), { sizeBytes: 11, sha256: await digestOf("hello world") });
      await draft.publish();
      assertEquals(await contents(store), { "folder/a": await digestOf("hello world") });
    },
  );

  test(
    "Store.resume: a draft outlives the store, and can be suspended again",
    async (store, fixture) => {
      if (fixture.keepsDrafts === false) return;
      const first = await store.draft("a");
      await first.write(bytesOf("one "));
      const name = await first.suspend();
      await store[Symbol.asyncDispose]();
      if (fixture.reopen === null) return;
      await using again = await fixture.reopen();
      const resumed = await again.resume("a", name, forever());
      await resumed?.draft.write(bytesOf("two "));
      const later = await resumed?.draft.suspend() ?? "";
      const last = await again.resume("a", later, forever());
      assertEquals(new TextDecoder().decode(last?.head), "one two ");
      await last?.draft.discard();
      assertEquals(await again.resume("a", later, forever()), null);
    },
  );

  test(
    "Store.drop removes a suspended draft; other names have no effect",
    async (store, { keepsDrafts = true }) => {
      if (!keepsDrafts) return;
      const draft = await store.draft("a");
      await draft.write(bytesOf("text"));
      const name = await draft.suspend();
      await store.drop("a", name);
      await store.drop("a", name);
      await put(store, "b", "published");
      for (const foreign of [name, "b", "../b", "", "nothing"]) {
        await store.drop("b", foreign);
        assertEquals(await store.resume("a", foreign, forever()), null, foreign);
      }
      assertEquals(await contents(store), { "b": await digestOf("published") });
    },
  );
}
