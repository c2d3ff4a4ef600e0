/** The fault tables of `README.md`, checked against the names of the tests. */

import { assert, assertEquals } from "@std/assert";
import { readFaultRows, rowsByFile, rowsNamed, withTestColumn } from "../tools/fault_rows.ts";

/** Numbers of the original catalogue that no fault has. */
const UNUSED: readonly number[] = [45, 52];
/** The last number of the original catalogue; later numbers may have gaps. */
const LAST_ORIGINAL = 110;

const page = await Deno.readTextFile(new URL("README.md", import.meta.url));
const rows = readFaultRows(page);
const named = await rowsByFile();

Deno.test("rowsNamed: reads the row numbers in test names", () => {
  const row = "row";
  const source = [
    `Deno.test("${row} 1: a", f);`,
    `${row}(\`${row} 2: \${b}\`, g);`,
    `  ["${row}s 3, 4 and 5: c", 6],`,
    "/** Rows 7 to 8: d. */",
    'Deno.test("arrow 9: e", h);',
  ].join("\n");
  assertEquals([...rowsNamed(source)], [1, 2, 3, 4, 5]);
});

Deno.test("withTestColumn: fills the last column, aligns the table and keeps the rest", () => {
  const before = [
    "Text | with | bars",
    "",
    "| Row | Fault | Outcome | Tests |",
    "| --- | --- | --- | --- |",
    "| 1 | A \\| b | `c` | `gone_test.ts` |",
    "| 12 | D | does not arise: e | |",
    "",
    "| Other | table |",
    "| --- | --- |",
  ].join("\n");
  const after = [
    "Text | with | bars",
    "",
    "| Row | Fault  | Outcome           | Tests                    |",
    "| --- | ------ | ----------------- | ------------------------ |",
    "| 1   | A \\| b | `c`               | `a_test.ts`, `b_test.ts` |",
    "| 12  | D      | does not arise: e |                          |",
    "",
    "| Other | table |",
    "| --- | --- |",
  ].join("\n");
  const files = new Map([["a_test.ts", new Set([1, 2])], ["b_test.ts", new Set([1])]]);
  assertEquals(withTestColumn(before, files), after);
  assertEquals(withTestColumn(after, files), after);
});

Deno.test("fault tables: list the tests that name each row", () => {
  assertEquals(page, withTestColumn(page, named), "`deno task readme` writes the column");
});

Deno.test("fault tables: each number has one row with a fault and an outcome", () => {
  const numbers = rows.map(({ number }) => number);
  assertEquals(new Set(numbers).size, numbers.length, "a number has two rows");
  const original = Array.from({ length: LAST_ORIGINAL }, (_, index) => index + 1);
  assertEquals(
    numbers.filter((number) => number <= LAST_ORIGINAL),
    original.filter((number) => !UNUSED.includes(number)),
  );
  for (const { number, fault, outcome } of rows) {
    assert(fault !== "" && outcome !== "", `row ${number} lacks a fault or an outcome`);
  }
});

Deno.test("fault tables: a row without tests has a reason", () => {
  for (const { number, files, outcome } of rows) {
    const hasReason = outcome.startsWith("does not arise: ");
    assert(files.length > 0 !== hasReason, `row ${number} needs either tests or a reason`);
  }
});

Deno.test("fault tables: contain each row in a test name", () => {
  const known = new Set(rows.map(({ number }) => number));
  for (const [file, numbers] of named) {
    assertEquals([...numbers.difference(known)], [], `unknown rows in ${file}`);
  }
});
