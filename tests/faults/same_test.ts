/** Row 241: files that differ, but not in substance. */

import { assertEquals } from "@std/assert";
import type { TaskInput } from "../../lib/mod.ts";
import { origin } from "../helpers/origin.ts";
import { storeTest } from "../helpers/place.ts";
import { type Runs, runsOver } from "./runs.ts";

const GENERATED: Partial<TaskInput> = { to: "a.json", same: { json: ["$.generated"] } };

/** A document that was generated at some time. */
const rows = (generated: number, value: number) => `{"generated":${generated},"rows":[${value}]}`;

/** A file with a strong ETag. */
const tagged = (body: string, etag: string) => ({ body, etag: `"${etag}"` });

async function runOnce(runs: Runs, task: TaskInput): Promise<unknown[]> {
  const { status, bytes, warnings } = await runs.result(task);
  return [status, bytes, ...warnings];
}

for (const state of ["file", "kv", "memory"] as const) {
  storeTest(
    `row 241: another file of the same substance stays unpublished (${state})`,
    async () => {
      await using server = origin({});
      await using runs = await runsOver({ state });
      const task = { url: `${server.origin}/a`, keep: 3, ...GENERATED };
      server.route("/a", tagged(rows(1, 7), "1"));
      assertEquals(await runOnce(runs, task), ["created", 26]);
      const before = await runs.store.mark("a.json");
      server.route("/a", tagged(rows(2, 7), "2"));
      assertEquals(await runOnce(runs, task), ["unchanged", 26, "sameInSubstance"]);
      assertEquals(await runs.store.mark("a.json"), before);
      assertEquals(await runs.tree(), { "a.json": rows(1, 7) });
      // The validators are those of the last response.
      assertEquals(await runOnce(runs, task), ["unchanged", 0]);
      assertEquals(server.log.at(-1)?.headers.get("if-none-match"), '"2"');
      server.route("/a", tagged(rows(3, 8), "3"));
      assertEquals(await runOnce(runs, task), ["updated", 26]);
      assertEquals(Object.keys(await runs.tree()).length, 2);
    },
  );
}

storeTest(
  "row 241: a received file is compared once, if its server sends no validators",
  async () => {
    await using server = origin({ "/a": rows(1, 7) });
    await using runs = await runsOver();
    const task = { url: `${server.origin}/a`, ...GENERATED };
    assertEquals(await runOnce(runs, task), ["created", 26]);
    server.route("/a", rows(2, 7));
    assertEquals(await runOnce(runs, task), ["unchanged", 26, "sameInSubstance"]);
    assertEquals(await runOnce(runs, task), ["unchanged", 26]);
    server.route("/a", rows(1, 7));
    assertEquals(await runOnce(runs, task), ["unchanged", 26]);
  },
);

storeTest("row 241: a file that was edited since is replaced, not compared", async () => {
  await using server = origin({ "/a": rows(1, 7) });
  await using runs = await runsOver();
  const task = { url: `${server.origin}/a`, ...GENERATED };
  assertEquals(await runOnce(runs, task), ["created", 26]);
  await runs.store.write("a.json", rows(9, 7));
  server.route("/a", rows(2, 7));
  assertEquals(await runOnce(runs, task), ["updated", 26]);
  assertEquals(await runs.tree(), { "a.json": rows(2, 7) });
});

storeTest("row 241: expectations are checked before the substance is compared", async () => {
  await using server = origin({ "/a": rows(1, 7) });
  await using runs = await runsOver();
  const task: TaskInput = {
    url: `${server.origin}/a`,
    ...GENERATED,
    expect: { matches: "generated" },
    retry: { attempts: 1 },
  };
  assertEquals(await runOnce(runs, task), ["created", 26]);
  server.route("/a", '{"rows":[7]}');
  assertEquals((await runs.result(task)).code, "expect.matches");
});

storeTest("row 241: comments of a text, by lines", async () => {
  await using server = origin({ "/a": "# Monday\na\n" });
  await using runs = await runsOver();
  const task: TaskInput = { url: `${server.origin}/a`, to: "a.txt", same: { lines: "^#" } };
  assertEquals(await runOnce(runs, task), ["created", 11]);
  server.route("/a", "# Tuesday\na\n");
  assertEquals(await runOnce(runs, task), ["unchanged", 12, "sameInSubstance"]);
  server.route("/a", "# Tuesday\nb\n");
  assertEquals(await runOnce(runs, task), ["updated", 12]);
});

for (const changed of [{ same: undefined }, { same: { json: ["$.other"] } }] as const) {
  const rule = changed.same === undefined ? "no rule" : "another rule";
  storeTest(`row 241: with ${rule} since, the file of the server is published`, async () => {
    await using server = origin({ "/a": tagged(rows(1, 7), "1") });
    await using runs = await runsOver();
    const { same, ...task } = { url: `${server.origin}/a`, ...GENERATED };
    const later = changed.same === undefined ? task : { ...task, ...changed };
    assertEquals(await runOnce(runs, { ...task, same }), ["created", 26]);
    server.route("/a", tagged(rows(2, 7), "2"));
    assertEquals(await runOnce(runs, { ...task, same }), ["unchanged", 26, "sameInSubstance"]);
    assertEquals(await runOnce(runs, { ...task, same }), ["unchanged", 0]);
    assertEquals(await runOnce(runs, later), ["updated", 26]);
    assertEquals(await runs.tree(), { "a.json": rows(2, 7) });
    assertEquals(await runOnce(runs, later), ["unchanged", 0]);
  });
}

storeTest("row 241: a file that cannot be compared leaves the published one unread", async () => {
  await using server = origin({ "/a": rows(1, 7) });
  await using runs = await runsOver();
  const task = { url: `${server.origin}/a`, ...GENERATED };
  assertEquals(await runOnce(runs, task), ["created", 26]);
  server.route("/a", '{"rows":[7');
  // The file of the store would stay open.
  assertEquals(await runOnce(runs, task), ["updated", 10]);
});
