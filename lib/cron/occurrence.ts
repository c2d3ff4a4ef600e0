/**
 * Cron expressions as time: when their ticks come. The only place that knows
 * the library behind it.
 *
 * An expression names times of the wall clock in the task's time zone, and a
 * tick comes **when that clock first reaches or passes its time**. So a time
 * that daylight saving leaves out comes in the moment after the gap, together
 * with all others of the gap; and a time that the clock shows twice comes once,
 * the first time. (An expression for every five minutes therefore rests while
 * the clock repeats an hour; who counts elapsed time writes `every 5m`.)
 *
 * Where day-of-month and day-of-week are both restricted, that is, other than a
 * lone `*`, a day needs to match one of them only, as POSIX's crontab and Vixie
 * cron have it: `0 0 13 * FRI` is each 13th and each Friday.
 */

import { Cron } from "croner";
import { checkFields } from "./expression.ts";

/**
 * Checks an expression: its five fields (see `checkFields`), that there is a
 * date on which it comes, and its time zone.
 *
 * @param timezone IANA name.
 * @returns The rest of a sentence that begins with the expression and says what
 *   is wrong, or null if {@linkcode nextOccurrence} can be asked.
 */
export function checkCron(expression: string, timezone: string): string | null {
  return recall(
    complaints,
    keyOf(expression, timezone),
    () => checkFields(expression) ?? checkDate(expression) ?? checkTimezone(timezone),
  );
}

/**
 * When the next tick comes.
 *
 * @param expression One that {@linkcode checkCron} has no complaint about.
 * @param timezone IANA name.
 * @returns The first tick later than `after`; null if there is none in this millennium.
 */
export function nextOccurrence(
  expression: string,
  timezone: string,
  after: Temporal.Instant,
): Temporal.Instant | null {
  return stretchAround(expression, timezone, after).next;
}

/**
 * When the last tick came.
 *
 * @param expression One that {@linkcode checkCron} has no complaint about.
 * @param timezone IANA name.
 * @returns The last tick at `at` or earlier; null if there was none in 400 years.
 */
export function previousOccurrence(
  expression: string,
  timezone: string,
  at: Temporal.Instant,
): Temporal.Instant | null {
  return stretchAround(expression, timezone, at).previous;
}

function checkDate(expression: string): string | null {
  const comes = cronOf(expression).nextRun(new Date(0)) !== null;
  return comes ? null : "never comes, for there is no such date: must name a date that exists";
}

function checkTimezone(timezone: string): string | null {
  try {
    // Other ways into Temporal also take a whole date with a zone in it.
    new Temporal.ZonedDateTime(0n, timezone);
    return null;
  } catch {
    return `is in time zone ${JSON.stringify(timezone)}, must be in one such as "Europe/Berlin"`;
  }
}

/** The time between two neighbouring ticks: from `previous` on until before `next`. */
interface Stretch {
  readonly previous: Temporal.Instant | null;
  readonly next: Temporal.Instant | null;
  /** The same in numbers, which are cheaper to compare; ticks are whole milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
}

const MINUTE_MS = 60_000;

/** Stretches kept for an expression: a plan looks at now and at the last runs, again and again. */
const STRETCHES = 4;

function stretchAround(expression: string, timezone: string, at: Temporal.Instant): Stretch {
  const known = recall(stretches, keyOf(expression, timezone), () => []);
  const atMs = at.epochMilliseconds;
  const found = known.find(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
  if (found) return found;
  const made = findStretch(expression, timezone, at);
  known.unshift(made);
  known.splice(STRETCHES);
  return made;
}

function findStretch(expression: string, timezone: string, at: Temporal.Instant): Stretch {
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
 * The furthest that the wall clock of a time zone has come by an instant: what
 * it shows, or what it showed before it was last put back. Whole minutes, as
 * milliseconds since the epoch of a zone without an offset.
 */
function wallReachedMs(timezone: string, at: Temporal.Instant): number {
  const shown = at.toZonedDateTimeISO(timezone);
  // "Previous" leaves out a change at this very instant, which counts too.
  const change = shown.add({ nanoseconds: 1 }).getTimeZoneTransition("previous");
  const before = change?.subtract({ nanoseconds: 1 });
  const reachedMs = Math.max(wallMs(shown), before ? wallMs(before) : -Infinity);
  return Math.floor(reachedMs / MINUTE_MS) * MINUTE_MS;
}

function wallMs(shown: Temporal.ZonedDateTime): number {
  return shown.epochMilliseconds + shown.offsetNanoseconds / 1_000_000;
}

/** When a wall clock first reaches or passes a time; the reverse of {@linkcode wallReachedMs}. */
function whenReached(wallTime: Date, timezone: string): Temporal.Instant {
  const wall = wallTime.toTemporalInstant().toZonedDateTimeISO("UTC").toPlainDateTime();
  const earlier = wall.toZonedDateTime(timezone, { disambiguation: "earlier" });
  if (earlier.toPlainDateTime().equals(wall)) return earlier.toInstant();
  // Left out by the clock: `earlier` lies before the gap, which is the next change.
  return (earlier.getTimeZoneTransition("next") ?? earlier).toInstant();
}

/** A parsed expression, for times without a zone. */
function cronOf(expression: string): Cron {
  return recall(crons, expression, () => new Cron(expression, { mode: "5-part", utcOffset: 0 }));
}

/** Configs of 100,000 tasks hold few schedules, and parsing one costs more than asking it. */
const crons = new Map<string, Cron>();
const complaints = new Map<string, string | null>();
const stretches = new Map<string, Stretch[]>();

/** Entries after which a memory starts anew. */
const MEMORY = 1_000;

function recall<Value>(memory: Map<string, Value>, key: string, make: () => Value): Value {
  const known = memory.get(key);
  if (known !== undefined) return known;
  if (memory.size >= MEMORY) memory.clear();
  const made = make();
  memory.set(key, made);
  return made;
}

function keyOf(expression: string, timezone: string): string {
  return `${timezone} ${expression}`;
}
