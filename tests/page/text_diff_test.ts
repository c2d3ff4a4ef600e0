import { assert, assertEquals } from "@std/assert";
import { diffText, preview, type TextDiff } from "../../lib/page/text_diff.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const lines = (count: number, prefix = "") =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}\n`).join("");

/** The lines of a difference as in a patch. */
function patchOf(diff: TextDiff): string[] {
  if (diff.kind !== "text") return [diff.kind];
  const marks = { added: "+", removed: "-", same: " " };
  return diff.parts.flatMap(({ oldStart, newStart, lines }) => [
    `@ ${oldStart} ${newStart}`,
    ...lines.map(({ kind, text }) => marks[kind] + text),
  ]);
}

Deno.test("diffText: shows changed lines with three around them, and their numbers", async () => {
  const older = lines(20);
  const newer = older.replace("\n9\n", "\nnine\n9a\n").replace("\n19\n", "\n");
  const diff = await diffText(bytesOf(older), bytesOf(newer));
  assertEquals(patchOf(diff), [
    ...["@ 7 7", " 6", " 7", " 8", "-9", "+nine", "+9a", " 10", " 11", " 12"],
    ...["@ 17 18", " 16", " 17", " 18", "-19"],
  ]);
  assert(diff.kind === "text");
  assertEquals([diff.added, diff.removed, diff.isCut], [2, 2, false]);
});

Deno.test("diffText: a missing line break at the end is no line of its own", async () => {
  assertEquals(patchOf(await diffText(bytesOf("a\nb"), bytesOf("a\nc"))), [
    ...["@ 1 1", " a", "-b", "+c"],
  ]);
});

Deno.test("diffText: says why there is nothing to show", async () => {
  const table: [older: Uint8Array, newer: Uint8Array, expected: string][] = [
    [bytesOf("a\n"), bytesOf("a\n"), "equal"],
    [Uint8Array.of(0, 1, 2), Uint8Array.of(0, 1, 2), "equal"],
    [
      Uint8Array.of(0, 1, 2),
      Uint8Array.of(0, 1, 3, 4),
      "The files are binary: 3 B and 4 B, different from byte 2.",
    ],
    [bytesOf("a\n"), Uint8Array.of(0), "The files are binary: 2 B and 1 B, different from byte 0."],
    [
      bytesOf("a\r\nb\r\n"),
      bytesOf("a\nb\n"),
      "Only line breaks or the encoding of characters differ.",
    ],
    [
      bytesOf("ü\n"),
      Uint8Array.of(0xfc, 0x0a),
      "Only line breaks or the encoding of characters differ.",
    ],
    [
      bytesOf(lines(5000, "a")),
      bytesOf(lines(5000, "b")),
      "The versions differ in too many lines.",
    ],
  ];
  for (const [older, newer, expected] of table) {
    const diff = await diffText(older, newer);
    assertEquals(diff.kind === "unavailable" ? diff.reason : diff.kind, expected);
  }
});

Deno.test("diffText: long differences and long lines are cut", async () => {
  const diff = await diffText(bytesOf(""), bytesOf(lines(3_000)));
  assert(diff.kind === "text");
  assertEquals([diff.added, diff.parts.flatMap((part) => part.lines).length], [3_000, 2_000]);
  assertEquals(diff.isCut, true);
  const wide = await diffText(bytesOf(""), bytesOf("x".repeat(5_000)));
  assertEquals(patchOf(wide).at(-1), `+${"x".repeat(1_000)}…`);
});

Deno.test("preview: the first twenty lines of a text; nothing of a binary file", () => {
  const first = preview(bytesOf(lines(30)), true);
  assert(first.kind === "lines");
  assertEquals([first.lines.length, first.lines.at(-1), first.isWhole], [20, "19", false]);
  assertEquals(preview(bytesOf("a\r\nb"), true), {
    kind: "lines",
    lines: ["a", "b"],
    isWhole: true,
  });
  assertEquals(preview(bytesOf(""), true), { kind: "lines", lines: [], isWhole: true });
  assertEquals(preview(Uint8Array.of(0x50, 0x4b, 3, 4), true), { kind: "binary" });
  // The last character is cut in two.
  const cut = preview(bytesOf("aü").subarray(0, 2), false);
  assertEquals(cut, { kind: "lines", lines: ["a"], isWhole: false });
});
