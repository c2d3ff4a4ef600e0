import { assert, assertEquals, assertGreater } from "@std/assert";
import type { Schedule } from "../../lib/core/task.ts";
import {
  CLOCK_SKEW_MS,
  decideDue,
  describeSchedule,
  FRESH_MS,
  isStale,
  jitterOffsetMs,
  type Timing,
  unhealthyAfterMs,
} from "../../lib/schedule/due.ts";

const cron = (expression: string): Schedule => ({ kind: "cron", expression });
const every = (minutes: number): Schedule => ({ kind: "every", intervalMs: minutes * 60_000 });
const manual: Schedule = { kind: "manual" };

const DAILY: Timing = {
  id: "rates",
  schedule: cron("0 6 * * *"),
  timezone: "UTC",
  misfire: "once",
  jitterMs: 0,
};

const instant = (text: string | null) => text === null ? null : Temporal.Instant.from(text);

/** A decision in a row of a table: whether it is due, why, and when next. */
type Row = readonly [
  name: string,
  task: Partial<Timing>,
  lastRunAt: string | null,
  notBefore: string | null,
  now: string,
  due: boolean,
  reason: string,
  nextDue: string | null,
];

async function decideAll(t: Deno.TestContext, rows: readonly Row[]): Promise<void> {
  for (const [name, task, lastRunAt, notBefore, now, due, reason, nextDue] of rows) {
    await t.step(name, () => {
      const memory = { lastRunAt: instant(lastRunAt), notBefore: instant(notBefore) };
      const decision = decideDue({ ...DAILY, ...task }, memory, Temporal.Instant.from(now));
      assertEquals(
        { ...decision, nextDue: decision.nextDue?.toString() ?? null },
        { due, reason, nextDue },
      );
    });
  }
}

const BERLIN = { timezone: "Europe/Berlin" };
const SKIP = { misfire: "skip" } as const;

Deno.test("decideDue: a tick is due until the task has run after it", (t) =>
  // deno-fmt-ignore
  decideAll(t, [
    ["before the tick", {}, "2026-01-01T06:00:05Z", null, "2026-01-02T05:59:59Z",
      false, "next at 2026-01-02 06:00 UTC", "2026-01-02T06:00:00Z"],
    ["at the tick", {}, "2026-01-01T06:00:05Z", null, "2026-01-02T06:00:00Z",
      true, "due since 2026-01-02 06:00 UTC", "2026-01-03T06:00:00Z"],
    ["in the task's time zone", BERLIN, "2026-07-01T04:00:05Z", null, "2026-07-02T04:00:00Z",
      true, "due since 2026-07-02 06:00 Berlin", "2026-07-03T04:00:00Z"],
    ["a run by hand just before does not count for it", {}, "2026-01-02T05:59:59Z", null,
      "2026-01-02T06:00:00Z", true, "due since 2026-01-02 06:00 UTC",
      "2026-01-03T06:00:00Z"],
    ["a run in the very moment of the tick counts", {}, "2026-01-02T06:00:00Z", null,
      "2026-01-02T06:00:00Z", false, "next at 2026-01-03 06:00 UTC",
      "2026-01-03T06:00:00Z"],
    ["never run", {}, null, null, "2026-01-02T12:00:00Z",
      true, "never run before", "2026-01-03T06:00:00Z"],
    ["no tick will come", { schedule: cron("0 0 30 2 *") }, "2026-01-01T00:00:00Z", null,
      "2026-01-02T00:00:00Z", false, "never comes again", null],
  ]));

