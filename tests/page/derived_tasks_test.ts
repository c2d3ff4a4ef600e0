// The pages of lists and of tasks with dates, over the state of real runs.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../helpers/command_line.ts";
import { origin } from "../helpers/origin.ts";
import { serve } from "../cli/serving.ts";
import { workspace } from "../cli/workspace.ts";
import { taskProgress } from "../report/fakes.ts";
import { pageTask, site } from "./site.ts";

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

Deno.test("dates: one row on the overview, a calendar on the page, and a page for each date", async () => {
  await using server = origin({ "/2026-01-15.csv": 404, "/2026-01-13.csv": 404 });
  for (const day of ["09", "12", "14"]) server.route(`/2026-01-${day}.csv`, `date\n${day}\n`);
  await using at = await workspace({
    page: { downloads: true },
    tasks: [{
      id: "rates",
      url: `${server.origin}/{date:YYYY-MM-DD}.csv`,
      to: "rates/{date:YYYY-MM-DD}.csv",
      schedule: "0 6 * * *",
      publishedWithin: "30h",
      dates: { last: "7d", on: "workdays", final: "2d" },
    }],
  });
  await main(["run", "-q"], at.host());
  // The 9th and the 12th are closed by the next run.
  await main(["run", "-q"], at.host());
  await using served = await serve(at, ["--view"]);
  const { tasks, counts } = await served.json("/api/status");
  assertEquals(tasks.map(({ id, note }: { id: string; note: string }) => [id, note]), [
    ["rates", "3 of 5 dates, 1 failed, 1 pending"],
  ]);
  assertEquals(Object.values(counts), [0, 0, 0, 1, 0]);
  const overview = words(await served.text("/"));
  for (const part of ["3 of 5 dates, 1 failed, 1 pending", "3 files", "(dates)"]) {
    assertStringIncludes(overview, part);
  }
  const html = await served.text("/tasks/rates");
  assertStringIncludes(
    html,
    'aria-label="2026-01: 3 of 5 dates, 1 failed, 1 pending: failed 2026-01-13, pending 2026-01-15"',
  );
  const cells = [...html.matchAll(/class="day (\w+)" href="([^"]+)"/g)];
  assertEquals(cells.map(([, status, path]) => `${path} ${status}`), [
    "/tasks/rates%402026-01-09 ok",
    "/tasks/rates%402026-01-12 ok",
    "/tasks/rates%402026-01-13 failed",
    "/tasks/rates%402026-01-14 ok",
    "/tasks/rates%402026-01-15 pending",
  ]);
  // The weekend within the window, and the legend; the days before and after the window are blank.
  assertEquals(html.match(/class="day" aria-hidden="true">·</g)?.length, 2 + 1);
  assertEquals(html.match(/class="day" aria-hidden="true"></g)?.length, 24);
  // Two of them are closed, and have no record of their own.
  assertEquals([...(await at.records()).keys()].sort(), [
    "rates@2026-01-13",
    "rates@2026-01-14",
    "rates@2026-01-15",
  ]);
  for (const [, status, path = ""] of cells) {
    const page = words(await served.text(path));
    assertEquals(page.includes("Nothing has been published"), status !== "ok", path);
  }
  const file = "/files/rates/2026-01-09.csv?task=rates%402026-01-09";
  assertEquals(await served.text(file), "date\n09\n");
});

Deno.test("dates: a date that is running makes its task run on the page", async () => {
  const dates = { since: "2026-01-15", until: "2026-01-15", months: [], older: 0, open: ["a@b"] };
  const task = pageTask("a", {
    dates: { ...dates, files: 2, sizeBytes: 30 },
    note: "2 of 2 dates",
  });
  await using at = site({ tasks: [task, pageTask("other")] });
  at.progress.running.set("a@b", taskProgress(1, null));
  const { tasks } = await (await at.ask("/api/status?health=running")).json();
  assertEquals(
    tasks.map(({ id, sizeBytes }: { id: string; sizeBytes: number }) => [id, sizeBytes]),
    [
      ["a", 30],
    ],
  );
});
