import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { nextOccurrence } from "../../lib/cron/occurrence.ts";
import {
  decideDue,
  dueAfter,
  FRESH_MS,
  jitterOffsetMs,
  RETRY_TICK_MS,
  type Timing,
} from "../../lib/schedule/due.ts";
import { retryDelayMs } from "../../lib/state/record.ts";

// The clocks of Berlin and New York change within these days.
const START_MS = Date.UTC(2026, 2, 7);
const DAYS = 30;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

interface CronTiming extends Timing {
  readonly expression: string;
}

const anyTiming: fc.Arbitrary<CronTiming> = fc.record({
  id: fc.string(),
  expression: fc.constantFrom(
    "0 6 * * *",
    "30 2 * * *",
    "*/20 * * * *",
    "15 1,2,3 * * MON-FRI",
    "0 0 1,15 * SUN",
  ),
  timezone: fc.constantFrom("UTC", "Europe/Berlin", "America/New_York"),
  misfire: fc.constantFrom("once" as const, "skip" as const),
  jitterMs: fc.constantFrom(0, 1, 90_000, 600_000, 7_200_000),
}).map((parts) => ({ ...parts, schedule: { kind: "cron", expression: parts.expression } }));

const aTime = fc.integer({ min: 0, max: DAYS * DAY_MS });

/** Times of triggers: scattered, clustered, doubled. Milliseconds from the start, in order. */
const anyTriggers = fc.array(
  fc.tuple(aTime, fc.array(fc.integer({ min: 0, max: 20 * MINUTE_MS }), { maxLength: 4 })),
  { minLength: 1, maxLength: 40 },
).map((clusters) =>
  clusters.flatMap(([first, later]) => [first, first, ...later.map((ms) => first + ms)])
    .sort((one, other) => one - other)
);

const at = (ms: number) => Temporal.Instant.fromEpochMilliseconds(START_MS + ms);

/** Due times within the simulated days, milliseconds from the start, in order. */
function dueTimes({ id, expression, timezone, jitterMs }: CronTiming): number[] {
  const offsetMs = jitterOffsetMs(id, jitterMs);
  return ticksOf(expression, timezone).map((ms) => ms + offsetMs);
}

const ticks = new Map<string, number[]>();

function ticksOf(expression: string, timezone: string): number[] {
  const key = `${expression} ${timezone}`;
  const known = ticks.get(key);
  if (known) return known;
  const made: number[] = [];
  let tick = nextOccurrence(expression, timezone, at(-20 * DAY_MS));
  // A tick that does not advance must fail the test, not hang it.
  while (tick && tick.epochMilliseconds < START_MS + (DAYS + 2) * DAY_MS && made.length < 10_000) {
    made.push(tick.epochMilliseconds - START_MS);
    tick = nextOccurrence(expression, timezone, tick);
  }
  ticks.set(key, made);
  return made;
}

/** The times of runs, if each takes no time. */
function simulate(timing: Timing, triggers: readonly number[], lastRunMs: number | null): number[] {
  const runs: number[] = [];
  for (const now of triggers) {
    const lastMs = runs.at(-1) ?? lastRunMs;
    const memory = { lastRunAt: lastMs === null ? null : at(lastMs), notBefore: null };
    if (decideDue(timing, memory, at(now)).due) runs.push(now);
  }
  return runs;
}

Deno.test("row 110: once: whatever the triggers, each tick is followed by one run", () => {
  fc.assert(
    fc.property(anyTiming, anyTriggers, fc.option(aTime), (any, triggers, lastMs) => {
      const timing = { ...any, misfire: "once" } as const;
      const times = dueTimes(timing);
      const begin = lastMs === null ? null : Math.min(lastMs, triggers[0] ?? 0);
      const runs = simulate(timing, triggers, begin);

      const passed = times.filter((time) => time > (begin ?? 0) && time <= (triggers.at(-1) ?? 0));
      assert(runs.length <= passed.length + (begin === null ? 1 : 0));
      // Each tick has its run at the first trigger from it on.
      for (const time of passed) {
        const first = triggers.find((trigger) => trigger >= time);
        assert(first !== undefined && runs.includes(first), `no run for ${time}`);
      }
      // Each run has a tick of its own since the one before.
      const counted = begin === null ? runs : [begin, ...runs];
      counted.slice(1).forEach((run, index) => {
        const before = counted[index] ?? 0;
        assert(times.some((time) => before < time && time <= run), `two runs for one tick: ${run}`);
      });
      if (begin === null) assertEquals(runs[0], triggers[0]);
    }),
  );
});

