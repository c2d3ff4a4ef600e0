// The pages of lists and of tasks with dates, over the state of real runs.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../helpers/command_line.ts";
import { origin } from "../helpers/origin.ts";
import { serve } from "../cli/serving.ts";
import { workspace } from "../cli/workspace.ts";

/** The text of HTML, without tags. */
function words(html: string): string {
  return html.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
}

Deno.test("list: its page has the items, those that are gone and left out, and no file", async () => {
  await using server = origin({
    "/list.txt": { body: "./a.csv\n./b.csv\n./c.csv\nhttps://other.example/d.csv\n", etag: '"1"' },
    "/a.csv": "a\n",
    "/b.csv": "b\n",
    "/c.csv": "c\n",
  });
  await using at = await workspace({
    page: { downloads: true },
    tasks: [{ id: "cat", from: { text: `${server.origin}/list.txt` } }],
  });
  await main(["run", "-q"], at.host());
  server.route("/list.txt", {
    body: "./a.csv\n./b.csv\nhttps://other.example/d.csv\n",
    etag: '"2"',
  });
  await main(["run", "-q"], at.host());
  await using served = await serve(at, ["--view"]);
  const overview = await served.text("/");
  assertStringIncludes(words(overview), "(a list)");
  assertStringIncludes(words(overview), "2 items, 1 gone, 1 left out");
  // The document of the list is no file.
  assertStringIncludes(words(overview), "2 files");
  const html = await served.text("/tasks/cat");
  for (
    const part of [
      "Items 2 items, 1 gone, 1 left out",
      "Gone cat/c.csv",
      "Left out 1 of another origin: from.allowOrigins lacks https://other.example",
    ]
  ) assertStringIncludes(words(html), part);
  for (
    const part of ["list:cat", 'aria-label="Files"', 'aria-label="Preview"', "Nothing has been"]
  ) {
    assertEquals(html.includes(part), false, part);
  }
  assertEquals((await served.json("/api/tasks/cat")).files, []);
  assertStringIncludes(await served.text("/tasks/cat%2Fa.csv"), "a.csv");
});

Deno.test("list: before its first refresh, the page has no items", async () => {
  await using at = await workspace({
    tasks: [{ id: "cat", from: { text: "https://example.org/list.txt" } }],
  });
  await using served = await serve(at, ["--view"]);
  assertStringIncludes(words(await served.text("/tasks/cat")), "The list has not been read yet.");
});
