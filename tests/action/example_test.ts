import { assertEquals } from "@std/assert";
import { parse } from "yaml";
import { main } from "../../lib/cli/main.ts";
import { testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { assertClean, remoteWith } from "./repository.ts";
import { runAction } from "./runner.ts";
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

Deno.test({
  name: "example: as a repository, it commits its files and state only",
  ignore: Deno.build.os === "windows",
}, async () => {
  const zones = `# tzdb timezone descriptions\n${"AD\t+4230+00131\tEurope/Andorra\n".repeat(40)}`;
  await using server = origin({
    "/pub/irs-pdf/f1040.pdf": PDF,
    "/time-zones/tzdb/zone1970.tab": zones,
  });
  const files: Record<string, string> = {};
  for (const name of [".gitignore", ".github/workflows/data.yml", "cronfetch.jsonc", "README.md"]) {
    files[name] = (await read(name)).replace(
      /https:\/\/(?:www\.irs\.gov|data\.iana\.org)/g,
      server.origin,
    );
  }
  await using remote = await remoteWith(files);
  const clone = await remote.clone("one");
  const { jobs } = parse(files[".github/workflows/data.yml"] ?? "");
  const step = jobs.fetch.steps[1];
  // The expression of `due` is false for a manual start.
  const inputs = { ...step.with, due: "false" };
  const temporary = await remote.folder("runner");
  const result = await runAction({ workspace: clone.path, temporary, inputs });
  assertEquals([result.failed, result.outputs["created"]], [false, "2"], result.log);
  const before = ["README", ...Object.keys(files)];
  const added = ["cronfetch.state.json", "data/forms/f1040.pdf", "data/zones.tsv"];
  assertEquals((await remote.paths()).toSorted(), [...before, ...added].toSorted());
  await Deno.stat(`${clone.path}/cronfetch.xml`);
  await assertClean(clone);
});

/** The start and the end of a PDF. */
const PDF = "%PDF-1.7\n%%EOF\n";