Deno.test("row 110: skip: a run for the newest tick while it is fresh, and no other", () => {
  fc.assert(
    fc.property(anyTiming, anyTriggers, fc.option(aTime), (any, triggers, lastMs) => {
      const timing = { ...any, misfire: "skip" } as const;
      const times = dueTimes(timing);
      const begin = lastMs === null ? null : Math.min(lastMs, triggers[0] ?? 0);
      const expected: number[] = [];
      for (const now of triggers) {
        const newest = times.filter((time) => time <= now).at(-1) ?? -Infinity;
        const last = expected.at(-1) ?? begin ?? -Infinity;
        if (newest > last && now - newest <= FRESH_MS) expected.push(now);
      }
      assertEquals(simulate(timing, triggers, begin), expected);
    }),
  );
});

Deno.test("nextDue is later than now, and the first time at which the task is due", () => {
  const anySchedule = fc.oneof(
    anyTiming,
    fc.tuple(anyTiming, fc.integer({ min: 1, max: 48 * 60 })).map(([timing, minutes]) => ({
      ...timing,
      schedule: { kind: "every", intervalMs: minutes * MINUTE_MS } as const,
    })),
  );
  fc.assert(
    fc.property(
      anySchedule,
      aTime,
      fc.option(aTime),
      fc.option(aTime),
      fc.option(fc.integer({ min: 0, max: 6 * 60 * MINUTE_MS })),
      (timing, nowMs, lastMs, deferredMs, backoffMs) => {
        const now = at(nowMs);
        const memory = {
          lastRunAt: lastMs === null ? null : at(Math.min(lastMs, nowMs)),
          notBefore: deferredMs === null ? null : at(deferredMs),
          retryAt: lastMs === null || backoffMs === null
            ? null
            : at(Math.min(lastMs, nowMs) + backoffMs),
        };
        const decision = decideDue(timing, memory, now);
        const { nextDue } = decision;
        assert(nextDue !== null && Temporal.Instant.compare(now, nextDue) < 0);
        const since = decision.due ? { lastRunAt: now, notBefore: null, retryAt: null } : memory;
        assert(decideDue(timing, since, nextDue).due);
        // An interval may be a tenth short.
        const { schedule } = timing as Timing;
        const slackMs = schedule.kind === "every" ? Math.floor(schedule.intervalMs / 10) : 0;
        const before = nextDue.subtract({ milliseconds: slackMs, nanoseconds: 1 });
        if (Temporal.Instant.compare(before, now) <= 0) return;
        assertEquals(decideDue(timing, since, before).due, false);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("row 132: a failing task is tried again by its backoff, and at ticks an hour apart", () => {
  const anySchedule = fc.oneof(
    anyTiming.map(({ schedule }) => schedule),
    fc.integer({ min: 1, max: 48 * 60 })
      .map((minutes) => ({ kind: "every", intervalMs: minutes * MINUTE_MS }) as const),
  );
  fc.assert(
    fc.property(anyTiming, anySchedule, fc.boolean(), aTime, (any, schedule, permanent, fromMs) => {
      const timing: Timing = { ...any, schedule };
      let lastMs = fromMs;
      for (let failures = 1; failures <= 12; failures++) {
        const waitMs = retryDelayMs(failures, permanent);
        const memory = { lastRunAt: at(lastMs), notBefore: null, retryAt: at(lastMs + waitMs) };
        const { due, nextDue } = decideDue(timing, memory, at(lastMs));
        assert(!due && nextDue !== null);
        const nextMs = nextDue.epochMilliseconds - START_MS;
        // Never later than the backoff; earlier only at a tick of the schedule, an hour or more after.
        assert(nextMs <= lastMs + waitMs);
        if (nextMs < lastMs + waitMs) {
          assert(nextMs - lastMs >= RETRY_TICK_MS);
          assertEquals(dueAfter(timing, at(lastMs))?.epochMilliseconds, nextDue.epochMilliseconds);
        }
        assert(decideDue(timing, memory, nextDue).due);
        lastMs = nextMs;
      }
    }),
  );
});
