import { assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { checkCron, nextOccurrence, previousOccurrence } from "../../lib/cron/occurrence.ts";
import { anyExpression, matcherOf, watchClock } from "./cron_oracle.ts";

const instant = Temporal.Instant.from;

/** More ticks than any test needs: bounds the loops if a tick does not advance. */
const MOST_TICKS = 1_000;

/** The ticks in (`from`, `to`], found forwards. */
function forwards(expression: string, timezone: string, from: string, to: string): string[] {
  const ticks: string[] = [];
  let tick = nextOccurrence(expression, timezone, instant(from));
  while (tick && Temporal.Instant.compare(tick, instant(to)) <= 0 && ticks.length < MOST_TICKS) {
    ticks.push(tick.toString());
    tick = nextOccurrence(expression, timezone, tick);
  }
  return ticks;
}

/** The ticks in (`from`, `to`], found backwards. */
function backwards(expression: string, timezone: string, from: string, to: string): string[] {
  const ticks: string[] = [];
  let tick = previousOccurrence(expression, timezone, instant(to));
  while (tick && Temporal.Instant.compare(instant(from), tick) < 0 && ticks.length < MOST_TICKS) {
    ticks.unshift(tick.toString());
    tick = previousOccurrence(expression, timezone, tick.subtract({ nanoseconds: 1 }));
  }
  return ticks;
}

Deno.test("row 105: nextOccurrence: a time in the gap ticks at its end, a repeated time once", async (t) => {
  const nights: readonly (readonly [
    name: string,
    timezone: string,
    expression: string,
    from: string,
    to: string,
    ticks: readonly string[],
  ])[] = [
    [
      "Berlin leaves out 02:00 to 03:00",
      "Europe/Berlin",
      "30 2 * * *",
      "2026-03-28T00:00:00Z",
      "2026-03-30T12:00:00Z",
      // 02:30 CET, 03:00 CEST, 02:30 CEST
      ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
    ],
    [
      "Berlin, four times in the gap are one tick",
      "Europe/Berlin",
      "*/15 2 * * *",
      "2026-03-29T00:00:00Z",
      "2026-03-29T12:00:00Z",
      ["2026-03-29T01:00:00Z"],
    ],
    [
      "Berlin, every 20 minutes over the gap",
      "Europe/Berlin",
      "*/20 * * * *",
      "2026-03-29T00:20:00Z",
      "2026-03-29T01:20:00Z",
      ["2026-03-29T00:40:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:20:00Z"],
    ],
    [
      "Berlin repeats 02:00 to 03:00",
      "Europe/Berlin",
      "30 2 * * *",
      "2026-10-24T12:00:00Z",
      "2026-10-26T12:00:00Z",
      // 02:30 CEST, 02:30 CET
      ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    ],
    [
      "Berlin, every 20 minutes over the overlap",
      "Europe/Berlin",
      "*/20 * * * *",
      "2026-10-25T00:20:00Z",
      "2026-10-25T02:20:00Z",
      ["2026-10-25T00:40:00Z", "2026-10-25T02:00:00Z", "2026-10-25T02:20:00Z"],
    ],
    [
      "New York leaves out 02:00 to 03:00",
      "America/New_York",
      "0 2 * * *",
      "2026-03-07T12:00:00Z",
      "2026-03-09T12:00:00Z",
      // 03:00 EDT, 02:00 EDT
      ["2026-03-08T07:00:00Z", "2026-03-09T06:00:00Z"],
    ],
    [
      "New York repeats 01:00 to 02:00",
      "America/New_York",
      "15,45 1 * * *",
      "2026-10-31T12:00:00Z",
      "2026-11-01T12:00:00Z",
      ["2026-11-01T05:15:00Z", "2026-11-01T05:45:00Z"],
    ],
    [
      "New York, the hour after the overlap",
      "America/New_York",
      "0 1,2 * * *",
      "2026-10-31T12:00:00Z",
      "2026-11-01T12:00:00Z",
      ["2026-11-01T05:00:00Z", "2026-11-01T07:00:00Z"],
    ],
    [
      "Lord Howe leaves out 02:00 to 02:30",
      "Australia/Lord_Howe",
      "15,45 2 * * *",
      "2026-10-03T00:00:00Z",
      "2026-10-04T00:00:00Z",
      // 02:30 and 02:45, both at +11:00
      ["2026-10-03T15:30:00Z", "2026-10-03T15:45:00Z"],
    ],
    [
      "Lord Howe repeats 01:30 to 02:00",
      "Australia/Lord_Howe",
      "15,45 1 * * *",
      "2026-04-04T00:00:00Z",
      "2026-04-05T00:00:00Z",
      ["2026-04-04T14:15:00Z", "2026-04-04T14:45:00Z"],
    ],
    [
      "Apia leaves out a day",
      "Pacific/Apia",
      "0 12 * * *",
      "2011-12-29T00:00:00Z",
      "2011-12-31T00:00:00Z",
      // the 29th at -10:00; the 30th never was; the 31st at +14:00
      ["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"],
    ],
  ];
  for (const [name, timezone, expression, from, to, ticks] of nights) {
    await t.step(name, () => {
      assertEquals(forwards(expression, timezone, from, to), ticks);
      assertEquals(backwards(expression, timezone, from, to), ticks);
    });
  }
});

Deno.test("row 105: previousOccurrence: a clock set back at this very instant has shown the hour before", () => {
  assertEquals(
    nextOccurrence("* * * * *", "Europe/Berlin", instant("2026-10-25T01:00:00Z"))?.toString(),
    "2026-10-25T02:00:00Z",
  );
});

/** Nights with clock changes, and one without. */
const NIGHTS: readonly (readonly [timezone: string, around: string])[] = [
  ["Europe/Berlin", "2026-03-29T01:00:00Z"],
  ["Europe/Berlin", "2026-10-25T01:00:00Z"],
  ["America/New_York", "2026-03-08T07:00:00Z"],
  ["America/New_York", "2050-11-06T06:00:00Z"],
  ["Australia/Lord_Howe", "2026-04-04T15:00:00Z"],
  ["Australia/Lord_Howe", "2026-10-03T15:30:00Z"],
  ["America/Sao_Paulo", "2018-11-04T03:00:00Z"],
  ["Asia/Kathmandu", "2026-01-01T00:00:00Z"],
];

Deno.test("row 105: ticks are the instants at which the oracle's clock first reaches or passes them", () => {
  // Times frequent enough for a few hours.
  const minute = fc.constantFrom("*", "*/7", "*/20", "0", "30", "59", "15,45");
  const hour = fc.constantFrom("*", "*/2", "1", "2", "0-3", "3", "1,2,3");
  fc.assert(
    fc.property(
      fc.constantFrom(...NIGHTS),
      minute,
      hour,
      fc.integer({ min: -240, max: 240 }),
      ([timezone, around], ofHour, ofDay, shiftMinutes) => {
        const expression = `${ofHour} ${ofDay} * * *`;
        const from = instant(around).add({ minutes: shiftMinutes });
        const to = from.add({ hours: 3 });
        const seen = watchClock(expression, timezone, { from, to });
        const range = [from.toString(), to.toString()] as const;
        assertEquals(forwards(expression, timezone, ...range), seen);
        assertEquals(backwards(expression, timezone, ...range), seen);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("nextOccurrence: the first matching time", () => {
  fc.assert(
    fc.property(
      anyExpression(),
      fc.integer({ min: 0, max: 60 * 365 * 24 * 60 }),
      (expression, minutes) => {
        const after = instant("1990-01-01T00:00:00Z").add({ minutes });
        const found = nextOccurrence(expression, "UTC", after);
        if (found === null) return assertMatch(checkCron(expression, "UTC") ?? "", /^never comes/);
        assertStrictEquals(checkCron(expression, "UTC"), null);
        assertEquals(found.toString(), firstAfter(expression, after));
        assertEquals(
          previousOccurrence(expression, "UTC", found.add({ seconds: 59 }))?.toString(),
          found.toString(),
        );
        const before = previousOccurrence(expression, "UTC", after);
        assertEquals(
          before && nextOccurrence(expression, "UTC", before)?.toString(),
          found.toString(),
        );
      },
    ),
    { numRuns: 300 },
  );
});

/** The first named minute after an instant, in UTC; skips whole days that are not named. */
function firstAfter(expression: string, after: Temporal.Instant): string {
  const matches = matcherOf(expression);
  const [minute, hour, ...days] = expression.split(" ");
  const dayMatches = matcherOf(["*", "*", ...days].join(" "));
  const minuteMatches = matcherOf(`${minute} ${hour} * * *`);
  let wall = after.toZonedDateTimeISO("UTC").toPlainDateTime();
  while (true) {
    wall = wall.add({ minutes: 1 });
    if (!dayMatches(wall)) wall = wall.with({ hour: 23, minute: 59 });
    else if (minuteMatches(wall) && matches(wall)) break;
  }
  return wall.toZonedDateTime("UTC").toInstant().toString();
}

Deno.test("previousOccurrence: an instant within a minute belongs to the tick before", () => {
  const expression = "0 6 * * *";
  const tick = "2026-01-02T06:00:00Z";
  const cases: readonly (readonly [at: string, previous: string, next: string])[] = [
    ["2026-01-02T05:59:59.999999999Z", "2026-01-01T06:00:00Z", tick],
    [tick, tick, "2026-01-03T06:00:00Z"],
    ["2026-01-02T06:00:00.000000001Z", tick, "2026-01-03T06:00:00Z"],
  ];
  for (const [at, previous, next] of cases) {
    assertEquals(previousOccurrence(expression, "UTC", instant(at))?.toString(), previous);
    assertEquals(nextOccurrence(expression, "UTC", instant(at))?.toString(), next);
  }
});

Deno.test("nextOccurrence, previousOccurrence: rare dates", () => {
  const at = instant("2026-06-01T00:00:00Z");
  const cases: readonly (readonly [expression: string, previous: string, next: string])[] = [
    ["0 0 1 1 *", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"],
    ["0 0 29 2 *", "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"],
    ["0 0 31 4,5 *", "2026-05-31T00:00:00Z", "2027-05-31T00:00:00Z"],
  ];
  for (const [expression, previous, next] of cases) {
    assertEquals(previousOccurrence(expression, "UTC", at)?.toString(), previous);
    assertEquals(nextOccurrence(expression, "UTC", at)?.toString(), next);
  }
  // 2100 has no leap day.
  assertEquals(
    nextOccurrence("0 0 29 2 *", "UTC", instant("2096-03-01T00:00:00Z"))?.toString(),
    "2104-02-29T00:00:00Z",
  );
});

Deno.test("row 108: checkCron: rejects a date that does not exist", async (t) => {
  const missing = [
    ["0 0 30 2 *", "month 2 has no day 30"],
    ["0 0 31 2,4,6,9,11 *", "month 2,4,6,9,11 has no day 31"],
    ["0 0 30-31 FEB *", "month FEB has no day 30-31"],
  ] as const;
  for (const [expression, problem] of missing) {
    await t.step(expression, () => {
      assertEquals(checkCron(expression, "UTC"), `never comes: ${problem}`);
      assertEquals(nextOccurrence(expression, "UTC", instant("2026-01-01T00:00:00Z")), null);
      assertEquals(previousOccurrence(expression, "UTC", instant("2026-01-01T00:00:00Z")), null);
    });
  }
  for (const expression of ["0 0 29 2 *", "0 0 30 2 MON", "0 0 31 */2 *"]) {
    await t.step(`${expression} exists`, () => assertEquals(checkCron(expression, "UTC"), null));
  }
});

Deno.test("row 109: nextOccurrence: of restricted day-of-month and day-of-week, one has to match", async (t) => {
  const february = ["2026-02-01T00:00:00Z", "2026-02-28T23:59:00Z"] as const;
  const cases: readonly (readonly [expression: string, days: readonly number[]])[] = [
    // Fridays are 6, 13, 20 and 27.
    ["0 1 10 * FRI", [6, 10, 13, 20, 27]],
    ["0 1 10 * *", [10]],
    ["0 1 * * FRI", [6, 13, 20, 27]],
    ["0 1 */14 * FRI", [1, 6, 13, 15, 20, 27]],
  ];
  for (const [expression, days] of cases) {
    await t.step(expression, () => {
      assertEquals(
        forwards(expression, "UTC", ...february).map((tick) => Number(tick.slice(8, 10))),
        days,
      );
    });
  }
});

Deno.test("Sunday is 0, 7 and SUN", () => {
  const sundays = ["2026-02-01T01:00:00Z", "2026-02-08T01:00:00Z"];
  for (const sunday of ["0", "7", "SUN", "sun", "0,7"]) {
    const expression = `0 1 * * ${sunday}`;
    assertEquals(
      forwards(expression, "UTC", "2026-02-01T00:00:00Z", "2026-02-14T00:00:00Z"),
      sundays,
    );
  }
});

Deno.test("checkCron: reports the fields first, then the date, then the time zone", () => {
  assertMatch(checkCron("60 0 30 2 *", "Mars") ?? "", /^has minute "60"/);
  assertMatch(checkCron("0 0 30 2 *", "Mars") ?? "", /^never comes/);
  for (const timezone of ["Mars", "", "2026-01-01[Europe/Berlin]", "Europe/Berlin\n"]) {
    assertEquals(
      checkCron("0 6 * * *", timezone),
      `is in time zone ${JSON.stringify(timezone)}, must be in one such as "Europe/Berlin"`,
    );
  }
  assertEquals(checkCron("0 6 * * *", "Europe/Berlin"), null);
});

Deno.test("nextOccurrence: is correct with more schedules than the cache holds", () => {
  const at = instant("2026-01-01T12:00:30Z");
  const ask = (minute: number) =>
    nextOccurrence(`${minute % 60} ${Math.floor(minute / 60)} * * *`, "UTC", at)?.toString();
  const minutes = Array.from({ length: 1440 }, (_, minute) => minute);
  const expected = minutes.map((minute) => {
    const day = instant(minute <= 720 ? "2026-01-02T00:00:00Z" : "2026-01-01T00:00:00Z");
    return day.add({ minutes: minute }).toString();
  });
  assertEquals(minutes.map(ask), expected);
  assertEquals(minutes.map(ask), expected);
});