Deno.test("row 106: decideDue: missed ticks trigger one run, or none", (t) =>
  // deno-fmt-ignore
  decideAll(t, [
    ["once: one tick, late", {}, "2026-01-01T06:00:05Z", null, "2026-01-02T23:00:00Z",
      true, "due since 2026-01-02 06:00 UTC", "2026-01-03T06:00:00Z"],
    ["once: three ticks, one run", {}, "2026-01-01T06:00:05Z", null, "2026-01-04T06:00:00Z",
      true, "missed since 2026-01-02 06:00 UTC; running once to catch up",
      "2026-01-05T06:00:00Z"],
    ["once: nothing after that run", {}, "2026-01-04T06:00:05Z", null, "2026-01-04T06:00:06Z",
      false, "next at 2026-01-05 06:00 UTC", "2026-01-05T06:00:00Z"],
    ["skip: still fresh", SKIP, "2026-01-01T06:00:05Z", null, "2026-01-02T06:30:00Z",
      true, "due since 2026-01-02 06:00 UTC", "2026-01-03T06:00:00Z"],
    ["skip: no longer fresh", SKIP, "2026-01-01T06:00:05Z", null, "2026-01-02T06:30:00.001Z",
      false, "missed 2026-01-02 06:00 UTC, skipped; next at " +
      "2026-01-03 06:00 UTC", "2026-01-03T06:00:00Z"],
    ["skip: the newest of many is fresh", SKIP, "2026-01-01T06:00:05Z", null,
      "2026-01-09T06:10:00Z", true, "due since 2026-01-09 06:00 UTC",
      "2026-01-10T06:00:00Z"],
    ["skip: ran already", SKIP, "2026-01-02T06:10:00Z", null, "2026-01-02T06:15:00Z",
      false, "next at 2026-01-03 06:00 UTC", "2026-01-03T06:00:00Z"],
    ["skip: ran in the very moment of the tick", SKIP, "2026-01-02T06:00:00Z", null,
      "2026-01-02T06:00:00Z", false, "next at 2026-01-03 06:00 UTC",
      "2026-01-03T06:00:00Z"],
    ["skip: ticks closer together than freshness lasts", { ...SKIP, schedule: cron("*/5 * * * *") },
      "2026-01-02T06:00:01Z", null, "2026-01-02T06:29:00Z",
      true, "due since 2026-01-02 06:25 UTC", "2026-01-02T06:30:00Z"],
    ["skip: never run, at a tick", SKIP, null, null, "2026-01-02T06:10:00Z",
      true, "due since 2026-01-02 06:00 UTC", "2026-01-03T06:00:00Z"],
    ["skip: never run, between ticks", SKIP, null, null, "2026-01-02T12:00:00Z",
      false, "next at 2026-01-03 06:00 UTC", "2026-01-03T06:00:00Z"],
  ]));

Deno.test("row 107: decideDue: ticks during a task's execution trigger no run", (t) => {
  const schedule = cron("*/10 * * * *");
  // deno-fmt-ignore
  return decideAll(t, [
    // Started at 06:00, ended at 06:25: the ticks at 06:10 and 06:20 are skipped.
    ["once", { schedule }, "2026-01-02T06:25:00Z", null, "2026-01-02T06:25:01Z",
      false, "next at 2026-01-02 06:30 UTC", "2026-01-02T06:30:00Z"],
    ["skip", { schedule, ...SKIP }, "2026-01-02T06:25:00Z", null, "2026-01-02T06:25:01Z",
      false, "next at 2026-01-02 06:30 UTC", "2026-01-02T06:30:00Z"],
  ]);
});

Deno.test("row 105: decideDue: a tick in the gap and a repeated tick are due once", (t) => {
  const night = { ...BERLIN, schedule: cron("30 2 * * *") };
  // deno-fmt-ignore
  return decideAll(t, [
    ["before the gap", night, "2026-03-28T01:30:05Z", null, "2026-03-29T00:59:59Z",
      false, "next at 2026-03-29 03:00 Berlin", "2026-03-29T01:00:00Z"],
    ["right after the gap", night, "2026-03-28T01:30:05Z", null, "2026-03-29T01:00:00Z",
      true, "due since 2026-03-29 03:00 Berlin", "2026-03-30T00:30:00Z"],
    ["the first time", night, "2026-10-24T00:30:05Z", null, "2026-10-25T00:30:00Z",
      true, "due since 2026-10-25 02:30 Berlin", "2026-10-26T01:30:00Z"],
    ["the second time", night, "2026-10-25T00:30:05Z", null, "2026-10-25T01:30:00Z",
      false, "next at 2026-10-26 02:30 Berlin", "2026-10-26T01:30:00Z"],
  ]);
});

