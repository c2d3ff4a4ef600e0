import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { checkCron, nextOccurrence } from "../../lib/cron/occurrence.ts";
import { deployCron } from "../../lib/schedule/deploy_cron.ts";
import { dueAfter, type Timing } from "../../lib/schedule/due.ts";
import { readFields } from "../../lib/cron/expression.ts";
import { anyExpression, matcherOf } from "../cron/cron_oracle.ts";

const at = Temporal.Instant.from("2026-01-15T12:00:00Z");

/** `0 6 * * *`, `0 6 * * * Europe/Berlin`, `every 30m`, `manual`; and `~1h` for jitter. */
function timing(text: string, index = 0): Timing {
  const [, words = "", jitter = "0"] = /^(.*?)(?: ~(\d+)m)?$/.exec(text) ?? [];
  const common = {
    id: `task-${index}`,
    timezone: "UTC",
    misfire: "once" as const,
    jitterMs: Number(jitter) * 60_000,
  };
  if (words === "manual") return { ...common, schedule: { kind: "manual" } };
  const [, interval] = /^every (\d+)s$/.exec(words) ?? [];
  if (interval !== undefined) {
    return { ...common, schedule: { kind: "every", intervalMs: Number(interval) * 1_000 } };
  }
  const fields = words.split(" ");
  return {
    ...common,
    schedule: { kind: "cron", expression: fields.slice(0, 5).join(" ") },
    timezone: fields[5] ?? "UTC",
  };
}

/**
 * The part of the language about which Deno's parser and others are of one mind: no number of a
 * weekday, no range, no step but over all minutes.
 */
const DIALECT =
  /^(?:\*(?:\/\d+)?|[\d,]+) (?:\*|[\d,]+) (?:\*|[\d,]+) (?:\*|[\d,]+) (?:\*|(?:(?:SUN|MON|TUE|WED|THU|FRI|SAT),?)+)$/;

