import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Schedule } from "../../lib/core/task.ts";
import {
  decideDue,
  type DueMemory,
  nextDueTimes,
  nextWake,
  SLICE_MS,
  sliceMs,
  tickDuring,
  type Timing,
} from "../../lib/schedule/due.ts";

const instant = (text: string) => Temporal.Instant.from(text);
const cron = (expression: string): Schedule => ({ kind: "cron", expression });
const every = (intervalMs: number): Schedule => ({ kind: "every", intervalMs });
const timing = (id: string, schedule: Schedule, options: Partial<Timing> = {}): Timing => ({
  id,
  schedule,
  timezone: "UTC",
  misfire: "once",
  jitterMs: 0,
  ...options,
});

const NOW = "2026-01-15T12:00:00Z";
const ran = (at: string, options: Partial<DueMemory> = {}): DueMemory => ({
  lastRunAt: instant(at),
  notBefore: null,
  ...options,
});
const NEVER: DueMemory = { lastRunAt: null, notBefore: null };
const hourly = timing("hourly", cron("0 * * * *"));
const manual = timing("manual", { kind: "manual" });
const often = timing("often", every(60_000));

const WAKES: readonly (readonly [
  name: string,
  tasks: readonly (readonly [Timing, DueMemory])[],
  now: string,
  wake: string | null,
])[] = [
  ["nothing", [], NOW, null],
  ["nothing that is ever due", [[manual, NEVER]], NOW, null],
  [
    "the earliest",
    [
      [hourly, ran("2026-01-15T11:30:00Z", { lastRunAt: instant(NOW) })],
      [manual, NEVER],
      [often, ran(NOW)],
    ],
    NOW,
    "2026-01-15T12:01:00Z often",
  ],
  [
    "of two at once, the first",
    [
      [timing("b", cron("0 * * * *")), ran(NOW)],
      [timing("a", cron("0 * * * *")), ran(NOW)],
    ],
    NOW,
    "2026-01-15T13:00:00Z b",
  ],
  [
    "what is due already",
    [
      [often, ran("2026-01-15T11:59:30Z")],
      [hourly, ran("2026-01-15T11:30:00Z")],
    ],
    NOW,
    "2026-01-15T12:00:00Z hourly",
  ],
  [
    "a deferral before the schedule",
    [
      [hourly, ran(NOW, { notBefore: instant("2026-01-15T12:10:00Z") })],
    ],
    NOW,
    "2026-01-15T12:10:00Z hourly",
  ],
  [
    "a failed task, at its next attempt",
    [
      [often, ran(NOW, { retryAt: instant("2026-01-15T12:08:00Z") })],
    ],
    NOW,
    "2026-01-15T12:08:00Z often",
  ],
  [
    "jitter",
    [[timing("a", cron("0 * * * *"), { jitterMs: 60_000 }), ran("2026-01-15T12:01:00Z")]],
    "2026-01-15T12:01:00Z",
    "2026-01-15T13:00:42.22Z a",
  ],
  [
    "a time that daylight saving leaves out",
    [
      [
        timing("night", cron("30 2 * * *"), { timezone: "Europe/Berlin" }),
        ran("2026-03-28T01:30:00Z"),
      ],
    ],
    "2026-03-28T20:00:00Z",
    "2026-03-29T01:00:00Z night",
  ],
  [
    "a time that comes twice, the first time",
    [
      [
        timing("night", cron("30 2 * * *"), { timezone: "Europe/Berlin" }),
        ran("2026-10-24T00:30:00Z"),
      ],
    ],
    "2026-10-24T20:00:00Z",
    "2026-10-25T00:30:00Z night",
  ],
  [
    "a time that comes twice, not the second time",
    [
      [
        timing("night", cron("30 2 * * *"), { timezone: "Europe/Berlin" }),
        ran("2026-10-25T00:30:00Z"),
      ],
    ],
    "2026-10-25T00:31:00Z",
    "2026-10-26T01:30:00Z night",
  ],
];

Deno.test("nextWake: the first task that comes due", async (t) => {
  for (const [name, tasks, now, expected] of WAKES) {
    await t.step(name, () => {
      const memories = new Map(tasks);
      const wake = nextWake(
        tasks.map(([task]) => task),
        (task) => memories.get(task) ?? NEVER,
        instant(now),
      );
      assertEquals(wake && `${wake.at} ${wake.task}`, expected);
    });
  }
});

const START_MS = Date.UTC(2026, 2, 27);
const SPAN_MS = 5 * 24 * 3_600_000;
const aTime = fc.integer({ min: 0, max: SPAN_MS })
  .map((ms) => Temporal.Instant.fromEpochMilliseconds(START_MS + ms));
const maybeTime = fc.option(aTime);

