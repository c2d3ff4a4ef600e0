import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import {
  baseKey,
  folderOf,
  foldKey,
  keyFault,
  nameOf,
  versionedKey,
  versionKey,
} from "../../lib/core/key.ts";

const AT = Date.parse("2026-01-15T06:00:00.123Z");

Deno.test("versionKey: the time is before the extension", () => {
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
    assertEquals(baseKey(foldKey(version)), foldKey(key));
    assertEquals(baseKey(foldKey(`${key}.refused`)), foldKey(key));
  }
  for (const key of ["a.csv", "a.2026.csv", "20260115T060000123Z.csv", "a.20260115T06Z.csv"]) {
    assertEquals(versionedKey(key), null, key);
    assertEquals(baseKey(foldKey(key)), null, key);
  }
});

Deno.test("property: a version leads back to its file", () => {
  const key = fc.array(fc.stringMatching(/^[a-z.]{1,8}$/), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join("/"));
  fc.assert(fc.property(key, fc.nat(4e12), (name, ms) => {
    assertEquals(versionedKey(versionKey(name, ms)), name);
  }));
});

Deno.test("row 76: keys fold to one form where they may be one file", () => {
  const same: [string, string][] = [
    ["a/B.pdf", "A/b.PDF"],
    ["Ü.pdf", "ü.pdf"],
    ["ς", "σ"],
    ["u\u0308", "\u00dc"],
    ["\u212a", "k"],
  ];
  for (const [a, b] of same) assertEquals(foldKey(a), foldKey(b));
  assert(foldKey("a.pdf") !== foldKey("b.pdf"));
});

for (
  const [key, folder, name] of [
    ["a", "", "a"],
    ["a/b", "a", "b"],
    ["a/b/c.d", "a/b", "c.d"],
  ] as const
) {
  Deno.test(`folderOf, nameOf: ${key}`, () => {
    assertEquals([folderOf(key), nameOf(key)], [folder, name]);
  });
}

Deno.test("property: keyFault accepts only keys below the root that are not reserved", () => {
  const pieces = fc.constantFrom(
    "/",
    ".",
    "..",
    "a",
    "\\",
    "\0",
    ".cronfetch-",
    "\ud83e",
    "\u00e9",
  );
  const texts = fc.array(pieces, { maxLength: 8 }).map((pieces) => pieces.join(""));
  fc.assert(fc.property(texts, (text) => {
    if (keyFault(text) !== null) return;
    assertEquals(join("/root", text), `/root/${text}`);
    assert(text.split("/").every((segment) => !segment.startsWith(".cronfetch-")));
    assert(new TextDecoder().decode(new TextEncoder().encode(text)) === text);
  }));
});
