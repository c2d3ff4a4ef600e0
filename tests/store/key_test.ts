import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import { folderOf, keyFault, nameOf } from "../../lib/store/key.ts";

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