Deno.test("decideDue: an interval counts from the last run", (t) => {
  const schedule = every(30);
  // deno-fmt-ignore
  return decideAll(t, [
    ["never run", { schedule }, null, null, "2026-01-02T06:00:00Z",
      true, "never run before", "2026-01-02T06:30:00Z"],
    ["not yet", { schedule }, "2026-01-02T06:00:00Z", null, "2026-01-02T06:26:59.999Z",
      false, "next at 2026-01-02 06:30 UTC", "2026-01-02T06:30:00Z"],
    ["nearly: the next trigger would be far too late", { schedule }, "2026-01-02T06:00:00Z", null,
      "2026-01-02T06:27:00Z", true, "due at 2026-01-02 06:30 UTC",
      "2026-01-02T06:57:00Z"],
    ["now", { schedule }, "2026-01-02T06:00:00Z", null, "2026-01-02T06:30:00Z",
      true, "due since 2026-01-02 06:30 UTC", "2026-01-02T07:00:00Z"],
    ["long ago", { schedule }, "2026-01-01T06:00:00Z", null, "2026-01-02T06:30:00Z",
      true, "due since 2026-01-01 06:30 UTC", "2026-01-02T07:00:00Z"],
    ["skip makes no difference", { schedule, ...SKIP }, "2026-01-01T06:00:00Z", null,
      "2026-01-02T06:30:00Z", true, "due since 2026-01-01 06:30 UTC",
      "2026-01-02T07:00:00Z"],
    ["skip, never run", { schedule, ...SKIP }, null, null, "2026-01-02T06:00:00Z",
      true, "never run before", "2026-01-02T06:30:00Z"],
  ]);
});

Deno.test("decideDue: manual is never due", (t) =>
  // deno-fmt-ignore
  decideAll(t, [
    ["never run", { schedule: manual }, null, null, "2026-01-02T06:00:00Z", false, "manual", null],
    ["deferred", { schedule: manual }, "2026-01-01T06:00:00Z", "2026-01-01T07:00:00Z",
      "2026-01-02T06:00:00Z", false, "manual", null],
  ]));

Deno.test("decideDue: a deferred task is due at the end of its deferral", (t) => {
  const schedule = every(30);
  // deno-fmt-ignore
  return decideAll(t, [
    ["before", {}, "2026-01-02T06:00:05Z", "2026-01-02T08:00:00Z", "2026-01-02T07:59:59Z",
      false, "not before 2026-01-02 08:00 UTC", "2026-01-02T08:00:00Z"],
    ["before, over a tick", {}, "2026-01-02T05:00:05Z", "2026-01-02T08:00:00Z",
      "2026-01-02T07:00:00Z", false, "not before 2026-01-02 08:00 UTC",
      "2026-01-02T08:00:00Z"],
    ["then", {}, "2026-01-02T06:00:05Z", "2026-01-02T08:00:00Z", "2026-01-02T08:00:00Z",
      true, "due since 2026-01-02 08:00 UTC", "2026-01-03T06:00:00Z"],
    ["after a run since", {}, "2026-01-02T08:00:05Z", "2026-01-02T08:00:00Z",
      "2026-01-02T08:01:00Z", false, "next at 2026-01-03 06:00 UTC",
      "2026-01-03T06:00:00Z"],
    ["over several ticks", {}, "2026-01-02T06:00:05Z", "2026-01-04T07:00:00Z",
      "2026-01-04T07:00:00Z", true,
      "missed since 2026-01-03 06:00 UTC; running once to catch up", "2026-01-05T06:00:00Z"],
    ["never run", {}, null, "2026-01-02T08:00:00Z", "2026-01-02T07:00:00Z",
      false, "not before 2026-01-02 08:00 UTC", "2026-01-02T08:00:00Z"],
    ["never run, then", {}, null, "2026-01-02T08:00:00Z", "2026-01-02T08:00:00Z",
      true, "never run before", "2026-01-03T06:00:00Z"],
    ["skip, then", SKIP, "2026-01-02T06:00:05Z", "2026-01-02T08:00:00Z", "2026-01-02T08:30:00Z",
      true, "due since 2026-01-02 08:00 UTC", "2026-01-03T06:00:00Z"],
    ["skip, too late", SKIP, "2026-01-02T06:00:05Z", "2026-01-02T08:00:00Z",
      "2026-01-02T08:30:01Z", false, "missed 2026-01-02 08:00 UTC, skipped; " +
      "next at 2026-01-03 06:00 UTC", "2026-01-03T06:00:00Z"],
    ["an interval, before its end", { schedule }, "2026-01-02T06:00:00Z", "2026-01-02T06:10:00Z",
      "2026-01-02T06:10:00Z", true, "due since 2026-01-02 06:10 UTC",
      "2026-01-02T06:40:00Z"],
    ["an interval, beyond its end", { schedule }, "2026-01-02T06:00:00Z", "2026-01-02T08:00:00Z",
      "2026-01-02T07:00:00Z", false, "not before 2026-01-02 08:00 UTC",
      "2026-01-02T08:00:00Z"],
  ]);
});

