import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { gather, type GroupLimits, type PoolLimits, type Slot } from "../../lib/schedule/pool.ts";
import { type TestTime, testTime } from "../helpers/time.ts";

const NO_LIMIT: PoolLimits = { concurrency: 100, perHost: 100, spacingMs: 0 };

/** An item is its host and its number: `a1`. */
const hostOf = (item: string) => item.slice(0, 1);

const manualTime = (): TestTime =>
  testTime({ now: "2026-01-01T00:00:00Z", sleep: "manual", timers: "manual" });

interface Gathering {
  readonly limits?: Partial<PoolLimits>;
  readonly work: (item: string, slot: Slot) => Promise<void>;
  readonly signal?: AbortSignal;
  readonly time?: TestTime;
  readonly groupOf?: (item: string) => string;
  readonly limitsOf?: (item: string) => GroupLimits;
  readonly more?: () => Promise<Iterable<string> | null>;
}

function gatherAll(items: Iterable<string>, gathering: Gathering): Promise<string[]> {
  const time = gathering.time ?? manualTime();
  return gather(items, {
    limits: { ...NO_LIMIT, ...gathering.limits },
    groupOf: gathering.groupOf ?? hostOf,
    ...(gathering.limitsOf && { limitsOf: gathering.limitsOf }),
    ...(gathering.more && { more: gathering.more }),
    work: gathering.work,
    signal: gathering.signal ?? new AbortController().signal,
    timers: time.timers,
    clock: time.clock,
  });
}

/** Runs everything that waits only for promises. */
const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 0));

/** Work that ends on demand; lists the started items. */
function heldWork() {
  const started: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<void>>();
  return {
    started,
    work: (item: string): Promise<void> => {
      started.push(item);
      const end = Promise.withResolvers<void>();
      ends.set(item, end);
      return end.promise;
    },
    async end(...items: string[]): Promise<void> {
      for (const item of items) ends.get(item)?.resolve();
      await settle();
    },
    async fail(item: string, reason: unknown): Promise<void> {
      ends.get(item)?.reject(reason);
      await settle();
    },
  };
}

Deno.test("gather: no items, no work", async () => {
  assertEquals(await gatherAll([], { work: () => Promise.reject("called") }), []);
});

Deno.test("gather: reads any iterable, and each item's host once", async () => {
  const asked: string[] = [];
  const worked: string[] = [];
  const pending = await gatherAll(new Set(["a1", "b1", "a2"]), {
    groupOf: (item) => {
      asked.push(item);
      return hostOf(item);
    },
    work: (item) => {
      worked.push(item);
      return Promise.resolve();
    },
  });
  assertEquals(pending, []);
  assertEquals(asked, ["a1", "b1", "a2"]);
  assertEquals(worked.toSorted(), ["a1", "a2", "b1"]);
});

Deno.test("gather: the limits are reached and never exceeded", async (t) => {
  const cases: readonly (readonly [
    name: string,
    limits: Partial<PoolLimits>,
    items: readonly string[],
    started: readonly string[],
  ])[] = [
    ["concurrency", { concurrency: 2 }, ["a1", "b1", "c1", "a2"], ["a1", "b1"]],
    ["perHost", { perHost: 1 }, ["a1", "a2", "b1", "b2"], ["a1", "b1"]],
    ["perHost 2", { perHost: 2 }, ["a1", "a2", "a3", "b1"], ["a1", "b1", "a2"]],
    ["both", { concurrency: 3, perHost: 2 }, ["a1", "a2", "a3", "b1", "b2"], ["a1", "b1", "a2"]],
    ["neither", {}, ["a1", "a2", "b1"], ["a1", "b1", "a2"]],
  ];
  for (const [name, limits, items, started] of cases) {
    await t.step(name, async () => {
      const held = heldWork();
      const done = gatherAll(items, { limits, work: held.work });
      await settle();
      assertEquals(held.started, started);
      for (let index = 0; index < items.length; index++) await held.end(held.started[index] ?? "");
      assertEquals(await done, []);
      assertEquals(held.started.toSorted(), items.toSorted());
    });
  }
});

