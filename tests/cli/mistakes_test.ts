/**
 * The messages for mistakes that people make: `mistakes/*.md` hold command lines, the files they
 * are run with, and the exact text that they write to standard error.
 *
 * `CRONFETCH_WRITE_MISTAKES=1 deno test -A tests/cli/mistakes_test.ts` writes the current texts into
 * the files, for review by diff.
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { main } from "../helpers/command_line.ts";
import { makeFiles } from "../config/loading.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";

const FOLDER = fromFileUrl(new URL("mistakes/", import.meta.url));

const WRITES = Deno.env.get("CRONFETCH_WRITE_MISTAKES") === "1";

/** A heading, the files and command lines below it. */
interface Mistake {
  readonly title: string;
  readonly files: Readonly<Record<string, string>>;
  /** The block of the commands and their output. */
  readonly console: string;
}

/** Names of files by the language of their block; any other info string is the name itself. */
const NAMES: Readonly<Record<string, string>> = {
  jsonc: "cronfetch.jsonc",
  json: "cronfetch.json",
  yaml: "cronfetch.yaml",
  ts: "cronfetch.ts",
  txt: "cronfetch.txt",
};

function mistakesIn(page: string): Mistake[] {
  return page.split(/^## /m).slice(1).map((section) => {
    const title = section.slice(0, section.indexOf("\n"));
    const files: Record<string, string> = {};
    let console = "";
    for (const [, info = "", text = ""] of section.matchAll(/^````?(.*)\n([^]*?)^````?$/gm)) {
      if (info === "console") console = text;
      else files[NAMES[info] ?? info.split(" ").at(-1) ?? ""] = text.replaceAll("␉", "\t");
    }
    return { title, files, console };
  });
}

/** Words of a command line; quotes group as in a shell. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)]
    .map(([, single, double, plain]) => single ?? double ?? plain ?? "");
}

/** Runs the commands of a mistake. Returns their block with what they write. */
async function performed({ files, console }: Mistake): Promise<string> {
  await using folder = await temporaryFolder();
  await makeFiles(folder, files);
  const blocks: string[] = [];
  for (const line of console.split("\n").filter((text) => text.startsWith("$ "))) {
    const words = wordsOf(line.slice(2));
    const start = words.indexOf("cronfetch");
    const env = Object.fromEntries(
      words.slice(0, start).map((word) => {
        const [name = "", value = ""] = word.split("=");
        return [name, value];
      }),
    );
    const host = testHost({ cwd: folder.path, env });
    const exitCode = await main(words.slice(start + 1), host);
    // Requested output is not the subject here, except the rows of problems.
    const rows = exitCode === 0 ? "" : host.stdout.text;
    const text = (host.stderr.text + rows).replaceAll(folder.path, "/folder");
    blocks.push(`${line}\n${text}[exit ${exitCode}]\n`);
  }
  return blocks.join("\n");
}

for (const { name } of [...Deno.readDirSync(FOLDER)].toSorted((a, b) => a.name < b.name ? -1 : 1)) {
  const path = join(FOLDER, name);
  const page = Deno.readTextFileSync(path);
  const mistakes = mistakesIn(page);
  assert(mistakes.length > 0, name);
  for (const mistake of mistakes) {
    Deno.test(`mistakes: ${name.replace(".md", "")}: ${mistake.title}`, async () => {
      const text = await performed(mistake);
      if (WRITES) {
        const current = await Deno.readTextFile(path);
        const at = current.indexOf(`\n## ${mistake.title}\n`);
        const start = current.indexOf("```console\n", at) + "```console\n".length;
        const end = current.indexOf("```", start);
        await Deno.writeTextFile(path, current.slice(0, start) + text + current.slice(end));
      } else assertEquals(text, mistake.console);
    });
  }
}
