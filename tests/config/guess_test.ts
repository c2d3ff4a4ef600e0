import { assertEquals } from "@std/assert";
import { parseSchedule } from "../../lib/config/schedule.ts";
import { parseDuration, parseSize } from "../../lib/config/schema/fields.ts";
import { guessDuration, guessSchedule, guessSize } from "../../lib/config/guess.ts";
import { partsOf } from "../../lib/config/problem.ts";
import { nearest } from "../../lib/config/suggest.ts";

Deno.test("guessDuration and guessSize: valid values in the form of a config, or null", () => {
  const durations: [value: unknown, guess: string | null][] = [
    [30, "30s"],
    ["30", "30s"],
    [30_000, "30s"],
    ["30 s", "30s"],
    ["5 minutes", "5m"],
    ["1 hour, 30 minutes", "1h30m"],
    ["1h30", "1h30m"],
    ["1:30:00", "1h30m"],
    ["PT1H30M", "1h30m"],
    ["P1DT2H", "1d2h"],
    ["2 weeks", "14d"],
    ["1.5 hours", "1h30m"],
    ["soon", null],
    ["5 parsecs", null],
    ["-1s", null],
    [true, null],
    [Infinity, null],
    ["9".repeat(100), null],
  ];
  for (const [value, guess] of durations) {
    assertEquals(guessDuration(value), guess, String(value));
    if (guess !== null) assertEquals(parseDuration(guess) === null, false, guess);
  }
  const sizes: [value: unknown, guess: string | null][] = [
    ["5mb", "5MB"],
    ["5M", "5MB"],
    ["1.5 gib", "1.5GiB"],
    ["10 MB/s", "10MB"],
    ["100", "100B"],
    ["5 floppies", null],
    ["constructor", null],
  ];
  for (const [value, guess] of sizes) {
    assertEquals(guessSize(value), guess, String(value));
    if (guess !== null) assertEquals(parseSize(guess) === null, false, guess);
  }
});

const SCHEDULES: readonly (readonly [text: string, guess: string | null])[] = [
  ["every5m", "every 5m"],
  ["every 5min", "every 5m"],
  ["every 5 minutes", "every 5m"],
  ["Every 5M", "every 5m"],
  ["every hour", "@hourly"],
  ["@every 1h30m", "every 1h30m"],
  ["30m", "every 30m"],
  ["every 0s", null],
  ["every 3 years", null],
  ["daily", "@daily"],
  ["daily at 6:05", "5 6 * * *"],
  ["12am", "0 0 * * *"],
  ["12:30 pm", "30 12 * * *"],
  ["25:00", null],
  ["@dayly", "@daily"],
  ["0 0 6 * * *", "0 6 * * *"],
  ["0 6 31 FEBRUARY *", "0 6 28 FEB *"],
  ["tomorrow", null],
];

Deno.test("row 89: parseSchedule: a suggestion is a valid schedule", () => {
  for (const [text, guess] of SCHEDULES) {
    const { problem = "" } = parseSchedule(text, "UTC", nearest);
    const { hint } = partsOf(problem);
    assertEquals(hint, guess === null ? null : `did you mean "${guess}"?`, text);
    if (guess === null) continue;
    assertEquals(parseSchedule(guess, "UTC", nearest).problem, undefined, guess);
  }
  assertEquals(guessSchedule("x".repeat(1_000_000)), null);
});
