/** Writing, sealing and reading drafts, and the order of calls. */

import { assert, assertEquals } from "@std/assert";
import type { Draft } from "../../../lib/store/store.ts";
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
export function draftsConformance(test: ConformanceTest): void {
  test("Draft.write: writes are performed in the order of the calls", async (store) => {
    await using draft = await store.draft("ordered");
    const pieces = Array.from({ length: 50 }, (_, index) => `${index},`.repeat(index + 1));
    await Promise.all(pieces.map((piece) => draft.write(bytesOf(piece))));
    const whole = pieces.join("");
    assertEquals(draft.sizeBytes, whole.length);
    assertEquals((await draft.seal()).sha256, await digestOf(whole));
    await draft.publish();
    assertEquals(await store.digest("ordered", forever()), await digestOf(whole));
  });

  test("Draft.write returns a buffer of the same size to fill again", async (store) => {
    await using draft = await store.draft("buffers");
    let buffer = new ArrayBuffer(8);
    for (const text of ["one ", "two ", "three"]) {
      const bytes = new Uint8Array(buffer, 2, text.length);
      bytes.set(bytesOf(text));
      buffer = await draft.write(bytes);
      assertEquals(buffer.byteLength, 8);
      assert(!buffer.detached);
      new Uint8Array(buffer).fill(0);
    }
    assertEquals((await draft.seal()).sha256, await digestOf("one two three"));
    assertEquals(new TextDecoder().decode(await draft.read()), "one two three");
    await draft.publish();
    assertEquals(await store.digest("buffers", forever()), await digestOf("one two three"));
  });

  test("Draft.seal waits for pending writes", async (store) => {
    await using draft = await store.draft("waits");
    const writes = [draft.write(bytesOf("one ")), draft.write(bytesOf("two"))];
    assertEquals(draft.sizeBytes, 0);
    assertEquals(await draft.seal(), { sizeBytes: 7, sha256: await digestOf("one two") });
    await Promise.all(writes);
  });

  test("Draft.pieces returns all bytes, more than once", async (store) => {
    for (const text of ["", "some bytes", "x".repeat(3 * 1024 * 1024)]) {
      await using draft = await sealed(store, "pieces.bin", text);
      for (let times = 0; times < 2; times++) {
        let found = "";
        for await (const bytes of draft.pieces()) found += new TextDecoder().decode(bytes);
        assertEquals(found === text, true, `${found.length} of ${text.length}`);
      }
      await draft.publish();
    }
  });

  test("Draft.read returns a copy of the bytes", async (store) => {
    await using draft = await sealed(store, "a", "true");
    (await draft.read()).fill(0);
    assertEquals(new TextDecoder().decode(await draft.read()), "true");
    await draft.publish();
    assertEquals(await store.digest("a", forever()), await digestOf("true"));
  });

  test("Draft.existing is the file published under its key", async (store) => {
    await using first = await sealed(store, "a", "old");
    assertEquals(first.existing, null);
    const published = await first.publish();
    await using second = await store.draft("a");
    assertEquals(second.existing?.revision, published.revision);
    assertEquals(second.existing?.sizeBytes, 3);
  });

  test("Draft.discard keeps the published file, at any time and any number of times", async (store) => {
    await put(store, "a", "old");
    const steps: ((draft: Draft) => Promise<unknown>)[] = [
      () => Promise.resolve(),
      (draft) => draft.write(bytesOf("new")),
      (draft) => draft.seal(),
    ];
    for (let taken = 0; taken <= steps.length; taken++) {
      await using draft = await store.draft("a");
      for (const step of steps.slice(0, taken)) await step(draft);
      await Promise.all([draft.discard(), draft.discard()]);
      await draft.discard();
      assertEquals(await contents(store), { "a": await digestOf("old") });
    }
  });

  test("Draft.discard cancels pending writes", async (store) => {
    const draft = await store.draft("a");
    const writes = Array.from({ length: 20 }, () => draft.write(new Uint8Array(100_000)));
    const settled = Promise.allSettled([...writes, draft.seal(), draft.publish()]);
    await draft.discard();
    const reasons = (await settled).flatMap((end) => end.status === "rejected" ? [end.reason] : []);
    assert(reasons.length >= 2);
    for (const reason of reasons) assertEquals(reason.code, "cancelled");
    assertEquals(await contents(store), {});
  });

  test("Draft: after discard every call is cancelled", async (store) => {
    const draft = await store.draft("a");
    await draft.discard();
    await assertCode("cancelled", () => draft.write(bytesOf("late")));
    await assertCode("cancelled", () => draft.seal());
    await assertCode("cancelled", () => draft.read());
    await assertCode("cancelled", () => draft.publish());
    assertEquals(await contents(store), {});
  });

  test("Draft: calls out of order are internal errors and publish nothing", async (store) => {
    await using early = await store.draft("a");
    await assertCode("internal", () => early.read());
    await assertCode("internal", () => early.publish());
    await using late = await sealed(store, "a", "late");
    await assertCode("internal", () => late.write(bytesOf("later")));
    assertEquals(await contents(store), {});
    await late.publish();
    await assertCode("internal", () => late.publish());
    assertEquals(await contents(store), { "a": await digestOf("late") });
  });

  test("Draft: disposing discards it unless it was published", async (store) => {
    {
      await using published = await sealed(store, "published", "text");
      await using _forgotten = await sealed(store, "forgotten", "text");
      await published.publish();
    }
    assertEquals(await contents(store), { "published": await digestOf("text") });
  });

  test("Store: closing discards open drafts and refuses new ones", async (store, fixture) => {
    const written = await store.draft("written");
    await written.write(bytesOf("text"));
    const whole = await sealed(store, "whole", "text");
    const starting = store.draft("starting");
    await store[Symbol.asyncDispose]();
    await assertCode("cancelled", () => written.seal());
    await assertCode("cancelled", () => whole.publish());
    await assertCode("cancelled", async () => (await starting).seal());
    await assertCode("internal", () => store.draft("another"));
    await store[Symbol.asyncDispose]();
    if (fixture.reopen === null) return;
    await using again = await fixture.reopen();
    assertEquals(await contents(again), {});
  });
}
