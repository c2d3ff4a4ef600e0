import type { TaskPhase } from "../../lib/core/event.ts";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { CronfetchError, type ErrorCode } from "../../lib/core/errors.ts";
import type { Timeouts } from "../../lib/core/task.ts";
import { type AttemptWatch, createWatcher, receivingMs } from "../../lib/download/timeouts.ts";
import { testHost } from "../helpers/host.ts";

const LIMITS = { connectMs: 5_000, responseMs: 10_000, idleMs: 30_000, attemptMs: 600_000 };

type Step = number | "startConnect" | "startResponse" | "progress" | "pause";

/** Plays steps of an attempt; numbers advance the clock. Returns the code and time of its end. */
async function play(
  steps: readonly Step[],
  limits: Timeouts = LIMITS,
): Promise<[code: string | null, atMs: number | null]> {
  const host = testHost({ timers: "manual" });
  using watch: AttemptWatch = createWatcher(new AbortController().signal, host).watch(limits);
  let endedMs: number | null = null;
  watch.signal.addEventListener("abort", () => {
    endedMs = host.clock.monotonicMs();
  });
  for (const step of steps) {
    if (typeof step === "number") await host.advance(step);
    else watch[step]();
  }
  return [watch.signal.aborted ? (watch.signal.reason as CronfetchError).code : null, endedMs];
}

Deno.test("AttemptWatch: which limit aborts an attempt, and when", async () => {
  const drip: Step[] = ["startResponse", 1000, "progress"];
  for (let piece = 0; piece < 30; piece++) drip.push(29_000, "progress");
  const table: [name: string, steps: Step[], code: string | null, atMs: number | null][] = [
    ["no connection", ["startConnect", 5_000], "timeout.connect", 5_000],
    ["a connection just in time", ["startConnect", 4_999, "startResponse", 9_999], null, null],
    [
      "no headers after a slow connection",
      ["startConnect", 4_999, "startResponse", 10_000],
      "timeout.response",
      14_999,
    ],
    [
      "a new connection after a stale one",
      ["startResponse", 1_000, "startConnect", 5_000],
      "timeout.connect",
      6_000,
    ],
    ["no headers", ["startResponse", 10_000], "timeout.response", 10_000],
    ["headers just in time", ["startResponse", 9999, "progress", 29_999], null, null],
    [
      "each hop has its own time",
      ["startResponse", 9000, "progress", "startResponse", 9000],
      null,
      null,
    ],
    [
      "no headers after a redirect",
      ["startResponse", 9000, "progress", "startResponse", 10_000],
      "timeout.response",
      19_000,
    ],
    ["a stalled body", ["startResponse", 1000, "progress", 30_000], "timeout.idle", 31_000],
    [
      "a body stalled later",
      ["startResponse", "progress", 29_000, "progress", 30_000],
      "timeout.idle",
      59_000,
    ],
    ["row 31: a drip that never stalls", drip, "timeout.attempt", 600_000],
    [
      "a slow disk is not idle time",
      ["startResponse", "progress", "pause", 599_999],
      null,
      null,
    ],
    [
      "a slow disk is bounded by attemptMs",
      ["startResponse", "progress", "pause", 600_000],
      "timeout.attempt",
      600_000,
    ],
    [
      "idle restarts after the disk",
      ["startResponse", "progress", "pause", 60_000, "progress", 29_999],
      null,
      null,
    ],
  ];
  for (const [name, steps, code, atMs] of table) {
    assertEquals(await play(steps), [code, atMs], name);
  }
});

Deno.test("row 131: without attemptMs, only the idle and response limits end an attempt", async () => {
  const limits = { ...LIMITS, attemptMs: null };
  const drip: Step[] = ["startResponse", 9_999, "progress"];
  for (let piece = 0; piece < 40; piece++) drip.push(29_999, "progress");
  assertEquals(await play(drip, limits), [null, null]);
  assertEquals(await play(["startResponse", 10_000], limits), ["timeout.response", 10_000]);
  assertEquals(await play(["startResponse", "progress", 30_000], limits), ["timeout.idle", 30_000]);
  assertEquals(await play(["startResponse", "progress", "pause", 86_400_000], limits), [
    null,
    null,
  ]);
});

