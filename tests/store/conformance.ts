/** What every store does, whatever it keeps its files in. */

import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { CronfetchError, type ErrorCode } from "../../lib/core/errors.ts";
import type { Draft, PublishedFile, Store } from "../../lib/store/store.ts";
import { sha256 } from "../helpers/folder.ts";

/** A store that is empty at first, and goes with all its files when disposed of. */
export interface StoreFixture extends AsyncDisposable {
  /** The store under test. */
  readonly store: Store;
  /** Whether it refuses to publish over what has changed since the draft was begun. */
  readonly refusesChanged: boolean;
  /** Whether it keeps drafts for a later run. Default: true. */
  readonly keepsDrafts?: boolean;
  /** Opens the same files again; null for a store that forgets. The caller closes it. */
  readonly reopen: (() => Promise<Store>) | null;
}

/** Bytes of a text, in a buffer of their own. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Publishes a text, and gives what the store says of it. */
export async function put(store: Store, key: string, text: string): Promise<PublishedFile> {
  await using draft = await sealed(store, key, text);
  return await draft.publish();
}

/** A draft that holds a text and could be published. */
export async function sealed(store: Store, key: string, text: string): Promise<Draft> {
  const draft = await store.draft(key);
  await draft.write(bytesOf(text));
  await draft.seal();
  return draft;
}

/** Asserts that something rejects with an error of ours, and gives it. */
export async function assertCode(
  code: ErrorCode,
  work: () => Promise<unknown>,
): Promise<CronfetchError> {
  const error = await assertRejects(work, CronfetchError);
  assertEquals(error.code, code, error.message);
  return error;
}

