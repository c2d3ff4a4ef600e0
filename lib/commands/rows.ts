/** Rows for programs and lines for people, as the looking commands write them. */

import { variable } from "../config/variables.ts";
import type { Host } from "../core/host.ts";
import {
  colorWanted,
  columns,
  escapeControl,
  escapeControlInJson,
  type Paint,
  painter,
  type Style,
} from "../report/format.ts";

/** Writes NDJSON on standard output: one object a line, as fast as the reader takes them. */
export async function writeRows(
  rows: Iterable<object>,
  host: Pick<Host, "stdout">,
): Promise<void> {
  for (const row of rows) {
    if (!host.stdout.write(`${escapeControlInJson(JSON.stringify(row))}\n`)) return;
    await host.stdout.ready();
  }
}

/** Writes lines for people on standard error. */
export function writeLines(lines: readonly string[], host: Pick<Host, "stderr">): void {
  host.stderr.write(lines.map((line) => `${line}\n`).join(""));
}

/** The colours of standard error; none where they are not wanted. */
export function paintFor(host: Pick<Host, "env" | "stderr">): Paint {
  return painter(colorWanted((name) => variable(name, host), host.stderr.isTerminal()));
}

/**
 * Lays out rows in columns, the first of which is a word in colour.
 *
 * @param rows A style and the cells, which may hold any text.
 */
export function coloredColumns(
  rows: readonly { readonly style: Style; readonly cells: readonly string[] }[],
  paint: Paint,
): string[] {
  const lines = columns(rows.map(({ cells }) => cells.map(escapeControl)));
  return lines.map((line, index) => {
    const row = rows[index];
    const [word = ""] = row?.cells ?? [];
    return row ? paint(row.style, word) + line.slice(word.length) : line;
  });
}
