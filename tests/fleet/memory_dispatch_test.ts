import { assertThrows } from "@std/assert";
import { MemoryDispatch } from "../../lib/fleet/memory_dispatch.ts";
import { testTime } from "../helpers/time.ts";
import { dispatchConformance } from "./conformance.ts";

dispatchConformance("memory", () => {
  const time = testTime({ now: "2026-01-01T00:00:00Z", sleep: "manual", timers: "manual" });
  const dispatch = new MemoryDispatch(10_000, time.clock);
  return Promise.resolve({
    open: () => Promise.resolve(dispatch),
    now: time.clock.now,
    advance: (durationMs) => time.advance(durationMs),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

Deno.test("MemoryDispatch: a lease has at least 10 seconds", () => {
  const { clock } = testTime({ now: "2026-01-01T00:00:00Z", sleep: "manual", timers: "manual" });
  for (const leaseMs of [9_999, 0, NaN]) {
    assertThrows(() => new MemoryDispatch(leaseMs, clock), RangeError);
  }
});
