import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import {
  createThrottle,
  PROBATION,
  type Ramp,
  rampAfterPause,
  rampAfterSuccess,
} from "../../lib/schedule/rate.ts";
import { type TestTime, testTime } from "../helpers/time.ts";

/** Applies `p`auses and `s`uccesses in order, and gives the ramp after each as text. */
function play(events: string, perHost: number, pauseMs = 60_000): string[] {
  let ramp: Ramp | null = null;
  return [...events].map((event): string => {
    if (event === "p") ramp = rampAfterPause(ramp, perHost, pauseMs);
    else ramp = ramp && rampAfterSuccess(ramp, perHost);
    return ramp ? `${ramp.allowed}/${ramp.ceiling} ${ramp.gapMs}ms` : "full";
  });
}

Deno.test("row 126: rampAfterSuccess: a paused host restarts with one item, and doubles as they succeed", () => {
  assertEquals(play("psssssss", 6), [
    "1/6 0ms",
    "2/6 0ms",
    // Both of the two have succeeded after two more.
    "2/6 0ms",
    "4/6 0ms",
    "4/6 0ms",
    "4/6 0ms",
    "4/6 0ms",
    "full",
  ]);
  assertEquals(play("pss", 2), ["1/2 0ms", "full", "full"]);
  assertEquals(play("ps", 1), ["1/1 0ms", "full"]);
});

Deno.test("row 126: rampAfterPause: after a success, halves the ceiling, and then doubles the gap", () => {
  assertEquals(play("pssspspspsp", 6), [
    "1/6 0ms",
    "2/6 0ms",
    "2/6 0ms",
    "4/6 0ms",
    "1/2 0ms",
    "2/2 0ms",
    "1/1 0ms",
    "1/1 0ms",
    "1/1 250ms",
    "1/1 250ms",
    "1/1 500ms",
  ]);
});

Deno.test("rampAfterPause: without a success before it, changes neither ceiling nor gap", () => {
  assertEquals(play("pppp", 6), Array(4).fill("1/6 0ms"));
  const ramp = rampAfterPause(rampAfterPause(null, 6, 1000), 6, 1000);
  assertEquals(ramp.pauses, 2);
  assertEquals(rampAfterSuccess(ramp, 6)?.pauses, 0);
});

Deno.test("rampAfterSuccess: consecutive successes end the gap, and then raise the ceiling", () => {
  const played = play(`pspspsp${"s".repeat(5 * PROBATION)}`, 4);
  assertEquals(played[6], "1/1 500ms");
  const later = [1, 2, 3, 4].map((times) => played[6 + times * PROBATION]);
  assertEquals(later, ["1/1 250ms", "1/1 0ms", "2/2 0ms", "full"]);
});

Deno.test("row 126: rampAfterPause: the gap is no longer than the pause", () => {
  assertEquals(play("ps".repeat(20), 4, 30_000).at(-1), "1/1 30000ms");
  assertEquals(play("ps".repeat(20), 4, 100).at(-1), "1/1 100ms");
});

const never = new AbortController().signal;

/** A clock that only sleeping advances. */
const sleepingTime = (): TestTime =>
  testTime({ now: "2026-01-01T00:00:00Z", sleep: "instant", timers: "manual" });

Deno.test("createThrottle: waits as long as the booked bytes exceed the rate", async (t) => {
  const cases: readonly (readonly [
    name: string,
    rate: number,
    bytes: readonly number[],
    slept: readonly number[],
  ])[] = [
    ["within the first second's worth", 1_000, [400, 600], []],
    ["one byte beyond it", 1_000, [1_000, 1], [1]],
    ["a steady stream", 1_000, [1_000, 500, 500, 500], [500, 500, 500]],
    ["more at once than a second's worth", 1_000, [5_000], [4_000]],
    ["nothing", 1_000, [0, 0], []],
    ["a rate below one byte a second", 0.5, [1, 1], [1_000, 2_000]],
    ["a high rate", 1_000_000_000, [65_536, 65_536], []],
  ];
  for (const [name, rate, bytes, slept] of cases) {
    await t.step(name, async () => {
      const time = sleepingTime();
      const throttle = createThrottle(rate, time);
      for (const size of bytes) await throttle(size, never);
      assertEquals(time.slept, slept);
    });
  }
});

Deno.test("createThrottle: an idle time allows a burst of one second at most", async () => {
  const time = sleepingTime();
  const throttle = createThrottle(1_000, time);
  await throttle(1_000, never);
  await time.advance(400);
  await throttle(400, never);
  assertEquals(time.slept, []);
  await time.advance(3_600_000);
  await throttle(1_000, never);
  assertEquals(time.slept, []);
  await throttle(1_000, never);
  assertEquals(time.slept, [1_000]);
});

Deno.test("createThrottle: all tasks share the rate", async () => {
  const time = testTime({ now: "2026-01-01T00:00:00Z", sleep: "manual", timers: "manual" });
  const throttle = createThrottle(1_000, time);
  const ended: [task: string, atMs: number][] = [];
  const take = (task: string, bytes: number) =>
    throttle(bytes, never).then(() => ended.push([task, time.clock.monotonicMs()]));
  const all = [take("a", 1_000), take("b", 1_000), take("c", 500), take("d", 1_500)];
  await time.advance(10_000);
  await Promise.all(all);
  assertEquals(ended, [["a", 0], ["b", 1_000], ["c", 1_500], ["d", 3_000]]);
});

Deno.test("createThrottle: an abort rejects with the signal's reason", async () => {
  const time = testTime({ now: "2026-01-01T00:00:00Z", sleep: "manual", timers: "manual" });
  const throttle = createThrottle(1_000, time);
  const stop = new AbortController();
  const reason = new RangeError("enough");
  const waiting = assertRejects(() => throttle(5_000, stop.signal));
  stop.abort(reason);
  assertStrictEquals(await waiting, reason);
  // The booked bytes were received, so other tasks wait for them.
  const other = throttle(1_000, never);
  await time.advance(5_000);
  await other;
  assertEquals(time.slept, [4_000, 5_000]);
});

Deno.test("createThrottle: ignores jumps of the wall clock", async () => {
  const time = sleepingTime();
  const throttle = createThrottle(1_000, time);
  await throttle(1_000, never);
  time.jump(-86_400_000);
  await throttle(500, never);
  time.jump(2 * 86_400_000);
  await throttle(500, never);
  assertEquals(time.slept, [500, 500]);
});

Deno.test("property: createThrottle: admits at most the rate and a burst of one second in any period", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 10_000 }),
      fc.array(fc.record({ pauseMs: fc.nat(3_000), bytes: fc.nat(20_000) }), { maxLength: 30 }),
      async (rate, steps) => {
        const time = sleepingTime();
        const throttle = createThrottle(rate, time);
        // When each chunk was admitted, which is before the next is requested.
        const through: { readonly atMs: number; readonly bytes: number }[] = [];
        for (const { pauseMs, bytes } of steps) {
          await time.timers.sleep(pauseMs, never);
          await throttle(bytes, never);
          through.push({ atMs: time.clock.monotonicMs(), bytes });
        }
        for (const [begin, { atMs: beginMs }] of through.entries()) {
          let sum = 0;
          for (const { atMs, bytes } of through.slice(begin + 1)) {
            sum += bytes;
            const allowed = rate * (atMs - beginMs + 1_000) / 1_000;
            assertEquals(sum <= allowed + 1e-6 * allowed, true, `${sum} > ${allowed}`);
          }
        }
      },
    ),
  );
});