Deno.test("gather: hosts take turns, and the items of a host keep their order", async () => {
  const started: string[] = [];
  await gatherAll(["a1", "a2", "a3", "a4", "b1", "b2", "c1"], {
    limits: { concurrency: 1 },
    work: (item) => {
      started.push(item);
      return Promise.resolve();
    },
  });
  assertEquals(started, ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
});

Deno.test("gather: a free place is used immediately", async () => {
  const held = heldWork();
  const done = gatherAll(["a1", "a2", "a3", "b1"], {
    limits: { concurrency: 3, perHost: 2 },
    work: held.work,
  });
  await held.end("b1");
  // The total would allow a3 now, the host does not.
  assertEquals(held.started, ["a1", "b1", "a2"]);
  await held.end("a2");
  assertEquals(held.started, ["a1", "b1", "a2", "a3"]);
  await held.end("a1", "a3");
  assertEquals(await done, []);
});

Deno.test("gather: two items of a full host that end together are both replaced", async () => {
  const held = heldWork();
  const done = gatherAll(["a1", "a2", "a3", "a4", "a5"], {
    limits: { perHost: 2 },
    work: held.work,
  });
  await held.end("a1", "a2");
  assertEquals(held.started, ["a1", "a2", "a3", "a4"]);
  await held.end("a3", "a4");
  await held.end("a5");
  assertEquals(await done, []);
});

Deno.test("gather: the spacing separates starts at one host, other hosts do not wait", async () => {
  const time = manualTime();
  const starts: [item: string, atMs: number][] = [];
  const done = gatherAll(["a1", "a2", "a3", "b1", "b2"], {
    limits: { spacingMs: 1_000 },
    time,
    work: (item) => {
      starts.push([item, time.clock.monotonicMs()]);
      return Promise.resolve();
    },
  });
  await time.advance(999);
  assertEquals(starts, [["a1", 0], ["b1", 0]]);
  await time.advance(1);
  assertEquals(starts.slice(2), [["a2", 1_000], ["b2", 1_000]]);
  await time.advance(1_000);
  assertEquals(starts.slice(4), [["a3", 2_000]]);
  assertEquals(await done, []);
});

Deno.test("gather: spacing counts from start to start, even if the host's places are in use longer", async () => {
  const time = manualTime();
  const held = heldWork();
  const done = gatherAll(["a1", "a2", "a3"], {
    limits: { spacingMs: 1_000, perHost: 1 },
    time,
    work: held.work,
  });
  await time.advance(5_000);
  assertEquals(held.started, ["a1"]);
  await held.end("a1");
  assertEquals(held.started, ["a1", "a2"]);
  await held.end("a2");
  assertEquals(held.started, ["a1", "a2"]);
  await time.advance(999);
  assertEquals(held.started, ["a1", "a2"]);
  await time.advance(1);
  assertEquals(held.started, ["a1", "a2", "a3"]);
  await held.end("a3");
  assertEquals(await done, []);
});

Deno.test("gather: a timer that fires too early is set again", async () => {
  const time = manualTime();
  const delays: number[] = [];
  const starts: number[] = [];
  const hasty: TestTime = {
    ...time,
    timers: {
      ...time.timers,
      after: (durationMs, callback) => {
        delays.push(durationMs);
        return time.timers.after(durationMs - (delays.length === 1 ? 0.5 : 0), callback);
      },
    },
  };
  const done = gatherAll(["a1", "a2"], {
    limits: { spacingMs: 1_000 },
    time: hasty,
    work: () => {
      starts.push(time.clock.monotonicMs());
      return Promise.resolve();
    },
  });
  await time.advance(2_000);
  assertEquals(delays, [1_000, 0.5]);
  assertEquals(starts, [0, 1_000]);
  assertEquals(await done, []);
});

Deno.test("Slot.rest: releases the share of concurrency, and keeps the place at the host", async () => {
  const time = manualTime();
  const log: string[] = [];
  const done = gatherAll(["a1", "a2", "b1"], {
    limits: { concurrency: 1, perHost: 1 },
    time,
    work: async (item, slot) => {
      log.push(`${item} starts`);
      if (item === "a1") {
        await settle();
        await slot.rest(1_000);
        log.push("a1 resumes");
      }
    },
  });
  await time.advance(999);
  assertEquals(log, ["a1 starts", "b1 starts"]);
  await time.advance(1);
  assertEquals(log, ["a1 starts", "b1 starts", "a1 resumes", "a2 starts"]);
  assertEquals(await done, []);
});

Deno.test("Slot.rest: a returning item waits for a place, and precedes new items", async () => {
  const time = manualTime();
  const held = heldWork();
  const log: string[] = [];
  const done = gatherAll(["a1", "b1", "c1"], {
    limits: { concurrency: 1 },
    time,
    work: async (item, slot) => {
      log.push(item);
      if (item === "a1") {
        await slot.rest(10);
        log.push("a1 again");
      }
      await held.work(item);
    },
  });
  await time.advance(10);
  assertEquals(log, ["a1", "b1"]);
  await held.end("b1");
  assertEquals(log, ["a1", "b1", "a1 again"]);
  await held.end("a1");
  assertEquals(log, ["a1", "b1", "a1 again", "c1"]);
  await held.end("c1");
  assertEquals(await done, []);
});

Deno.test("gather: an abort starts nothing more, waits for running items, and returns the others", async () => {
  const stop = new AbortController();
  const held = heldWork();
  let ended = false;
  const done = gatherAll(["a1", "a2", "b1", "a3", "c1"], {
    limits: { concurrency: 2, perHost: 1 },
    signal: stop.signal,
    work: held.work,
  }).finally(() => ended = true);
  await held.end("a1");
  assertEquals(held.started, ["a1", "b1", "c1"]);
  stop.abort();
  await settle();
  assertEquals(ended, false);
  await held.end("b1");
  assertEquals(ended, false);
  await held.end("c1");
  assertEquals(await done, ["a2", "a3"]);
  assertEquals(held.started, ["a1", "b1", "c1"]);
});

Deno.test("gather: aborted before the start, it returns all items", async () => {
  const held = heldWork();
  const items = ["a1", "b1", "a2"];
  const pending = await gatherAll(items, { signal: AbortSignal.abort(), work: held.work });
  assertEquals(held.started, []);
  assertEquals(pending.toSorted(), items.toSorted());
});

Deno.test("gather: an abort ends a spacing", async () => {
  const stop = new AbortController();
  const time = manualTime();
  let timersLeft = 0;
  const counted: TestTime = {
    ...time,
    timers: {
      ...time.timers,
      after: (durationMs, callback) => {
        timersLeft++;
        const cancel = time.timers.after(durationMs, callback);
        return () => {
          timersLeft--;
          cancel();
        };
      },
    },
  };
  const done = gatherAll(["a1", "a2"], {
    limits: { spacingMs: 60_000 },
    signal: stop.signal,
    time: counted,
    work: () => Promise.resolve(),
  });
  await settle();
  assertEquals(timersLeft, 1);
  stop.abort();
  assertEquals(await done, ["a2"]);
  assertEquals(timersLeft, 0);
});

Deno.test("Slot.rest: an abort rejects with the signal's reason", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const reasons: unknown[] = [];
  const done = gatherAll(["a1", "a2", "b1"], {
    limits: { concurrency: 1, perHost: 1 },
    signal: stop.signal,
    work: async (item, slot) => {
      if (item === "a1") await slot.rest(60_000).catch((why) => reasons.push(why));
    },
  });
  await settle();
  stop.abort(reason);
  assertEquals(await done, ["a2"]);
  assertEquals(reasons.length, 1);
  assertStrictEquals(reasons[0], reason);
});

