import { assertEquals, assertLess } from "@std/assert";
import { displayWidth, truncate } from "../../lib/report/format.ts";

Deno.test("displayWidth: counts terminal columns", () => {
  const cases: [string, number][] = [
    ["", 0],
    ["ascii", 5],
    ["größe", 5],
    ["gro\u0308ße", 5],
    ["日本語", 6],
    ["한국", 4],
    ["ﾊﾝｶｸ", 4],
    ["ＦＵＬＬ", 8],
    ["𠮷", 2],
    ["👍", 2],
    ["❤", 1],
    ["❤\ufe0f", 2],
    ["1", 1],
    ["…█░→", 4],
    ["a\u200db", 2],
  ];
  for (const [text, columns] of cases) assertEquals(displayWidth(text), columns, text);
});

Deno.test("truncate: keeps within a width and never splits a character", () => {
  const cases: [string, number, string][] = [
    ["fits", 4, "fits"],
    ["too long", 4, "too…"],
    ["too long", 1, "…"],
    ["日本語", 6, "日本語"],
    ["日本語", 5, "日本…"],
    ["日本語", 4, "日…"],
    ["👍👍👍", 5, "👍👍…"],
    ["a\u0308\u0308bc", 2, "a\u0308\u0308…"],
  ];
  for (const [text, columns, expected] of cases) {
    const cut = truncate(text, columns);
    assertEquals(cut, expected);
    assertLess(displayWidth(cut), columns + 1);
  }
});
