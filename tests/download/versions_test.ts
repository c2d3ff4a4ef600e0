import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { versionedKey, versionKey } from "../../lib/core/key.ts";
import { createVersions } from "../../lib/download/versions.ts";
import { openMemory } from "../../lib/store/memory.ts";
import type { Store } from "../../lib/store/store.ts";

const AT = Date.parse("2026-01-15T06:00:00.123Z");

Deno.test("versionKey: the time stands before the extension", () => {
  const table: [key: string, version: string][] = [
    ["a.csv", "a.20260115T060000123Z.csv"],
    ["deep/er/a.tar.gz", "deep/er/a.tar.20260115T060000123Z.gz"],
    ["no-extension", "no-extension.20260115T060000123Z"],
    ["dotted.folder/file", "dotted.folder/file.20260115T060000123Z"],
    ["folder/.hidden", "folder/.hidden.20260115T060000123Z"],
  ];
  for (const [key, version] of table) {
    assertEquals(versionKey(key, AT), version);
    assertEquals(versionedKey(version), key);
  }
  for (const key of ["a.csv", "a.2026.csv", "20260115T060000123Z.csv", "a.20260115T06Z.csv"]) {
    assertEquals(versionedKey(key), null, key);
  }
});

Deno.test("property: a version leads back to its file", () => {
  const key = fc.array(fc.stringMatching(/^[a-z.]{1,8}$/), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join("/"));
  fc.assert(fc.property(key, fc.nat(4e12), (name, ms) => {
    assertEquals(versionedKey(versionKey(name, ms)), name);
  }));
});

async function put(store: Store, key: string, text: string): Promise<void> {
  await using draft = await store.draft(key);
  await draft.write(new TextEncoder().encode(text));
  await draft.seal();
  await draft.publish();
}

Deno.test("versions: the newest are kept, those of other files are left alone", async () => {
  await using store = openMemory();
  await put(store, "f/a.txt", "newest");
  await put(store, "f/b.txt", "another");
  await put(store, versionKey("f/b.txt", AT), "another's older one");
  for (const day of [1, 2, 3]) await put(store, versionKey("f/a.txt", AT + day), `older ${day}`);
  const newest = await store.stat("f/a.txt");
  assert(newest);
  const stat = () => Promise.resolve({ ...newest, modifiedMs: AT + 4 });
  const versions = createVersions({ ...store, stat });
  await versions.add("f/a.txt");
  await versions.prune("f/a.txt", 2);
  const keys: string[] = [];
  for await (const { key } of store.list("")) keys.push(key);
  assertEquals(keys.sort(), [
    "f/a.20260115T060000126Z.txt",
    "f/a.20260115T060000127Z.txt",
    "f/a.txt",
    "f/b.20260115T060000123Z.txt",
    "f/b.txt",
  ]);
});
