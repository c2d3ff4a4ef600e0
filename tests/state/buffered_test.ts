import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { bufferedState } from "../../lib/state/buffered.ts";
import type { Changes, StateDriver } from "../../lib/state/driver.ts";
import { emptyMemory, memoryDriver } from "../../lib/state/memory.ts";
import { type TestHost, testHost } from "../helpers/host.ts";
import { ids, record } from "./samples.ts";

/** A driver that records its writes, and delays or fails them on demand. */
interface WatchedDriver extends StateDriver {
  /** Ids of each started write. */
  readonly writes: string[][];
  /** Awaited by each write. */
  during: () => Promise<void>;
  disposed: boolean;
}

function watchedDriver(host: TestHost): WatchedDriver {
  const driver = memoryDriver(emptyMemory(), host);
  const watched: WatchedDriver = {
    location: driver.location,
    durable: driver.durable,
    writes: [],
    during: () => Promise.resolve(),
    disposed: false,
    records: (tasks) => driver.records(tasks),
    entries: (collection, owners) => driver.entries(collection, owners),
    parked: () => driver.parked(),
    runs: () => driver.runs(),
    writesEvaluations: driver.writesEvaluations,
    days: () => driver.days(),
    leasedTasks: () => driver.leasedTasks(),
    write: async (changes: Changes, historyMs: number) => {
      watched.writes.push([...changes.records.keys()]);
      await watched.during();
      await driver.write(changes, historyMs);
    },
    acquire: (tasks, run, ttlMs) => driver.acquire(tasks, run, ttlMs),
    renew: (run, ttlMs) => driver.renew(run, ttlMs),
    release: (run) => driver.release(run),
    [Symbol.asyncDispose]: () => {
      watched.disposed = true;
      return Promise.resolve();
    },
  };
  return watched;
}

const failing = () => Promise.reject(new CronfetchError("state.locked", "locked"));

Deno.test("bufferedState: changes are collected for a second, and written once", async () => {
  const host = testHost({ timers: "manual" });
  const driver = watchedDriver(host);
  await using state = bufferedState(driver, host);
  state.save(record("a"));
  await host.advance(600);
  state.save(record("b"));
  state.save(record("a"));
  await host.advance(399);
  assertEquals(driver.writes, []);
  await host.advance(1);
  assertEquals(driver.writes, [["a", "b"]]);
  await state.flush();
  await host.advance(10_000);
  assertEquals(driver.writes.length, 1);
});

Deno.test("bufferedState: 500 records are written immediately", async () => {
  const host = testHost({ timers: "manual" });
  const driver = watchedDriver(host);
  await using state = bufferedState(driver, host);
  for (const task of ids(499)) state.save(record(task));
  await host.advance(0);
  assertEquals(driver.writes.length, 0);
  state.save(record("last"));
  await host.advance(0);
  assertEquals(driver.writes.map((write) => write.length), [500]);
});

Deno.test("bufferedState: without a flush, at most a tenth of the time is spent on writes", async () => {
  const host = testHost({ timers: "manual" });
  const driver = watchedDriver(host);
  driver.during = () => host.timers.sleep(300, new AbortController().signal);
  await using state = bufferedState(driver, host);
  for (const task of ids(500)) state.save(record(task));
  await host.advance(0);
  for (const task of ids(500)) state.save(record(task));
  await host.advance(2699);
  assertEquals(driver.writes.length, 1);
  await host.advance(1);
  assertEquals(driver.writes.length, 2);
  state.save(record("a"));
  await state.flush();
  assertEquals(driver.writes.length, 3);
});

Deno.test("bufferedState: a driver of single records is written without rests", async () => {
  const host = testHost({ timers: "manual" });
  const driver = Object.assign(watchedDriver(host), { batchSize: 100 });
  driver.during = () => host.timers.sleep(300, new AbortController().signal);
  await using state = bufferedState(driver, host);
  assertEquals(state.batchSize, 100);
  for (let written = 1; written <= 3; written++) {
    for (const task of ids(500)) state.save(record(task));
    await host.advance(0);
    assertEquals(driver.writes.length, written);
  }
});

