/** An independent implementation of cron expressions: slow, minute by minute, without a library. */

import fc from "fast-check";

const FIRST = [0, 0, 1, 1, 0];
const LAST = [59, 23, 31, 12, 7];
const WORDS = [
  [],
  [],
  [],
  ["", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
  ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
];

/** Whether an expression matches a wall clock time, to the minute. */
export type Matcher = (wall: Temporal.PlainDateTime) => boolean;

/** Parses a valid expression. */
export function matcherOf(expression: string): Matcher {
  const parts = expression.trim().split(/\s+/);
  const [minutes, hours, days, months, weekdays] = [0, 1, 2, 3, 4].map((index) =>
    valuesOf(parts[index] ?? "", index)
  ) as [Set<number>, Set<number>, Set<number>, Set<number>, Set<number>];
  const either = parts[2] !== "*" && parts[4] !== "*";
  return (wall) => {
    const weekday = wall.dayOfWeek;
    const dayFits = days.has(wall.day);
    const weekdayFits = weekdays.has(weekday) || (weekday === 7 && weekdays.has(0));
    return minutes.has(wall.minute) && hours.has(wall.hour) && months.has(wall.month) &&
      (either ? dayFits || weekdayFits : dayFits && weekdayFits);
  };
}

function valuesOf(list: string, index: number): Set<number> {
  const values = new Set<number>();
  for (const element of list.split(",")) {
    const [range = "", step = "1"] = element.split("/");
    const [from = "", to = from] = range === "*"
      ? [String(FIRST[index]), String(LAST[index])]
      : range.split("-");
    const begin = valueOf(from, index);
    const end = to === "SUN" && from !== to ? 7 : valueOf(to, index);
    for (let value = begin; value <= end; value += Number(step)) values.add(value);
  }
  return values;
}

function valueOf(text: string, index: number): number {
  const place = WORDS[index]?.indexOf(text) ?? -1;
  return place >= 0 ? place : Number(text);
}

/** Valid expressions of every form; most of them match some date. */
export function anyExpression(): fc.Arbitrary<string> {
  return fc.tuple(...[0, 1, 2, 3, 4].map((index) => anyField(index))).map((fields) =>
    fields.join(" ")
  );
}

function anyField(index: number): fc.Arbitrary<string> {
  const [first, last] = [FIRST[index] ?? 0, LAST[index] ?? 0];
  const value = fc.integer({ min: first, max: last });
  const step = fc.integer({ min: 1, max: index === 4 ? 7 : last - first + 1 });
  const range = fc.tuple(value, value).map(([one, other]) =>
    `${Math.min(one, other)}-${Math.max(one, other)}`
  );
  const words = WORDS[index]?.filter((word) => word !== "") ?? [];
  const element = fc.oneof(
    value.map(String),
    range,
    fc.tuple(range, step).map(([text, by]) => `${text}/${by}`),
    ...(words.length > 0 ? [fc.constantFrom(...words)] : []),
  );
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant("*") },
    { weight: 1, arbitrary: step.map((by) => `*/${by}`) },
    {
      weight: 3,
      arbitrary: fc.array(element, { minLength: 1, maxLength: 3 }).map((all) => all.join(",")),
    },
  );
}

/**
 * Watches a wall clock from `from` to `to`, minute by minute, and gives the
 * instants at which it first reached or passed a time the expression names.
 */
export function watchClock(
  expression: string,
  timezone: string,
  { from, to }: { readonly from: Temporal.Instant; readonly to: Temporal.Instant },
): string[] {
  const matches = matcherOf(expression);
  const ticks: string[] = [];
  const wallAt = (instant: Temporal.Instant) =>
    instant.toZonedDateTimeISO(timezone).toPlainDateTime();
  // A day earlier, as the clock may just have been set back.
  let at = from.subtract({ hours: 24 });
  let furthest = wallAt(at);
  while (Temporal.Instant.compare(at, to) < 0) {
    at = at.add({ minutes: 1 });
    const shown = wallAt(at);
    let passed = false;
    while (Temporal.PlainDateTime.compare(furthest, shown) < 0) {
      furthest = furthest.add({ minutes: 1 });
      passed ||= matches(furthest);
    }
    if (passed && Temporal.Instant.compare(from, at) < 0) ticks.push(at.toString());
  }
  return ticks;
}
