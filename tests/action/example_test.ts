import { assertEquals } from "@std/assert";
import { parse } from "yaml";
import { main } from "../../lib/cli/main.ts";
import { testHost } from "../helpers/host.ts";
import { assertSteps, assertWorkflow, yamlBlocks } from "./workflow.ts";

const EXAMPLE = new URL("../../examples/github-actions/", import.meta.url);
const read = (name: string) => Deno.readTextFile(new URL(name, EXAMPLE));

Deno.test("example: the workflow is valid", async () => {
  await assertWorkflow(await read(".github/workflows/data.yml"));
});

Deno.test("example: the config loads and has the documented plan", async () => {
  const host = testHost({ cwd: EXAMPLE.pathname.replace(/\/$/, "") });
  assertEquals(await main(["plan", "--json"], host), 0, host.stderr.text);
  const rows = host.stdout.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(rows.map(({ task, key }) => [task, key]), [
    ["f1040", "forms/f1040.pdf"],
    ["tzdata", "zones.tsv"],
  ]);
});

Deno.test("example: inputs, commands and links in the README exist", async () => {
  const page = await read("README.md");
  const blocks = yamlBlocks(page);
  assertEquals(blocks.length, 2);
  for (const block of blocks) await assertSteps(parse(block));
  for (const [, link = ""] of page.matchAll(/\]\(([^):]+)\)/g)) {
    await Deno.stat(new URL(link, EXAMPLE));
  }
  // Commands of cronfetch must exist.
  for (const [, line = ""] of page.matchAll(/^cronfetch (.*?)(?: +#.*)?$/gm)) {
    const host = testHost();
    assertEquals(await main([...line.split(" "), "--help"], host), 0, line);
  }
});
