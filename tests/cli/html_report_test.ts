import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../helpers/command_line.ts";
import { origin } from "../helpers/origin.ts";
import { workspace } from "./workspace.ts";

Deno.test("run: --report html=FILE writes the page after the run, without secrets", async () => {
  await using server = origin({ "/a.txt": "a", "/b.txt": 404 });
  await using at = await workspace({
    tasks: ["a", "b"].map((id) => ({
      id,
      url: `${server.origin}/${id}.txt?key=\${env:RATES_TOKEN}`,
      to: `${id}.txt`,
    })),
  });
  const env = { RATES_TOKEN: "s3cret-value", CRONFETCH_TOKEN: "another-secret" };
  const host = at.host({ env });
  assertEquals(await main(["run", "--report", "html=page.html"], host), 3);
  const html = host.files.get(at.folder.file("page.html")) ?? "";
  assertMatch(html, /^<!doctype html>/);
  // The results of this run are included.
  assertStringIncludes(html, "1 of 2 tasks failed last time");
  assertStringIncludes(html, "1 created, 1 failed");
  assertStringIncludes(html, "404");
  assertEquals(/s3cret-value|another-secret/.test(html), false);
});

Deno.test("run: an HTML report that cannot be written is logged, and does not fail the run", async () => {
  await using server = origin({ "/a.txt": "a" });
  await using at = await workspace({ tasks: [`${server.origin}/a.txt`] });
  const host = {
    ...at.host(),
    replaceFile: () => Promise.reject(new Deno.errors.NotFound("no such folder")),
  };
  assertEquals(await main(["run", "-q", "--report", "html=none/page.html"], host), 0);
  assertMatch(
    host.stderr.text,
    /^warning: Writing the HTML report \S+none\/page\.html: no such folder\n$/,
  );
});
