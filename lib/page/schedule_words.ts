/** Schedules in words, for people who do not read cron expressions. */

import cronstrue from "cronstrue";
import type { Schedule } from "../core/task.ts";
import { capitalized } from "../core/text.ts";
import { describeSchedule } from "../schedule/due.ts";

/** Parts of a description that are always true, and so add nothing. */
const REDUNDANT = /, every (?:hour|day)(?=,|$)/g;

/**
 * A schedule in words: `Daily at 06:00 (Europe/Berlin)`, `Every 8h`, `Manual`.
 *
 * @param schedule A cron expression must be valid (`checkCron`).
 */
export function scheduleWords(schedule: Schedule, timezone: string): string {
  return schedule.kind === "cron"
    ? `${cronWords(schedule.expression)} (${timezone})`
    : capitalized(describeSchedule(schedule, timezone));
}

/** With both a day of the month and one of the week, either is enough. */
const BOTH_DAYS = /( of the month), (?:and )?(?:on )?(?=[MTWFS][a-z]{2,5}day)/;

/** Tasks are many, their expressions few. */
const known = new Map<string, string>();
const MAX_ENTRIES = 1_000;

function cronWords(expression: string): string {
  const words = known.get(expression) ?? describe(expression);
  if (known.size >= MAX_ENTRIES) known.clear();
  known.set(expression, words);
  return words;
}

function describe(expression: string): string {
  let words: string;
  try {
    words = cronstrue.toString(expression, { use24HourTimeFormat: true, verbose: true });
  } catch {
    // The expression is valid for us, so the package must be stricter here.
    return expression;
  }
  const daily = /^At (\d\d:\d\d), every day$/.exec(words);
  if (daily) return `Daily at ${daily[1]}`;
  return words.replaceAll(", only ", ", ").replace(REDUNDANT, "").replace(BOTH_DAYS, "$1 or on ");
}
