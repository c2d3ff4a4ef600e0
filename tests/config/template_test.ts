import { assertEquals } from "@std/assert";
import {
  createRenderer,
  parseTemplate,
  startOfDate,
  templateWarning,
} from "../../lib/config/template.ts";
import { complaintText } from "./loading.ts";

/** 23:30 on the last day of a year; in Berlin 00:30 on the first of the next. */
const AT = Temporal.Instant.from("2026-12-31T23:30:05Z");

const RENDERED: readonly (readonly [template: string, zone: string, text: string])[] = [
  ["plain", "UTC", "plain"],
  ["{date:YYYY-MM-DD}", "UTC", "2026-12-31"],
  ["{date:YYYY-MM-DD}", "Europe/Berlin", "2027-01-01"],
  ["{date:YYYY-MM-DD}", "America/New_York", "2026-12-31"],
  ["{date:YY}{date:M}{date:D}", "Europe/Berlin", "2711"],
  ["{date:YYYYMMDD}T{date:HHmmss}", "UTC", "20261231T233005"],
  ["{date:GGGG-WW}", "UTC", "2026-53"],
  ["{date:GGGG-WW}", "Europe/Berlin", "2026-53"],
  ["{date:DDD}", "UTC", "365"],
  ["{date:DDD}", "Europe/Berlin", "001"],
  ["{date:HH:mm}", "Asia/Kolkata", "05:00"],
  ["{date-1d:YYYY-MM-DD}", "UTC", "2026-12-30"],
  ["{date+2h:YYYY-MM-DD HH}", "UTC", "2027-01-01 01"],
  ["{date-1w:MM-DD}", "UTC", "12-24"],
  ["{date+2M:YYYY-MM-DD}", "UTC", "2027-02-28"],
  ["{date-1y:YYYY}", "UTC", "2025"],
  ["{date:DD MMM YYYY}", "UTC", "31 Dec 2026"],
  ["{date+5M:MMMM}", "UTC", "May"],
  ["{date first day:YYYYMMDD}-{date last day:DD}", "Europe/Berlin", "20270101-31"],
  ["{date-1M last day:YYYY-MM-DD}", "UTC", "2026-11-30"],
  ["{date+5M last workday:YYYY-MM-DD}", "Europe/Berlin", "2027-06-30"],
  ["{date-7M last workday:YYYY-MM-DD}", "UTC", "2026-05-29"],
  ["{date-4M first workday:DD}", "UTC", "03"],
  ["{{date:YYYY}}", "UTC", "{date:YYYY}"],
  ["a}b", "UTC", "a}b"],
  ["{{{date:YYYY}}}", "UTC", "{2026}"],
  ["x-{name}.pdf", "UTC", "x-{name}.pdf"],
];

Deno.test("createRenderer: renders dates in the time zone of the task", () => {
  const render = createRenderer(AT);
  for (const [text, zone, expected] of RENDERED) {
    const { value, problem } = parseTemplate(text, "name");
    assertEquals(problem, undefined, text);
    assertEquals(value && render(value, zone), expected, `${text} in ${zone}`);
  }
});

Deno.test("createRenderer: holidays are no workdays", () => {
  const holidays = new Set(["12-31", "2026-12-30", "2026-12-01", "12-02"]);
  const render = createRenderer(Temporal.Instant.from("2026-12-15T00:00:00Z"), holidays);
  const { value } = parseTemplate("{date first workday:DD}-{date last workday:DD}", "url");
  assertEquals(value && render(value, "UTC"), "03-29");
});

Deno.test("createRenderer: renders equal dates per time zone", () => {
  const render = createRenderer(AT);
  const { value } = parseTemplate("{date:DD}", "url");
  const days = ["UTC", "Europe/Berlin", "UTC"].map((zone) => value && render(value, zone));
  assertEquals(days, ["31", "01", "31"]);
});

