import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { nameOf, rowTexts, storedName } from "../../../lib/state/postgres/rows.ts";

Deno.test("property: storedName and nameOf: any name comes back, and none holds a NUL", () => {
  const name = fc.string({ unit: fc.constantFrom("a", "\0", "\x1a", "0", "1", "ü") });
  fc.assert(fc.property(name, (text) => {
    const stored = storedName(text);
    assertEquals([stored.includes("\0"), nameOf(stored)], [false, text]);
  }));
});

Deno.test("rowTexts: sorted rows, at most as many in a statement, and not too long", () => {
  const rows = ["c", "a", "b"].map((id) => [id, { id }] as const);
  assertEquals([...rowTexts(rows, 2)], ['[{"id":"a"},{"id":"b"}]', '[{"id":"c"}]']);
  assertEquals([...rowTexts([])], []);
  const long = ["a", "b", "c"].map((id) => [id, { text: "x".repeat(1_900_000) }] as const);
  assertEquals([...rowTexts(long)].map((text) => JSON.parse(text).length), [2, 1]);
});
