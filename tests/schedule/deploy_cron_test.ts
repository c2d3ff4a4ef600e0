import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { checkCron, nextOccurrence } from "../../lib/cron/occurrence.ts";
import { deployCron } from "../../lib/schedule/deploy_cron.ts";
import { dueAfter, type Timing } from "../../lib/schedule/due.ts";
import { minutesOf } from "../../lib/cron/expression.ts";
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

/** The part of the language that Deno's parser and others read alike, every hour of every day. */
const DIALECT = /^(?:\*(?:\/\d+)?|[\d,]+) \* \* \* \*$/;

Deno.test("deployCron: derived from the schedules", async (t) => {
  const cases: readonly (readonly [
    name: string,
    schedules: readonly string[],
    minutes: string | null,
  ])[] = [
    ["no tasks", [], null],
    ["nothing comes by itself", ["manual", "manual"], null],
    ["one schedule", ["0 6 * * *"], "*/15"],
    ["one schedule between the quarters", ["7 6 * * *"], "0,7,15,30,45"],
    ["one schedule of many, and manual ones", ["7 6 * * *", "manual", "7 6 1 * *"], "0,7,15,30,45"],
    ["a step over part of the minutes", ["10-50/20 * * * *"], "0,10,15,30,45,50"],
    ["a step that does not divide the hour", ["*/25 * * * *"], "0,15,25,30,45,50"],
    ["a list with a range", ["1-3,2,59 * * * *"], "0,1,2,3,15,30,45,59"],
    ["every fifth minute", ["*/5 * * * *"], "*/5"],
    ["the 29th of February", ["0 0 29 2 *"], "*/15"],
    ["east by half an hour", ["20 * * * * Asia/Kolkata"], "0,15,30,45,50"],
    ["east by three quarters", ["20 6 * * * Asia/Kathmandu"], "0,15,30,35,45"],
    ["daylight saving", ["40 8 * * * Europe/Berlin"], "0,15,30,40,45"],
    ["daylight saving, in the hour left out", ["40 2 * * * Europe/Berlin"], "0,15,30,40,45"],
    ["daylight saving by half an hour", ["10 8 * * * Australia/Lord_Howe"], "0,10,15,30,40,45"],
    ["two schedules", ["23 * * * *", "16 6 * * *"], "0,15,16,23,30,45"],
    ["every minute of two", ["0-29 * * * *", "30-59 6 * * *"], "*"],
    ["jitter", ["0 6 * * * ~60m"], "0,15,25,30,45"],
    ["an interval of a second", ["every 1s"], "*"],
    ["an interval of 19 minutes", ["every 1140s"], "*"],
    ["an interval of 20 minutes", ["every 1200s"], "*/2"],
    ["an interval of an hour", ["every 3600s"], "*/6"],
    ["an interval of a day", ["every 86400s"], "*/15"],
    ["the shortest of two intervals", ["every 86400s", "every 3600s"], "*/6"],
    ["an interval and a time", ["every 18000s", "7 6 * * *"], "0,7,15,30,45"],
  ];
  for (const [name, schedules, minutes] of cases) {
    await t.step(name, () => {
      const cron = deployCron(schedules.map(timing), at);
      assertEquals(cron, minutes === null ? null : `${minutes} * * * *`);
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

/** An expression that matches some date. */
const anyCron = anyExpression().filter((expression) => checkCron(expression, "UTC") === null);

Deno.test("property: deployCron: fires whenever a task is due, or within five minutes with jitter", () => {
  const anyTask = fc.tuple(anyCron, anyZone, fc.constantFrom("", "", " ~7m", " ~90m", " ~3000m"))
    .map(([expression, zone, jitter]) => `${expression} ${zone}${jitter}`);
  fc.assert(
    fc.property(fc.array(anyTask, { minLength: 1, maxLength: 4 }), anyStart, (texts, start) => {
      const tasks = texts.map(timing);
      const cron = deployCron(tasks, at);
      assert(cron !== null);
      assertMatch(cron, DIALECT);
      assertEquals(checkCron(cron, "UTC"), null);
      for (const task of tasks) {
        let due: Temporal.Instant | null = start;
        for (let ticks = 0; ticks < 5; ticks++) {
          due = due && dueAfter(task, due);
          // Beyond that, clocks may change otherwise.
          if (!due || due.since(at, { largestUnit: "hours" }).hours > 4 * 365 * 24) break;
          const look = nextOccurrence(cron, "UTC", due.subtract({ nanoseconds: 1 }));
          const lateMs = (look?.epochMilliseconds ?? Infinity) - due.epochMilliseconds;
          assert(lateMs <= (task.jitterMs === 0 ? 0 : 5 * 60_000), `${due}: ${lateMs} ms late`);
        }
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("row 132: deployCron: fires within 15 minutes of every time", () => {
  fc.assert(
    fc.property(anyCron, anyZone, anyStart, (expression, zone, start) => {
      const cron = deployCron([timing(`${expression} ${zone}`)], at);
      assert(cron !== null);
      const next = nextOccurrence(cron, "UTC", start);
      assert(next !== null && next.since(start).total("minutes") <= 15);
    }),
    { numRuns: 300 },
  );
});

Deno.test("minutesOf: the same minutes as the oracle", () => {
  fc.assert(
    fc.property(anyExpression(), anyStart, (expression, start) => {
      const [minutes] = expression.split(" ");
      const wall = start.toZonedDateTimeISO("UTC").toPlainDateTime();
      const isNamed = minutesOf(expression).includes(wall.minute);
      assertEquals(isNamed, matcherOf(`${minutes} * * * *`)(wall));
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("deployCron: Deno accepts every result", async () => {
  const crons = fc.sample(fc.array(fc.tuple(anyCron, anyZone), { minLength: 1, maxLength: 2 }), {
    numRuns: 60,
    seed: 1,
  });
  for (const [index, tasks] of crons.entries()) {
    const cron = deployCron(tasks.map(([cron, zone]) => timing(`${cron} ${zone}`)), at);
    assert(cron !== null);
    const controller = new AbortController();
    const options = { backoffSchedule: [], signal: controller.signal };
    const ended = Deno.cron(`derived ${index}`, cron, options, () => {});
    controller.abort();
    await ended;
  }
});
