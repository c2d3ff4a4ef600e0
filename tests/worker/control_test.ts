import { assertEquals } from "@std/assert";
import { createControl, type WatchControl } from "../../lib/worker/control.ts";

type Step = readonly ["pause" | "resume", string | null];

/** Steps, and whether all, `a` and `b` are paused after them. */
const CASES: readonly (readonly [steps: readonly Step[], paused: readonly boolean[]])[] = [
  [[], [false, false, false]],
  [[["pause", "a"]], [false, true, false]],
  [[["pause", "a"], ["resume", "a"]], [false, false, false]],
  [[["pause", "a"], ["resume", "b"]], [false, true, false]],
  [[["pause", null]], [true, true, true]],
  [[["pause", "a"], ["pause", null]], [true, true, true]],
  [[["pause", null], ["resume", "a"]], [false, false, true]],
  [[["pause", null], ["resume", "a"], ["pause", "a"]], [true, true, true]],
  [[["pause", null], ["resume", "a"], ["pause", null]], [true, true, true]],
  [[["pause", null], ["resume", "a"], ["resume", null]], [false, false, false]],
  [[["pause", "a"], ["resume", null]], [false, false, false]],
];

function apply(control: WatchControl, steps: readonly Step[]): void {
  for (const [what, task] of steps) control[what](task);
}

Deno.test("WatchControl.pause and resume: one task or all", async (t) => {
  for (const [steps, paused] of CASES) {
    const name = steps.map(([what, task]) => `${what} ${task ?? "all"}`).join(", ");
    await t.step(name || "no step", () => {
      const control = createControl();
      apply(control, steps);
      const found = [control.isAllPaused(), control.isPaused("a"), control.isPaused("b")];
      assertEquals(found, paused);
    });
  }
});

Deno.test("WatchControl.onRequest: not called for a request that changes nothing", () => {
  const control = createControl();
  let requests = 0;
  const unsubscribe = control.onRequest(() => requests++);
  apply(control, [["resume", null], ["resume", "a"]]);
  assertEquals([requests, control.isPending()], [0, false]);
  apply(control, [["pause", "a"], ["pause", "a"]]);
  assertEquals([requests, control.isPending()], [1, true]);
  assertEquals([...control.drain()], []);
  assertEquals(control.isPending(), false);
  apply(control, [["pause", null], ["pause", null], ["resume", "a"], ["resume", "a"]]);
  assertEquals(requests, 3);
  control.runNow(["a", "b"]);
  control.runNow(["b"]);
  assertEquals([requests, [...control.drain()], control.isPending()], [5, ["a", "b"], false]);
  unsubscribe();
  control.resume(null);
  assertEquals([requests, control.isPending()], [5, true]);
});
