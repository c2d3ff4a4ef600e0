/** `run --since DATE --until DATE`: dates that are not within `dates.last`. Loaded only with a flag. */

import type { Config } from "../config/config.ts";
import { quote } from "../config/problem.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Backfill } from "../lists/expand.ts";
import type { Flags } from "./flags.ts";

/** Longest span in days: its tasks are in memory, and so is the plan. */
const MOST_DAYS = 3_660;

/**
 * Reads the dates that the flags select.
 *
 * @param ids Ids on the command line; none selects every task with `dates`.
 * @param now The time of the run: later dates are not requested.
 * @throws {CronfetchError} `usage`.
 */
export function readBackfill(
  { since, until, force }: Pick<Flags, "since" | "until" | "force">,
  ids: readonly string[],
  { tasks }: Pick<Config, "tasks">,
  now: Temporal.Instant,
): Backfill {
  if (since === undefined) {
    throw usage("--until needs --since, the first date", "cronfetch run --since 2026-01-01");
  }
  const first = readDate("--since", since);
  const last = until === undefined ? null : readDate("--until", until);
  // In the time zone that is ahead of all others.
  const today = now.toZonedDateTimeISO("+14:00").toPlainDate();
  if (last !== null && Temporal.PlainDate.compare(first, last) > 0) {
    throw usage(`--since ${since} is after --until ${until}`, null);
  }
  if (Temporal.PlainDate.compare(first, today) > 0) {
    throw usage(`--since ${since} is in the future`, null);
  }
  const end = last === null || Temporal.PlainDate.compare(last, today) > 0 ? today : last;
  if (first.until(end).days >= MOST_DAYS) {
    throw usage(
      `--since ${since} to ${until === undefined ? "today" : `--until ${until}`} is more than ` +
        `${MOST_DAYS} days`,
      `run each part of it: --since ${since} --until ${first.add({ years: 9 })}`,
    );
  }
  const dated = new Set(tasks.filter(({ dates }) => dates).map(({ task }) => task.id));
  const other = ids.find((id) => !dated.has(id) && !dated.has(id.slice(0, id.lastIndexOf("@"))));
  if (other !== undefined && tasks.some(({ task }) => task.id === other)) {
    throw usage(
      `--since needs a task with "dates", which ${quote(other)} has not`,
      dated.size === 0 ? EXAMPLE : `tasks with dates: ${[...dated].slice(0, 5).join(", ")}`,
    );
  }
  if (dated.size === 0) throw usage('--since needs a task with "dates" in the config', EXAMPLE);
  return { span: { since: first, until: end }, reopen: force };
}

const EXAMPLE = 'for example "dates": {"last": "20d"}, with {date:YYYY-MM-DD} in the URL';

function readDate(flag: string, text: string): Temporal.PlainDate {
  try {
    if (/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text)) return Temporal.PlainDate.from(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw usage(`${flag} ${quote(text)} is no date`, "write it as YYYY-MM-DD: 2026-03-31");
}

function usage(message: string, hint: string | null): CronfetchError {
  return new CronfetchError("usage", message, hint === null ? {} : { hint });
}
