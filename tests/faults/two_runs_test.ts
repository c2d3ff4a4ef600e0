/** Row 86: concurrent runs, and crashed runs. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async";
import { EXIT } from "../../lib/core/result.ts";
import type { RunReport } from "../../lib/mod.ts";
import { run } from "../helpers/library.ts";
import { openState } from "../helpers/open.ts";
import { type TestHost, testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { hostAt, type Place, place, storeTest } from "../helpers/place.ts";

const STATES = ["file", "kv"] as const;

/** Milliseconds until a lease that is not renewed expires. */
const LEASE_MS = 60_000;

/** One run of these tasks, over the one store and the state beside it. */
function runOf(
  tasks: readonly { readonly id: string; readonly url: string }[],
  store: Place,
  state: (typeof STATES)[number],
  host: TestHost,
): Promise<RunReport> {
  return run({
    store: store.location,
    state: `${state}:${store.beside("state")}`,
    tasks: [...tasks],
  }, { host: hostAt(store, host) });
}

function statuses({ results }: RunReport): Record<string, string> {
  return Object.fromEntries(results.map(({ task, status }) => [task, status]));
}

/** Resolves as soon as `condition` holds. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 1));
}

/**
 * The host of another run, which starts a moment later. Waits for the lock of the state are real,
 * so that the other run can continue.
 */
function otherHost(secondsLater = 1): TestHost {
  const now = Temporal.Instant.from("2026-01-15T12:00:00Z").add({ seconds: secondsLater });
  const host = testHost({ now: now.toString() });
  const sleep = (durationMs: number, signal: AbortSignal) => delay(durationMs, { signal });
  return { ...host, timers: { ...host.timers, sleep } };
}

for (const state of STATES) {
  storeTest(`row 86: of two concurrent runs, one executes each task, in ${state}`, async () => {
    const { promise: rest, resolve: sendRest } = Promise.withResolvers<void>();
    await using store = await place();
    await using server = origin({ "/c": "c" });
    for (const id of ["a", "b"]) server.route(`/${id}`, { after: rest, then: id });
    const task = (id: string) => ({ id, url: `${server.origin}/${id}` });

    const first = runOf([task("a"), task("b")], store, state, testHost());
    await until(() => server.hits() === 2);
    const second = await runOf([task("b"), task("c")], store, state, otherHost());
    assertEquals(statuses(second), { b: "skipped", c: "created" });
    assertEquals(second.summary.exitCode, EXIT.good);
    const skipped = second.results.find(({ task }) => task === "b");
    assertStringIncludes(
      skipped?.message ?? "",
      "another run is working on it: 2026-01-15T12:00:00Z-",
    );
    assertEquals([skipped?.attempts, skipped?.sha256], [[], null]);

    sendRest();
    assertEquals(statuses(await first), { a: "created", b: "created" });
    assertEquals(["a", "b", "c"].map((id) => server.hits(`/${id}`)), [1, 1, 1]);
    assertEquals(await store.tree(), { a: "a", b: "b", c: "c" });

    const third = await runOf([task("a"), task("b"), task("c")], store, state, otherHost(2));
    assertEquals(statuses(third), { a: "unchanged", b: "unchanged", c: "unchanged" });
  });

  storeTest(`row 86: many concurrent runs divide the tasks, in ${state}`, async () => {
    const ids = Array.from({ length: 30 }, (_, index) => `task${index}`);
    await using store = await place();
    await using server = origin(Object.fromEntries(ids.map((id) => [`/${id}`, id])));
    const tasks = ids.map((id) => ({ id, url: `${server.origin}/${id}` }));
    const reports = await Promise.all(
      [1, 2, 3].map((second) => runOf(tasks, store, state, otherHost(second))),
    );
    // Which run leases a task is random; a run after the other one finds it unchanged.
    const created = reports.flatMap(({ results }) =>
      results.filter(({ status }) => status === "created").map(({ task }) => task)
    );
    assertEquals(created.toSorted(), ids.toSorted());
    for (const { results, summary } of reports) {
      assertEquals([results.length, summary.exitCode], [ids.length, EXIT.good]);
      assertEquals(summary.counts.failed + summary.counts.updated, 0);
    }
    const files = await store.tree();
    assertEquals(files, Object.fromEntries(ids.map((id) => [id, id])));
  });

  storeTest(
    `row 86: a lease that is not renewed expires, in ${state}`,
    async () => {
      await using store = await place();
      await using server = origin({ "/a": "a" });
      const host = testHost();
      // As on a suspended machine: the process exists, and does nothing.
      await using gone = await openState(`${state}:${store.beside("state")}`, host);
      assertEquals([...await gone.acquire(["a"], "gone", LEASE_MS)], ["a"]);
      const tasks = [{ id: "a", url: `${server.origin}/a` }];
      host.jump(LEASE_MS - 1);
      assertEquals(statuses(await runOf(tasks, store, state, host)), { a: "skipped" });
      assertEquals(server.hits(), 0);
      host.jump(1);
      assertEquals(statuses(await runOf(tasks, store, state, host)), { a: "created" });
      assertEquals(server.hits(), 1);
    },
  );

  storeTest(
    `row 86: a running run keeps renewing its lease, in ${state}`,
    async () => {
      const { promise: rest, resolve: sendRest } = Promise.withResolvers<void>();
      await using store = await place();
      await using server = origin({ "/a": { after: rest, then: "a" } });
      const host = testHost({ timers: "manual" });
      await using memory = await openState(`${state}:${store.beside("state")}`, host);
      let renewals = 0;
      const renew = memory.renew.bind(memory);
      memory.renew = async (...args) => {
        const renewed = await renew(...args);
        if (renewed) renewals++;
        return renewed;
      };
      const config = {
        store: store.location,
        tasks: [{ id: "a", url: `${server.origin}/a`, timeout: { response: "1h", attempt: "1h" } }],
      };
      const first = run(config, { host: hostAt(store, host), state: memory });
      await until(() => server.hits() === 1);
      for (let renewal = 1; renewal <= 9; renewal++) {
        await host.advance(LEASE_MS / 3);
        await until(() => renewals === renewal);
      }
      const later = await runOf(config.tasks, store, state, otherHost(3 * 60));
      assertEquals(statuses(later), { a: "skipped" });
      sendRest();
      assertEquals(statuses(await first), { a: "created" });
      assertEquals(server.hits(), 1);
    },
  );
}
