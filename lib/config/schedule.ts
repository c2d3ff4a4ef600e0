/** Schedules and time zones of a config. Loaded only for a config that has one. */

import type { Schedule } from "../core/task.ts";
import { durationText } from "../core/time.ts";
import { adviseFields, expandNickname, NICKNAME_NAMES, repairFields } from "../cron/expression.ts";
import { checkCron } from "../cron/occurrence.ts";
import { parseDuration } from "./schema/fields.ts";
import { guessSchedule } from "./guess.ts";
import { type Complaint, type Parsed, partsOf, withGuess, withHint } from "./problem.ts";
import type { Nearest } from "./suggest.ts";

const MIN_INTERVAL_MS = 1_000;
const MAX_INTERVAL_MS = 365 * 86_400_000;

/** Zones of abbreviations that are no IANA names. */
const ABBREVIATIONS: Readonly<Record<string, string>> = {
  ...{ PST: "America/Los_Angeles", PDT: "America/Los_Angeles", EDT: "America/New_York" },
  ...{ CST: "America/Chicago", CDT: "America/Chicago", MDT: "America/Denver" },
  ...{ CEST: "Europe/Berlin", BST: "Europe/London", IST: "Asia/Kolkata", JST: "Asia/Tokyo" },
};

/** Checks the name of a time zone. */
export function checkTimezone(timezone: string, nearest: Nearest): Complaint | null {
  try {
    // Intl also accepts offsets such as +01:00, which have no daylight saving time.
    if (/^[a-z]/i.test(timezone)) {
      new Intl.DateTimeFormat("en", { timeZone: timezone });
      // Temporal knows no abbreviations such as PST, and is used for schedules and dates.
      new Temporal.ZonedDateTime(0n, timezone);
      return null;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  const zones = Intl.supportedValuesOf("timeZone");
  const city = timezone.slice(timezone.lastIndexOf("/") + 1).toLowerCase().replaceAll(" ", "_");
  const guess = ABBREVIATIONS[timezone.toUpperCase()] ??
    zones.find((zone) => zone.toLowerCase().endsWith(`/${city}`)) ?? nearest(timezone, zones);
  const allowed = 'must be an IANA time zone such as "Europe/Berlin"';
  return /^(?:UTC|GMT)?[+-][0-9]/i.test(timezone)
    ? withHint(allowed, "an offset has no daylight saving time; name a city")
    : withGuess(allowed, guess);
}

/** Parses a schedule. */
export function parseSchedule(
  text: string,
  timezone: string,
  nearest: Nearest,
): Parsed<Schedule> {
  const parsed = parseExactSchedule(text, timezone);
  if (parsed.problem === undefined) return parsed;
  const isValid = (guess: string | null): guess is string =>
    guess !== null && parseExactSchedule(guess, timezone).problem === undefined;
  const { message, hint } = partsOf(parsed.problem);
  if (hint !== null) return parsed;
  const guess = [guessSchedule(text), repairFields(text)].find(isValid) ??
    nearest(text, [...NICKNAME_NAMES, "manual"]);
  return {
    problem: guess === null ? withHint(message, adviseFields(text)) : withGuess(message, guess),
  };
}

/** Parses a schedule; a problem has no suggestion. */
function parseExactSchedule(text: string, timezone: string): Parsed<Schedule> {
  if (text === "manual") return { value: { kind: "manual" } };
  const [, interval] = /^every\s(.*)$/.exec(text) ?? [];
  if (interval !== undefined) {
    const intervalMs = parseDuration(interval.trimStart()) ?? NaN;
    return intervalMs >= MIN_INTERVAL_MS && intervalMs <= MAX_INTERVAL_MS
      ? { value: { kind: "every", intervalMs } }
      : {
        problem: `must have a duration such as 30m after "every", from ` +
          `${durationText(MIN_INTERVAL_MS)} to ${durationText(MAX_INTERVAL_MS)}`,
      };
  }
  if (/^@reboot$/i.test(text.trim())) {
    return {
      problem: {
        message: 'cannot be "@reboot"',
        hint: "cronfetch watch runs due tasks when it starts; let the system start it",
      },
    };
  }
  const expression = expandNickname(text) ?? text.trim().split(/\s+/).join(" ");
  if (!looksLikeCron(expression)) {
    return {
      problem: 'must be a cron expression of 5 fields such as "0 6 * * *", "@daily", "every 30m" ' +
        'or "manual"',
    };
  }
  const problem = checkCron(expression, timezone);
  return problem === null ? { value: { kind: "cron", expression } } : { problem };
}

/** Whether a text has fields, so that what is wrong with them says more than what is allowed. */
function looksLikeCron(text: string): boolean {
  const fields = text.split(" ", 20);
  return fields.length === 5 || /^[0-9*][0-9*,/?-]*(?: [0-9a-z*,/?#-]+){0,6}$/i.test(text);
}

/**
 * Describes a schedule that is probably unintended: cron begins a step again in each hour, and it
 * fires if either of two restricted fields for days matches.
 */
export function scheduleWarning(schedule: Schedule): Complaint | null {
  if (schedule.kind !== "cron") return null;
  const [minute = "", hour = "", day, , weekday] = schedule.expression.split(" ");
  const uneven = /^\*\/([0-9]+)$/.exec(minute)?.[1] ?? "0";
  if (Number(uneven) > 30 && Number(uneven) < 60 && hour === "*") {
    return {
      message: `is due at minutes 0 and ${uneven} of each hour, not every ${uneven} minutes`,
      hint: `did you mean "every ${uneven}m"?`,
    };
  }
  if (day === "*" || weekday === "*") return null;
  return {
    message: `is due if either matches: the day of the month ${day}, or the weekday ${weekday}`,
    hint: "write * for one of the two; cron cannot require both",
  };
}