Deno.test("the cron of a platform is derived from the schedules", async (t) => {
  const cases: readonly (readonly [
    name: string,
    schedules: readonly string[],
    kind: "none" | "exact" | "tick",
    expression?: string,
  ])[] = [
    ["no tasks", [], "none"],
    ["nothing comes by itself", ["manual", "manual"], "none"],
    ["one schedule", ["0 6 * * *"], "exact", "0 6 * * *"],
    [
      "one schedule of many, and manual ones",
      ["0 6 * * *", "manual", "0 6 * * *"],
      "exact",
      "0 6 * * *",
    ],
    [
      "one schedule in two forms",
      ["0 6 * * 1-5", "0 6 * * MON,TUE,WED,THU,FRI"],
      "exact",
      "0 6 * * MON,TUE,WED,THU,FRI",
    ],
    ["both names of Sunday", ["0 0 * * 0", "0 0 * * 7", "0 0 * * sun"], "exact", "0 0 * * SUN"],
    ["numbers of weekdays become names", ["30 4 * * 0,6"], "exact", "30 4 * * SUN,SAT"],
    ["a step over part of the minutes", ["10-50/20 * * * *"], "exact", "10,30,50 * * * *"],
    ["a step over all", ["*/15 * * * *"], "exact", "*/15 * * * *"],
    ["a step that does not divide the hour", ["*/25 * * * *"], "exact", "0,25,50 * * * *"],
    [
      "steps of hours, days and months",
      ["0 */6 */10 */4 *"],
      "exact",
      "0 0,6,12,18 1,11,21,31 1,5,9 *",
    ],
    ["the 29th of February", ["0 0 29 2 *"], "exact", "0 0 29 2 *"],
    ["a day or a weekday", ["0 0 13 * FRI"], "exact", "0 0 13 * FRI"],
    ["every day or a weekday is every day", ["0 0 1-31 * FRI"], "exact", "0 0 * * *"],
    ["a day or every weekday is every day", ["0 0 13 * 0-6"], "exact", "0 0 * * *"],
    ["every weekday", ["0 0 * * 1-7"], "exact", "0 0 * * *"],
    ["east, the same day", ["30 8 * * * Asia/Tokyo"], "exact", "30 23 * * *"],
    ["east by half an hour", ["15 * * * * Asia/Kolkata"], "exact", "45 * * * *"],
    ["east by half an hour, two times", ["0,30 6 * * * Asia/Kolkata"], "tick", "*/30 * * * *"],
    ["all hours, two minutes", ["0,30 * * * * Asia/Kolkata"], "exact", "*/30 * * * *"],
    ["weekdays, the day before", ["30 8 * * MON Asia/Tokyo"], "exact", "30 23 * * SUN"],
    ["weekdays, the day after", ["30 20 * * SAT -05:00"], "exact", "30 1 * * SUN"],
    ["weekdays, some the day before", ["0 8,10 * * MON Asia/Tokyo"], "tick", "0 * * * *"],
    ["every day, some the day before", ["0 8,10 * * * Asia/Tokyo"], "exact", "0 1,23 * * *"],
    ["the first of the month, the same day", ["0 10 1 * * Asia/Tokyo"], "exact", "0 1 1 * *"],
    ["the first of the month, the day before", ["0 8 1 * * Asia/Tokyo"], "tick", "0 * * * *"],
    ["a month, the day before", ["0 8 * 3 * Asia/Tokyo"], "tick", "0 * * * *"],
    ["UTC and Tokyo agree", ["30 23 * * *", "30 8 * * * Asia/Tokyo"], "exact", "30 23 * * *"],
    ["daylight saving", ["30 8 * * * Europe/Berlin"], "tick", "30 * * * *"],
    ["daylight saving, in the hour left out", ["30 2 * * * Europe/Berlin"], "tick", "*/30 * * * *"],
    [
      "daylight saving by half an hour",
      ["10 8 * * * Australia/Lord_Howe"],
      "tick",
      "10,40 * * * *",
    ],
    ["two schedules", ["23 * * * *", "15 6 * * *"], "tick", "15,23 * * * *"],
    ["two schedules at one minute", ["0 5 * * *", "0 6 * * *"], "tick", "0 * * * *"],
    ["every minute of two", ["0-29 * * * *", "30-59 6 * * *"], "tick", "* * * * *"],
    ["jitter", ["0 6 * * * ~60m"], "tick", "25 * * * *"],
    ["an interval of a second", ["every 1s"], "tick", "* * * * *"],
    ["an interval of 19 minutes", ["every 1140s"], "tick", "* * * * *"],
    ["an interval of 20 minutes", ["every 1200s"], "tick", "*/2 * * * *"],
    ["an interval of an hour", ["every 3600s"], "tick", "*/6 * * * *"],
    ["an interval of a day", ["every 86400s"], "tick", "0 * * * *"],
    ["the shortest of two intervals", ["every 86400s", "every 3600s"], "tick", "*/6 * * * *"],
    ["an interval and a time", ["every 18000s", "7 6 * * *"], "tick", "0,7,30 * * * *"],
  ];
  for (const [name, schedules, kind, expression] of cases) {
    await t.step(name, () => {
      assertEquals(deployCron(schedules.map(timing), at) as unknown, {
        kind,
        ...(expression === undefined ? {} : { expression }),
      });
    });
  }
});

const anyZone = fc.constantFrom(
  "UTC",
  "Asia/Tokyo",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Pacific/Kiritimati",
  "-03:30",
  "Europe/Berlin",
  "America/New_York",
  "America/St_Johns",
  "Australia/Lord_Howe",
  "Africa/Casablanca",
);
const anyStart = fc.integer({ min: 0, max: 365 * 24 * 60 })
  .map((minutes) => at.add({ minutes }));

/** An expression that comes at some date. */
const anyCron = anyExpression().filter((expression) => checkCron(expression, "UTC") === null);

