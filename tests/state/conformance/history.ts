/** Runs with their results, days, and the runs in progress. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { RunTaskResult } from "../../../lib/state/run_record.ts";
import { testHost } from "../../helpers/host.ts";
import { type ConformanceTest, realSleeps, START, TTL_MS } from "../fixture.ts";
import { anyRunResult, ids, runRecord, runResult } from "../samples.ts";

const DAY_MS = 86_400_000;

/** When something happened before the start of the suite's clock. */
function hoursAgo(hours: number): string {
  return Temporal.Instant.from(START).subtract({ hours }).toString();
}

/** Registers the tests of this topic. */
export function historyConformance(test: ConformanceTest): void {
  test("addRun: the newest 1,000 runs of 90 days are kept", async (place) => {
    const host = testHost({ now: START });
    const run = (hours: number) => runRecord(`run-${hours}`, hoursAgo(hours));
    {
      await using state = await place.open(host);
      for (const hours of [1, 0, 24 * 90, 24 * 90 + 1]) state.addRun(run(hours));
      assertEquals(await state.runs(10), [run(0), run(1), run(24 * 90)]);
    }
    {
      await using state = await place.open(host);
      assertEquals(await state.runs(2), [run(0), run(1)]);
      for (let hours = 2; hours < 1_010; hours++) state.addRun(run(hours));
    }
    await using state = await place.open(host);
    assertEquals(await state.runs(2_000), Array.from({ length: 1_000 }, (_, hours) => run(hours)));
    await host.advance(90 * DAY_MS);
    assertEquals(await state.runs(2_000), [run(0)]);
  });

  test("addRun: runs are kept as long as the state is opened for", async (place) => {
    const host = testHost({ now: START });
    const [old, recent] = [runRecord("old", hoursAgo(49)), runRecord("recent", hoursAgo(47))];
    {
      await using state = await place.open(host);
      state.addRun(old, [runResult("a")]);
      state.addRun(recent, [runResult("b")]);
    }
    {
      await using state = await place.open(host, 2 * DAY_MS);
      assertEquals((await state.runs(10)).map(({ run }) => run), ["recent"]);
      state.addRun(runRecord("new", START));
    }
    await using state = await place.open(host);
    assertEquals((await state.runs(10)).map(({ run }) => run), ["new", "recent"]);
    assertEquals(await state.runResults("old"), []);
    assertEquals(await state.runResults("recent"), [runResult("b")]);
  });

  test("addRun: the same run again replaces the first", async (place) => {
    await using state = await place.open(testHost({ now: START }));
    state.addRun(runRecord("run", "2026-01-15T11:00:00Z"));
    await state.flush();
    state.addRun(runRecord("run", "2026-01-15T11:30:00Z"));
    await state.flush();
    assertEquals((await state.runs(9)).map((run) => run.startedAt), ["2026-01-15T11:30:00Z"]);
  });

  test("addRun: the trigger, the planned tasks and an error are kept", async (place) => {
    const host = testHost({ now: START });
    const run = {
      ...runRecord("run", START),
      ...{ trigger: "page", tasks: 7, error: "no space is left", errorCode: "store.full" } as const,
      failedRuns: 2,
    };
    {
      await using state = await place.open(host);
      state.addRun(run);
    }
    await using state = await place.open(host);
    assertEquals(await state.runs(1), [run]);
  });

  test("updateRun: replaces a record, and keeps its results and its day", async (place) => {
    const host = testHost({ now: START });
    {
      await using state = await place.open(host);
      state.addRun(runRecord("run", START), [runResult("a")]);
      await state.flush();
      const [recorded] = await state.runs(1);
      state.updateRun({ ...recorded ?? runRecord("", ""), alerted: true });
    }
    await using state = await place.open(host);
    assertEquals(await state.runs(9), [
      { ...runRecord("run", START), resultsKept: 1, alerted: true },
    ]);
    assertEquals(await state.runResults("run"), [runResult("a")]);
    assertEquals((await state.days(9)).map(({ runs }) => runs), [1]);
  });

  test("runResults: failures first, visible immediately and after reopening", async (place) => {
    const host = testHost({ now: START, timers: "manual" });
    const failed = runResult("z", {
      status: "failed",
      code: "http.status",
      message: "404 Not Found",
      httpStatus: 404,
      sizeBytes: null,
      attempts: [
        { code: "net.reset", httpStatus: null, delayMs: 0 },
        { code: "http.status", httpStatus: 404, delayMs: 1_000 },
      ],
    });
    const updated = runResult("b", { previousSizeBytes: 2, warnings: ["lengthUnknown"] });
    const expected = [failed, runResult("a"), updated];
    const record = { ...runRecord("run", START), resultsKept: 3 };
    {
      await using state = await place.open(host);
      state.addRun(runRecord("run", START), [updated, failed, runResult("a")]);
      state.addRun(runRecord("other", hoursAgo(1)), [runResult("a", { bytes: 9 })]);
      assertEquals(await state.runResults("run"), expected);
      assertEquals(await state.runs(1), [record]);
      await state.flush();
      assertEquals(await state.runResults("run"), expected);
    }
    await using state = await place.open(host);
    assertEquals(await state.runResults("run"), expected);
    assertEquals(await state.runs(1), [record]);
    assertEquals(await state.runResults("other"), [runResult("a", { bytes: 9 })]);
    assertEquals(await state.runResults("unknown"), []);
  });

  test("property: addRun: any results are read back unchanged", async (place) => {
    const host = testHost({ now: START, timers: "manual" });
    let index = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(anyRunResult, { maxLength: 5, selector: ({ task }) => task }),
        async (results) => {
          const run = `run-${index++}`;
          {
            await using state = await place.open(host);
            state.addRun(runRecord(run, START), results);
          }
          await using state = await place.open(host);
          const byTask = (some: readonly RunTaskResult[]) =>
            some.toSorted((a, b) => a.task < b.task ? -1 : 1);
          assertEquals(byTask(await state.runResults(run)), byTask(results));
        },
      ),
      { numRuns: 25 },
    );
  });

  test("addRun: of more than 10,000 results, those of the oldest runs are removed", async (place) => {
    const host = testHost({ now: START });
    const results = ids(1_000).map((task) => runResult(task));
    {
      await using state = await place.open(host);
      for (let hours = 11; hours > 0; hours--) {
        state.addRun(runRecord(`run-${hours}`, hoursAgo(hours)), results);
      }
      state.addRun(runRecord("run-0", START), [runResult("last")]);
    }
    await using state = await place.open(host);
    const runs = await state.runs(100);
    assertEquals(
      runs.map(({ resultsKept }) => resultsKept),
      [1, ...Array<number>(9).fill(1_000), undefined, undefined],
    );
    assertEquals((await state.runResults("run-0")).length, 1);
    assertEquals((await state.runResults("run-9")).length, 1_000);
    assertEquals(await state.runResults("run-10"), []);
    assertEquals(await state.runResults("run-11"), []);
  });

  test("addRun: results are removed together with their run", async (place) => {
    const host = testHost({ now: START });
    {
      await using state = await place.open(host);
      state.addRun(runRecord("old", hoursAgo(0)), [runResult("a")]);
    }
    await host.advance(91 * DAY_MS);
    {
      await using state = await place.open(host);
      state.addRun(runRecord("new", host.clock.now().toString()), [runResult("b")]);
    }
    await using state = await place.open(host);
    assertEquals(await state.runResults("old"), []);
    assertEquals(await state.runResults("new"), [runResult("b")]);
  });

  test("days: the sums of runs and evaluations, by day in UTC", async (place) => {
    const host = testHost({ now: "2026-01-15T23:59:59Z" });
    {
      await using state = await place.open(host);
      state.addEvaluation();
      state.addRun(runRecord("a", "2026-01-14T12:00:00Z"));
      state.addRun(runRecord("b", "2026-01-15T12:00:00Z"));
      state.addRun(runRecord("c", "2026-01-15T13:00:00Z"));
    }
    await host.advance(1_000);
    await using state = await place.open(host);
    state.addEvaluation();
    state.addEvaluation();
    const none = {
      ...{ created: 0, updated: 0, pending: 0, skipped: 0, deferred: 0, failed: 0, cancelled: 0 },
    };
    const day = (name: string, evaluations: number, runs: number) => ({
      ...{ day: name, evaluations, runs, bytes: 0, counts: { ...none, unchanged: runs } },
    });
    const expected = [
      day("2026-01-16", 2, 0),
      day("2026-01-15", 1, 2),
      day("2026-01-14", 0, 1),
    ];
    assertEquals(await state.days(10), expected);
    assertEquals(await state.days(1), expected.slice(0, 1));
  });

  test("days: 400 are kept", async (place) => {
    const host = testHost({ now: START });
    {
      await using state = await place.open(host, 1_000 * DAY_MS);
      for (let days = 0; days < 402; days++) {
        state.addRun(runRecord(`run-${days}`, hoursAgo(24 * days)));
      }
    }
    await using state = await place.open(host);
    const days = (await state.days(1_000)).map(({ day }) => day);
    assertEquals([days.length, days[0], days.at(-1)], [400, "2026-01-15", "2024-12-12"]);
  });

  test("days: two states that write concurrently lose nothing", async (place) => {
    const host = realSleeps(testHost({ timers: "manual", now: START }));
    {
      await using one = await place.open(host);
      await using two = await place.open(host);
      for (let round = 0; round < 5; round++) {
        for (const [index, state] of [one, two].entries()) {
          state.addRun(runRecord(`run-${index}-${round}`, START), [runResult(`${index}`)]);
        }
        await Promise.all([one.flush(), two.flush()]);
      }
    }
    await using state = await place.open(host);
    const [day] = await state.days(1);
    assertEquals([day?.runs, day?.counts.unchanged], [10, 10]);
    assertEquals((await state.runs(100)).length, 10);
    assertEquals(await state.runResults("run-1-4"), [runResult("1")]);
  });

  test("activeRuns: the runs that have leased tasks, until the leases end", async (place) => {
    const host = testHost({ now: START });
    await using state = await place.open(host);
    await using onlooker = await place.open(host);
    assertEquals(await onlooker.activeRuns(), []);
    const [first, second] = ["2026-01-15T11:59:00Z-fff", "2026-01-15T12:00:00Z-000"];
    await state.acquire(ids(2, "b-"), second, TTL_MS);
    await state.acquire(ids(3, "a-"), first, 2 * TTL_MS);
    // Not a run.
    await state.acquire(ids(1, "c-"), "alerts-abc", 2 * TTL_MS);
    const older = { run: first, startedAt: "2026-01-15T11:59:00Z", tasks: 3 };
    assertEquals(await onlooker.activeRuns(), [older, { run: second, startedAt: START, tasks: 2 }]);
    await host.advance(TTL_MS);
    assertEquals(await onlooker.activeRuns(), [older]);
    await state.release(first);
    assertEquals(await onlooker.activeRuns(), []);
  });
}
