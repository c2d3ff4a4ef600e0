/** Generates the "Tests" column of the fault tables in `tests/README.md` from test names. */

import { walk } from "@std/fs";
import { fromFileUrl, relative } from "@std/path";

const TESTS = fromFileUrl(new URL("../tests/", import.meta.url));

/** One row of a fault table. */
export interface FaultRow {
  readonly number: number;
  readonly fault: string;
  readonly outcome: string;
  /** Paths of the test files that name the row, relative to `tests/`. */
  readonly files: readonly string[];
}

/** Row numbers in the names of a file's tests: `row 7: …`, `rows 7 and 8: …`. */
export function rowsNamed(source: string): Set<number> {
  const names = source.matchAll(/["'`]rows? (\d+(?:(?:, | and )\d+)*): /g);
  return new Set([...names].flatMap(([, list = ""]) => list.match(/\d+/g) ?? []).map(Number));
}

/** Row numbers by test file; paths are relative to `tests/`, in alphabetical order. */
export async function rowsByFile(): Promise<Map<string, Set<number>>> {
  const files: [path: string, rows: Set<number>][] = [];
  for await (const { path } of walk(TESTS, { includeDirs: false })) {
    if (!/_(?:test|heavy|bucket)\.ts$/.test(path)) continue;
    const name = relative(TESTS, path).replaceAll("\\", "/");
    files.push([name, rowsNamed(await Deno.readTextFile(path))]);
  }
  return new Map(files.sort(([one], [other]) => one < other ? -1 : 1));
}

/** Reads the rows of all fault tables of a page, in order. */
export function readFaultRows(page: string): FaultRow[] {
  return page.split("\n").flatMap((line) => {
    const cells = faultCells(line);
    if (cells === null) return [];
    const [number = "", fault = "", outcome = "", files = ""] = cells;
    const paths = [...files.matchAll(/`([^`]+)`/g)].map(([, path = ""]) => path);
    return [{ number: Number(number), fault, outcome, files: paths }];
  });
}

/**
 * Fills the "Tests" column of the fault tables of a page. Columns are aligned as by `deno fmt`.
 *
 * @param named Row numbers by test file, from {@linkcode rowsByFile}.
 */
export function withTestColumn(page: string, named: ReadonlyMap<string, Set<number>>): string {
  const lines = page.split("\n");
  const written: string[] = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at] ?? "";
    if (!/^\| *Row *\| *Fault *\|/.test(line)) {
      written.push(line);
      at++;
      continue;
    }
    const rows: string[][] = [];
    // Skips the head and the rule below it.
    for (at += 2; lines[at]?.startsWith("|"); at++) {
      const cells = faultCells(lines[at] ?? "");
      if (cells === null) throw new Error(`not a row of a fault table: ${lines[at]}`);
      rows.push([...cells.slice(0, 3), filesOf(Number(cells[0]), named)]);
    }
    written.push(table(["Row", "Fault", "Outcome", "Tests"], rows));
  }
  return written.join("\n");
}

function filesOf(row: number, named: ReadonlyMap<string, Set<number>>): string {
  const files = [...named].filter(([, rows]) => rows.has(row)).map(([file]) => `\`${file}\``);
  return files.join(", ");
}

/** The cells of a line whose first one is a number; null for any other line. */
function faultCells(line: string): string[] | null {
  if (!line.startsWith("|")) return null;
  // An escaped bar is part of the text.
  const cells = line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim());
  return /^\d+$/.test(cells[0] ?? "") ? cells : null;
}

/** A Markdown table with aligned columns; the cells are already escaped. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(heads), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)]
    .join("\n");
}
