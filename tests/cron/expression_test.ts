import { assertEquals } from "@std/assert";
import {
  adviseFields,
  checkFields,
  expandNickname,
  repairFields,
} from "../../lib/cron/expression.ts";

Deno.test("checkFields: accepts expressions of the common grammar", async (t) => {
  const sound = [
    "0 6 * * *",
    "*/15 * * * *",
    "0,30 8-18 * * MON-FRI",
    "05 06 * * 1,3,5",
    "1-59/2 0-23/3 1-31/10 1-12/6 0-7/2",
    "0 0 1 jan,Jul *",
    "0 0 * DEC sun",
    "0 0 * * 0-7",
    "0 0 * * 7",
    "0 0 * * FRI-SUN",
    "0 0 * * SUN-TUE",
    "0 0 * * MON-5",
    "*/60 */24 */31 */12 */7",
    "59 23 31 12 7",
    "  0\t6   * * * ",
  ];
  for (const expression of sound) {
    await t.step(expression, () => assertEquals(checkFields(expression), null));
  }
});

const FIVE = "must have 5 fields: minute hour day-of-month month day-of-week";
const elementOf = (values: string) => `must be *, ${values}, a range a-b, or a step */n or a-b/n`;

Deno.test("checkFields: rejects other expressions, with the allowed values", async (t) => {
  const unsound: readonly (readonly [expression: string, problem: string])[] = [
    ["", `${FIVE}, has 0`],
    ["   ", `${FIVE}, has 0`],
    ["0 6 * *", `${FIVE}, has 4`],
    ["0 0 6 * * *", `${FIVE}, has 6; seconds and years are not supported`],
    ["0 0 6 * * * 2026", `${FIVE}, has 7; seconds and years are not supported`],
    ["0 6 ? * *", `has day-of-month "?", ${elementOf("1-31")}`],
    ["0 6 L * *", 'has day-of-month "L", the last day of a month is not supported'],
    ["0 6 15W * *", 'has day-of-month "15W", the weekday nearest to a date is not supported'],
    ["0 6 * * 5#2", 'has day-of-week "5#2", the nth or last weekday of a month is not supported'],
    ["0 6 * * FRIL", 'has day-of-week "FRIL", the nth or last weekday of a month is not supported'],
    ["0 6 * * MONDAY", `has day-of-week "MONDAY", ${elementOf("0-7 or SUN-SAT")}`],
    ["0 6 * MON *", `has month "MON", ${elementOf("1-12 or JAN-DEC")}`],
    ["MON 6 * * *", `has minute "MON", ${elementOf("0-59")}`],
    ["1, 6 * * *", `has minute "", ${elementOf("0-59")}`],
    ["-5 6 * * *", `has minute "-5", ${elementOf("0-59")}`],
    ["1-2-3 6 * * *", `has minute "1-2-3", ${elementOf("0-59")}`],
    ["*-5 6 * * *", `has minute "*-5", ${elementOf("0-59")}`],
    ["1.5 6 * * *", `has minute "1.5", ${elementOf("0-59")}`],
    ["٣ 6 * * *", `has minute "٣", ${elementOf("0-59")}`],
    ["60 6 * * *", 'has minute "60", must be within 0-59'],
    ["0 24 * * *", 'has hour "24", must be within 0-23'],
    ["0 6 0 * *", 'has day-of-month "0", must be within 1-31'],
    ["0 6 * 13 *", 'has month "13", must be within 1-12 or JAN-DEC'],
    ["0 6 * * 8", 'has day-of-week "8", must be within 0-7 or SUN-SAT'],
    ["0 6-24 * * *", 'has hour "6-24", must be within 0-23'],
    [
      "0 22-6 * * *",
      'has hour "22-6", which runs backwards: must be two ranges with a comma between them',
    ],
    [
      "0 6 * * FRI-MON",
      'has day-of-week "FRI-MON", which runs backwards: must be two ranges with a comma between them',
    ],
    ["5/15 6 * * *", 'has minute "5/15", must be a range with a step, such as 5-59/15'],
    ["*/0 6 * * *", 'has minute "*/0", must have a step within 1-60'],
    ["*/90 6 * * *", 'has minute "*/90", must have a step within 1-60'],
    ["0 6 * * */8", 'has day-of-week "*/8", must have a step within 1-7'],
    ["0 6,7,8x * * *", `has hour "8x", ${elementOf("0-23")}`],
  ];
  for (const [expression, problem] of unsound) {
    await t.step(expression, () => assertEquals(checkFields(expression), problem));
  }
});