Deno.test("Slot.rest: after an abort the item still waits for a place", async () => {
  const stop = new AbortController();
  const held = heldWork();
  let atWork = 0;
  let most = 0;
  const done = gatherAll(["a1", "b1", "c1"], {
    limits: { concurrency: 1 },
    signal: stop.signal,
    work: async (item, slot) => {
      await Promise.resolve();
      if (item !== "c1") await slot.rest(60_000).catch(() => {});
      most = Math.max(most, ++atWork);
      await held.work(item);
      atWork--;
    },
  });
  await settle();
  stop.abort();
  await settle();
  for (const item of ["c1", "a1", "b1"]) await held.end(item);
  assertEquals(await done, []);
  assertEquals(most, 1);
});

Deno.test("gather: a rejection ends it once all started items have ended", async () => {
  const held = heldWork();
  const first = new Error("the first");
  let ended = false;
  const done = gatherAll(["a1", "b1", "c1", "a2"], {
    limits: { concurrency: 3, perHost: 1 },
    work: held.work,
  }).finally(() => ended = true);
  const rejection = assertRejects(() => done);
  await held.fail("b1", first);
  await held.fail("a1", new Error("the second"));
  assertEquals([held.started, ended], [["a1", "b1", "c1"], false]);
  await held.end("c1");
  assertStrictEquals(await rejection, first);
  assertEquals(held.started, ["a1", "b1", "c1"]);
});