Deno.test("decideDue: a time recorded by a wrong clock does not block a task", (t) => {
  const schedule = every(30);
  // deno-fmt-ignore
  return decideAll(t, [
    ["cron, a year ahead", {}, "2027-01-02T06:00:05Z", null, "2026-01-02T12:00:00Z",
      true, "never run before", "2026-01-03T06:00:00Z"],
    ["its deferral, too", {}, "2027-01-02T06:00:05Z", "2027-01-02T08:00:00Z",
      "2026-01-02T12:00:00Z", true, "never run before", "2026-01-03T06:00:00Z"],
    ["skip waits for the next tick", SKIP, "2027-01-02T06:00:05Z", null, "2026-01-02T12:00:00Z",
      false, "next at 2026-01-03 06:00 UTC", "2026-01-03T06:00:00Z"],
    ["an interval, a year ahead", { schedule }, "2027-01-02T06:00:00Z", null,
      "2026-01-02T06:00:00Z", true, "never run before", "2026-01-02T06:30:00Z"],
    ["an interval, a little ahead", { schedule }, "2026-01-02T06:10:00Z", null,
      "2026-01-02T06:00:00Z", false, "next at 2026-01-02 06:40 UTC",
      "2026-01-02T06:40:00Z"],
    ["cron, a little ahead of the tick", {}, "2026-01-02T06:00:03Z", null, "2026-01-02T05:59:58Z",
      false, "next at 2026-01-03 06:00 UTC", "2026-01-03T06:00:00Z"],
    ["skip, a little ahead of the tick", SKIP, "2026-01-02T06:00:03Z", null,
      "2026-01-02T05:59:58Z", false, "next at 2026-01-03 06:00 UTC",
      "2026-01-03T06:00:00Z"],
  ]);
});

Deno.test("row 110: decideDue: lost, late and doubled triggers run each due task once", () => {
  let lastRunAt = Temporal.Instant.from("2026-01-01T06:00:00Z");
  const runs: string[] = [];
  for (const trigger of ["2026-01-02T06:17:00Z", "2026-01-04T07:40:00Z", "2026-01-06T06:00:00Z"]) {
    const now = Temporal.Instant.from(trigger);
    // Each trigger is doubled.
    for (const at of [now, now.add({ seconds: 1 })]) {
      if (!decideDue(DAILY, { lastRunAt, notBefore: null }, at).due) continue;
      runs.push(at.toString());
      lastRunAt = at;
    }
  }
  assertEquals(runs, ["2026-01-02T06:17:00Z", "2026-01-04T07:40:00Z", "2026-01-06T06:00:00Z"]);
});

