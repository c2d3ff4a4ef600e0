/** The table of faults in `README.md`, held against the names of the tests. */

import { assert, assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import { fromFileUrl, relative } from "@std/path";

const TESTS = fromFileUrl(new URL(".", import.meta.url));

/** Numbers that no fault has. */
const UNUSED: readonly number[] = [45, 52];
/** The number of the last row. */
const LAST = 110;

/** A row of the table. */
interface Row {
  readonly number: number;
  readonly fault: string;
  readonly outcome: string;
  /** Paths of tests, from this folder on. */
  readonly files: readonly string[];
}

function readTable(text: string): Row[] {
  return text.split("\n").flatMap((line) => {
    const [, number = "", fault = "", outcome = "", files = ""] = line.split("|")
      .map((cell) => cell.trim());
    if (!/^\d+$/.test(number)) return [];
    const paths = [...files.matchAll(/`([^`]+)`/g)].map(([, path = ""]) => path);
    return [{ number: Number(number), fault, outcome, files: paths }];
  });
}

/** The rows that the names of tests in a file begin with: `row 7: …`, `rows 7 and 8: …`. */
function rowsNamed(source: string): Set<number> {
  const names = source.matchAll(/["'`]rows? (\d+(?:(?:, | and )\d+)*): /g);
  return new Set([...names].flatMap(([, list = ""]) => list.match(/\d+/g) ?? []).map(Number));
}

async function rowsByFile(): Promise<Map<string, Set<number>>> {
  const files = new Map<string, Set<number>>();
  for await (const { path } of walk(TESTS, { includeDirs: false })) {
    if (!/_(?:test|heavy|bucket)\.ts$/.test(path)) continue;
    const name = relative(TESTS, path).replaceAll("\\", "/");
    files.set(name, rowsNamed(await Deno.readTextFile(path)));
  }
  return files;
}

const table = readTable(await Deno.readTextFile(new URL("README.md", import.meta.url)));
const named = await rowsByFile();

Deno.test("rowsNamed reads the numbers in names", () => {
  const source = [
    'Deno.test("row 1: a", f);',
    "row(`row 2: ${b}`, g);",
    '  ["rows 3, 4 and 5: c", 6],',
    "/** Rows 7 to 8: d. */",
    'Deno.test("arrow 9: e", h);',
  ].join("\n");
  assertEquals([...rowsNamed(source)], [1, 2, 3, 4, 5]);
});

Deno.test("the table has every row once, in order", () => {
  const all = Array.from({ length: LAST }, (_, index) => index + 1);
  assertEquals(table.map(({ number }) => number), all.filter((row) => !UNUSED.includes(row)));
  for (const { number, fault, outcome } of table) {
    assert(fault !== "" && outcome !== "", `row ${number} says too little`);
  }
});

Deno.test("each test that a row lists bears its number", () => {
  for (const { number, files } of table) {
    for (const file of files) {
      assert(named.get(file)?.has(number), `${file} has no test named "row ${number}: …"`);
    }
  }
});

Deno.test("a row without tests cannot happen, and says why", () => {
  for (const { number, files, outcome } of table) {
    if (files.length > 0) continue;
    assert(outcome.startsWith("does not arise: "), `row ${number} has neither test nor reason`);
    const tests = [...named].filter(([, rows]) => rows.has(number)).map(([file]) => file);
    assertEquals(tests, [], `row ${number} has tests that the table does not list`);
  }
});

Deno.test("each row in a test's name is one of the table", () => {
  const known = new Set(table.map(({ number }) => number));
  for (const [file, rows] of named) {
    assertEquals([...rows.difference(known)], [], `unknown rows in ${file}`);
  }
});
