import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type TableColumn, tableLines, type TableRow, wrapText } from "../../lib/cli/table.ts";
import { displayWidth, painter } from "../../lib/report/format.ts";

const COLUMNS: readonly TableColumn[] = [
  { name: "health", narrow: "keep" },
  { name: "task", narrow: "cut" },
  { name: "reason", narrow: "wrap", least: 48 },
  { name: "next", narrow: 1 },
  { name: "file", narrow: 2 },
];

const ROWS = [
  ["failing", "a task of a long name", "the server has answered 404", "in 5 min", "a.csv"],
  ["healthy", "b\n", "", "in 6 h", ""],
].map((cells) => ({ style: "good", cells }) as const);

const lines = (width: number | null, rows: readonly TableRow[] = ROWS) =>
  tableLines(COLUMNS, rows, { width, paint: painter(false) });

Deno.test("tableLines: without a terminal, every column is aligned and complete", () => {
  assertEquals(lines(null), [
    "health   task                   reason                       next      file",
    "failing  a task of a long name  the server has answered 404  in 5 min  a.csv",
    "healthy  b\\n                                                 in 6 h",
  ]);
});

Deno.test("tableLines: a narrow terminal omits columns, then cuts, then wraps", () => {
  assertEquals(
    lines(70),
    [
      "health   task                   reason                       next",
      "failing  a task of a long name  the server has answered 404  in 5 min",
      "healthy  b\\n                                                 in 6 h",
    ].map((line) => line.trimEnd()),
  );
  assertEquals(lines(50), [
    "health   task                 reason",
    "failing  a task of a long n…  the server has",
    "                              answered 404",
    "healthy  b\\n",
  ]);
  assertEquals(lines(24), [
    "health   task",
    "failing  a task of a lo…",
    "  the server has",
    "  answered 404",
    "healthy  b\\n",
  ]);
});

Deno.test("tableLines: a column without content is omitted, and so is a table without rows", () => {
  const [, healthy] = ROWS;
  assertEquals(lines(null, healthy ? [healthy] : []), [
    "health   task  next",
    "healthy  b\\n   in 6 h",
  ]);
  assertEquals(lines(null, []), []);
});

Deno.test("tableLines: colours the first word only", () => {
  const [heading = "", first = ""] = tableLines(COLUMNS, ROWS, {
    width: null,
    paint: (style, text) => `<${style} ${text}>`,
  });
  assert(heading.startsWith("<faint health"));
  assert(first.startsWith("<good failing>  a task"));
});

Deno.test("tableLines: property: no line is wider than the terminal, no word is lost", () => {
  const cell = fc.string({ unit: fc.constantFrom("a", "B", " ", "長", "é"), maxLength: 30 })
    .map((text) => text.trim().replaceAll(/ +/g, " "));
  const row = fc.array(cell, { minLength: 5, maxLength: 5 });
  fc.assert(fc.property(
    fc.array(row, { minLength: 1, maxLength: 5 }),
    fc.integer({ min: 34, max: 120 }),
    (cells, width) => {
      const rows = cells.map(([, ...others]) => ({
        style: "bad" as const,
        cells: ["unhealthy", ...others],
      }));
      const shown = lines(width, rows);
      for (const line of shown) assert(displayWidth(line) <= width, line);
      const text = shown.join("").replaceAll(" ", "");
      for (const [, , reason = ""] of cells) {
        for (const character of reason.replaceAll(" ", "")) assert(text.includes(character));
      }
    },
  ));
});

Deno.test("wrapText: between words, and within a longer word", () => {
  const table: [text: string, width: number, lines: string[]][] = [
    ["", 5, [""]],
    ["one two", 7, ["one two"]],
    ["one two", 6, ["one", "two"]],
    ["one twothree", 5, ["one", "twoth", "ree"]],
    ["https://x.example/a", 10, ["https://x.", "example/a"]],
    ["長長長", 4, ["長長", "長"]],
  ];
  for (const [text, width, expected] of table) assertEquals(wrapText(text, width), expected);
});
