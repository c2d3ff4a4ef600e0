import { assertEquals } from "@std/assert";
import { createControl, type WatchControl } from "../../lib/worker/control.ts";

type Step = readonly ["pause" | "resume", string | null];

/** What is paused after some steps: all, `a`, `b`. */
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

function carryOut(control: WatchControl, steps: readonly Step[]): void {
  for (const [what, task] of steps) control[what](task);
}

Deno.test("a control: one task or all are paused, and resumed", async (t) => {
  for (const [steps, paused] of CASES) {
    const name = steps.map(([what, task]) => `${what} ${task ?? "all"}`).join(", ");
    await t.step(name || "nothing", () => {
      const control = createControl();
      carryOut(control, steps);
      const found = [control.isAllPaused(), control.isPaused("a"), control.isPaused("b")];
      assertEquals(found, paused);
    });
  }
});

Deno.test("a control: what changes nothing wakes nobody", () => {
  const control = createControl();
  let wishes = 0;
  const forget = control.onWish(() => wishes++);
  carryOut(control, [["resume", null], ["resume", "a"]]);
  assertEquals([wishes, control.hasWish()], [0, false]);
  carryOut(control, [["pause", "a"], ["pause", "a"]]);
  assertEquals([wishes, control.hasWish()], [1, true]);
  assertEquals([...control.take()], []);
  assertEquals(control.hasWish(), false);
  carryOut(control, [["pause", null], ["pause", null], ["resume", "a"], ["resume", "a"]]);
  assertEquals(wishes, 3);
  control.runNow(["a", "b"]);
  control.runNow(["b"]);
  assertEquals([wishes, [...control.take()], control.hasWish()], [5, ["a", "b"], false]);
  forget();
  control.resume(null);
  assertEquals([wishes, control.hasWish()], [5, true]);
});
