import { assertEquals, assertLess, assertRejects, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { CronfetchError } from "../../lib/core/errors.ts";
import { byCodePoints, surveyByLists } from "../../lib/store/stat_cache.ts";
import type { ListedFile } from "../../lib/store/store.ts";

/** A bucket that counts the lists that are begun, and the files that are read of them. */
function bucket(keys: readonly string[]) {
  const sorted = [...keys].sort(byCodePoints);
  const counts = { lists: 0, files: 0, looks: 0 };
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
    counts.looks++;
    return Promise.resolve(sorted.includes(key) ? file(key) : null);
  };
  return { looks: { list, stat }, counts };
}

function file(key: string) {
  return { sizeBytes: key.length, revision: key, modifiedMs: 0, sha256: null };
}

const forever = new AbortController().signal;

function numbered(count: number, prefix = ""): string[] {
  return Array.from({ length: count }, (_, index) => prefix + String(index).padStart(6, "0"));
}

Deno.test("a survey of neighbours is one list", async () => {
  const keys = numbered(1_000);
  const { looks, counts } = bucket(keys);
  const survey = surveyByLists([...keys, "missing"], looks, forever);
  const found = await Promise.all([...keys, "missing"].map(survey.look));
  assertEquals(found.map((file) => file?.revision), [...keys, undefined]);
  assertEquals(counts, { lists: 1, files: 1_000, looks: 0 });
});

Deno.test("a survey lists the folder that all keys share, and nothing before the first", async () => {
  const { looks, counts } = bucket([...numbered(5_000, "a/b/"), "a/b/x/1", "a/b/x/2", "a/c"]);
  const survey = surveyByLists(["a/b/x/1", "a/b/x/2"], looks, forever);
  assertEquals((await survey.look("a/b/x/2"))?.sizeBytes, 7);
  assertEquals(counts, { lists: 1, files: 2, looks: 0 });
});

Deno.test("a survey skips what nobody asked for", async () => {
  const keys = numbered(100_000);
  const { looks, counts } = bucket(keys);
  const wanted = keys.filter((_, index) => index % 20_000 === 0);
  const survey = surveyByLists(wanted, looks, forever);
  for (const key of wanted) assertEquals((await survey.look(key))?.revision, key);
  assertEquals(counts.lists, wanted.length);
  assertLess(counts.files, wanted.length * 1_100);
});

Deno.test("a survey does not go in circles among keys that begin alike", async () => {
  const { looks, counts } = bucket([...numbered(3_000, "a"), "az"]);
  const survey = surveyByLists(["az"], looks, forever);
  assertEquals((await survey.look("az"))?.revision, "az");
  assertEquals([counts.lists, counts.files], [1, 3_001]);
});

Deno.test("a survey begins with the first look; keys that nobody foresaw are looked at", async () => {
  const { looks, counts } = bucket(["a", "b"]);
  const survey = surveyByLists(["a"], looks, forever);
  assertEquals(counts.lists, 0);
  assertEquals((await survey.look("b"))?.revision, "b");
  assertEquals(counts, { lists: 0, files: 0, looks: 1 });
});

Deno.test("a list that fails is told to everybody who waits, and the next look begins another", async () => {
  const failure = new Error("connection lost");
  const { looks, counts } = bucket(["a", "b", "c"]);
  let broken = true;
  const survey = surveyByLists(["a", "b", "c"], {
    ...looks,
    async *list(prefix, after) {
      for await (const file of looks.list(prefix, after)) {
        if (broken && file.key === "b") throw failure;
        yield file;
      }
    },
  }, forever);
  const ends = await Promise.allSettled([survey.look("a"), survey.look("b"), survey.look("c")]);
  assertEquals(ends.map((end) => end.status === "rejected" ? end.reason : end.value?.revision), [
    "a",
    failure,
    failure,
  ]);
  assertEquals(await assertRejects(() => survey.look("b")), failure);
  broken = false;
  assertEquals((await survey.look("c"))?.revision, "c");
  assertEquals((await survey.look("a"))?.revision, "a");
  assertEquals(counts.lists, 3);
});

Deno.test("what would be told again is asked once, and tells whether there is use in going on", async () => {
  const refusal = new CronfetchError("store.denied", "the secret key is wrong");
  let lists = 0;
  const list = () => {
    lists++;
    throw refusal;
  };
  const survey = surveyByLists(["a", "b"], { list, stat: () => Promise.resolve(null) }, forever);
  for (const ask of [survey.ready, survey.ready, () => survey.look("b")]) {
    assertStrictEquals(await assertRejects(ask), refusal);
  }
  assertEquals(lists, 1);
  const { looks } = bucket(["a"]);
  await surveyByLists(["a", "b"], looks, forever).ready();
  await surveyByLists([], looks, forever).ready();
});

Deno.test("property: a survey sees what single looks see", async () => {
  const key = fc.array(fc.constantFrom("a", "b", "/x", "\u{1f995}", "\uffee"), {
    minLength: 1,
    maxLength: 4,
  }).map((parts) => `k${parts.join("")}`);
  await fc.assert(fc.asyncProperty(fc.array(key), fc.array(key), async (there, wanted) => {
    const { looks } = bucket([...new Set(there)]);
    const survey = surveyByLists(wanted, looks, forever);
    for (const one of wanted) {
      assertEquals(await survey.look(one), there.includes(one) ? { ...file(one) } : null);
    }
  }));
});

Deno.test("property: code points sort as their UTF-8 does", () => {
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
