import { assertEquals } from "@std/assert";
import { loadValue } from "../../lib/config/load.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { Progress, RunEvent } from "../../lib/core/event.ts";
import { bufferedState } from "../../lib/state/buffered.ts";
import { emptyMemory, memoryDriver } from "../../lib/state/memory.ts";
import { openMemory } from "../../lib/store/memory.ts";
import { runTick, takeSnapshot, type TickRequest } from "../../lib/worker/tick.ts";
import { testHost } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";
import { recentResult, record } from "../state/samples.ts";

const host = testHost();
const at = host.clock.now();
const config = await loadValue(
  {
    store: "memory:",
    state: "memory:",
    tasks: ["a", "b"].map((id) => ({ id, url: `https://files.test/${id}`, schedule: "every 1h" })),
  },
  { at },
  host,
);

const NEVER = "never run before";

/** A request, the reasons of `a` and `b` (`!` if included), and the task of the next wake. */
const CASES: readonly (readonly [
  name: string,
  request: Partial<TickRequest>,
  plan: readonly [a: string, b: string],
  wake: string | null,
])[] = [
  ["nothing paused", {}, [`${NEVER}!`, `${NEVER}!`], "a"],
  ["one paused", { isPaused: (id) => id === "a" }, ["paused", `${NEVER}!`], "b"],
  [
    "one paused and requested",
    {
      isPaused: (id) => id === "a",
      requested: new Set(["a"]),
    },
    ["asked for!", `${NEVER}!`],
    "b",
  ],
  ["all paused", { isPaused: () => true }, ["paused", "paused"], null],
  [
    "all paused and one requested",
    {
      isPaused: () => true,
      requested: new Set(["b", "c"]),
    },
    ["paused", "asked for!"],
    null,
  ],
  [
    "paused and not selected",
    {
      isPaused: (id) => id === "b",
      selected: new Set(["a"]),
    },
    [`${NEVER}!`, "not asked for"],
    "a",
  ],
];

Deno.test("takeSnapshot: a paused task runs only on request", async (t) => {
  await using state = await openState("memory:", host);
  const nothing = { requested: new Set<string>(), retryAt: new Map<string, Temporal.Instant>() };
  for (const [name, request, plan, wake] of CASES) {
    await t.step(name, async () => {
      const snapshot = await takeSnapshot(
        { config, selected: null, isPaused: () => false, ...nothing, ...request },
        state,
        at,
      );
      const found = snapshot.plan.entries.map(({ reason, included }) =>
        reason + (included ? "!" : "")
      );
      assertEquals(found, [...plan]);
      assertEquals(snapshot.due, plan.filter((reason) => reason.endsWith("!")).length);
      assertEquals(snapshot.wake?.task ?? null, wake);
    });
  }
});

Deno.test("takeSnapshot: names the tasks whose last run failed, but not pending or paused ones", async () => {
  await using state = await openState("memory:", host);
  const retryAt = "2030-01-01T00:00:00Z";
  const last = { run: "r", at: "2026-01-15T11:00:00Z" };
  state.save(record("a", { retryAt, results: [recentResult({ ...last, status: "failed" })] }));
  state.save(record("b", { retryAt, results: [recentResult({ ...last, status: "pending" })] }));
  const request = {
    ...{ config, selected: null, requested: new Set<string>() },
    retryAt: new Map<string, Temporal.Instant>(),
  };
  for (const [paused, failing] of [[null, ["a"]], ["a", []]] as const) {
    const isPaused = (id: string) => id === paused;
    assertEquals((await takeSnapshot({ ...request, isPaused }, state, at)).failing, [...failing]);
  }
});

Deno.test("runTick: an unusable store fails the tick, not its tasks", async () => {
  await using state = await openState("memory:", host);
  const gone = new CronfetchError("store.failed", "the server cannot be reached");
  const request = {
    config,
    selected: null,
    isPaused: () => false,
    requested: new Set<string>(),
    retryAt: new Map<string, Temporal.Instant>(),
  };
  const outcome = await runTick(request, {
    host,
    storage: {
      state,
      openStore: () => {
        const ready = () => Promise.reject(gone);
        return Promise.resolve({
          ...openMemory(),
          statCache: () => ({ get: () => Promise.resolve(null), ready }),
        });
      },
    },
    progress: { bytes: 0, running: new Map() },
    signal: new AbortController().signal,
    trigger: "watch",
    interruptedExitCode: () => 130,
    openReporters: () => [],
  });
  assertEquals(outcome, { kind: "failed", error: gone });
  assertEquals((await state.allRecords()).size, 0);
});

Deno.test("runTick: the number of a retry does not count pauses", async () => {
  const statuses = [500, 429, 500, 404];
  const served = testHost({
    addresses: { "files.test": ["93.184.215.14"] },
    fetch: () => {
      const status = statuses.shift() ?? 404;
      const headers = { "content-length": "1", ...(status === 429 && { "retry-after": "1" }) };
      return Promise.resolve(new Response("x", { status, headers }));
    },
  });
  await using state = await openState("memory:", served);
  const progress: Progress = { bytes: 0, running: new Map() };
  const retries: unknown[] = [];
  await runTick({
    ...{ config, selected: new Set(["a"]), isPaused: () => false, requested: new Set(["a"]) },
    retryAt: new Map(),
  }, {
    host: served,
    storage: { state, openStore: () => Promise.resolve(openMemory()) },
    progress,
    signal: new AbortController().signal,
    trigger: "watch",
    interruptedExitCode: () => 130,
    openReporters: () => [{
      report: (event: RunEvent) => {
        if (event.type !== "task.retrying") return;
        retries.push([event.attempt, progress.running.get("a")?.retry?.attempt]);
      },
      close: () => Promise.resolve(),
    }],
  });
  assertEquals(retries, [[2, 2], [3, null], [4, 3]]);
});

Deno.test("runTick: reporters are closed after the last event, also if the run fails", async () => {
  const served = testHost({
    addresses: { "files.test": ["93.184.215.14"] },
    fetch: () => Promise.resolve(new Response("x", { headers: { "content-length": "1" } })),
  });
  const broken = new CronfetchError("state.unreadable", "the state is corrupt");
  for (const failure of [null, broken]) {
    const driver = memoryDriver(emptyMemory(), served);
    if (failure) driver.parked = () => Promise.reject(failure);
    await using state = bufferedState(driver, served);
    const calls: string[] = [];
    const reporter = (name: string) => ({
      report: ({ type }: RunEvent) => void calls.push(`${name} ${type}`),
      close: () => Promise.resolve(void calls.push(`${name} closed`)),
    });
    const outcome = await runTick({
      config,
      selected: null,
      isPaused: () => false,
      requested: new Set(),
      retryAt: new Map(),
    }, {
      host: served,
      storage: { state, openStore: () => Promise.resolve(openMemory()) },
      progress: { bytes: 0, running: new Map() },
      signal: new AbortController().signal,
      trigger: "watch",
      interruptedExitCode: () => 130,
      openReporters: () => [reporter("one"), reporter("two")],
    });
    assertEquals(outcome.kind, failure ? "failed" : "ran");
    assertEquals(calls.slice(-2), ["one closed", "two closed"]);
    assertEquals(calls.filter((call) => call.endsWith("closed")).length, 2);
    assertEquals(calls.includes("two run.finished"), failure === null);
  }
});
