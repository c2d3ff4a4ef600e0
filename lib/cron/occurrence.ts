/**
 * The ticks of cron expressions. The only module that imports the cron library.
 *
 * An expression names wall clock times in the task's time zone, and its tick is the instant at
 * which that clock **first reaches or passes** such a time. All times in the gap of a daylight
 * saving change tick together at the end of the gap; a time that the clock shows twice ticks once,
 * the first time. (An expression for every five minutes therefore does not tick while the clock
 * repeats an hour; `every 5m` counts elapsed time.)
 *
 * If day-of-month and day-of-week are both restricted, i.e. other than a lone `*`, a day matches if
 * one of them does, as in POSIX crontab and Vixie cron: `0 0 13 * FRI` is each 13th and each Friday.
 */

import { Cron } from "croner";
import { checkFields } from "./expression.ts";

/**
 * Checks an expression: its five fields (see `checkFields`), that a matching date exists, and its
 * time zone.
 *
 * @param timezone IANA name.
 * @returns What is wrong, the rest of a sentence that begins with the expression; null if
 * {@linkcode nextOccurrence} accepts it.
 */
export function checkCron(expression: string, timezone: string): string | null {
  return cached(
    problems,
    keyOf(expression, timezone),
    () => checkFields(expression) ?? checkDate(expression) ?? checkTimezone(timezone),
  );
}

/**
 * The next tick.
 *
 * @param expression One that {@linkcode checkCron} accepts.
 * @param timezone IANA name.
 * @returns The first tick after `after`; null if there is none in this millennium.
 */
export function nextOccurrence(
  expression: string,
  timezone: string,
  after: Temporal.Instant,
): Temporal.Instant | null {
  return spanAround(expression, timezone, after).next;
}

/**
 * The last tick.
 *
 * @param expression One that {@linkcode checkCron} accepts.
 * @param timezone IANA name.
 * @returns The last tick not after `at`; null if there was none in 400 years.
 */
export function previousOccurrence(
  expression: string,
  timezone: string,
  at: Temporal.Instant,
): Temporal.Instant | null {
  return spanAround(expression, timezone, at).previous;
}

function checkDate(expression: string): string | null {
  if (cronOf(expression).nextRun(new Date(0)) !== null) return null;
  const [, , day, month] = expression.split(" ");
  return `never comes: month ${month} has no day ${day}`;
}

function checkTimezone(timezone: string): string | null {
  try {
    // Temporal's parsers would also accept a date with a zone in it.
    new Temporal.ZonedDateTime(0n, timezone);
    return null;
  } catch {
    return `is in time zone ${JSON.stringify(timezone)}, must be in one such as "Europe/Berlin"`;
  }
}

/** The time between two consecutive ticks: from `previous` until before `next`. */
interface TickSpan {
  readonly previous: Temporal.Instant | null;
  readonly next: Temporal.Instant | null;
  /** The same as numbers, which are cheaper to compare; ticks are whole milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
}

const MINUTE_MS = 60_000;

/** Spans cached per expression: a plan asks about now and about the last runs repeatedly. */
const SPANS = 4;

function spanAround(expression: string, timezone: string, at: Temporal.Instant): TickSpan {
  const known = cached(spans, keyOf(expression, timezone), () => []);
  const atMs = at.epochMilliseconds;
  const found = known.find(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
  if (found) return found;
  const made = findSpan(expression, timezone, at);
  known.unshift(made);
  known.splice(SPANS);
  return made;
}

function findSpan(expression: string, timezone: string, at: Temporal.Instant): TickSpan {
  const cron = cronOf(expression);
  const reachedMs = wallReachedMs(timezone, at);
  const [previousWall] = cron.previousRuns(1, new Date(reachedMs + MINUTE_MS));
  const nextWall = cron.nextRun(new Date(reachedMs));
  const previous = previousWall ? whenReached(previousWall, timezone) : null;
  const next = nextWall ? whenReached(nextWall, timezone) : null;
  return {
    previous,
    next,
    fromMs: previous?.epochMilliseconds ?? -Infinity,
    toMs: next?.epochMilliseconds ?? Infinity,
  };
}

/**
 * The latest time that the wall clock of a time zone has shown until an instant: the present time,
 * or the time before the clock was last set back. Whole minutes, as milliseconds since the epoch as
 * if the zone were UTC.
 */
function wallReachedMs(timezone: string, at: Temporal.Instant): number {
  const shown = at.toZonedDateTimeISO(timezone);
  // "previous" excludes a change at this very instant, which counts too.
  const change = shown.add({ nanoseconds: 1 }).getTimeZoneTransition("previous");
  const before = change?.subtract({ nanoseconds: 1 });
  const reachedMs = Math.max(wallMs(shown), before ? wallMs(before) : -Infinity);
  return Math.floor(reachedMs / MINUTE_MS) * MINUTE_MS;
}

function wallMs(shown: Temporal.ZonedDateTime): number {
  return shown.epochMilliseconds + shown.offsetNanoseconds / 1_000_000;
}

/** When a wall clock first reaches or passes a time; the inverse of {@linkcode wallReachedMs}. */
function whenReached(wallTime: Date, timezone: string): Temporal.Instant {
  const wall = wallTime.toTemporalInstant().toZonedDateTimeISO("UTC").toPlainDateTime();
  const earlier = wall.toZonedDateTime(timezone, { disambiguation: "earlier" });
  if (earlier.toPlainDateTime().equals(wall)) return earlier.toInstant();
  // In the gap of a change: `earlier` is before the gap, which is the next change.
  return (earlier.getTimeZoneTransition("next") ?? earlier).toInstant();
}

/** The parsed expression, for times in UTC. */
function cronOf(expression: string): Cron {
  return cached(crons, expression, () => new Cron(expression, { mode: "5-part", utcOffset: 0 }));
}

/** A config of 100,000 tasks has few schedules, and parsing one costs more than evaluating it. */
const crons = new Map<string, Cron>();
const problems = new Map<string, string | null>();
const spans = new Map<string, TickSpan[]>();

/** Entries after which a cache is cleared. */
const MAX_ENTRIES = 1_000;

function cached<Value>(cache: Map<string, Value>, key: string, make: () => Value): Value {
  const known = cache.get(key);
  if (known !== undefined) return known;
  if (cache.size >= MAX_ENTRIES) cache.clear();
  const made = make();
  cache.set(key, made);
  return made;
}

function keyOf(expression: string, timezone: string): string {
  return `${timezone} ${expression}`;
}
