import { assert, assertEquals } from "@std/assert";
import { loadConfig } from "../lib/config/load.ts";
import { EXIT } from "../lib/core/result.ts";
import { checkCron } from "../lib/schedule/cron.ts";
import { refreshed } from "../tools/readme.ts";
import { temporaryFolder } from "./helpers/folder.ts";
import { testHost } from "./helpers/host.ts";

const README = await Deno.readTextFile("README.md");

/** The fenced blocks of a language. */
function fenced(language: string): string[] {
  return [...README.matchAll(new RegExp("```" + language + "\n([^]*?)```", "g"))]
    .map((found) => found[1] ?? "");
}

Deno.test("the README's help, options, exit codes and error codes are the program's", async () => {
  assertEquals(README, await refreshed(README), "`deno task readme` writes them anew");
});

Deno.test("every config in the README loads", async () => {
  const examples = [
    ...fenced("jsonc").map((text) => ["cronfetch.jsonc", text] as const),
    ...fenced("text").map((text) => ["urls.txt", text] as const),
  ];
  assert(examples.length >= 2);
  for (const [name, text] of examples) {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(folder.file(name), text);
    const host = testHost({ cwd: folder.path, env: { RATES_TOKEN: "secret" } });
    const config = await loadConfig({
      files: [name],
      urls: [],
      overrides: {},
      at: host.clock.now(),
      checkSchedule: checkCron,
    }, host);
    assert(config.tasks.length > 0);
  }
});

Deno.test("the README names every exit code", () => {
  for (const code of Object.values(EXIT)) assert(README.includes(` ${code}`), String(code));
});

Deno.test("every file the README links to is there", async () => {
  const links = [...README.matchAll(/\]\(([^):]+)\)/g)].map((found) => found[1] ?? "");
  assert(links.length > 3);
  for (const link of links) await Deno.stat(link.replace(/#.*/, ""));
});

Deno.test("every task the README and CONTRIBUTING speak of exists", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile("deno.json"));
  const text = README + await Deno.readTextFile("CONTRIBUTING.md");
  const named = [...text.matchAll(/deno(?:@[\d.]+)? task (?:--quiet )?(?:--config \S+ )?([a-z]+)/g)]
    .map((found) => found[1] ?? "");
  assert(named.length > 4);
  for (const name of named) assert(name in tasks, name);
});
