/** Writes results to `results/` and to `README.md`. */

import { exists } from "@std/fs";
import { fromFileUrl, join } from "@std/path";
import { chartOf } from "./chart.ts";
import { type Machine, type Result, stableJson } from "./results.ts";
import { SCENARIOS } from "./scenarios.ts";
import { tableOf } from "./table.ts";
import { targetsTable } from "./targets.ts";

const HERE = fromFileUrl(new URL(".", import.meta.url));
const RESULTS = join(HERE, "results");
const README = join(HERE, "README.md");

/** Writes the result of a scenario with its table and chart. */
export async function writeResult(result: Result): Promise<void> {
  await Deno.mkdir(RESULTS, { recursive: true });
  const file = (ending: string) => join(RESULTS, `${result.scenario}.${ending}`);
  await Deno.writeTextFile(file("json"), stableJson(result));
  await Deno.writeTextFile(file("md"), section(result, "."));
  const chart = chartOf(result);
  if (chart !== null) await Deno.writeTextFile(file("svg"), chart);
}

/** Updates `README.md` with all results, and formats the written files. */
export async function writeReadme(): Promise<void> {
  const results: Result[] = [];
  for (const { name } of SCENARIOS) {
    const path = join(RESULTS, `${name}.json`);
    if (await exists(path)) results.push(JSON.parse(await Deno.readTextFile(path)));
  }
  await rewriteReadme((page) => withResults(page, results));
}

/** Updates the table of targets in `README.md`. */
export async function writeTargets(results: readonly Result[]): Promise<void> {
  const [first] = results;
  const parts = [targetsTable(results), ...first === undefined ? [] : [conditions(first)]];
  await rewriteReadme((page) => withBlock(page, "targets", parts));
}

async function rewriteReadme(rewrite: (page: string) => string): Promise<void> {
  await Deno.writeTextFile(README, rewrite(await Deno.readTextFile(README)));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", README, RESULTS] }).output();
}

/**
 * Replaces the results between the marks of a page.
 *
 * @throws {Error} If a mark is missing.
 */
export function withResults(page: string, results: readonly Result[]): string {
  return withBlock(page, "results", results.map((one) => section(one, "results").trimEnd()));
}

/**
 * Replaces the paragraphs between the marks `<!-- NAME -->` and `<!-- /NAME -->`.
 *
 * @throws {Error} If a mark is missing.
 */
export function withBlock(page: string, name: string, paragraphs: readonly string[]): string {
  const [mark, endMark] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const begin = page.indexOf(mark);
  const end = page.indexOf(endMark);
  if (begin < 0 || end < begin) throw new Error(`the page has no ${mark} … ${endMark}`);
  return [page.slice(0, begin + mark.length), ...paragraphs, page.slice(end)].join("\n\n");
}

/** A scenario in Markdown. `folder` is the relative path of its chart. */
function section(result: Result, folder: string): string {
  const parts = [`## ${result.title}`, `${conditions(result)}`, tableOf(result)];
  if (chartOf(result) !== null) {
    parts.push(`![The table as a chart](${folder}/${result.scenario}.svg)`);
  }
  return parts.join("\n\n") + "\n";
}

/** Date, machine, rounds and versions of a result. */
function conditions({ date, machine, cases, versions }: Result): string {
  const rounds = Math.max(...cases.flatMap(({ peers }) => peers.map(({ runs }) => runs.length)));
  const programs = Object.entries(versions).toSorted()
    .map(([name, version]) => `${name} ${version}`);
  return `${date}, ${machineText(machine)}, ${rounds} ${rounds === 1 ? "round" : "rounds"}; ` +
    `${programs.join(", ")}.`;
}

function machineText({ system, cores, memoryGiB }: Machine): string {
  return `${system} with ${cores} ${cores === 1 ? "core" : "cores"} and ${memoryGiB} GiB`;
}

/** A result for the terminal. */
export function report(result: Result): string {
  return `## ${result.title}\n\n${conditions(result)}\n\n${tableOf(result)}\n`;
}