/** Registers the tests of one driver. */
export function storeConformance(name: string, open: () => Promise<StoreFixture>): void {
  const test = (what: string, body: (store: Store, fixture: StoreFixture) => Promise<void>) =>
    Deno.test(`${name}: ${what}`, async () => {
      await using fixture = await open();
      await body(fixture.store, fixture);
    });

  test("a sealed draft is read piece by piece, more than once", async (store) => {
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

  test("bytes are absent until published, then whole", async (store) => {
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

  test("a new version replaces the old one all at once", async (store) => {
    await put(store, "a.txt", "old");
    await using draft = await sealed(store, "a.txt", "newer");
    assertEquals(await contents(store), { "a.txt": await digestOf("old") });
    await draft.publish();
    assertEquals(await contents(store), { "a.txt": await digestOf("newer") });
  });

  test("a draft knows what it replaces", async (store) => {
    await using first = await sealed(store, "a", "old");
    assertEquals(first.existing, null);
    const published = await first.publish();
    await using second = await store.draft("a");
    assertEquals(second.existing?.revision, published.revision);
    assertEquals(second.existing?.sizeBytes, 3);
  });

  test("an empty file is a file", async (store) => {
    await using draft = await store.draft("empty");
    assertEquals(await draft.seal(), { sizeBytes: 0, sha256: await digestOf("") });
    assertEquals((await draft.read()).length, 0);
    assertEquals((await draft.publish()).sizeBytes, 0);
    assertEquals(await contents(store), { "empty": await digestOf("") });
  });

  test("writes are carried out in the order of the calls", async (store) => {
    await using draft = await store.draft("ordered");
    const pieces = Array.from({ length: 50 }, (_, index) => `${index},`.repeat(index + 1));
    await Promise.all(pieces.map((piece) => draft.write(bytesOf(piece))));
    const whole = pieces.join("");
    assertEquals(draft.sizeBytes, whole.length);
    assertEquals((await draft.seal()).sha256, await digestOf(whole));
    await draft.publish();
    assertEquals(await store.digest("ordered", forever()), await digestOf(whole));
  });

  test("sealing waits for the writes before it", async (store) => {
    await using draft = await store.draft("waits");
    const writes = [draft.write(bytesOf("one ")), draft.write(bytesOf("two"))];
    assertEquals(draft.sizeBytes, 0);
    assertEquals(await draft.seal(), { sizeBytes: 7, sha256: await digestOf("one two") });
    await Promise.all(writes);
  });

  test("a buffer comes back, and can be filled again", async (store) => {
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

  test("what was read of a draft is the reader's own", async (store) => {
    await using draft = await sealed(store, "a", "true");
    (await draft.read()).fill(0);
    assertEquals(new TextDecoder().decode(await draft.read()), "true");
    await draft.publish();
    assertEquals(await store.digest("a", forever()), await digestOf("true"));
  });

  test("drafts of one key do not meet", async (store, { refusesChanged }) => {
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
    "what has changed since is not published over, and what is the same is no conflict",
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

  test("an exclusive publication replaces nothing, not even equal bytes", async (store) => {
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
    "of many who publish at once, one wins, and its file is whole",
    async (store, { refusesChanged }) => {
      const texts = Array.from({ length: 24 }, (_, index) => `${index},`.repeat(index + 1));
      const drafts = await Promise.all(texts.map((text) => sealed(store, "a", text)));
      const ends = await Promise.allSettled(drafts.map((draft) => draft.publish()));
      const winners = texts.filter((_, index) => ends[index]?.status === "fulfilled");
      for (const end of ends) {
        if (end.status === "rejected") assertEquals(end.reason.code, "store.conflict");
      }
      if (refusesChanged) assertEquals(winners.length, 1);
      const digest = await store.digest("a", forever());
      const digests = await Promise.all(winners.map(digestOf));
      assert(digest !== null && digests.includes(digest));
    },
  );

  test("what is published can be read, by pieces", async (store) => {
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

  test("reading may be left early, and stops for the signal", async (store) => {
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

  test("a survey sees what a look sees, and keys nobody foresaw", async (store) => {
    const keys = ["a", "b/c", "b/d/e", "b/\u{1f995}", "b/\uffee", "z"];
    for (const key of keys) await put(store, key, key);
    const statCache = store.statCache(["z", "b/missing", ...keys, "a", "0"], forever());
    for (const key of [...keys.toReversed(), "b/d", "unforeseen"]) {
      const look = await statCache.get(key);
      const file = await store.stat(key);
      assertEquals([look?.sizeBytes, look?.revision], [file?.sizeBytes, file?.revision], key);
    }
    assertEquals(await statCache.get("b/missing"), null);
    assertEquals(await statCache.get("0"), null);
    await using draft = await store.draft("a", { statCache });
    assertEquals(draft.existing?.revision, (await store.stat("a"))?.revision);
  });

  test("another revision for other bytes, and the digest where it is known", async (store) => {
    const one = await put(store, "a", "one");
    assertEquals(one.sizeBytes, 3);
    const first = await store.stat("a");
    assertEquals([first?.revision, first?.sizeBytes], [one.revision, 3]);
    if (first?.sha256 !== null) assertEquals(first?.sha256, await digestOf("one"));
    await put(store, "a", "three");
    const second = await store.stat("a");
    // Within a millisecond, a file system tells two versions apart by their sizes.
    assertNotEquals([second?.revision, second?.sizeBytes], [one.revision, 3]);
  });

  test("many files at once", async (store) => {
    const keys = Array.from({ length: 40 }, (_, index) => `${index % 4}/${index % 8}/${index}.txt`);
    await Promise.all(keys.map((key) => put(store, key, key)));
    const expected = await Promise.all(keys.map(async (key) => [key, await digestOf(key)]));
    assertEquals(await contents(store), Object.fromEntries(expected));
  });

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
    test(`the key ${JSON.stringify(key)} is a key`, async (store) => {
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
    test(`the key ${JSON.stringify(key)} is refused`, async (store) => {
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

  test("discarding leaves the published file alone, at any time and any number of times", async (store) => {
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

  test("discarding while writes are under way ends them", async (store) => {
    const draft = await store.draft("a");
    const writes = Array.from({ length: 20 }, () => draft.write(new Uint8Array(100_000)));
    const settled = Promise.allSettled([...writes, draft.seal(), draft.publish()]);
    await draft.discard();
    const reasons = (await settled).flatMap((end) => end.status === "rejected" ? [end.reason] : []);
    assert(reasons.length >= 2);
    for (const reason of reasons) assertEquals(reason.code, "cancelled");
    assertEquals(await contents(store), {});
  });

  test("nothing can be done with a discarded draft", async (store) => {
    const draft = await store.draft("a");
    await draft.discard();
    await assertCode("cancelled", () => draft.write(bytesOf("late")));
    await assertCode("cancelled", () => draft.seal());
    await assertCode("cancelled", () => draft.read());
    await assertCode("cancelled", () => draft.publish());
    assertEquals(await contents(store), {});
  });

  test("steps out of order are bugs, and publish nothing", async (store) => {
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

  test("disposing of a draft discards it, unless it was published", async (store) => {
    {
      await using published = await sealed(store, "published", "text");
      await using _forgotten = await sealed(store, "forgotten", "text");
      await published.publish();
    }
    assertEquals(await contents(store), { "published": await digestOf("text") });
  });

  test("a closed store has discarded its drafts and starts no more", async (store, fixture) => {
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

  test("of what is not there: null, nothing, and no error", async (store) => {
    const look = async () => {
      assertEquals(await store.stat("gone"), null);
      assertEquals(await store.stat("gone/below"), null);
      assertEquals(await store.digest("gone", forever()), null);
      assertEquals(await Array.fromAsync(store.list("gone")), []);
      await store.remove("gone");
      await store.remove("gone/below");
      assertEquals(await store.sweep(), 0);
      await assertCode("store.failed", () => store.copy("gone", "anywhere"));
    };
    await look();
    await put(store, "folder/a", "a");
    await look();
    assertEquals(await contents(store), { "folder/a": await digestOf("a") });
  });

  test("a list holds what is below whole segments", async (store) => {
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

  test("a list leaves drafts out, and may be left early", async (store) => {
    for (const key of ["a", "b", "c"]) await put(store, key, key);
    await using _draft = await sealed(store, "d", "d");
    let seen = 0;
    for await (const _file of store.list("")) {
      if (++seen === 2) break;
    }
    assertEquals(Object.keys(await contents(store)), ["a", "b", "c"]);
  });

  test("a copy is independent of what it was made of", async (store) => {
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

  test("copies of copies, twice, and onto itself change nothing", async (store) => {
    await put(store, "a", "text");
    for (let time = 0; time < 2; time++) {
      await store.copy("a", "b");
      await store.copy("b", "a");
      await store.copy("a", "a");
    }
    const digest = await digestOf("text");
    assertEquals(await contents(store), { "a": digest, "b": digest });
  });

  test("a digest stops for the signal, with its reason", async (store) => {
    await put(store, "a", "text");
    const reason = new CronfetchError("cancelled", "interrupted by SIGINT");
    const error = await assertRejects(() => store.digest("a", AbortSignal.abort(reason)));
    assertStrictEquals(error, reason);
  });

  test("a file's time is whole milliseconds", async (store) => {
    await put(store, "a", "text");
    const [listed] = await Array.fromAsync(store.list(""));
    for (const file of [await store.stat("a"), listed]) {
      assert(Number.isSafeInteger(file?.modifiedMs));
    }
  });

  test("a draft may be published under another key", async (store) => {
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

  test("drafts that cannot be kept say so, and are gone", async (store, { keepsDrafts = true }) => {
    if (keepsDrafts) return;
    await using draft = await store.draft("a");
    await draft.write(bytesOf("text"));
    await assertCode("store.failed", () => draft.suspend());
    assertEquals(await store.resume("a", "anything", forever()), null);
    await store.drop("a", "anything");
    assertEquals(await contents(store), {});
  });

  test(
    "a suspended draft goes on where it stopped, and its digest is of the whole",
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
    "a suspended draft outlives the store, and can be suspended again",
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
    "a suspended draft that was dropped is gone, and foreign names mean nothing",
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

  test("what was published is there when the store is opened again", async (store, fixture) => {
    await put(store, "folder/a", "text");
    const before = await store.stat("folder/a");
    if (fixture.reopen === null) return;
    await using again = await fixture.reopen();
    assertEquals(await again.stat("folder/a"), before);
    assertEquals(await contents(again), { "folder/a": await digestOf("text") });
  });
}

/** Digest of every published file, by key, as the store itself tells it. */
async function contents(store: Store): Promise<Record<string, string>> {
  const keys = (await Array.fromAsync(store.list(""))).map(({ key }) => key).sort();
  const digests: Record<string, string> = {};
  for (const key of keys) digests[key] = await store.digest(key, forever()) ?? "absent";
  return digests;
}

function digestOf(text: string): Promise<string> {
  return sha256(bytesOf(text));
}

function forever(): AbortSignal {
  return new AbortController().signal;
}
