/**
 * From the schedules of tasks to the one cron that a platform is asked for. Like
 * every trigger it is a hint to look; `due.ts` decides. Pure.
 *
 * What comes out is in UTC, and in the part of the language that Deno's parser
 * and all others read alike: `*`, lists of numbers, a step over all minutes, and
 * weekdays by their names, since Deno counts them from 1 for Sunday.
 */

import { checkCron, nextOccurrence } from "../cron/occurrence.ts";
import { jitterOffsetMs, type Timing } from "./due.ts";
import { type CronFields, readFields } from "../cron/expression.ts";

/** When a platform is to set off a look at what is due. */
export type DeployCron =
  /** Never: no task comes due by itself. */
  | { readonly kind: "none" }
  /** Whenever the tasks come due: all have this schedule. */
  | { readonly kind: "exact"; readonly expression: string }
  /** At some minutes of every hour, so that no task is late. */
  | { readonly kind: "tick"; readonly expression: string };

/**
 * Derives the cron.
 *
 * - **Exact**: every task that is not `manual` comes due at the same times of UTC. That is so for
 *   one expression without jitter, in UTC or in a zone that is going to keep its offset, if the
 *   expression can be moved by that offset: with weekdays, unless some of its times change the
 *   day and some do not; with days of the month or months, only if none of them does.
 * - **Tick**, in all other cases: every hour at each minute at which a cron of some task can come
 *   due, in any offset that its zone has within five years; jitter is rounded up to five minutes.
 *   Intervals ask for a look at every tenth of the shortest one, between a minute and an hour: as
 *   nine tenths are enough to be due, none is late.
 *
 * @param tasks Crons without a complaint of `checkCron`.
 * @param at From when on it is to hold.
 * @returns An expression that `checkCron` has no complaint about either: it comes at some date.
 */
export function deployCron(tasks: Iterable<Timing>, at: Temporal.Instant): DeployCron {
  const timings = distinctTimings(tasks);
  if (timings.length === 0) return { kind: "none" };
  const exact = exactExpression(timings, at);
  if (exact !== null && checkCron(exact, "UTC") === null) {
    return { kind: "exact", expression: exact };
  }
  return { kind: "tick", expression: tickExpression(timings, at) };
}

/** What of a task's timing matters here. */
type Distinct =
  | {
    readonly kind: "cron";
    readonly expression: string;
    readonly timezone: string;
    readonly offsetMs: number;
  }
  | { readonly kind: "every"; readonly intervalMs: number };

/** Tasks are many, their timings few. */
function distinctTimings(tasks: Iterable<Timing>): Distinct[] {
  const found = new Map<string, Distinct>();
  for (const { id, schedule, timezone, jitterMs } of tasks) {
    switch (schedule.kind) {
      case "cron": {
        const { kind, expression } = schedule;
        const offsetMs = jitterOffsetMs(id, jitterMs);
        const timing = { kind, expression, timezone, offsetMs };
        found.set(`${offsetMs} ${timezone} ${expression}`, timing);
        break;
      }
      case "every":
        found.set(`every ${schedule.intervalMs}`, schedule);
        break;
      case "manual":
        break;
      default:
        schedule satisfies never;
    }
  }
  return [...found.values()];
}

/** The expression in UTC that all timings come down to, or null. */
function exactExpression(timings: readonly Distinct[], at: Temporal.Instant): string | null {
  const found = new Set<string>();
  for (const timing of timings) {
    if (timing.kind === "every" || timing.offsetMs !== 0) return null;
    const expression = inUtc(timing.expression, timing.timezone, at);
    if (expression === null) return null;
    found.add(expression);
    if (found.size > 1) return null;
  }
  const [expression = null] = found;
  return expression;
}

function inUtc(expression: string, timezone: string, at: Temporal.Instant): string | null {
  const shown = at.toZonedDateTimeISO(timezone);
  const offset = shown.offsetNanoseconds / MINUTE_NS;
  if (!Number.isInteger(offset) || shown.getTimeZoneTransition("next")) return null;
  const fields = shifted(readFields(expression), -offset);
  return fields && writeFields(fields);
}

const MINUTE_NS = 60_000_000_000;
const DAY = 24 * 60;

