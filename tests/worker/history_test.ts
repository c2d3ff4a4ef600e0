/** What a run leaves in the history of its state. */

import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { run } from "../../lib/run.ts";
import { openMemory } from "../../lib/store/memory.ts";
import type { Store } from "../../lib/store/store.ts";
import { createRunHistory } from "../../lib/worker/history.ts";
import { temporaryFolder, tree } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";
import { origin } from "../helpers/origin.ts";
import { runRecord, taskResult } from "../state/samples.ts";

const START = "2026-01-15T12:00:00Z";

Deno.test("run: records its trigger, its planned tasks, and results other than unchanged", async () => {
  await using server = origin({
    "/a": { sequence: ["1", "22"] },
    "/b": "same",
    "/c": { sequence: ["1", 404] },
  });
  const host = testHost({ now: START });
  await using state = await openState("memory:", host);
  const tasks = ["a", "b", "c"].map((id) => ({ id, url: `${server.origin}/${id}` }));
  const config = { state: "memory:", schedule: "every 1h", tasks };
  const options = { host, store: openMemory(), state };
  const first = await run(config, options);
  host.jump(2 * 3_600_000);
  const second = await run(config, { ...options, due: true });
  const shown = (await state.runs(9)).map((record) => [
    ...[record.run, record.trigger, record.tasks, record.resultsKept],
  ]);
  assertEquals(shown, [[second.run, "schedule", 3, 2], [first.run, "manual", 3, 3]]);
  const results = await state.runResults(second.run);
  assertEquals(
    results.map((result) => [
      ...[result.task, result.status, result.code, result.httpStatus],
      ...[result.sizeBytes, result.previousSizeBytes, result.attempts.length],
    ]),
    [["c", "failed", "http.status", 404, null, null, 1], ["a", "updated", null, 200, 2, 1, 1]],
  );
  assertEquals(results[0]?.message?.includes("404"), true);
});

for (const location of ["file", "kv"]) {
  Deno.test(`${location}: an evaluation that finds nothing due is no run`, async () => {
    await using server = origin({ "/a": "a" });
    await using folder = await temporaryFolder();
    const path = folder.file("state/state");
    const host = testHost({ now: START });
    const config = {
      store: "memory:",
      state: `${location}:${path}`,
      tasks: [`${server.origin}/a`],
    };
    await run(config, { host, due: true });
    const files = async () => await tree(folder.file("state"));
    const before = location === "file" ? [await files(), await Deno.stat(path)] : null;
    for (let times = 0; times < 3; times++) {
      host.jump(60_000);
      const { summary } = await run(config, { host, due: true });
      assertEquals(summary.exitCode, 0);
    }
    if (before !== null) assertEquals([await files(), await Deno.stat(path)], before);
    await using state = await openState(`${location}:${path}`, host);
    const evaluations = location === "file" ? 0 : 3;
    assertEquals((await state.runs(9)).map(({ summary }) => summary.counts.created), [1]);
    assertEquals((await state.days(9)).map((day) => [day.day, day.runs, day.evaluations]), [
      ["2026-01-15", 1, evaluations],
    ]);
    assertEquals(server.hits(), 1);
  });
}

Deno.test("file: evaluations are counted with the next change", async () => {
  await using folder = await temporaryFolder();
  const location = `file:${folder.file("state.json")}`;
  const host = testHost({ now: START, timers: "manual" });
  {
    await using state = await openState(location, host);
    state.addEvaluation();
    await host.advance(60_000);
    await state.flush();
    assertEquals(await tree(folder.path), {});
    state.addRun(runRecord("run", START));
  }
  await using state = await openState(location, host);
  assertEquals((await state.days(9)).map((day) => [day.runs, day.evaluations]), [[1, 1]]);
});

Deno.test("run: one whose tasks were all skipped is no run", async () => {
  const host = testHost({ now: START });
  await using state = await openState("memory:", host);
  await state.acquire(["a"], "another-run", 60_000);
  const tasks = [{ id: "a", url: "http://127.0.0.1/a" }];
  const { results } = await run({ tasks }, { host, state, store: openMemory() });
  assertEquals(results.map(({ status }) => status), ["skipped"]);
  assertEquals(await state.runs(9), []);
  assertEquals((await state.days(9)).map((day) => [day.runs, day.evaluations]), [[0, 1]]);
});

Deno.test("run: a failure as a whole is recorded; consecutive equal ones once", async () => {
  const host = testHost({ now: START });
  await using state = await openState("memory:", host);
  const failing = (code: "store.full" | "store.denied"): Store => {
    const error = new CronfetchError(code, `opening the store: ${code}`);
    return {
      ...openMemory(),
      abortOn: () => {
        throw error;
      },
    };
  };
  const tasks = [{ id: "a", url: "http://127.0.0.1/a" }];
  const fail = async (code: "store.full" | "store.denied") => {
    const running = () => run({ tasks }, { host, state, store: failing(code), due: true });
    assertEquals((await assertRejects(running, CronfetchError)).code, code);
    host.jump(60_000);
  };
  await fail("store.full");
  await fail("store.full");
  await fail("store.denied");
  await fail("store.full");
  host.jump(24 * 3_600_000);
  await fail("store.full");
  const records = await state.runs(9);
  assertEquals(
    records.map((record) => [record.errorCode, record.failedRuns, record.startedAt]),
    [
      ["store.full", 2, "2026-01-15T12:03:00Z"],
      ["store.denied", 1, "2026-01-15T12:02:00Z"],
      ["store.full", 2, START],
    ],
  );
  const { error, finishedAt, trigger, tasks: planned, summary } = records.at(-1) ??
    runRecord("", "");
  assertEquals(
    [error, finishedAt, trigger, planned, summary.exitCode],
    ["opening the store: store.full", "2026-01-15T12:01:00Z", "schedule", 1, 4],
  );
  assertEquals((await state.days(9)).map(({ runs }) => runs), [1, 4]);
});

Deno.test("createRunHistory: of more than 1,000 results, failures are kept", () => {
  const history = createRunHistory();
  for (let index = 0; index < 1_500; index++) {
    history.add(taskResult("created", { task: `${index}` }));
  }
  history.add(taskResult("unchanged", { task: "unchanged" }));
  for (let index = 0; index < 30; index++) {
    const attempts = Array.from({ length: 25 }, () => ({
      ...{ code: "net.reset", httpStatus: null, delayMs: 0 } as const,
    }));
    history.add(taskResult("failed", { task: `failed-${index}`, code: "net.reset", attempts }));
  }
  const counts = { ...runRecord("run", START).summary.counts, created: 1_500, failed: 30 };
  const record = runRecord("run", START);
  history.save({
    addEvaluation: () => {
      throw new Error("it has results");
    },
    addRun: (_run, results = []) => {
      assertEquals(results.length, 1_000);
      const failed = results.filter(({ status }) => status === "failed");
      assertEquals([failed.length, failed[0]?.attempts.length], [30, 20]);
      assertEquals(results.at(-1)?.task, "969");
    },
  }, { ...record, summary: { ...record.summary, counts } });
});
