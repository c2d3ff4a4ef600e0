import { assert, assertEquals } from "@std/assert";
import { loadConfig } from "../lib/config/load.ts";
import { EXIT } from "../lib/core/result.ts";
import { checkCron } from "../lib/schedule/cron.ts";
import { dirname, join } from "@std/path";
import { bucketRules } from "../lib/commands/permissions.ts";
import { S3_VARIABLES } from "../lib/store/s3/settings.ts";
import { refreshed } from "../tools/readme.ts";
import { assertWorkflow, yamlBlocks } from "./action/workflow.ts";
import { temporaryFolder } from "./helpers/folder.ts";
import { testHost } from "./helpers/host.ts";

const README = await Deno.readTextFile("README.md");

/** The README and every page of the docs, by path. */
const PAGES = new Map([["README.md", README]]);
for await (const { name } of Deno.readDir("docs")) {
  PAGES.set(`docs/${name}`, await Deno.readTextFile(`docs/${name}`));
}

/** The fenced blocks of a language, of all pages. */
function fenced(language: string): string[] {
  const pattern = new RegExp("```" + language + "\n([^]*?)```", "g");
  return [...PAGES.values()].flatMap((page) =>
    [...page.matchAll(pattern)].map((found) => found[1] ?? "")
  );
}

Deno.test("the README's help, options, exit codes and error codes are the program's", async () => {
  assertEquals(README, await refreshed(README), "`deno task readme` writes them anew");
});

Deno.test("every config in the README and the docs loads", async () => {
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

Deno.test("the README's workflow is whole", async () => {
  const [workflow = "", ...others] = yamlBlocks(README);
  assertEquals(others, []);
  await assertWorkflow(workflow);
});

Deno.test("the README names every exit code", () => {
  for (const code of Object.values(EXIT)) assert(README.includes(` ${code}`), String(code));
});

Deno.test("every file the README and the docs link to is there", async () => {
  for (const [path, page] of PAGES) {
    const links = [...page.matchAll(/\]\(([^):]+)\)/g)].map((found) => found[1] ?? "");
    assert(links.length > 0, path);
    for (const link of links) await Deno.stat(join(dirname(path), link.replace(/#.*/, "")));
  }
});

Deno.test("the docs tell the access rules that doctor prints, and what the store asks for", async () => {
  const page = await Deno.readTextFile("docs/stores.md");
  for (const { resource, actions } of bucketRules({ ...BUCKET, bucket: "bucket" })) {
    const row = page.split("\n").find((line) => line.startsWith(`| \`${resource}\``));
    assertEquals(row?.match(/s3:\w+/g)?.join(), actions.join());
  }
  for (const name of S3_VARIABLES) assert(page.includes(`\`${name}\``), name);
});

const BUCKET = { prefix: "prefix", endpoint: null, region: null };

Deno.test("every task the README and CONTRIBUTING speak of exists", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile("deno.json"));
  const text = README + await Deno.readTextFile("CONTRIBUTING.md");
  const named = [...text.matchAll(/deno(?:@[\d.]+)? task (?:--quiet )?(?:--config \S+ )?([a-z]+)/g)]
    .map((found) => found[1] ?? "");
  assert(named.length > 4);
  for (const name of named) assert(name in tasks, name);
});