/** The same times on a clock that is so many minutes ahead; null if five fields cannot say it. */
function shifted(fields: CronFields, minutes: number): CronFields | null {
  const { days, months, weekdays } = fields;
  const times = fields.hours.flatMap((hour) =>
    fields.minutes.map((minute) => hour * 60 + minute + minutes)
  );
  const dayShifts = new Set(times.map((time) => Math.floor(time / DAY)));
  const [dayShift = 0] = dayShifts;
  const isEveryDay = days === null && months === null && weekdays === null;
  if (!isEveryDay && dayShifts.size > 1) return null;
  // The day before the first of a month has many numbers.
  if (dayShift !== 0 && (days !== null || months !== null)) return null;
  const moved = {
    minutes: ascending(times.map((time) => modulo(time, 60))),
    hours: ascending(times.map((time) => Math.floor(modulo(time, DAY) / 60))),
  };
  // Two fields name each minute at each hour.
  if (moved.minutes.length * moved.hours.length !== times.length) return null;
  return {
    ...moved,
    days,
    months,
    weekdays: weekdays && ascending(weekdays.map((weekday) => modulo(weekday + dayShift, 7))),
  };
}

/** At these minutes of every hour. */
function tickExpression(timings: readonly Distinct[], at: Temporal.Instant): string {
  const minutes = new Set<number>();
  const zones = new Map<string, Zone>();
  let shortestMs = Infinity;
  for (const timing of timings) {
    if (timing.kind === "every") {
      shortestMs = Math.min(shortestMs, timing.intervalMs);
      continue;
    }
    const { expression, timezone } = timing;
    const zone = zones.get(timezone) ?? zoneFrom(timezone, at);
    zones.set(timezone, zone);
    for (const minute of minutesOf(expression, timezone, zone)) {
      minutes.add(modulo(minute + roundedJitter(timing.offsetMs, minute), 60));
    }
  }
  if (shortestMs < Infinity) {
    const period = PERIODS.findLast((period) => period * 60_000 * 10 <= shortestMs) ?? 1;
    for (let minute = 0; minute < 60; minute += period) minutes.add(minute);
  }
  const hours = Array.from({ length: 24 }, (_, hour) => hour);
  const every = { days: null, months: null, weekdays: null };
  return writeFields({ minutes: ascending(minutes), hours, ...every });
}

/** Minutes by which an hour can be divided evenly. */
const PERIODS = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60];

/** Jitter spreads tasks over all minutes, and a look at each of them is not worth it. */
const JITTER_GRAIN = 5;

/** Whole minutes from a minute on until a task with this jitter is due. */
function roundedJitter(offsetMs: number, minute: number): number {
  if (offsetMs === 0) return 0;
  const due = minute + Math.ceil(offsetMs / 60_000);
  return Math.ceil(due / JITTER_GRAIN) * JITTER_GRAIN - minute;
}

/** What is ahead in a time zone. */
interface Zone {
  /** Minutes of an hour by which its clock differs from UTC's, now or later. */
  readonly offsets: ReadonlySet<number>;
  /** When its clock is changed. */
  readonly changes: readonly Temporal.Instant[];
}

const HORIZON_DAYS = 5 * 366;

function zoneFrom(timezone: string, at: Temporal.Instant): Zone {
  const end = at.add({ hours: HORIZON_DAYS * 24 });
  const offsets = new Set<number>();
  const changes: Temporal.Instant[] = [];
  let shown: Temporal.ZonedDateTime | null = at.toZonedDateTimeISO(timezone);
  while (shown && Temporal.Instant.compare(shown.toInstant(), end) < 0) {
    offsets.add(Math.ceil(shown.offsetNanoseconds / MINUTE_NS));
    shown = shown.getTimeZoneTransition("next");
    if (shown) changes.push(shown.toInstant());
  }
  return { offsets, changes };
}

/** The minutes of UTC's hours at which an expression can come. */
function minutesOf(expression: string, timezone: string, { offsets, changes }: Zone): number[] {
  const { minutes } = readFields(expression);
  const found = minutes.flatMap((minute) => [...offsets].map((offset) => minute - offset));
  // What a change leaves out comes with it, at a minute of its own.
  const gaps = changes.filter((change) =>
    nextOccurrence(expression, timezone, change.subtract({ nanoseconds: 1 }))?.equals(change)
  );
  const atGaps = gaps.map((change) => change.toZonedDateTimeISO("UTC").minute);
  return ascending([...found, ...atGaps].map((minute) => modulo(minute, 60)));
}

const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

function writeFields({ minutes, hours, days, months, weekdays }: CronFields): string {
  return [
    writeMinutes(minutes),
    hours.length === 24 ? "*" : hours.join(),
    days?.join() ?? "*",
    months?.join() ?? "*",
    weekdays?.map((weekday) => WEEKDAYS[weekday]).join() ?? "*",
  ].join(" ");
}

function writeMinutes(minutes: readonly number[]): string {
  const period = 60 / minutes.length;
  const isEven = minutes.length > 1 && minutes.every((minute, index) => minute === index * period);
  if (!isEven) return minutes.join();
  return period === 1 ? "*" : `*/${period}`;
}

function ascending(values: Iterable<number>): number[] {
  return [...new Set(values)].sort((one, other) => one - other);
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
