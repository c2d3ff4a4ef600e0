/** Leases: each task is leased to one live run. */

import { assertEquals } from "@std/assert";
import type { State } from "../../../lib/state/state.ts";
import { testHost } from "../../helpers/host.ts";
import { type ConformanceTest, realSleeps, TTL_MS } from "../fixture.ts";
import { ids, record } from "../samples.ts";

/** Registers the tests of this topic. */
export function leasesConformance(test: ConformanceTest): void {
  test("acquire: of two runs one leases a task, the other does not", async (place) => {
    const host = testHost();
    await using first = await place.open(host);
    await using second = await place.open(host);
    assertEquals(await first.acquire(["a", "b"], "one", TTL_MS), new Set(["a", "b"]));
    assertEquals(await second.acquire(["b", "c"], "two", TTL_MS), new Set(["c"]));
    assertEquals(await second.acquire(["a", "b"], "two", TTL_MS), new Set());
    assertEquals(await first.acquire(["b", "c", "d"], "one", TTL_MS), new Set(["b", "d"]));
  });

  test("release: ends the leases of the run, and no others", async (place) => {
    await using state = await place.open(testHost());
    await state.acquire(["a"], "one", TTL_MS);
    await state.acquire(["b"], "one", TTL_MS);
    await state.acquire(["c"], "two", TTL_MS);
    await state.release("one");
    assertEquals(await state.acquire(["a", "b", "c"], "three", TTL_MS), new Set(["a", "b"]));
    assertEquals(await state.renew("one", TTL_MS), false);
    assertEquals(await state.renew("two", TTL_MS), true);
    await state.release("unknown");
  });

  test("release: writes the records first", async (place) => {
    const host = testHost({ timers: "manual" });
    await using state = await place.open(host);
    await using next = await place.open(host);
    await state.acquire(["a"], "one", TTL_MS);
    state.save(record("a"));
    await state.release("one");
    assertEquals(await next.acquire(["a"], "two", TTL_MS), new Set(["a"]));
    assertEquals((await next.records(["a"])).size, 1);
  });

  test("row 86: acquire: a lease that is not renewed expires, to the millisecond", async (place) => {
    const host = testHost();
    await using stalled = await place.open(host);
    await stalled.acquire(ids(3), "stalled", TTL_MS);
    await using state = await place.open(host);
    await host.advance(TTL_MS - 1);
    assertEquals(await state.acquire(ids(3), "heir", TTL_MS), new Set());
    await host.advance(1);
    assertEquals(await state.acquire(ids(3), "heir", TTL_MS), new Set(ids(3)));
  });

  test("renew: extends the lease of all its tasks", async (place) => {
    const host = testHost();
    await using state = await place.open(host);
    await state.acquire(["a"], "run", TTL_MS);
    await state.acquire(["b"], "run", TTL_MS);
    for (let minute = 0; minute < 3; minute++) {
      await host.advance(TTL_MS - 1);
      assertEquals(await state.renew("run", TTL_MS), true);
    }
    await host.advance(TTL_MS - 1);
    assertEquals(await state.acquire(["a", "b"], "other", TTL_MS), new Set());
    await host.advance(1);
    assertEquals(await state.acquire(["a", "b"], "other", TTL_MS), new Set(["a", "b"]));
  });

  test("acquire: more tasks extend the lease of the others", async (place) => {
    const host = testHost();
    await using state = await place.open(host);
    await state.acquire(["a"], "run", TTL_MS);
    await host.advance(TTL_MS - 1);
    await state.acquire(["a"], "run", TTL_MS);
    await host.advance(TTL_MS - 1);
    assertEquals(await state.acquire(["a"], "other", TTL_MS), new Set());
  });

  test("renew: an expired lease cannot be renewed, but acquired again", async (place) => {
    const host = testHost();
    await using state = await place.open(host);
    await state.acquire(["a", "b"], "slow", TTL_MS);
    await host.advance(TTL_MS);
    assertEquals(await state.renew("slow", TTL_MS), false);
    assertEquals(await state.acquire(["a"], "other", TTL_MS), new Set(["a"]));
    assertEquals(await state.renew("slow", TTL_MS), false);
    assertEquals(await state.acquire(["a", "b"], "slow", TTL_MS), new Set(["b"]));
    assertEquals(await state.renew("slow", TTL_MS), true);
  });

  test("acquire: tasks taken from a crashed run stay taken if the clock is set back", async (place) => {
    const host = testHost();
    await using state = await place.open(host);
    await state.acquire(["a"], "slow", TTL_MS);
    await host.advance(TTL_MS);
    await state.acquire(["a"], "other", TTL_MS);
    host.jump(-TTL_MS);
    assertEquals(await state.renew("slow", TTL_MS), false);
    assertEquals(await state.acquire(["a"], "slow", TTL_MS), new Set());
    assertEquals(await state.renew("other", TTL_MS), true);
  });

  test("acquire: 20,000 leases", async (place) => {
    const host = testHost();
    await using state = await place.open(host);
    const tasks = ids(20_000, "a-task-with-a-name-of-usual-length-");
    assertEquals((await state.acquire(tasks, "one", TTL_MS)).size, 20_000);
    assertEquals(await state.acquire(tasks, "two", TTL_MS), new Set());
    assertEquals(await state.renew("one", TTL_MS), true);
    await state.release("one");
    assertEquals((await state.acquire(tasks, "two", TTL_MS)).size, 20_000);
  });

  test("row 86: acquire: concurrent runs lease each task once", async (place) => {
    const host = realSleeps(testHost());
    const tasks = ids(2_000, "x".repeat(900));
    const runs = ids(4, "run-");
    await using stack = new AsyncDisposableStack();
    const states: State[] = [];
    for (const _ of runs) states.push(stack.use(await place.open(host)));
    const got = await Promise.all(
      states.map((state, index) => state.acquire(tasks, `run-${index}`, TTL_MS)),
    );
    assertEquals(got.reduce((sum, { size }) => sum + size, 0), tasks.length);
    assertEquals(got.reduce((all, some) => all.union(some)).size, tasks.length);
    for (const [index, state] of states.entries()) {
      assertEquals(await state.acquire(tasks, `run-${index}`, TTL_MS), got[index]);
    }
  });

  test("acquire: concurrent runs lease each task of a crashed run once", async (place) => {
    const host = realSleeps(testHost());
    await using one = await place.open(host);
    await using two = await place.open(host);
    await one.acquire(ids(100), "dead", TTL_MS);
    await host.advance(TTL_MS);
    const [first, second, renewed] = await Promise.all([
      one.acquire(ids(100), "one", TTL_MS),
      two.acquire(ids(100), "two", TTL_MS),
      two.renew("dead", TTL_MS),
    ]);
    assertEquals(renewed, false);
    assertEquals(first.intersection(second), new Set());
    assertEquals(first.union(second).size, 100);
  });
}
