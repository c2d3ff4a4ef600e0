/** Row 150: the modification times of published files. */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { modifiedTime } from "../../lib/download/conditional.ts";
import { origin } from "../helpers/origin.ts";
import { STORE } from "../helpers/place.ts";
import { runsOver } from "./runs.ts";
import type { Runs } from "./runs.ts";

const OLD = "Thu, 01 Jan 2026 10:00:00 GMT";
const NEWEST = "Sat, 03 Jan 2026 10:00:00 GMT";
const NEWER = "Fri, 02 Jan 2026 10:00:00 GMT";

async function timeOf(runs: Runs, key: string): Promise<string | undefined> {
  return (await Deno.stat(join(runs.store.location, key))).mtime?.toUTCString();
}

Deno.test({
  name: "row 150: mtime last-modified is set on publishing and kept by unchanged runs",
  ignore: STORE !== "folder",
  fn: async () => {
    await using server = origin({ "/a.txt": { body: "one", lastModified: OLD } });
    await using runs = await runsOver();
    const task = { url: `${server.origin}/a.txt`, mtime: "last-modified" as const, keep: 1 };
    assertEquals((await runs.result(task)).status, "created");
    assertEquals(await timeOf(runs, "a.txt"), OLD);
    // The file is still the published one: the request is conditional, and the time is kept.
    assertEquals((await runs.result(task)).status, "unchanged");
    assertEquals(server.log.at(-1)?.headers.get("if-modified-since"), OLD);
    assertEquals(await timeOf(runs, "a.txt"), OLD);
    // The same bytes with a newer date do not change the time.
    server.route("/a.txt", { body: "one", lastModified: NEWER });
    assertEquals((await runs.result(task)).status, "unchanged");
    assertEquals(await timeOf(runs, "a.txt"), OLD);
    server.route("/a.txt", { body: "two", lastModified: NEWEST });
    assertEquals((await runs.result(task)).status, "updated");
    assertEquals(await timeOf(runs, "a.txt"), NEWEST);
    assertEquals(Object.values(await runs.tree()).toSorted(), ["one", "two"]);
  },
});

Deno.test({
  name: "row 150: without the option, or a valid date, a file has the time of writing",
  ignore: STORE !== "folder",
  fn: async () => {
    const dates = ["yesterday", "Thu, 01 Jan 2099 10:00:00 GMT", "2026-01-01T10:00:00Z"];
    await using server = origin({
      "/plain.txt": { body: "x", lastModified: OLD },
      ...Object.fromEntries(
        dates.map((lastModified, index) => [`/${index}.txt`, { body: "x", lastModified }]),
      ),
    });
    await using runs = await runsOver();
    const startedMs = Date.now() - 1_000;
    await runs.result({ url: `${server.origin}/plain.txt` });
    for (const index of dates.keys()) {
      await runs.result({ url: `${server.origin}/${index}.txt`, mtime: "last-modified" });
    }
    for (const key of ["plain.txt", "0.txt", "1.txt", "2.txt"]) {
      assertEquals(Date.parse(await timeOf(runs, key) ?? "") >= startedMs - 1_000, true, key);
    }
  },
});

Deno.test("modifiedTime accepts only an HTTP-date that is not in the future", () => {
  const nowMs = Date.UTC(2026, 0, 15);
  const cases: readonly (readonly [lastModified: string | null, modifiedMs: number | null])[] = [
    [OLD, Date.UTC(2026, 0, 1, 10)],
    ["Thursday, 01-Jan-26 10:00:00 GMT", Date.UTC(2026, 0, 1, 10)],
    ["Thu Jan  1 10:00:00 2026", Date.UTC(2026, 0, 1, 10)],
    ["Thu, 15 Jan 2026 00:00:00 GMT", nowMs],
    ["Thu, 15 Jan 2026 00:00:01 GMT", null],
    ["Thu, 01 Jan 1970 00:00:00 GMT", null],
    ["12.5", null],
    ["", null],
    [null, null],
  ];
  for (const [lastModified, modifiedMs] of cases) {
    const headers = new Headers(lastModified === null ? {} : { "last-modified": lastModified });
    assertEquals(modifiedTime(headers, nowMs), modifiedMs, `${lastModified}`);
  }
});