Deno.test("decideDue: jitter is added to every due time", (t) => {
  const jitter = { id: "rates", jitterMs: 600_000 };
  const offset = { milliseconds: jitterOffsetMs(jitter.id, jitter.jitterMs) };
  assertEquals(offset, { milliseconds: 189_884 });
  // deno-fmt-ignore
  return decideAll(t, [
    ["at the tick itself", jitter, "2026-01-01T06:07:00Z", null, "2026-01-02T06:00:00Z",
      false, "next at 2026-01-02 06:03:09 UTC", "2026-01-02T06:03:09.884Z"],
    ["at the moved tick", jitter, "2026-01-01T06:07:00Z", null, "2026-01-02T06:03:09.884Z",
      true, "due since 2026-01-02 06:03:09 UTC", "2026-01-03T06:03:09.884Z"],
    ["skip is as fresh as without", { ...jitter, ...SKIP }, "2026-01-01T06:07:00Z", null,
      "2026-01-02T06:33:09.884Z", true, "due since 2026-01-02 06:03:09 UTC",
      "2026-01-03T06:03:09.884Z"],
    ["an interval", { ...jitter, schedule: every(30) }, "2026-01-02T06:00:00Z", null,
      "2026-01-02T06:30:00Z", false, "next at 2026-01-02 06:33:09 UTC",
      "2026-01-02T06:33:09.884Z"],
  ]);
});

Deno.test("jitterOffsetMs: FNV-1a, whole, within bounds and spread", () => {
  // The hash's own published values: of nothing, of "a" and of "foobar".
  const whole = 2 ** 32;
  assertEquals(jitterOffsetMs("", whole), 0x811c9dc5);
  assertEquals(jitterOffsetMs("a", whole), 0xe40c292c);
  assertEquals(jitterOffsetMs("foobar", whole), 0xbf9cf968);
  assertEquals(jitterOffsetMs("rates", 0), 0);
  assertEquals(jitterOffsetMs("rates", 0.5), 0);
  assertEquals(jitterOffsetMs("rates", 1), 0);

  const offsets = Array.from({ length: 1_000 }, (_, index) => jitterOffsetMs(`f${index}`, 600_000));
  assert(offsets.every((offset) => Number.isInteger(offset) && offset >= 0 && offset < 600_000));
  const perMinute = Array.from(
    { length: 10 },
    (_, minute) => offsets.filter((offset) => Math.floor(offset / 60_000) === minute).length,
  );
  assertGreater(Math.min(...perMinute), 60);
});

Deno.test("isStale: twice due since the last success", async (t) => {
  const rows: readonly (readonly [
    name: string,
    task: Partial<Timing>,
    lastSuccessAt: string | null,
    now: string,
    stale: boolean,
  ])[] = [
    ["cron, fresh", {}, "2026-01-01T06:00:05Z", "2026-01-02T05:59:59Z", false],
    ["cron, one tick", {}, "2026-01-01T06:00:05Z", "2026-01-03T05:59:59Z", false],
    ["cron, two ticks", {}, "2026-01-01T06:00:05Z", "2026-01-03T06:00:00Z", true],
    ["cron, skip", SKIP, "2026-01-01T06:00:05Z", "2026-01-03T06:00:00Z", true],
    [
      "weekdays, over the weekend",
      { schedule: cron("0 6 * * MON-FRI") },
      "2026-01-02T06:00:05Z",
      "2026-01-05T12:00:00Z",
      false,
    ],
    [
      "cron, jitter",
      { jitterMs: 600_000 },
      "2026-01-01T06:06:00Z",
      "2026-01-03T06:03:09Z",
      false,
    ],
    ["interval", { schedule: every(30) }, "2026-01-01T06:00:00Z", "2026-01-01T06:59:59Z", false],
    [
      "two intervals",
      { schedule: every(30) },
      "2026-01-01T06:00:00Z",
      "2026-01-01T07:00:00Z",
      true,
    ],
    ["manual", { schedule: manual }, "2020-01-01T06:00:00Z", "2026-01-01T06:00:00Z", false],
    ["manual, never", { schedule: manual }, null, "2026-01-01T06:00:00Z", false],
    ["never", {}, null, "2026-01-01T06:00:00Z", true],
    ["a little ahead", {}, "2026-01-01T06:10:00Z", "2026-01-01T06:00:00Z", false],
    ["far ahead", {}, "2027-01-01T06:00:00Z", "2026-01-01T06:00:00Z", true],
    [
      "no second tick to come",
      { schedule: cron("0 0 30 2 *") },
      "2026-01-01T06:00:00Z",
      "2029-01-01T06:00:00Z",
      false,
    ],
  ];
  for (const [name, task, lastSuccessAt, now, stale] of rows) {
    await t.step(name, () => {
      const at = Temporal.Instant.from(now);
      assertEquals(isStale({ ...DAILY, ...task }, instant(lastSuccessAt), at), stale);
    });
  }
});