Deno.test("gather: undefined is a rejection, too", async () => {
  let rejected = false;
  await gatherAll(["a1"], { work: () => Promise.reject(undefined) }).catch(() => rejected = true);
  assert(rejected);
});

Deno.test("row 172: gather: a group may have limits of its own, found once by its first item", async () => {
  const time = manualTime();
  const held = heldWork();
  const asked: string[] = [];
  const done = gatherAll(["a1", "a2", "b1", "b2", "b3", "c1", "c2"], {
    time,
    limits: { perHost: 2 },
    limitsOf: (item) => {
      asked.push(item);
      switch (hostOf(item)) {
        case "a":
          return { perHost: 1, spacingMs: 0 };
        case "b":
          return { perHost: 3, spacingMs: 1_000 };
        default:
          return { perHost: 2, spacingMs: 0 };
      }
    },
    work: held.work,
  });
  await settle();
  assertEquals(asked, ["a1", "b1", "c1"]);
  assertEquals(held.started.toSorted(), ["a1", "b1", "c1", "c2"]);
  await time.advance(999);
  assertEquals(held.started.length, 4);
  await time.advance(1);
  assertEquals(held.started.at(-1), "b2");
  await time.advance(1_000);
  assertEquals(held.started.at(-1), "b3");
  await held.end("a1", "b1", "b2", "b3", "c1", "c2");
  await held.end("a2");
  assertEquals(await done, []);
});

Deno.test("row 172: gather: a host that recovers reaches the limit of its group, and no more", async () => {
  const time = manualTime();
  const held = heldWork();
  let isFirst = true;
  const done = gatherAll(["a1", "a2", "a3", "a4", "a5", "a6", "a7"], {
    time,
    limits: { perHost: 6 },
    limitsOf: () => ({ perHost: 2, spacingMs: 0 }),
    work: async (item, slot) => {
      if (isFirst) {
        isFirst = false;
        await slot.pause(1_000);
      }
      await held.work(item);
      slot.succeed();
    },
  });
  await settle();
  await time.advance(1_000);
  const ended = new Set<string>();
  const running = () => held.started.filter((item) => !ended.has(item));
  let most = 0;
  for (let now = running(); now.length > 0; now = running()) {
    most = Math.max(most, now.length);
    for (const item of now) ended.add(item);
    await held.end(...now);
  }
  assertEquals([await done, most, ended.size], [[], 2, 7]);
});

