/** Row 149: what `keep` counts: the family of a task, dated and server-named files included. */

import { assertEquals } from "@std/assert";
import { openState } from "../helpers/open.ts";
import { origin } from "../helpers/origin.ts";
import { storeTest } from "../helpers/place.ts";
import { type Runs, runsOver } from "./runs.ts";

/** Text without the times in the names of versions. */
async function filesOf(runs: Runs): Promise<Record<string, string>> {
  const files = Object.entries(await runs.tree());
  return Object.fromEntries(
    files.map(([key, text]) => [key.replace(/\.\d{8}T\d{9}Z/, ".VERSION"), text]),
  );
}

const named = (name: string, body: string) => ({
  body,
  headers: { "content-disposition": `attachment; filename="${name}"` },
});

storeTest("row 149: keep counts earlier dated files, and their versions", async () => {
  await using server = origin({});
  await using runs = await runsOver();
  const task = { url: `${server.origin}/x`, to: "in/{date:DD-HH}.csv", keep: 2 };
  // Existing files that no task has recorded.
  await runs.store.write("in/15-01.csv", "from before");
  await runs.store.write("in/15-01.20250101T000000000Z.csv", "from before");
  const before = {
    "in/15-01.csv": "from before",
    "in/15-01.VERSION.csv": "from before",
  };
  for (let count = 1; count <= 4; count++) {
    server.route("/x", `${count}`);
    assertEquals((await runs.result(task)).status, "created");
  }
  assertEquals(await filesOf(runs), {
    ...before,
    "in/15-14.csv": "2",
    "in/15-15.csv": "3",
    "in/15-16.csv": "4",
  });
  // Within the hour it is the same file, and its older bytes are a version.
  server.route("/x", "5");
  runs.host.jump(-60 * 60 * 1000);
  assertEquals((await runs.result(task)).status, "updated");
  assertEquals(await filesOf(runs), {
    ...before,
    "in/15-15.csv": "3",
    "in/15-16.VERSION.csv": "4",
    "in/15-16.csv": "5",
  });
});

storeTest("row 149: keep counts earlier files named by the server", async () => {
  await using server = origin({});
  await using runs = await runsOver();
  const task = { url: `${server.origin}/x`, to: "{name}", keep: 1 };
  await runs.store.write("z.csv", "theirs");
  for (const [index, name] of ["a.csv", "b.csv", "c.csv", "a.csv", "c.csv"].entries()) {
    server.route("/x", named(name, `${index}`));
    await runs.result(task);
  }
  // Of c.csv there was an older version, but a.csv is newer than that.
  assertEquals(await filesOf(runs), { "a.csv": "3", "c.csv": "4", "z.csv": "theirs" });
  server.route("/x", named("c.csv", "5"));
  await runs.result(task);
  assertEquals(await filesOf(runs), { "c.VERSION.csv": "4", "c.csv": "5", "z.csv": "theirs" });
});

storeTest("row 149: without keep, nothing is removed, and a fixed name has no family", async () => {
  await using server = origin({ "/x": "1" });
  await using runs = await runsOver();
  const dated = { id: "dated", url: `${server.origin}/x`, to: "in/{date:DD-HH}.csv" };
  const fixed = { id: "fixed", url: `${server.origin}/x`, to: "fixed.csv" };
  for (let count = 1; count <= 3; count++) {
    server.route("/x", `${count}`);
    await runs.run([dated, fixed]);
  }
  assertEquals(await filesOf(runs), {
    "in/15-13.csv": "1",
    "in/15-14.csv": "2",
    "in/15-15.csv": "3",
    "fixed.csv": "3",
  });
  await using state = await openState(`file:${runs.store.beside("state")}`, runs.host);
  const members = await state.members(["dated", "fixed"]);
  assertEquals(members.get("dated")?.map(({ key }) => key), ["in/15-13.csv", "in/15-14.csv"]);
  assertEquals(members.get("fixed"), undefined);
});

storeTest("row 149: a file that belongs to another task now is not removed", async () => {
  await using server = origin({ "/x": "1", "/y": "other" });
  await using runs = await runsOver();
  const task = (to: string) => ({ id: "x", url: `${server.origin}/x`, to, keep: 1 });
  await runs.result(task("a.csv"));
  for (const to of ["b.csv", "c.csv", "d.csv"]) {
    server.route("/x", to);
    await runs.run([task(to), { id: "y", url: `${server.origin}/y`, to: "a.csv" }]);
  }
  assertEquals(await filesOf(runs), { "a.csv": "other", "c.csv": "c.csv", "d.csv": "d.csv" });
});

storeTest("row 149: a new spelling of one name is not pruned with the old one", async () => {
  await using server = origin({ "/x": "1" });
  await using runs = await runsOver();
  const task = (to: string) => ({ id: "x", url: `${server.origin}/x`, to, keep: 1 });
  for (const to of ["data.csv", "Data.csv", "DATA.csv"]) {
    server.route("/x", to);
    await runs.result(task(to));
  }
  // On a file system that ignores case all three are one file.
  assertEquals((await runs.tree())["DATA.csv"], "DATA.csv");
});

storeTest("row 149: with the digest of another key, an equal size is not unchanged", async () => {
  await using server = origin({});
  await using runs = await runsOver();
  const task = { url: `${server.origin}/x`, to: "{name}" };
  for (const [name, body] of [["a.csv", "first"], ["b.csv", "other"], ["a.csv", "other"]]) {
    server.route("/x", named(name ?? "", body ?? ""));
    await runs.result(task);
  }
  assertEquals(await runs.tree(), { "a.csv": "other", "b.csv": "other" });
});