const REFUSED: readonly (readonly [template: string, problem: RegExp])[] = [
  ["{", /without its }/],
  ["{date:YYYY", /without its }/],
  ["{date}", /^contains "\{date\}", which is not a placeholder; did you mean/],
  ["{date:}", /^contains/],
  [
    "{id}",
    /^contains "\{id\}", which is not a placeholder; placeholders are \{date:YYYY-MM-DD\}, /,
  ],
  ["{date:yyyy}", /date part "yyyy", which is unknown; did you mean "\{date:YYYY\}"\?$/],
  ["{date:YYYY-Q}", /date part "Q", which is unknown; parts are YYYY YY MM /],
  ["{date:YYYYY}", /date part "YYYYY"/],
  ["{date last:YYYY}", /^contains "\{date last:YYYY\}", which is not a placeholder/],
  ["{date last workday-1d:YYYY}", /^contains/],
  ["{date:__proto__}", /date part/],
  ["{date-1x:YYYY}", /^contains/],
  ["{date-1000d:YYYY}", /^contains/],
  ["{date1d:YYYY}", /^contains/],
  ["{name}{name}", /only once/],
  ["${env:HOME}", /environment variable/],
  ["{\u001b[2J}", /\\u\{1b\}/],
];

Deno.test("parseTemplate: problems name the placeholder and what is allowed", () => {
  for (const [text, expected] of REFUSED) {
    const problem = complaintText(parseTemplate(text, "name").problem);
    assertEquals(expected.test(problem), true, `${text}: ${problem}`);
  }
});

Deno.test("parseTemplate: {name} is a problem in a URL", () => {
  const { problem } = parseTemplate("{name}", "url");
  assertEquals(
    complaintText(problem),
    'contains "{name}", which is not a placeholder; the placeholder is {date:YYYY-MM-DD}; {{ is a brace',
  );
});

Deno.test("templateWarning: dates of strftime, and months and minutes for each other", () => {
  const table: [text: string, guess: string | null][] = [
    ["%Y-%m-%d.csv", "{date:YYYY-MM-DD}.csv"],
    ["a/%Y/%m/x-%d.csv", "a/{date:YYYY/MM}/x-{date:DD}.csv"],
    ["x-$(date +%F).csv", "x-{date:YYYY-MM-DD}.csv"],
    ["{date:YYYY-mm-DD}", "{date:YYYY-MM-DD}"],
    ["{date-1d:YYYYmmDD}", "{date-1d:YYYYMMDD}"],
    ["{date:YYYY-MM-DD HH:MM}", "{date:YYYY-MM-DD HH:mm}"],
    ["{date:YYYY-MM-DD-HHmm}", null],
    ["{date:HH}-{date:MM}", null],
    ["{date:MM}", null],
    ["a%20b%2Fc%FF", null],
    ["100%Secure", null],
    ["100%d", null],
  ];
  for (const [text, guess] of table) {
    const hint = guess === null ? "" : `; did you mean "${guess}"?`;
    const warning = templateWarning(text);
    assertEquals(warning === null, guess === null, text);
    if (warning !== null) assertEquals(complaintText(warning).endsWith(hint), true, text);
  }
  assertEquals(templateWarning("%Y".repeat(100_000)) === null, false);
});

Deno.test("startOfDate: the beginning of the day, week, month or year, of the latest date", () => {
  // 00:30 in Berlin.
  const FRIDAY = Temporal.Instant.from("2026-01-15T23:30:00Z");
  const table: [text: string, start: string | null][] = [
    ["https://h/a", null],
    ["https://h/{date:YYYY-MM-DD}", "2026-01-15T23:00:00Z"],
    ["https://h/{date:YYYY}/{date:MM}/{date:DD}", "2026-01-15T23:00:00Z"],
    ["https://h/{date-1d:YYYY}/{date:MM-DD}", "2026-01-15T23:00:00Z"],
    ["https://h/{date-1d:YYYYMMDD}", "2026-01-14T23:00:00Z"],
    ["https://h/{date-2h:YYYYMMDDHH}", "2026-01-14T23:00:00Z"],
    ["https://h/{date:DDD}", "2026-01-15T23:00:00Z"],
    ["https://h/{date:GGGG-WW}", "2026-01-11T23:00:00Z"],
    ["https://h/{date-1M:YYYY-MM}", "2025-11-30T23:00:00Z"],
    ["https://h/{date:YYYY}", "2025-12-31T23:00:00Z"],
    ["https://h/{date:GGGG}", "2025-12-28T23:00:00Z"],
    ["https://h/{date+3M:YYYY-MM-DD}", "2026-04-15T22:00:00Z"],
  ];
  for (const [text, start] of table) {
    const template = parseTemplate(text, "url").value;
    const found = template && startOfDate(template, "Europe/Berlin", FRIDAY);
    assertEquals(found?.toString() ?? null, start, text);
  }
});
