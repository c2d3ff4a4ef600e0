import { assertEquals, assertLess, assertRejects, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { CronfetchError } from "../../lib/core/errors.ts";
import { byCodePoints, listingStatCache } from "../../lib/store/stat_cache.ts";
import type { ListedFile } from "../../lib/store/store.ts";

/** A bucket that counts started lists, and files read from them. */
function bucket(keys: readonly string[]) {
  const sorted = [...keys].sort(byCodePoints);
  const counts = { lists: 0, files: 0, calls: 0 };
  async function* list(prefix: string, after: string): AsyncGenerator<ListedFile> {
    counts.lists++;
    const beginning = prefix === "" ? "" : `${prefix}/`;
    for (const key of sorted) {
      if (!key.startsWith(beginning) || byCodePoints(key, after) <= 0) continue;
      counts.files++;
      yield { key, ...file(key) };
    }
  }
  const stat = (key: string) => {
    counts.calls++;
    return Promise.resolve(sorted.includes(key) ? file(key) : null);
  };
  return { calls: { list, stat }, counts };
}

function file(key: string) {
  return { sizeBytes: key.length, revision: key, modifiedMs: 0, sha256: null };
}

const forever = new AbortController().signal;

function numbered(count: number, prefix = ""): string[] {
  return Array.from({ length: count }, (_, index) => prefix + String(index).padStart(6, "0"));
}

Deno.test("listingStatCache: neighbouring keys take one list", async () => {
  const keys = numbered(1_000);
  const { calls, counts } = bucket(keys);
  const cache = listingStatCache([...keys, "missing"], calls, forever);
  const found = await Promise.all([...keys, "missing"].map(cache.get));
  assertEquals(found.map((file) => file?.revision), [...keys, undefined]);
  assertEquals(counts, { lists: 1, files: 1_000, calls: 0 });
});

Deno.test("listingStatCache lists only the common folder, from the first key on", async () => {
  const { calls, counts } = bucket([...numbered(5_000, "a/b/"), "a/b/x/1", "a/b/x/2", "a/c"]);
  const cache = listingStatCache(["a/b/x/1", "a/b/x/2"], calls, forever);
  assertEquals((await cache.get("a/b/x/2"))?.sizeBytes, 7);
  assertEquals(counts, { lists: 1, files: 2, calls: 0 });
});

Deno.test("listingStatCache restarts the list behind many unrequested files", async () => {
  const keys = numbered(100_000);
  const { calls, counts } = bucket(keys);
  const wanted = keys.filter((_, index) => index % 20_000 === 0);
  const cache = listingStatCache(wanted, calls, forever);
  for (const key of wanted) assertEquals((await cache.get(key))?.revision, key);
  assertEquals(counts.lists, wanted.length);
  assertLess(counts.files, wanted.length * 1_100);
});

Deno.test("listingStatCache ends among keys with a common beginning", async () => {
  const { calls, counts } = bucket([...numbered(3_000, "a"), "az"]);
  const cache = listingStatCache(["az"], calls, forever);
  assertEquals((await cache.get("az"))?.revision, "az");
  assertEquals([counts.lists, counts.files], [1, 3_001]);
});

Deno.test("listingStatCache lists on the first get, and requests unannounced keys one by one", async () => {
  const { calls, counts } = bucket(["a", "b"]);
  const cache = listingStatCache(["a"], calls, forever);
  assertEquals(counts.lists, 0);
  assertEquals((await cache.get("b"))?.revision, "b");
  assertEquals(counts, { lists: 0, files: 0, calls: 1 });
});

Deno.test("listingStatCache: a failed list rejects all pending gets, and the next get lists again", async () => {
  const failure = new Error("connection lost");
  const { calls, counts } = bucket(["a", "b", "c"]);
  let broken = true;
  const cache = listingStatCache(["a", "b", "c"], {
    ...calls,
    async *list(prefix, after) {
      for await (const file of calls.list(prefix, after)) {
        if (broken && file.key === "b") throw failure;
        yield file;
      }
    },
  }, forever);
  const ends = await Promise.allSettled([cache.get("a"), cache.get("b"), cache.get("c")]);
  assertEquals(ends.map((end) => end.status === "rejected" ? end.reason : end.value?.revision), [
    "a",
    failure,
    failure,
  ]);
  assertEquals(await assertRejects(() => cache.get("b")), failure);
  broken = false;
  assertEquals((await cache.get("c"))?.revision, "c");
  assertEquals((await cache.get("a"))?.revision, "a");
  assertEquals(counts.lists, 3);
});

Deno.test("listingStatCache: a permanent error is not requested again, and rejects ready", async () => {
  const failure = new CronfetchError("store.denied", "the secret key is wrong");
  let lists = 0;
  const list = () => {
    lists++;
    throw failure;
  };
  const cache = listingStatCache(["a", "b"], { list, stat: () => Promise.resolve(null) }, forever);
  for (const ask of [cache.ready, cache.ready, () => cache.get("b")]) {
    assertStrictEquals(await assertRejects(async () => await ask()), failure);
  }
  assertEquals(lists, 1);
  const { calls } = bucket(["a"]);
  await listingStatCache(["a", "b"], calls, forever).ready();
  await listingStatCache([], calls, forever).ready();
});

Deno.test("property: listingStatCache returns what stat returns", async () => {
  const key = fc.array(fc.constantFrom("a", "b", "/x", "\u{1f995}", "\uffee"), {
    minLength: 1,
    maxLength: 4,
  }).map((parts) => `k${parts.join("")}`);
  await fc.assert(fc.asyncProperty(fc.array(key), fc.array(key), async (there, wanted) => {
    const { calls } = bucket([...new Set(there)]);
    const cache = listingStatCache(wanted, calls, forever);
    for (const one of wanted) {
      assertEquals(await cache.get(one), there.includes(one) ? { ...file(one) } : null);
    }
  }));
});

Deno.test("property: byCodePoints is the order of UTF-8", () => {
  const encoder = new TextEncoder();
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
    const [one, other] = [encoder.encode(a), encoder.encode(b)];
    const index = one.findIndex((byte, at) => byte !== other[at]);
    const expected = index === -1
      ? one.length - other.length
      : (one[index] ?? 0) - (other[index] ?? -1);
    assertEquals(Math.sign(byCodePoints(a, b)), Math.sign(expected));
  }));
});
