import { assertEquals } from "@std/assert";
import { cutServerText, MAX_SERVER_TEXT, quoteServerText, trimEndOf } from "../../lib/core/text.ts";

const FULL = "a".repeat(MAX_SERVER_TEXT);

Deno.test("row 134: cutServerText keeps 200 characters at most, and no half word after another", () => {
  const table: [text: string, cut: string][] = [
    ["", ""],
    [FULL, FULL],
    [`${FULL}a`, `${FULL}…`],
    [`${FULL} a`, `${FULL}…`],
    [`b ${FULL}`, "b …"],
    [`key=${FULL}`, "key=…"],
    [`a "${FULL}"`, 'a "…'],
    // Half of a surrogate pair is not text.
    [`${"a".repeat(MAX_SERVER_TEXT - 1)}\u{1f600}`, `${"a".repeat(MAX_SERVER_TEXT - 1)}\ufffd…`],
  ];
  for (const [text, cut] of table) assertEquals(cutServerText(text), cut);
});

Deno.test("quoteServerText: escaped after it was cut", () => {
  assertEquals(quoteServerText('a"\u0007'), '"a\\"\\u0007"');
  assertEquals(quoteServerText(`${FULL}a`), `"${FULL}…"`);
});

Deno.test("trimEndOf: removes only trailing characters", () => {
  const table: [text: string, characters: string, trimmed: string][] = [
    ["a. .", ". ", "a"],
    ["..a", ".", "..a"],
    ["...", ".", ""],
    ["", ".", ""],
    ["a/b//", "/", "a/b"],
  ];
  for (const [text, characters, trimmed] of table) {
    assertEquals(trimEndOf(text, characters), trimmed);
  }
});