Deno.test("bufferedState: a failed write is repeated later", async () => {
  const host = testHost({ timers: "manual" });
  const driver = watchedDriver(host);
  await using state = bufferedState(driver, host);
  driver.during = failing;
  for (const task of ids(500)) state.save(record(task, { failures: 1 }));
  await host.advance(0);
  assertEquals(driver.writes.length, 1);
  // Not immediately, although there are enough records.
  state.save(record("task-0", { failures: 2 }));
  await host.advance(999);
  assertEquals(driver.writes.length, 1);
  const error = await assertRejects(() => state.flush(), CronfetchError);
  assertEquals(error.code, "state.locked");
  assertEquals((await state.records(["task-0", "task-1"])).size, 2);
  driver.during = () => Promise.resolve();
  await host.advance(1000);
  assertEquals(driver.writes.length, 3);
  await state.flush();
  assertEquals(driver.writes.length, 3);
  const failures = [...(await state.records(["task-0", "task-1"])).values()]
    .map((one) => one.failures);
  assertEquals(failures, [2, 1]);
});

Deno.test("bufferedState: readers see a write in progress, and later changes are written next", async () => {
  const host = testHost({ timers: "manual" });
  const driver = watchedDriver(host);
  const { promise: written, resolve: finish } = Promise.withResolvers<void>();
  driver.during = () => written;
  await using state = bufferedState(driver, host);
  state.save(record("a", { failures: 1 }));
  const first = state.flush();
  await host.advance(0);
  assertEquals((await state.records(["a"])).get("a")?.failures, 1);
  state.save(record("a", { failures: 2 }));
  assertEquals((await state.allRecords()).get("a")?.failures, 2);
  const second = state.flush();
  finish();
  await Promise.all([first, second]);
  assertEquals(driver.writes, [["a"], ["a"]]);
  assertEquals((await driver.records(null)).get("a")?.failures, 2);
});

Deno.test("State.flush: concurrent callers share the write that follows the one in progress", async () => {
  const host = testHost({ timers: "manual" });
  const driver = watchedDriver(host);
  await using state = bufferedState(driver, host);
  const tasks = ids(32);
  // Each saves more after its flush, as tasks do that claim a file before they publish it.
  await Promise.all(tasks.map(async (task) => {
    state.save(record(task));
    await state.flush();
    assertEquals(driver.writes.flat().includes(task), true);
    state.save(record(`${task}-published`));
  }));
  assertEquals(driver.writes.map(({ length }) => length), [1, 32]);
});

Deno.test("State.flush: waits for the write in progress, one at a time", async () => {
  const host = testHost({ timers: "manual" });
  const driver = watchedDriver(host);
  const { promise: written, resolve: finish } = Promise.withResolvers<void>();
  driver.during = () => written;
  await using state = bufferedState(driver, host);
  for (const task of ids(500)) state.save(record(task));
  let flushed = 0;
  const flushes = [state.flush(), state.flush()].map((flush) => flush.then(() => flushed++));
  state.save(record("last"));
  await host.advance(0);
  assertEquals([flushed, driver.writes.length], [0, 1]);
  finish();
  await Promise.all(flushes);
  assertEquals(driver.writes.map((write) => write.length), [500, 1]);
});

Deno.test("bufferedState: a record saved during a failed write replaces the failed one", async () => {
  const host = testHost({ timers: "manual" });
  const driver = watchedDriver(host);
  const { promise: written, reject: fail } = Promise.withResolvers<void>();
  driver.during = () => written;
  await using state = bufferedState(driver, host);
  state.save(record("a", { failures: 1 }));
  const flush = assertRejects(() => state.flush(), CronfetchError);
  state.save(record("a", { failures: 2 }));
  fail(new CronfetchError("state.locked", "locked"));
  await flush;
  driver.during = () => Promise.resolve();
  await state.flush();
  assertEquals((await driver.records(null)).get("a")?.failures, 2);
});

Deno.test("State.release: writes the records first", async () => {
  const host = testHost({ timers: "manual" });
  const driver = watchedDriver(host);
  await using state = bufferedState(driver, host);
  await state.acquire(["a"], "one", 60_000);
  driver.during = failing;
  state.save(record("a"));
  await assertRejects(() => state.release("one"), CronfetchError);
  assertEquals(await state.acquire(["a"], "two", 60_000), new Set());
  driver.during = () => Promise.resolve();
});

Deno.test("bufferedState: disposal flushes, rejects if that fails, and closes anyway", async () => {
  const host = testHost({ timers: "manual" });
  const driver = watchedDriver(host);
  const state = bufferedState(driver, host);
  state.save(record("a"));
  driver.during = failing;
  const error = await assertRejects(() => state[Symbol.asyncDispose](), CronfetchError);
  assertEquals([error.code, driver.writes, driver.disposed], ["state.locked", [["a"]], true]);
  await host.advance(60_000);
  assertEquals(driver.writes.length, 1);
});
