/**
 * From the schedules of tasks to the one cron that a platform registers. Like every trigger it is
 * a hint to evaluate what is due; `due.ts` decides. Pure.
 *
 * The expression is in UTC, and in the part of the language that Deno's parser and all others
 * read alike: `*`, lists of numbers, and a step over all minutes.
 */

import { nextOccurrence } from "../cron/occurrence.ts";
import { minutesOf } from "../cron/expression.ts";
import { jitterOffsetMs, type Timing } from "./due.ts";

/**
 * Minutes between two evaluations, at most: failed and deferred tasks are due at times that no
 * schedule names.
 */
const LONGEST_PERIOD = 15;

/**
 * Derives the cron: every hour at each minute at which a cron of some task can come due, in any
 * offset that its zone has within five years, and every 15 minutes besides. Jitter is rounded up
 * to five minutes. With intervals it comes at every tenth of the shortest one, but at most every
 * minute: as nine tenths are enough to be due, none is late.
 *
 * @param tasks Their cron expressions are valid (`checkCron`).
 * @param at From when on it is to hold.
 * @returns An expression that `checkCron` accepts; null if no task comes due by itself.
 */
export function deployCron(tasks: Iterable<Timing>, at: Temporal.Instant): string | null {
  const timings = distinctTimings(tasks);
  if (timings.length === 0) return null;
  const minutes = new Set<number>();
  const zones = new Map<string, Zone>();
  let period = LONGEST_PERIOD;
  for (const timing of timings) {
    if (timing.kind === "every") {
      period = Math.min(period, periodOf(timing.intervalMs));
      continue;
    }
    const { expression, timezone } = timing;
    const zone = zones.get(timezone) ?? zoneFrom(timezone, at);
    zones.set(timezone, zone);
    for (const minute of utcMinutesOf(expression, timezone, zone)) {
      minutes.add(modulo(minute + roundedJitter(timing.offsetMs, minute), 60));
    }
  }
  for (let minute = 0; minute < 60; minute += period) minutes.add(minute);
  return `${writeMinutes(ascending(minutes))} * * * *`;
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

/** Minutes by which an hour can be divided evenly, up to {@linkcode LONGEST_PERIOD}. */
const PERIODS = [1, 2, 3, 4, 5, 6, 10, 12, LONGEST_PERIOD];

/** Minutes between two evaluations for an interval. */
function periodOf(intervalMs: number): number {
  return PERIODS.findLast((period) => period * 60_000 * 10 <= intervalMs) ?? 1;
}

/** Jitter spreads tasks over all minutes, too many to evaluate at each. */
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

const MINUTE_NS = 60_000_000_000;
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
function utcMinutesOf(
  expression: string,
  timezone: string,
  { offsets, changes }: Zone,
): number[] {
  const found = minutesOf(expression).flatMap((minute) =>
    [...offsets].map((offset) => minute - offset)
  );
  // What a change leaves out comes with it, at a minute of its own.
  const gaps = changes.filter((change) =>
    nextOccurrence(expression, timezone, change.subtract({ nanoseconds: 1 }))?.equals(change)
  );
  const atGaps = gaps.map((change) => change.toZonedDateTimeISO("UTC").minute);
  return ascending([...found, ...atGaps].map((minute) => modulo(minute, 60)));
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