Deno.test("an exact cron comes whenever its tasks do, and at no other time", () => {
  let exact = 0;
  fc.assert(
    fc.property(anyCron, anyZone, anyStart, (expression, zone, start) => {
      const cron = deployCron([timing(`${expression} ${zone}`)], at);
      if (cron.kind !== "exact") return;
      exact++;
      assertMatch(cron.expression, DIALECT);
      assertEquals(checkCron(cron.expression, "UTC"), null);
      let [mine, theirs]: (Temporal.Instant | null)[] = [start, start];
      for (let ticks = 0; ticks < 20 && theirs; ticks++) {
        mine = mine && nextOccurrence(cron.expression, "UTC", mine);
        theirs = nextOccurrence(expression, zone, theirs);
        assertEquals(mine?.toString(), theirs?.toString());
      }
      // And so says who reads the expression without the library.
      const matches = matcherOf(cron.expression);
      const wall = start.toZonedDateTimeISO("UTC").toPlainDateTime();
      const minute = wall.round({ smallestUnit: "minute", roundingMode: "floor" });
      const before = minute.toZonedDateTime("UTC").toInstant().subtract({ nanoseconds: 1 });
      const isTick = nextOccurrence(expression, zone, before)
        ?.equals(before.add({ nanoseconds: 1 })) ?? false;
      assertEquals(matches(minute), isTick);
    }),
    { numRuns: 2_000 },
  );
  assert(exact > 200, `${exact} of 2,000`);
});

Deno.test("a tick comes whenever a task is due, or within five minutes where there is jitter", () => {
  const anyTask = fc.tuple(anyCron, anyZone, fc.constantFrom("", "", " ~7m", " ~90m", " ~3000m"))
    .map(([expression, zone, jitter]) => `${expression} ${zone}${jitter}`);
  fc.assert(
    fc.property(fc.array(anyTask, { minLength: 1, maxLength: 4 }), anyStart, (texts, start) => {
      const tasks = texts.map(timing);
      const cron = deployCron(tasks, at);
      assert(cron.kind !== "none");
      assertMatch(cron.expression, DIALECT);
      assertEquals(checkCron(cron.expression, "UTC"), null);
      for (const task of tasks) {
        let due: Temporal.Instant | null = start;
        for (let ticks = 0; ticks < 5; ticks++) {
          due = due && dueAfter(task, due);
          // Beyond that, clocks may change otherwise.
          if (!due || due.since(at, { largestUnit: "hours" }).hours > 4 * 365 * 24) break;
          const look = nextOccurrence(cron.expression, "UTC", due.subtract({ nanoseconds: 1 }));
          const lateMs = (look?.epochMilliseconds ?? Infinity) - due.epochMilliseconds;
          assert(lateMs <= (task.jitterMs === 0 ? 0 : 5 * 60_000), `${due}: ${lateMs} ms late`);
        }
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("an expression is read as others read it", () => {
  fc.assert(
    fc.property(anyExpression(), anyStart, (expression, start) => {
      const { minutes, hours, days, months, weekdays } = readFields(expression);
      const wall = start.toZonedDateTimeISO("UTC").toPlainDateTime();
      const day = days?.includes(wall.day) ?? true;
      const weekday = weekdays?.includes(wall.dayOfWeek % 7) ?? true;
      const fits = minutes.includes(wall.minute) && hours.includes(wall.hour) &&
        (months?.includes(wall.month) ?? true) &&
        (days && weekdays ? day || weekday : day && weekday);
      assertEquals(fits, matcherOf(expression)(wall));
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("Deno takes every cron that is derived", async () => {
  const crons = fc.sample(fc.array(fc.tuple(anyCron, anyZone), { minLength: 1, maxLength: 2 }), {
    numRuns: 60,
    seed: 1,
  });
  for (const [index, tasks] of crons.entries()) {
    const cron = deployCron(tasks.map(([cron, zone]) => timing(`${cron} ${zone}`)), at);
    assert(cron.kind !== "none");
    const controller = new AbortController();
    const options = { backoffSchedule: [], signal: controller.signal };
    const ended = Deno.cron(`derived ${index}`, cron.expression, options, () => {});
    controller.abort();
    await ended;
  }
});