Deno.test("describeSchedule: the text of the config", () => {
  const cases: readonly (readonly [schedule: Schedule, text: string])[] = [
    [cron("0 6 * * *"), "0 6 * * * (Europe/Berlin)"],
    [every(30), "every 30m"],
    [every(90), "every 1h30m"],
    [every(2 * 24 * 60), "every 2d"],
    [{ kind: "every", intervalMs: 86_461_001 }, "every 1d1m1s1ms"],
    [manual, "manual"],
  ];
  for (const [schedule, text] of cases) {
    assertEquals(describeSchedule(schedule, "Europe/Berlin"), text);
  }
});

Deno.test("FRESH_MS, CLOCK_SKEW_MS, RETRY_TICK_MS: as documented", () => {
  assertEquals([FRESH_MS, CLOCK_SKEW_MS], [1_800_000, 600_000]);
});

const HOURLY: Timing = { ...DAILY, schedule: cron("0 * * * *") };
const MINUTELY: Timing = { ...DAILY, schedule: every(1) };

Deno.test("row 132: decideDue: a failed task is due after its backoff, or at a tick an hour or more after", () => {
  const table: readonly (readonly [
    name: string,
    task: Timing,
    lastRunAt: string,
    retryAt: string,
    dueAt: string,
    nextDue: string,
  ])[] = [
    ["daily, within minutes", DAILY, "06:00:01", "06:01:01", "06:01:01", "06:00+1"],
    ["daily, after many failures", DAILY, "05:10:00", "11:10:00", "11:10:00", "06:00+1"],
    ["daily, at its tick", DAILY, "04:30:00", "10:30:00", "06:00:00", "06:00+1"],
    ["daily, a tick in exactly an hour", DAILY, "05:00:00", "11:00:00", "06:00:00", "06:00+1"],
    ["daily, a tick in less than an hour", DAILY, "05:00:01", "11:00:01", "11:00:01", "06:00+1"],
    ["hourly: a tick is too close", HOURLY, "06:00:01", "08:08:01", "08:08:01", "09:00"],
    ["every minute backs off", MINUTELY, "06:00:00", "06:32:00", "06:32:00", "06:33"],
    ["every hour", { ...DAILY, schedule: every(60) }, "06:00:00", "12:00:00", "06:54:00", "07:54"],
    ["skip as once", { ...DAILY, ...SKIP }, "06:00:01", "06:01:01", "06:01:01", "06:00+1"],
    [
      "jitter moves the tick, not the attempt",
      { ...DAILY, id: "a", jitterMs: 60_000 },
      "06:00:01",
      "06:01:01",
      "06:01:01",
      "06:00:42.22+1",
    ],
  ];
  const today = (time: string) => Temporal.Instant.from(`2026-01-02T${time}Z`);
  const later = (time: string) =>
    time.endsWith("+1") ? today(time.slice(0, -2)).add({ hours: 24 }) : today(time);
  for (const [name, task, lastRunAt, retryAt, dueAt, nextDue] of table) {
    const memory = { lastRunAt: today(lastRunAt), notBefore: null, retryAt: today(retryAt) };
    const before = decideDue(task, memory, today(dueAt).subtract({ milliseconds: 1 }));
    assertEquals(before.due, false, name);
    // An interval may be a tenth short of its end.
    const shown = name === "every hour" ? "07:00:00" : dueAt;
    assertEquals(before.nextDue?.toString(), today(shown).toString(), name);
    const at = decideDue(task, memory, today(dueAt));
    assertEquals([at.due, at.nextDue?.toString()], [true, later(nextDue).toString()], name);
    const hoursLate = decideDue(task, memory, today(dueAt).add({ hours: 5 }));
    assertEquals(hoursLate.due, true, name);
  }
});

