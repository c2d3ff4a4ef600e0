import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { encode, type Kv, KvConnection } from "../../../lib/state/kv/connection.ts";
import { testHost } from "../../helpers/host.ts";
import { ids } from "../samples.ts";

const PREFIX = ["cronfetch", "record"];

/** A database with these names after {@linkcode PREFIX}, and others around them. */
async function connectionWith(names: Iterable<string>) {
  const kv = await Deno.openKv(":memory:");
  for (const prefix of ["recor", "recore"]) await kv.set(["cronfetch", prefix, "0"], encode(0));
  for (const name of names) await kv.set([...PREFIX, name], encode(name));
  const calls = { list: 0, getMany: 0 };
  const counted: Kv = {
    get: (key, options) => kv.get(key, options),
    getMany: (keys, options) => (calls.getMany++, kv.getMany(keys, options)),
    list: (selector, options) => (calls.list++, kv.list(selector, options)),
    atomic: () => kv.atomic(),
    close: () => kv.close(),
  };
  const connection = new KvConnection(counted, "kv:", testHost());
  return { connection, calls, [Symbol.dispose]: () => connection.close() };
}

async function namesOf(connection: KvConnection, wanted: ReadonlySet<string>): Promise<string[]> {
  const entries = await connection.getNamed(PREFIX, wanted);
  return entries.map(({ key }) => String(key.at(-1))).toSorted();
}

for (
  const [what, wanted, lists, gets] of [
    ["neighbours are listed", ids(300).sort().slice(50, 150), 1, 0],
    ["a few are read by key", ids(10), 0, 1],
    ["one in three, in part by key", ids(300).filter((_, index) => index % 3 === 0), 1, 7],
    ["none exists after the first", ids(100, "z"), 1, 0],
    ["names in which UTF-8 and UTF-16 have another order", ids(20, "\u{1f600}"), 0, 2],
  ] as const
) {
  Deno.test(`KvConnection.getNamed: ${what}`, async () => {
    const present = [...ids(300), ...ids(20, "\u{1f600}")];
    using database = await connectionWith(present);
    const expected = wanted.filter((name) => present.includes(name)).toSorted();
    assertEquals(await namesOf(database.connection, new Set(wanted)), expected);
    assertEquals(database.calls, { list: lists, getMany: gets });
  });
}

Deno.test("property: KvConnection.getNamed: returns the existing entries of any names", async () => {
  const text = fc.oneof(
    fc.string({ maxLength: 2 }),
    fc.constantFrom("\ue000", "\u{1f600}", "a\0", "a", "\x7f", "\x80", ""),
  );
  const names = fc.uniqueArray(text, { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(names, names, async (present, wanted) => {
      using database = await connectionWith(present);
      const expected = wanted.filter((name) => present.includes(name)).toSorted();
      assertEquals(await namesOf(database.connection, new Set(wanted)), expected);
    }),
    { numRuns: 60 },
  );
});