Deno.test("expandNickname: the nicknames of Vixie cron, in any case", () => {
  const table: [text: string, fields: string | null][] = [
    ["@hourly", "0 * * * *"],
    ["@daily", "0 0 * * *"],
    ["@Midnight", "0 0 * * *"],
    [" @weekly ", "0 0 * * 0"],
    ["@monthly", "0 0 1 * *"],
    ["@yearly", "0 0 1 1 *"],
    ["@ANNUALLY", "0 0 1 1 *"],
    ["@reboot", null],
    ["daily", null],
  ];
  for (const [text, fields] of table) assertEquals(expandNickname(text), fields, text);
});

Deno.test("repairFields: a valid expression, or null", () => {
  const table: [text: string, repaired: string | null][] = [
    ["0 0 6 * * *", "0 6 * * *"],
    ["30 0 6 * * ? *", "0 6 * * *"],
    ["0 6 * * * 2027", "0 6 * * *"],
    ["*/5", "*/5 * * * *"],
    ["0 6", "0 6 * * *"],
    ["60 6 * * *", "0 6 * * *"],
    ["0 6 31 2 *", "0 6 28 2 *"],
    ["0 6 31 apr *", "0 6 30 APR *"],
    ["6", null],
    ["0 24 * * *", "0 0 * * *"],
    ["15 30 * * *", "30 15 * * *"],
    ["0 30 * * *", null],
    ["0 6 ? * monday", "0 6 * * MON"],
    ["0 6 1 sept *", "0 6 1 SEP *"],
    ["0 6 * * tu,th", "0 6 * * TUE,THU"],
    ["0 6 1 JU *", null],
    ["5/20 * * * *", "5-59/20 * * * *"],
    ["0 22-6 * * *", "0 22-23,0-6 * * *"],
    ["0 6 * * FRI-SUN", null],
    ["0 6 * * SAT-MON", "0 6 * * SAT,SUN-MON"],
    ["0 6 1, 15 * *", "0 6 1,15 * *"],
    ["0 6 L * *", null],
    ["0 6 * * *", null],
    ["x".repeat(1_000), null],
  ];
  for (const [text, repaired] of table) {
    assertEquals(repairFields(text), repaired, text);
    if (repaired !== null) assertEquals(checkFields(repaired), null, repaired);
  }
});

Deno.test("adviseFields: the nearest valid expression, or the meaning of the values", () => {
  const table: [text: string, advice: string | null][] = [
    [
      "0 6 L * *",
      'the nearest is "0 6 28 * *": the 28th of each month; to fetch a file of each such day, write "dates": {"last": "3M", "on": "last day"}',
    ],
    [
      "0 6 LW 3 *",
      'the nearest is "0 6 28 3 *": the 28th of each month; to fetch a file of each such day, write "dates": {"last": "3M", "on": "last workday"}',
    ],
    [
      "0 6 1,15W * *",
      'the nearest is "0 6 15 * *": this date, also at a weekend; to fetch a file of each such day, write "dates": {"last": "3M", "on": "15 or nearest workday"}',
    ],
    [
      "0 6 * * fri#2",
      'the nearest is "0 6 * * fri": this day of every week; to fetch a file of each such day, write "dates": {"last": "3M", "on": "second FRI"}',
    ],
    [
      "0 6 * * 5L",
      'the nearest is "0 6 * * 5": this day of every week; to fetch a file of each such day, write "dates": {"last": "3M", "on": "last FRI"}',
    ],
    ["0 25 * * *", "hours are 0 (midnight) to 23 (11 pm)"],
    ["0 6 * * 8", "days are 0 (SUN) to 6 (SAT); 7 is SUN, too"],
    // Another field is wrong as well.
    ["0 25 L * *", "hours are 0 (midnight) to 23 (11 pm)"],
    ["0 6 99W * *", null],
    ["0 6 * 13 *", null],
    ["0 6 * * *", null],
    ["0 6 L", null],
    [`0 6 L * ${"1,".repeat(200)}1`, null],
  ];
  for (const [text, advice] of table) assertEquals(adviseFields(text), advice, text);
});