Deno.test("property: gather: each item once, in its host's order, within the limits", async () => {
  const anyItem = fc.record({
    host: fc.constantFrom(..."abcdef"),
    // Turns of the event loop in which it works or rests.
    turns: fc.array(fc.boolean(), { maxLength: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyItem, { maxLength: 40 }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 4 }),
      async (items, concurrency, perHost) => {
        const time = testTime({ now: "2026-01-01T00:00:00Z", sleep: "instant", timers: "manual" });
        const started: (typeof items)[number][] = [];
        const running = new Map<string, number>();
        let working = 0;
        const change = (host: string, by: number) => {
          const now = (running.get(host) ?? 0) + by;
          running.set(host, now);
          assert(now <= perHost, `${now} at ${host}`);
        };
        const enter = () => assert(++working <= concurrency, `${working} at work`);
        const pending = await gather(items, {
          limits: { concurrency, perHost, spacingMs: 0 },
          groupOf: (item) => item.host,
          work: async (item, slot) => {
            started.push(item);
            change(item.host, 1);
            enter();
            for (const works of item.turns) {
              if (works) {
                await Promise.resolve();
                continue;
              }
              working--;
              await slot.rest(1);
              enter();
            }
            working--;
            change(item.host, -1);
          },
          signal: new AbortController().signal,
          timers: time.timers,
          clock: time.clock,
        });
        assertEquals(pending, []);
        for (const host of "abcdef") {
          const of = (all: typeof items) => all.filter((item) => item.host === host);
          assert(of(started).every((item, index) => item === of(items)[index]));
        }
        assertEquals(started.length, items.length);
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("gather: 100,000 items cost as much as the running ones", async (t) => {
  const count = 100_000;
  for (const hosts of [1, count]) {
    await t.step(`on ${hosts} hosts`, async () => {
      const time = manualTime();
      let outstanding = 0;
      let most = 0;
      let worked = 0;
      const pending = await gather(Array.from({ length: count }, (_, index) => index), {
        limits: { concurrency: 32, perHost: 6, spacingMs: 0 },
        groupOf: (index) => `host${index % hosts}`,
        work: async () => {
          most = Math.max(most, ++outstanding);
          await Promise.resolve();
          outstanding--;
          worked++;
        },
        signal: new AbortController().signal,
        timers: time.timers,
        clock: time.clock,
      });
      assertEquals(pending, []);
      assertEquals([worked, outstanding, most], [count, 0, hosts === 1 ? 6 : 32]);
    });
  }
});

Deno.test("gather: an abort among 100,000 items loses and doubles none", async () => {
  const time = manualTime();
  const stop = new AbortController();
  const worked: number[] = [];
  const pending = await gather(Array.from({ length: 100_000 }, (_, index) => index), {
    limits: { concurrency: 32, perHost: 6, spacingMs: 0 },
    groupOf: (index) => `host${index % 10}`,
    work: async (index) => {
      worked.push(index);
      if (worked.length === 50_000) stop.abort();
      await Promise.resolve();
    },
    signal: stop.signal,
    timers: time.timers,
    clock: time.clock,
  });
  assertEquals(worked.length, 50_000);
  assertEquals(new Set([...worked, ...pending]).size, 100_000);
  assertEquals(pending.length, 50_000);
});

Deno.test("Slot.rest: 100,000 items rest at the same time", async () => {
  const time = manualTime();
  let resting = 0;
  const done = gather(Array.from({ length: 100_000 }, (_, index) => index), {
    limits: { concurrency: 1, perHost: 1, spacingMs: 0 },
    groupOf: String,
    work: (_index, slot) => {
      resting++;
      return slot.rest(1_000);
    },
    signal: new AbortController().signal,
    timers: { ...time.timers, sleep: () => Promise.resolve() },
    clock: time.clock,
  });
  assertEquals(await done, []);
  assertEquals(resting, 100_000);
});

Deno.test("gather: work that throws synchronously is a rejection", async () => {
  const held = heldWork();
  const bug = new Error("a bug");
  const done = gatherAll(["a1", "b1", "c1"], {
    limits: { concurrency: 2 },
    work: (item) => {
      if (item === "b1") throw bug;
      return held.work(item);
    },
  });
  const rejection = assertRejects(() => done);
  await held.end("a1");
  assertStrictEquals(await rejection, bug);
  assertEquals(held.started, ["a1"]);
});

Deno.test("Slot.borrow: free places of a host, up to its limit", async (t) => {
  const cases: readonly (readonly [
    name: string,
    limits: Partial<PoolLimits>,
    items: readonly string[],
    /** How many places the first item may borrow. */
    borrowed: number,
  ])[] = [
    ["all but its own", { perHost: 4 }, ["a1"], 3],
    ["none of a host that is full", { perHost: 2 }, ["a1", "a2"], 0],
    ["those of others are not its", { perHost: 2 }, ["a1", "b1", "c1"], 1],
    ["none while an item waits for the host", { perHost: 2 }, ["a1", "a2", "a3"], 0],
    ["concurrency is about items", { perHost: 4, concurrency: 1 }, ["a1"], 3],
    ["what waits for others has no use for them", { perHost: 4, concurrency: 1 }, [
      "a1",
      "a2",
    ], 3],
  ];
  for (const [name, limits, items, borrowed] of cases) {
    await t.step(name, async () => {
      const places: Disposable[] = [];
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      const done = gatherAll(items, {
        limits,
        work: async (item, { borrow }) => {
          await settle();
          if (item !== "a1") return await ended;
          for (let place = borrow(); place; place = borrow()) places.push(place);
          await ended;
        },
      });
      await settle();
      await settle();
      assertEquals(places.length, borrowed);
      for (const place of places) place[Symbol.dispose]();
      end();
      assertEquals(await done, []);
    });
  }
});

Deno.test("Slot.borrow: an item that waits for its spacing precedes it", async () => {
  const time = manualTime();
  const held = heldWork();
  const slots = new Map<string, Slot>();
  const done = gatherAll(["a1", "a2"], {
    limits: { perHost: 2, spacingMs: 1000 },
    time,
    work: (item, slot) => {
      slots.set(item, slot);
      return held.work(item);
    },
  });
  assertEquals(slots.get("a1")?.borrow(), null);
  await time.advance(1000);
  assertEquals(held.started, ["a1", "a2"]);
  await held.end("a2");
  using place = slots.get("a1")?.borrow() ?? null;
  assert(place);
  await held.end("a1");
  assertEquals(await done, []);
});

Deno.test("Slot.borrow: a released place starts a waiting item, once", async () => {
  const held = heldWork();
  let slot: Slot | undefined;
  const done = gatherAll(["a1", "b1", "a2", "a3", "a4"], {
    limits: { perHost: 3, concurrency: 2 },
    work: (item, own) => {
      if (item === "a1") slot = own;
      return held.work(item);
    },
  });
  await settle();
  const places = [slot?.borrow(), slot?.borrow(), slot?.borrow()];
  assertEquals([places.map(Boolean), held.started], [[true, true, false], ["a1", "b1"]]);
  await held.end("b1");
  assertEquals(held.started, ["a1", "b1"], "there is room for another item, but not at its host");
  assertEquals(slot?.borrow(), null);
  places[0]?.[Symbol.dispose]();
  places[0]?.[Symbol.dispose]();
  await settle();
  assertEquals(held.started, ["a1", "b1", "a2"]);
  assertEquals(slot?.borrow(), null, "a1, its borrowed place and a2 are three");
  places[1]?.[Symbol.dispose]();
  await held.end("a1");
  assertEquals(held.started, ["a1", "b1", "a2", "a3"]);
  await held.end("a2", "a3");
  await held.end("a4");
  assertEquals(await done, []);
});

Deno.test("Slot.borrow: after the end nothing can be borrowed, and releasing does nothing", async () => {
  const run = new AbortController();
  const places: (Disposable | null)[] = [];
  const pending = await gatherAll(["a1"], {
    signal: run.signal,
    work: (_, { borrow }) => {
      places.push(borrow());
      run.abort();
      places.push(borrow());
      return Promise.resolve();
    },
  });
  assertEquals([pending, places.map((place) => place !== null)], [[], [true, false]]);
  places[0]?.[Symbol.dispose]();
});

Deno.test("property: Slot.borrow: no host exceeds its limit", async () => {
  const action = fc.record({ item: fc.nat(7), borrows: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(action, { maxLength: 20 }),
      async (hosts, concurrency, perHost, actions) => {
        const names = hosts.map((host, index) => `${host}${index}`);
        const held = heldWork();
        const taken = new Map<string, number>();
        const places: { readonly host: string; readonly place: Disposable }[] = [];
        const slots = new Map<string, Slot>();
        const count = (item: string, by: number) => {
          const host = hostOf(item);
          const now = (taken.get(host) ?? 0) + by;
          assert(now <= perHost, `${host} has ${now} of ${perHost}`);
          taken.set(host, now);
        };
        const done = gatherAll(names, {
          limits: { concurrency, perHost },
          work: async (item, slot) => {
            count(item, 1);
            slots.set(item, slot);
            await held.work(item);
            slots.delete(item);
            count(item, -1);
          },
        });
        for (const { item, borrows } of actions) {
          const name = names[item % names.length] ?? "";
          if (borrows) {
            const place = slots.get(name)?.borrow();
            if (place) places.push({ host: name, place });
            if (place) count(name, 1);
          } else {
            const back = places.shift();
            if (back) count(back.host, -1);
            back?.place[Symbol.dispose]();
            if (item % 2 === 0) await held.end(name);
          }
        }
        for (const { host, place } of places) {
          count(host, -1);
          place[Symbol.dispose]();
        }
        for (let turn = 0; turn < names.length; turn++) await held.end(...names);
        assertEquals(await done, []);
      },
    ),
    { numRuns: 60 },
  );
});

/** A source of batches, which `give` hands to the pool one by one. */
function heldSource() {
  const waits: PromiseWithResolvers<readonly string[] | null>[] = [];
  return {
    /** Calls so far. */
    calls: () => waits.length,
    more: (): Promise<readonly string[] | null> => {
      const wait = Promise.withResolvers<readonly string[] | null>();
      waits.push(wait);
      return wait.promise;
    },
    async give(items: readonly string[] | null): Promise<void> {
      waits.at(-1)?.resolve(items);
      await settle();
    },
    async fail(reason: unknown): Promise<void> {
      waits.at(-1)?.reject(reason);
      await settle();
    },
  };
}

Deno.test("gather: further items are requested only while a place is free and nothing may start", async () => {
  const held = heldWork();
  const source = heldSource();
  const done = gatherAll(["a1"], {
    limits: { concurrency: 3, perHost: 2 },
    work: held.work,
    more: source.more,
  });
  assertEquals([held.started, source.calls()], [["a1"], 1]);
  // The second item of the host that is present counts as one of its own.
  await source.give(["a2", "a3", "b1"]);
  assertEquals([held.started, source.calls()], [["a1", "a2", "b1"], 1]);
  await held.end("b1");
  // The only waiting item is of a full host.
  assertEquals([held.started, source.calls()], [["a1", "a2", "b1"], 2]);
  await held.end("a1");
  assertEquals(held.started, ["a1", "a2", "b1", "a3"]);
  await source.give(["b2"]);
  assertEquals([held.started.slice(4), source.calls()], [["b2"], 2]);
  await held.end("a2", "a3", "b2");
  assertEquals(source.calls(), 3);
  await source.give(null);
  assertEquals(await done, []);
  assertEquals(source.calls(), 3);
});

Deno.test("gather: a host keeps its spacing and its pause between two batches", async () => {
  const time = manualTime();
  const held = heldWork();
  const source = heldSource();
  const started: [string, number][] = [];
  const done = gatherAll([], {
    limits: { perHost: 2, spacingMs: 1_000 },
    time,
    work: async (item, slot) => {
      started.push([item, time.clock.monotonicMs()]);
      if (item === "b1") await slot.pause(60_000);
      else await held.work(item);
    },
    more: source.more,
  });
  await source.give(["a1"]);
  await held.end("a1");
  await source.give(["a2", "b1"]);
  await source.give(["b2"]);
  assertEquals(started, [["a1", 0], ["b1", 0]]);
  await time.advance(1_000);
  await held.end("a2");
  await source.give(["a3"]);
  await time.advance(1_000);
  await held.end("a3");
  await time.advance(60_000);
  await held.end("b2");
  assertEquals(started.slice(2), [["a2", 1_000], ["a3", 2_000], ["b2", 61_000]]);
  await source.give(null);
  assertEquals(await done, []);
});

Deno.test("gather: an abort waits for the requested items, and returns them", async () => {
  const held = heldWork();
  const source = heldSource();
  const stop = new AbortController();
  const done = gatherAll(["a1"], { signal: stop.signal, work: held.work, more: source.more });
  stop.abort();
  await held.end("a1");
  await source.give(["a2", "b1"]);
  assertEquals(await done, ["a2", "b1"]);
  assertEquals([held.started, source.calls()], [["a1"], 1]);
});

Deno.test("gather: a rejected request for items ends it once all started items have ended", async () => {
  const held = heldWork();
  const source = heldSource();
  const bug = new Error("a bug");
  let hasEnded = false;
  const done = gatherAll(["a1"], { work: held.work, more: source.more });
  const rejection = assertRejects(() => done).finally(() => hasEnded = true);
  await source.fail(bug);
  assertEquals(hasEnded, false);
  await held.end("a1");
  assertStrictEquals(await rejection, bug);
});

Deno.test("gather: hosts that are idle between two batches are forgotten", async () => {
  let left = 3_000;
  let limitsMade = 0;
  const batch = () => Promise.resolve(left-- > 0 ? [`h${left % 1_000}`] : null);
  const time = manualTime();
  const done = gatherAll([], {
    time,
    groupOf: (item) => item,
    limitsOf: () => {
      limitsMade++;
      return NO_LIMIT;
    },
    work: () => Promise.resolve(),
    more: batch,
  });
  assertEquals(await done, []);
  assertEquals(limitsMade, 3_000);
});
