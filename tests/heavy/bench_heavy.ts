/** The benchmarks in tiny mode, as child processes: each prints its table and checks its files. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { exists } from "@std/fs";
import { fromFileUrl } from "@std/path";
import { NGINX } from "./nginx.ts";

const MAIN = fromFileUrl(new URL("../../bench/main.ts", import.meta.url));

/** Files that each scenario checks in its one round; none if it fetches nothing. */
const SCENARIOS: readonly (readonly [name: string, files: number])[] = [
  ["big", 1],
  ["small", 20],
  ["unchanged", 20],
  ["tls", 20],
  ["slow", 2],
  ["far", 4],
  ["far-tls", 4],
  ["growth", 110],
  ["unchanged100k", 20],
  ["cold", 1],
  ["plan", 0],
  ["state", 0],
];

const missing = NGINX === undefined
  ? " (nginx is not installed)"
  : await exists("/usr/bin/time")
  ? ""
  : " (GNU time is not installed)";

Deno.test({
  name: `bench: a trial of each scenario${missing}`,
  ignore: missing !== "" && Deno.env.get("CI") === undefined,
  async fn(t) {
    for (const [name, files] of SCENARIOS) {
      await t.step(name, async () => {
        const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "--quiet", "--no-prompt", "-A", MAIN, name, "--size", "tiny"],
        }).output();
        assertEquals(code, 0, new TextDecoder().decode(stderr));
        const output = new TextDecoder().decode(stdout);
        assertStringIncludes(output, `## ${name}, very small\n`);
        assert(output.split("\n").some((line) => /^\|.* cronfetch +\| \d/.test(line)), output);
        const checked = /^Every byte checked: (\d+) files?, /m.exec(output)?.[1] ?? "0";
        assertEquals(Number(checked), files, output);
      });
    }
  },
});
