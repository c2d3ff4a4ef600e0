/** Recipes of docs/how-to.md: their configs are written, and their commands are run. */

import { assert } from "@std/assert";
import { dirname } from "@std/path";
import { literalOf, parseShell } from "../../lib/cli/import/shell.ts";
import { main } from "../../lib/cli/main.ts";
import { type TemporaryFolder, temporaryFolder } from "../helpers/folder.ts";
import type { Host } from "../../lib/core/host.ts";
import { testHost } from "../helpers/host.ts";

const PAGE = await Deno.readTextFile(new URL("../../docs/how-to.md", import.meta.url));

/** A section of the page. */
interface Section {
  readonly title: string;
  readonly blocks: readonly { readonly language: string; readonly text: string }[];
}

/** The recipes, in the order of the page. */
export const RECIPES: readonly Section[] = PAGE.split(/^## /m).slice(1).map((text) => ({
  title: text.slice(0, text.indexOf("\n")),
  blocks: [...text.matchAll(/^```(\w+)\n([^]*?)^```/gm)].map((found) => ({
    language: found[1] ?? "",
    text: found[2] ?? "",
  })),
}));

/** The file that a block is, by its language. */
const FILES: Readonly<Record<string, string>> = {
  jsonc: "cronfetch.jsonc",
  text: "urls.txt",
  bash: "load.sh",
  yaml: ".github/workflows/data.yml",
};

/** What a command has done. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A recipe in a folder of its own. */
export interface Recipe extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  /**
   * Runs a command of the recipe, with the variables that it exports.
   *
   * @param now The time at which it is run, RFC 3339.
   */
  run(command: string, now?: string): Promise<CommandResult>;
}

/** How a recipe is tried. */
export interface RecipeOptions {
  /** Changes the text of a block; usually replaces its hosts. */
  readonly change: (text: string) => string;
  /** Variables of the environment that the recipe does not export. */
  readonly env?: Readonly<Record<string, string>>;
  /** Starts programs. Default: none is started. */
  readonly execute?: Host["execute"];
}

/** Writes the files of a recipe. */
export async function prepareRecipe(
  title: string,
  { change, env = {}, execute }: RecipeOptions,
): Promise<Recipe> {
  const section = RECIPES.find((recipe) => recipe.title === title);
  assert(section !== undefined, title);
  const folder = await temporaryFolder();
  const shell: string[] = [];
  for (const { language, text } of section.blocks) {
    const file = FILES[language];
    if (file === undefined) {
      assert(language === "sh", language);
      shell.push(text);
      continue;
    }
    const path = folder.file(file);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, change(text));
  }
  const commands = parseShell(shell.join(""));
  const exported = Object.fromEntries(
    commands.flatMap(({ assignments }) =>
      assignments.map(([name, value]) => [name, literalOf(value) ?? ""])
    ),
  );
  const known = commands.map(({ words }) => words.map(literalOf).join(" "));
  return {
    folder,
    async run(command, now = "2026-01-15T12:00:00Z") {
      assert(known.includes(command), `the recipe has no command ${command}`);
      const host = testHost({ cwd: folder.path, env: { ...exported, ...env }, now });
      if (execute) Object.assign(host, { execute });
      const exitCode = await main(command.split(" ").slice(1), host);
      return { exitCode, stdout: host.stdout.text, stderr: host.stderr.text };
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Replaces every host of the page. */
export function leadTo(origin: string): (text: string) => string {
  return (text) => text.replace(/https:\/\/(?:[a-z]+\.)?example\.(?:org|com)/g, () => origin);
}
