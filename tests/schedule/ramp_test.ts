import { assertEquals } from "@std/assert";
import { PROBATION, type Ramp, rampAfterPause, rampAfterSuccess } from "../../lib/schedule/rate.ts";

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
