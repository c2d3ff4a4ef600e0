/** Row 24: hosts that request a long pause, and sources that fail for a long time. */

import { assertEquals } from "@std/assert";
import { EXIT, type TaskResult } from "../../lib/core/result.ts";
import { testHost } from "../helpers/host.ts";
import { origin, type Route } from "../helpers/origin.ts";
import { storeTest } from "../helpers/place.ts";
import { runsOver } from "./runs.ts";

const MINUTE_MS = 60_000;

/** A requested pause, in seconds. */
function busy(status: number, seconds: number): Route {
  return { status, headers: { "retry-after": String(seconds) } };
}

function byTask(results: readonly TaskResult[]): Record<string, unknown> {
  return Object.fromEntries(
    results.map(({ task, status, notBefore }) => [
      task,
      notBefore === undefined ? status : [status, notBefore],
    ]),
  );
}

for (const state of ["file", "kv", "memory"] as const) {
  for (const status of [429]) {
    storeTest(
      `row 24: a ${status} with Retry-After parks its host across runs, in ${state}`,
      async () => {
        await using tired = origin({ "/1": busy(status, 3 * 3600), "/2": "2", "/3": "3" });
        await using other = origin({ "/4": "4" });
        await using runs = await runsOver({ state, config: { limits: { perHost: 1 } } });
        const tasks = [
          { id: "1", url: `${tired.origin}/1` },
          { id: "2", url: `${tired.origin}/2` },
          { id: "3", url: `${tired.origin}/3` },
          { id: "4", url: `${other.origin}/4` },
        ];
        const hits = (): number[] => [tired.hits(), other.hits()];

        // The runs are an hour apart, and begin at 13:00.
        const parked = ["deferred", "2026-01-15T16:00:00Z"];
        const deferred = { "1": parked, "2": parked, "3": parked };
        const first = await runs.run(tasks);
        assertEquals(byTask(first.results), { ...deferred, "4": "created" });
        assertEquals([first.summary.exitCode, ...hits()], [EXIT.temporary, 1, 1]);
        const second = await runs.run(tasks);
        assertEquals(byTask(second.results), { ...deferred, "4": "unchanged" });
        assertEquals([second.summary.exitCode, ...hits()], [EXIT.temporary, 1, 2]);

        tired.route("/1", "1");
        runs.host.jump(57 * MINUTE_MS);
        assertEquals(byTask((await runs.run(tasks)).results), { ...deferred, "4": "unchanged" });
        assertEquals(hits(), [1, 3]);
        const last = await runs.run(tasks);
        assertEquals(byTask(last.results), {
          "1": "created",
          "2": "created",
          "3": "created",
          "4": "unchanged",
        });
        assertEquals([last.summary.exitCode, ...hits()], [EXIT.good, 4, 4]);
      },
    );
  }
}

storeTest(
  "row 24: a 429 without Retry-After beyond the budget is deferred",
  async () => {
    await using server = origin({ "/1": 429, "/2": "2" });
    await using runs = await runsOver({
      host: testHost({ random: [0.5] }),
      config: { limits: { perHost: 1 } },
    });
    const { results } = await runs.run([
      // Three quarters of one second fit into the budget, three quarters of two more do not.
      { id: "1", url: `${server.origin}/1`, retry: { budget: "1s" } },
      { id: "2", url: `${server.origin}/2` },
    ]);
    const notBefore = "2026-01-15T13:00:02.25Z";
    assertEquals(byTask(results), {
      "1": ["deferred", notBefore],
      "2": ["deferred", notBefore],
    });
    assertEquals([server.hits(), runs.host.slept], [2, [750]]);
  },
);

storeTest("row 24: a Retry-After within the budget is waited for, and parks no host", async () => {
  await using server = origin({
    "/1": { sequence: [busy(503, 90), "1"] },
    "/2": "2",
  });
  await using runs = await runsOver({ config: { limits: { perHost: 1 } } });
  const { results } = await runs.run([
    { id: "1", url: `${server.origin}/1` },
    { id: "2", url: `${server.origin}/2` },
  ]);
  assertEquals(byTask(results), { "1": "created", "2": "created" });
  assertEquals([server.hits(), runs.host.slept], [3, [90_000]]);
});

storeTest("row 24: a deferred task is due at its time, not before", async () => {
  await using server = origin({ "/1": { sequence: [busy(503, 30 * 60), "1"] } });
  await using runs = await runsOver();
  const task = { id: "1", url: `${server.origin}/1`, schedule: "0 0 1 1 *" };
  const due = async (): Promise<string[]> =>
    (await runs.run([task], { due: true })).results.map(({ status }) => status);

  assertEquals(await due(), ["deferred"]);
  // Each run advances the clock by an hour.
  runs.host.jump(-31 * MINUTE_MS);
  assertEquals(await due(), []);
  runs.host.jump(-59 * MINUTE_MS);
  assertEquals(await due(), ["created"]);
  assertEquals(await due(), []);
  assertEquals(server.hits(), 2);
});

storeTest("a failing source is requested less and less often, and recovers", async () => {
  await using server = origin({ "/bad": 500, "/good": "good" });
  await using runs = await runsOver();
  const options = { schedule: "every 1m", retry: { attempts: 1 } };
  const tasks = [
    { id: "bad", url: `${server.origin}/bad`, ...options },
    { id: "good", url: `${server.origin}/good`, ...options },
  ];
  const asked: Record<string, number[]> = { bad: [], good: [] };
  for (let minute = 0; minute < 40; minute++) {
    if (minute === 20) server.route("/bad", "no longer bad");
    const { results } = await runs.run(tasks, { due: true });
    for (const { task } of results) asked[task]?.push(minute);
    runs.host.jump(-59 * MINUTE_MS);
  }
  const everyMinute = [...Array(40).keys()];
  assertEquals(asked, { bad: [0, 1, 3, 7, 15, ...everyMinute.slice(31)], good: everyMinute });
  assertEquals(await runs.tree(), { bad: "no longer bad", good: "good" });
});
