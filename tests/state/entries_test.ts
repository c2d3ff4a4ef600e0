import { assertEquals } from "@std/assert";
import { emptyContents, type StateDriver } from "../../lib/state/driver.ts";
import {
  type Body,
  COLLECTIONS,
  eachEntry,
  type Entries,
  setEntry,
} from "../../lib/state/entries.ts";
import { openFileDriver } from "../../lib/state/file.ts";
import { DEFAULT_HISTORY_MS } from "../../lib/state/history.ts";
import { openKvDriver } from "../../lib/state/kv/kv.ts";
import { emptyMemory, memoryDriver } from "../../lib/state/memory.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { record } from "./samples.ts";

const MEMBER = { kind: "file", sha256: null, sizeBytes: 1, publishedAt: null };

const DELIVERY = {
  status: "created",
  run: "run-1",
  url: "https://example.org/a.csv",
  files: [{ key: "a.csv", sha256: "ab".repeat(32), sizeBytes: 3 }],
  claimedAt: "2026-01-15T12:00:00Z",
};

/** An entry of every collection; that of `items` as a later version may write it. */
const ENTRIES: readonly (readonly [collection: typeof COLLECTIONS[number], Body])[] = [
  ["members", MEMBER],
  ["items", { title: "ü", seen: ["2026-01-15T12:00:00Z"], text: "x".repeat(61_440 - 59) }],
  ["results", { status: "failed", attempts: [{ code: "net.reset" }] }],
  ["outbox", DELIVERY],
];

const memory = emptyMemory();

for (
  const [name, open] of [
    ["memory", () => Promise.resolve(memoryDriver(memory, testHost()))],
    ["file", (path: string) => openFileDriver(`${path}.json`, testHost())],
    ["kv", (path: string) => openKvDriver(path, testHost())],
  ] as const satisfies readonly (readonly [string, (path: string) => Promise<StateDriver>])[]
) {
  Deno.test(`${name}: entries of every collection are kept as they are while others change`, async () => {
    await using folder = await temporaryFolder();
    const path = folder.file("state");
    {
      await using driver = await open(path);
      const entries: Entries = new Map();
      for (const [collection, body] of ENTRIES) {
        for (const owner of ["a", "b"]) {
          for (const id of ["1", "__proto__"]) setEntry(entries, collection, owner, id, body);
        }
      }
      await driver.write({ ...emptyContents(), entries }, DEFAULT_HISTORY_MS);
    }
    {
      await using driver = await open(path);
      const changes = emptyContents();
      changes.records.set("a", record("a"));
      await driver.write(changes, DEFAULT_HISTORY_MS);
      const entries: Entries = new Map();
      for (const [collection] of ENTRIES) setEntry(entries, collection, "b", "1", null);
      setEntry(entries, "items", "c", "gone", null);
      await driver.write({ ...emptyContents(), entries }, DEFAULT_HISTORY_MS);
    }
    await using driver = await open(path);
    for (const [collection, body] of ENTRIES) {
      const found = await driver.entries(collection, new Set(["a", "b", "c"]));
      assertEquals([...found.keys()].sort(), ["a", "b"]);
      assertEquals(found.get("a"), new Map([["1", body], ["__proto__", body]]));
      assertEquals(found.get("b"), new Map([["__proto__", body]]));
    }
  });
}

Deno.test("eachEntry: lists the entries of COLLECTIONS, each once", () => {
  const entries: Entries = new Map();
  for (const collection of COLLECTIONS) setEntry(entries, collection, "a", "1", null);
  setEntry(entries, "items", "a", "1", {});
  assertEquals([...eachEntry(entries)].map(([collection, , , body]) => [collection, body]), [
    ["members", null],
    ["items", {}],
    ["results", null],
    ["outbox", null],
  ]);
});