Deno.test("row 131: receivingMs is the time of the body without the stall that ended it", () => {
  const table: [bodyMs: number, bytes: number, code: ErrorCode, expectedMs: number][] = [
    [900_000, 1, "body.truncated", 900_000],
    [900_000, 1, "timeout.idle", 870_000],
    [30_000, 1, "timeout.idle", 0],
    [29_990, 1, "timeout.idle", 0],
    [900_000, 0, "body.truncated", 0],
    [0, 0, "net.refused", 0],
    [900_000, 1, "timeout.attempt", 900_000],
  ];
  for (const [bodyMs, bytes, code, expectedMs] of table) {
    assertEquals(receivingMs({ bodyMs, bytes }, code, LIMITS), expectedMs, `${bodyMs} ${code}`);
  }
});

Deno.test("row 85: AttemptWatch ignores jumps of the wall clock", async () => {
  const host = testHost({ timers: "manual" });
  using watch = createWatcher(new AbortController().signal, host).watch(LIMITS);
  watch.startResponse();
  host.jump(3_600_000);
  await host.advance(9999);
  host.jump(-7_200_000);
  assertEquals(watch.signal.aborted, false);
  await host.advance(1);
  assertEquals(watch.signal.aborted, true);
});

Deno.test("AttemptWatch: the signal of the run aborts an attempt with its reason", () => {
  const host = testHost({ timers: "manual" });
  const run = new AbortController();
  const watcher = createWatcher(run.signal, host);
  using watch = watcher.watch(LIMITS);
  const reason = new CronfetchError("cancelled", "interrupted");
  run.abort(reason);
  assertStrictEquals(watch.signal.reason, reason);
  using late = watcher.watch(LIMITS);
  assertStrictEquals(late.signal.reason, reason);
});

Deno.test("AttemptWatch: disposal cancels the timer and ignores the run", async () => {
  const host = testHost({ timers: "manual" });
  const run = new AbortController();
  const watch = createWatcher(run.signal, host).watch(LIMITS);
  watch.startResponse();
  watch[Symbol.dispose]();
  await host.advance(1_000_000);
  run.abort();
  assertEquals(watch.signal.aborted, false);
});

Deno.test("createWatcher: attempts share one timer, and each has its own limits", async () => {
  const host = testHost({ timers: "manual" });
  let timers = 0;
  const after: typeof host.timers.after = (durationMs, callback) => {
    timers++;
    return host.timers.after(durationMs, callback);
  };
  const counting = { clock: host.clock, timers: { ...host.timers, after } };
  const watcher = createWatcher(new AbortController().signal, counting);
  const watches: AttemptWatch[] = [];
  for (let index = 0; index < 100; index++) {
    const watch = watcher.watch(LIMITS);
    watches.push(watch);
    watch.startResponse();
    await host.advance(10);
    for (let piece = 0; piece < 10; piece++) watch.progress();
  }
  assertEquals(timers, 1);
  const ended = () => watches.filter(({ signal }) => signal.aborted).length;
  // The last pieces arrived from 10 ms to 1,000 ms.
  await host.advance(30_009 - 1000);
  assertEquals(ended(), 0);
  await host.advance(1);
  assertEquals(ended(), 1);
  await host.advance(980);
  assertEquals(ended(), 99);
  for (const watch of watches) watch[Symbol.dispose]();
  await host.advance(1_000_000);
  assertEquals(ended(), 99);
});

Deno.test("AttemptWatcher: shows whether an attempt connects or waits for a response", () => {
  const host = testHost({ timers: "manual" });
  const progress: { phase: TaskPhase } = { phase: "waiting" };
  using watch = createWatcher(new AbortController().signal, host).watch(LIMITS, progress);
  const phases = [progress.phase];
  watch.startConnect();
  phases.push(progress.phase);
  watch.startResponse();
  phases.push(progress.phase);
  watch.progress();
  phases.push(progress.phase);
  assertEquals(phases, ["waiting", "connecting", "requesting", "requesting"]);
});