const anyTiming: fc.Arbitrary<Timing> = fc.record({
  id: fc.string(),
  schedule: fc.oneof(
    fc.constantFrom("0 6 * * *", "30 2 * * *", "*/20 * * * *", "0 0 1 * *").map(cron),
    fc.integer({ min: 1_000, max: SPAN_MS }).map(every),
    fc.constant<Schedule>({ kind: "manual" }),
  ),
  timezone: fc.constantFrom("UTC", "Europe/Berlin", "America/New_York"),
  misfire: fc.constantFrom("once" as const, "skip" as const),
  jitterMs: fc.constantFrom(0, 1, 90_000, 7_200_000),
});

const anyMemory: fc.Arbitrary<DueMemory> = fc.record({
  lastRunAt: maybeTime,
  notBefore: maybeTime,
  retryAt: maybeTime,
  postponedUntil: maybeTime,
});

Deno.test("property: nextWake: after sleeping until it, the task is due or a later wake is known", () => {
  fc.assert(
    fc.property(anyTiming, anyMemory, aTime, (task, memory, now) => {
      const wake = nextWake([task], () => memory, now);
      if (!wake) return;
      const { due, nextDue } = decideDue(task, memory, wake.at);
      // Either the task is due then, or a later time is known by then.
      assert(due || (nextDue && Temporal.Instant.compare(nextDue, wake.at) > 0));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("property: nextWake: during the sleep only nearly due tasks come due", () => {
  fc.assert(
    fc.property(anyTiming, anyMemory, aTime, fc.nat(1_000), (task, memory, now, share) => {
      const wake = nextWake([task], () => memory, now);
      // Whether a recorded time in the future is ignored depends on the present time.
      const isPast = [memory.lastRunAt]
        .every((time) => !time || Temporal.Instant.compare(time, now) <= 0);
      if (!wake || !isPast) return;
      const sleepMs = wake.at.epochMilliseconds - now.epochMilliseconds;
      const meanwhile = now.add({ milliseconds: Math.floor(sleepMs * share / 1_001) });
      const { due } = decideDue(task, memory, meanwhile);
      const { schedule } = task;
      const slackMs = schedule.kind === "every" ? schedule.intervalMs / 10 : 0;
      const isNear = wake.at.epochMilliseconds - meanwhile.epochMilliseconds <= slackMs;
      assert(!due || isNear || Temporal.Instant.compare(wake.at, now) === 0);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("sliceMs: at most SLICE_MS, and rounded up", () => {
  const now = instant(NOW);
  assertEquals(sliceMs(null, now), SLICE_MS);
  assertEquals(sliceMs(now.add({ hours: 10 }), now), SLICE_MS);
  assertEquals(sliceMs(now.add({ milliseconds: 1_200 }), now), 1_200);
  assertEquals(sliceMs(now.add({ nanoseconds: 1_000_001 }), now), 2);
  assertEquals(sliceMs(now, now), 1);
  assertEquals(sliceMs(now.subtract({ hours: 1 }), now), 1);
});

Deno.test("row 107: tickDuring: the first tick during a long task", () => {
  const from = instant(NOW);
  assertEquals(tickDuring(hourly, from, from.add({ minutes: 59 })), null);
  assertEquals(`${tickDuring(hourly, from, from.add({ minutes: 60 }))}`, "2026-01-15T13:00:00Z");
  assertEquals(`${tickDuring(hourly, from, from.add({ hours: 5 }))}`, "2026-01-15T13:00:00Z");
  assertEquals(tickDuring(often, from, from.add({ hours: 5 })), null);
  assertEquals(tickDuring(manual, from, from.add({ hours: 5 })), null);
});

Deno.test("nextDueTimes: after now, the first by deferrals and backoff, the others by the schedule", () => {
  const failed = ran("2026-01-15T11:30:00Z", { retryAt: instant("2026-01-15T12:15:00Z") });
  const table: [name: string, timing: Timing, memory: DueMemory, times: string[]][] = [
    ["cron", timing("a", cron("0 6 * * *")), ran("2026-01-15T06:00:00Z"), [
      "2026-01-16T06:00:00Z",
      "2026-01-17T06:00:00Z",
      "2026-01-18T06:00:00Z",
    ]],
    ["failed", timing("a", cron("0 6 * * *")), failed, [
      "2026-01-15T12:15:00Z",
      "2026-01-16T06:00:00Z",
      "2026-01-17T06:00:00Z",
    ]],
    ["an interval", timing("a", every(90 * 60_000)), ran("2026-01-15T11:00:00Z"), [
      "2026-01-15T12:30:00Z",
      "2026-01-15T14:00:00Z",
      "2026-01-15T15:30:00Z",
    ]],
    ["manual", timing("a", { kind: "manual" }), ran("2026-01-15T11:00:00Z"), []],
  ];
  for (const [name, task, memory, times] of table) {
    assertEquals(nextDueTimes(task, memory, instant(NOW), 3).map(String), times, name);
    assertEquals(nextDueTimes(task, memory, instant(NOW), 1).map(String), times.slice(0, 1), name);
  }
});
