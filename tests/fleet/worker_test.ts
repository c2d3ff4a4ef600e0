import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { Claim, Dispatch } from "../../lib/fleet/dispatch.ts";
import { MemoryDispatch } from "../../lib/fleet/memory_dispatch.ts";
import { type HeldHost, type SliceEnd, work, type WorkerEvent } from "../../lib/fleet/worker.ts";
import { testTime } from "../helpers/time.ts";

const LEASE_MS = 12_000;
const DONE: SliceEnd = { kind: "done", isMore: false };

/** A worker whose slices end on demand, and a dispatch that can be made unreachable. */
function setUp(options: { readonly hosts?: number; readonly once?: boolean } = {}) {
  const time = testTime({ now: "2026-01-01T00:00:00Z", sleep: "manual", timers: "manual" });
  const memory = new MemoryDispatch(LEASE_MS, time.clock);
  const stop = new AbortController();
  const end = new AbortController();
  const held = new Map<string, HeldHost>();
  const ends = new Map<string, PromiseWithResolvers<SliceEnd>>();
  const events: string[] = [];
  const network = { isDown: false };
  const reach = <Result>(call: () => Promise<Result>): Promise<Result> =>
    network.isDown ? Promise.reject(new CronfetchError("store.failed", "no route")) : call();
  const dispatch: Dispatch = {
    leaseMs: memory.leaseMs,
    announce: (hosts) => reach(() => memory.announce(hosts)),
    claim: (worker, limit) => reach(() => memory.claim(worker, limit)),
    renew: (claims: readonly Claim[]) => reach(() => memory.renew(claims)),
    finish: (claim) => reach(() => memory.finish(claim)),
    park: (claim, until) => reach(() => memory.park(claim, until)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const describe = (event: WorkerEvent) =>
    "claim" in event ? `${event.kind} ${event.claim.host}` : event.kind;
  const start = () =>
    work({
      ...{ dispatch, name: "w", hosts: options.hosts ?? 2, once: options.once ?? false },
      execute: (host) => {
        held.set(host.claim.host, host);
        const end = Promise.withResolvers<SliceEnd>();
        ends.set(host.claim.host, end);
        return end.promise;
      },
      emit: (event) => void events.push(describe(event)),
      ...{ clock: time.clock, timers: time.timers, stop: stop.signal, signal: end.signal },
    });
  return {
    ...{ time, memory, stop, end, held, events, network, start },
    async finish(host: string, how: SliceEnd = DONE) {
      ends.get(host)?.resolve(how);
      await time.advance(0);
    },
    async fail(host: string, reason: unknown) {
      ends.get(host)?.reject(reason);
      await time.advance(0);
    },
  };
}

Deno.test("work: holds as many hosts as it may, and ends when nothing is left", async () => {
  const at = setUp({ once: true });
  await at.memory.announce(["a", "b", "c"]);
  const done = at.start();
  await at.time.advance(0);
  assertEquals([...at.held.keys()], ["a", "b"]);
  await at.finish("b");
  assertEquals([...at.held.keys()], ["a", "b", "c"]);
  await at.finish("a");
  await at.finish("c");
  await done;
  assertEquals(at.events.filter((event) => event.startsWith("finished")).length, 3);
  assertEquals(await at.memory.announce(["a", "b", "c"]), 3);
});

Deno.test("work: a host with more due tasks waits behind the others, a parked one until its time", async () => {
  const at = setUp({ hosts: 1 });
  await at.memory.announce(["a", "b"]);
  const done = at.start();
  await at.time.advance(0);
  await at.finish("a", { kind: "done", isMore: true });
  assertEquals([...at.held.keys()], ["a", "b"]);
  const until = at.time.clock.now().add({ seconds: 5 });
  await at.finish("b", { kind: "parked", until });
  assertEquals(at.events.filter((event) => event.startsWith("claimed")), [
    ...["claimed a", "claimed b", "claimed a"],
  ]);
  await at.finish("a");
  await at.time.advance(4_000);
  assertEquals(at.events.at(-1), "finished a");
  await at.time.advance(2_000);
  assertEquals(at.events.at(-1), "claimed b");
  at.stop.abort();
  await at.finish("b");
  await done;
});

Deno.test("work: leases are renewed as long as their slices take", async () => {
  const at = setUp();
  await at.memory.announce(["a"]);
  const done = at.start();
  for (let minute = 0; minute < 3; minute++) await at.time.advance(60_000);
  assertEquals([at.events, at.held.get("a")?.mayStart()], [["claimed a"], true]);
  at.stop.abort();
  await at.finish("a");
  await done;
  assertEquals(at.events, ["claimed a", "finished a"]);
});

Deno.test("work: a worker that cannot reach the dispatch stops at two thirds of its lease, and resumes", async () => {
  const at = setUp();
  await at.memory.announce(["a"]);
  const done = at.start();
  await at.time.advance(0);
  at.network.isDown = true;
  await at.time.advance(LEASE_MS * 2 / 3 - 1);
  const held = at.held.get("a");
  assertEquals([held?.signal.aborted, held?.mayStart()], [false, true]);
  await at.time.advance(1);
  assertEquals([held?.signal.aborted, held?.mayStart()], [true, false]);
  await at.finish("a");
  await at.time.advance(10 * 60_000);
  assertEquals(at.events, ["claimed a", "failing", "lost a"]);
  at.network.isDown = false;
  await at.time.advance(60_000);
  assertEquals(at.events.slice(3), ["recovered", "claimed a"]);
  at.stop.abort();
  await at.finish("a");
  await done;
});

Deno.test("work: a short outage delays the end of a slice, and loses nothing", async () => {
  const at = setUp({ once: true });
  await at.memory.announce(["a"]);
  const done = at.start();
  await at.time.advance(0);
  at.network.isDown = true;
  await at.finish("a");
  await at.time.advance(2_000);
  at.network.isDown = false;
  await at.time.advance(3_000);
  await done;
  assertEquals(at.events, ["claimed a", "failing", "recovered", "finished a"]);
});

Deno.test("work: after a suspension no request starts, although no timer has fired", async () => {
  const at = setUp();
  await at.memory.announce(["a"]);
  let nowMs = 0;
  const controller = new AbortController();
  const held = Promise.withResolvers<HeldHost>();
  const done = work({
    ...{ dispatch: at.memory, name: "w", hosts: 1, emit: () => {}, timers: at.time.timers },
    clock: { now: at.time.clock.now, monotonicMs: () => nowMs },
    stop: controller.signal,
    signal: controller.signal,
    execute: async (host) => {
      held.resolve(host);
      await new Promise((ended) => host.signal.addEventListener("abort", ended));
      return DONE;
    },
  });
  const host = await held.promise;
  assertEquals(host.mayStart(), true);
  nowMs = LEASE_MS * 2 / 3;
  assertEquals([host.signal.aborted, host.mayStart(), host.signal.aborted], [false, false, true]);
  controller.abort();
  await done;
});

Deno.test("work: a claim that another worker has taken is aborted at the next renewal", async () => {
  const at = setUp();
  await at.memory.announce(["a", "b"]);
  const done = at.start();
  await at.time.advance(0);
  const claim = at.held.get("a")?.claim;
  if (claim) await at.memory.finish(claim);
  await at.time.advance(LEASE_MS / 3);
  assertEquals([at.held.get("a")?.signal.aborted, at.held.get("b")?.signal.aborted], [true, false]);
  at.stop.abort();
  await at.finish("a");
  await at.finish("b");
  await done;
  assertEquals(at.events.slice(2), ["lost a", "finished b"]);
});

Deno.test("work: a stop lets the slices end, and the end of the grace period aborts them", async () => {
  const at = setUp();
  await at.memory.announce(["a", "b", "c"]);
  const done = at.start();
  await at.time.advance(0);
  at.stop.abort();
  await at.finish("a");
  assertEquals([...at.held.keys()], ["a", "b"]);
  const reason = new CronfetchError("cancelled", "stopping");
  at.end.abort(reason);
  assertStrictEquals(at.held.get("b")?.signal.reason, reason);
  await at.finish("b");
  await done;
  // The host is not held until the lease ends.
  assertEquals(at.events.slice(2), ["finished a", "finished b"]);
});

Deno.test("work: a bug ends the worker after its other slices", async () => {
  const at = setUp();
  await at.memory.announce(["a", "b"]);
  const bug = new TypeError("a bug");
  const rejection = assertRejects(at.start);
  await at.time.advance(0);
  await at.fail("a", bug);
  await at.finish("b");
  assertStrictEquals(await rejection, bug);
});
