/** Records of tasks, pauses of hosts, and runs: what is written is read back. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { CronfetchError } from "../../../lib/core/errors.ts";
import { testHost } from "../../helpers/host.ts";
import { type ConformanceTest, realSleeps, sorted, START, TTL_MS } from "../fixture.ts";
import { anyRecord, ids, record, runRecord } from "../samples.ts";

/** Registers the tests of this topic. */
export function recordsConformance(test: ConformanceTest): void {
  test("a new state is empty", async (place) => {
    await using state = await place.open(testHost());
    assertEquals(await state.records(["a", ""]), new Map());
    assertEquals(await state.allRecords(), new Map());
    assertEquals(await state.parked(), new Map());
    assertEquals(await state.runs(10), []);
    await state.flush();
  });

  test("save: visible immediately, to other states after a flush, and after reopening", async (place) => {
    const host = testHost({ timers: "manual" });
    const first = record("a", { failures: 1 });
    const second = record("a", { failures: 2 });
    const other = record("b");
    {
      await using state = await place.open(host);
      await using onlooker = await place.open(host);
      state.save(first);
      state.save(other);
      assertEquals(await state.records(["a"]), new Map([["a", first]]));
      await state.flush();
      assertEquals(await onlooker.records(["a"]), new Map([["a", first]]));
      state.save(second);
      assertEquals(await state.records(["a", "c"]), new Map([["a", second]]));
      assertEquals(await onlooker.records(["a"]), new Map([["a", first]]));
    }
    await using state = await place.open(host);
    assertEquals(sorted(await state.allRecords()), [["a", second], ["b", other]]);
  });

  test("save: written without a flush, after a second", async (place) => {
    const host = testHost({ timers: "manual" });
    await using state = await place.open(host);
    await using onlooker = await place.open(host);
    state.save(record("a"));
    await host.advance(999);
    assertEquals((await onlooker.allRecords()).size, 0);
    await host.advance(1);
    await state.flush();
    assertEquals((await onlooker.allRecords()).size, 1);
  });

  test("property: save: any record is read back unchanged", async (place) => {
    const host = testHost({ timers: "manual" });
    await fc.assert(
      fc.asyncProperty(fc.array(anyRecord, { minLength: 1, maxLength: 5 }), async (records) => {
        const expected = new Map(records.map((one) => [one.task, one]));
        {
          await using state = await place.open(host);
          for (const one of records) state.save(one);
        }
        await using state = await place.open(host);
        assertEquals(sorted(await state.records(expected.keys())), sorted(expected));
      }),
      { numRuns: 25 },
    );
  });

  test("removeRecord: visible immediately, also to others after a flush", async (place) => {
    const host = testHost({ timers: "manual" });
    {
      await using state = await place.open(host);
      for (const task of ["a", "b"]) state.save(record(task));
      await state.flush();
      state.removeRecord("a");
      state.removeRecord("missing");
      assertEquals([...(await state.records(["a", "b"])).keys()], ["b"]);
      assertEquals([...(await state.allRecords()).keys()], ["b"]);
      await state.flush();
      await using onlooker = await place.open(host);
      assertEquals([...(await onlooker.allRecords()).keys()], ["b"]);
      state.removeRecord("b");
      state.save(record("b"));
      assertEquals([...(await state.allRecords()).keys()], ["b"]);
    }
    await using state = await place.open(host);
    assertEquals([...(await state.records(["a", "b", "missing"])).keys()], ["b"]);
  });

  test("records: 20,000, and some of them", async (place) => {
    const host = testHost({ timers: "manual" });
    const tasks = ids(20_000);
    {
      await using state = await place.open(host);
      for (const task of tasks) state.save(record(task));
    }
    await using state = await place.open(host);
    assertEquals((await state.records(tasks)).size, 20_000);
    assertEquals((await state.allRecords()).size, 20_000);
    for (const wanted of [1, 11, 501]) {
      const some = [...tasks.slice(0, wanted), "unknown"];
      assertEquals([...(await state.records(some)).keys()].sort(), tasks.slice(0, wanted).sort());
    }
  });

  test("save: an id of 1,000 bytes is accepted, longer or malformed ones are rejected", async (place) => {
    await using state = await place.open(testHost());
    const most = ["x".repeat(1000), "\0".repeat(1000), "ü".repeat(500)];
    for (const task of most) state.save(record(task));
    await state.acquire(most, "run", TTL_MS);
    await state.flush();
    assertEquals((await state.records(most)).size, 3);
    for (const task of ["x".repeat(1001), "ü".repeat(501), "\ud800"]) {
      const error = assertThrows(() => state.save(record(task)), CronfetchError);
      assertEquals(error.code, "config.invalid");
      await assertRejects(() => state.records([task]), CronfetchError);
      await assertRejects(() => state.acquire([task], "run", TTL_MS), CronfetchError);
    }
  });

  test("park: a host is parked until its time", async (place) => {
    const host = testHost({ now: START });
    const at = (seconds: number) => Temporal.Instant.from(START).add({ seconds });
    {
      await using state = await place.open(host);
      state.park("a.example", at(100));
      state.park("b.example:8080", at(10));
      state.park("c.example", at(0));
      assertEquals(sorted(await state.parked()), [
        ["a.example", at(100)],
        ["b.example:8080", at(10)],
      ]);
    }
    {
      await using state = await place.open(host);
      state.park("a.example", at(20));
      assertEquals(sorted(await state.parked()), [["a.example", at(20)], [
        "b.example:8080",
        at(10),
      ]]);
    }
    await host.advance(10_000);
    await using state = await place.open(host);
    assertEquals(sorted(await state.parked()), [["a.example", at(20)]]);
  });

  test("save: two states that write concurrently lose nothing", async (place) => {
    const host = realSleeps(testHost({ timers: "manual", now: START }));
    {
      await using one = await place.open(host);
      await using two = await place.open(host);
      for (const [index, state] of [one, two].entries()) {
        for (const task of ids(600, `${index}-`)) state.save(record(task));
        state.addRun(runRecord(`run-${index}`, START));
        state.park(`host-${index}`, Temporal.Instant.from("2026-02-01T00:00:00Z"));
      }
      await Promise.all([one.flush(), two.flush()]);
    }
    await using state = await place.open(host);
    assertEquals((await state.allRecords()).size, 1200);
    assertEquals((await state.runs(10)).length, 2);
    assertEquals((await state.parked()).size, 2);
  });
}
