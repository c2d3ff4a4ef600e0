/**
 * The parts of the README that the program itself knows best: help, options,
 * exit codes and error codes. `deno task readme` writes them anew; a test holds
 * the README to them.
 */

import { EXIT_CODES, main } from "../lib/cli.ts";
import { optionRows } from "../lib/config/describe.ts";
import { ERROR_CODES } from "../lib/core/errors.ts";
import type { Host } from "../lib/core/host.ts";
import { realHost } from "../lib/host.ts";

/** What a command line prints on standard output. */
async function printed(args: readonly string[]): Promise<string> {
  let text = "";
  const stdout = {
    write: (more: string) => Boolean(text += more),
    isTerminal: () => false,
    columns: () => 80,
  };
  const host: Host = { ...realHost(), stdout };
  await main(args, host);
  return text;
}

async function help(): Promise<string> {
  const shown: string[] = [];
  const commands = ["run", "watch", "serve", "status", "verify"];
  for (const args of [["--help"], ...commands.map((command) => [command, "--help"])]) {
    shown.push(`$ cronfetch ${args.join(" ")}\n${await printed(args)}`);
  }
  return "```console\n" + shown.join("\n") + "```";
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const escaped = rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...escaped.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(heads), rule, ...escaped.map(line)].join("\n");
}

function options(): string {
  const rows = optionRows().map(({ path, type, default: standard, description }) => [
    `\`${path}\``,
    type,
    standard === "" ? "" : `\`${standard}\``,
    description,
  ]);
  return table(["option", "value", "default", "meaning"], rows);
}

function errors(): string {
  const rows = Object.entries(ERROR_CODES).map(([code, { meaning, retry }]) => [
    `\`${code}\``,
    meaning,
    retry,
  ]);
  return table(["code", "meaning", "again"], rows);
}

/** Text of the blocks by name. */
const BLOCKS: Readonly<Record<string, () => string | Promise<string>>> = {
  "help": help,
  "options": options,
  "errors": errors,
  "exit-codes": () => table(["exit code", "meaning"], EXIT_CODES),
};

/** A README with its blocks as they should be. */
export async function refreshed(readme: string): Promise<string> {
  let text = readme;
  for (const [name, make] of Object.entries(BLOCKS)) {
    const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`the README has no block ${name}`);
    text = `${text.slice(0, from)}${start}\n\n${await make()}\n\n${text.slice(to)}`;
  }
  return text;
}

if (import.meta.main) {
  await Deno.writeTextFile("README.md", await refreshed(await Deno.readTextFile("README.md")));
}
