import { assertEquals } from "@std/assert";
import { loadValue } from "../../lib/config/load.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { RunEvent } from "../../lib/core/event.ts";
import { bufferedState } from "../../lib/state/buffered.ts";
import { emptyMemory, memoryDriver } from "../../lib/state/memory.ts";
import { openState } from "../helpers/open.ts";
import { openMemory } from "../../lib/store/memory.ts";
import { lookForDue, type PassRequest, runPass } from "../../lib/worker/tick.ts";
import { testHost } from "../helpers/host.ts";

const host = testHost();
const at = host.clock.now();
const config = loadValue(
  {
    store: "memory:",
    state: "memory:",
    tasks: ["a", "b"].map((id) => ({ id, url: `https://files.test/${id}`, schedule: "every 1h" })),
  },
  { at },
  host,
);

const NEVER = "never run before";

/** What is asked for, the reasons of `a` and `b` (`!` if they are to run), and what wakes. */
const CASES: readonly (readonly [
  name: string,
  request: Partial<PassRequest>,
  plan: readonly [a: string, b: string],
  wake: string | null,
])[] = [
  ["nothing paused", {}, [`${NEVER}!`, `${NEVER}!`], "a"],
  ["one paused", { isPaused: (id) => id === "a" }, ["paused", `${NEVER}!`], "b"],
  [
    "one paused, and wanted",
    {
      isPaused: (id) => id === "a",
      wanted: new Set(["a"]),
    },
    ["asked for!", `${NEVER}!`],
    "b",
  ],
  ["all paused", { isPaused: () => true }, ["paused", "paused"], null],
  [
    "all paused, and one wanted",
    {
      isPaused: () => true,
      wanted: new Set(["b", "c"]),
    },
    ["paused", "asked for!"],
    null,
  ],
  [
    "paused, and not asked for",
    {
      isPaused: (id) => id === "b",
      asked: new Set(["a"]),
    },
    [`${NEVER}!`, "not asked for"],
    "a",
  ],
];

Deno.test("a pass: who is paused is run only if somebody wants it", async (t) => {
  await using state = await openState("memory:", host);
  const nothing = { wanted: new Set<string>(), leftUntil: new Map<string, Temporal.Instant>() };
  for (const [name, request, plan, wake] of CASES) {
    await t.step(name, async () => {
      const look = await lookForDue(
        { config, asked: null, isPaused: () => false, ...nothing, ...request },
        state,
        at,
      );
      const found = look.plan.entries.map(({ reason, included }) => reason + (included ? "!" : ""));
      assertEquals(found, [...plan]);
      assertEquals(look.due, plan.filter((reason) => reason.endsWith("!")).length);
      assertEquals(look.wake?.task ?? null, wake);
    });
  }
});

Deno.test("a pass: a store that cannot be used is its trouble, and no failure of the tasks", async () => {
  await using state = await openState("memory:", host);
  const gone = new CronfetchError("store.failed", "the server cannot be reached");
  const request = {
    config,
    asked: null,
    isPaused: () => false,
    wanted: new Set<string>(),
    leftUntil: new Map<string, Temporal.Instant>(),
  };
  const pass = await runPass(request, {
    host,
    state,
    progress: { bytes: 0, running: new Map() },
    signal: new AbortController().signal,
    interruptedExitCode: () => 130,
    openStore: () => {
      const ready = () => Promise.reject(gone);
      return Promise.resolve({
        ...openMemory(),
        statCache: () => ({ get: () => Promise.resolve(null), ready }),
      });
    },
    openReporters: () => [],
  });
  assertEquals(pass, { kind: "failed", error: gone });
  assertEquals((await state.allRecords()).size, 0);
});

Deno.test("a pass closes its reporters after the last event, and where the run fails, too", async () => {
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
    const pass = await runPass({
      config,
      asked: null,
      isPaused: () => false,
      wanted: new Set(),
      leftUntil: new Map(),
    }, {
      host: served,
      state,
      progress: { bytes: 0, running: new Map() },
      signal: new AbortController().signal,
      interruptedExitCode: () => 130,
      openStore: () => Promise.resolve(openMemory()),
      openReporters: () => [reporter("one"), reporter("two")],
    });
    assertEquals(pass.kind, failure ? "failed" : "ran");
    assertEquals(calls.slice(-2), ["one closed", "two closed"]);
    assertEquals(calls.filter((call) => call.endsWith("closed")).length, 2);
    assertEquals(calls.includes("two run.finished"), failure === null);
  }
});