Deno.test("row 132: decideDue: the reason of a failed task, before and after its backoff", () => {
  const memory = {
    lastRunAt: instant("2026-01-02T06:00:01Z"),
    notBefore: null,
    retryAt: instant("2026-01-02T06:01:01Z"),
  };
  const reason = (task: Partial<Timing>, now: string) =>
    decideDue({ ...DAILY, ...task }, memory, Temporal.Instant.from(now)).reason;
  assertEquals(
    reason({}, "2026-01-02T06:00:30Z"),
    "failed, next attempt at 2026-01-02 06:01:01 UTC",
  );
  assertEquals(
    reason(BERLIN, "2026-01-02T06:02:00Z"),
    "failed, next attempt due since 2026-01-02 07:01:01 Berlin",
  );
  assertEquals(reason({ schedule: manual }, "2026-01-02T06:02:00Z"), "manual");
});

Deno.test("row 132: decideDue: the deferral of a failed task precedes its backoff", () => {
  const memory = {
    lastRunAt: instant("2026-01-02T06:00:00Z"),
    retryAt: instant("2026-01-02T06:01:00Z"),
    notBefore: instant("2026-01-02T08:00:00Z"),
  };
  const due = (now: string) => decideDue(DAILY, memory, Temporal.Instant.from(now)).due;
  assertEquals([due("2026-01-02T07:59:59Z"), due("2026-01-02T08:00:00Z")], [false, true]);
});

Deno.test("decideDue: a failure recorded by a wrong clock is ignored", () => {
  const memory = {
    lastRunAt: instant("2026-01-03T06:00:00Z"),
    retryAt: instant("2026-01-03T06:01:00Z"),
    notBefore: null,
  };
  const decision = decideDue(DAILY, memory, Temporal.Instant.from("2026-01-02T07:00:00Z"));
  assertEquals([decision.due, decision.reason], [true, "never run before"]);
});

Deno.test("row 132: unhealthyAfterMs is an hour, or one interval if that is shorter", () => {
  const at = Temporal.Instant.from("2026-01-02T06:00:01Z");
  const table: [schedule: Schedule, minutes: number][] = [
    [cron("0 6 * * *"), 60],
    [cron("0 * * * *"), 60],
    [cron("*/20 * * * *"), 20],
    [cron("0,10 6 * * *"), 60],
    [every(1), 1],
    [every(59), 59],
    [every(600), 60],
    [manual, 60],
    // One tick is left in this millennium at most: no interval.
    [cron("0 0 29 2 *"), 60],
  ];
  for (const [schedule, minutes] of table) {
    for (const jitterMs of [0, 600_000]) {
      const milliseconds = unhealthyAfterMs({ ...DAILY, schedule, jitterMs }, at);
      assertEquals(milliseconds, minutes * 60_000, JSON.stringify(schedule));
    }
  }
});

Deno.test("decideDue: postponedUntil postpones a due time, and keeps it", () => {
  const lastRunAt = instant("2026-01-02T06:00:01Z");
  const table: [postponedUntil: string, now: string, due: boolean, nextDue: string][] = [
    // The next tick is tomorrow's, postponed or not.
    ["2026-01-02T06:10:00Z", "2026-01-02T06:05:00Z", false, "2026-01-03T06:00:00Z"],
    ["2026-01-02T06:10:00Z", "2026-01-02T06:10:00Z", false, "2026-01-03T06:00:00Z"],
    // A tick comes meanwhile.
    ["2026-01-03T08:00:00Z", "2026-01-03T06:30:00Z", false, "2026-01-03T08:00:00Z"],
    ["2026-01-03T08:00:00Z", "2026-01-03T08:00:00Z", true, "2026-01-04T06:00:00Z"],
  ];
  for (const [postponedUntil, now, due, nextDue] of table) {
    const memory = { lastRunAt, notBefore: null, postponedUntil: instant(postponedUntil) };
    const decision = decideDue(DAILY, memory, Temporal.Instant.from(now));
    assertEquals([decision.due, decision.nextDue?.toString()], [due, nextDue]);
  }
});
