/** Values that were probably meant: durations, sizes and schedules as other programs write them. */

import { DURATION_UNITS, durationText } from "../core/time.ts";

/** Words for units of a duration, in milliseconds. */
const DURATION_WORDS: Readonly<Record<string, number>> = {
  ...DURATION_UNITS,
  ...unitsOf(1, "msec", "msecs", "millis", "millisecond", "milliseconds"),
  ...unitsOf(1_000, "sec", "secs", "second", "seconds"),
  ...unitsOf(60_000, "min", "mins", "minute", "minutes"),
  ...unitsOf(3_600_000, "hr", "hrs", "hour", "hours"),
  ...unitsOf(86_400_000, "day", "days"),
  ...unitsOf(7 * 86_400_000, "w", "wk", "week", "weeks"),
};

function unitsOf(size: number, ...words: readonly string[]): Record<string, number> {
  return Object.fromEntries(words.map((word) => [word, size]));
}

/** Maximum length of a value that is compared with the forms of other programs. */
const MAX_LENGTH = 60;

/** A number and a word, with blanks or commas between them. */
const AMOUNT = /([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([a-z]{0,12})[ ,]{0,2}/y;

/**
 * Returns the duration that `5 minutes`, `1h 30m`, `PT30S`, `1:30:00` or a number was meant as. A
 * number is of seconds; from 10,000 on, of milliseconds.
 *
 * @returns In the form of a config; null for other text.
 */
export function guessDuration(value: unknown): string | null {
  const durationMs = durationMsOf(value);
  return durationMs === null || durationMs === 0 ? null : durationText(durationMs);
}

function durationMsOf(value: unknown): number | null {
  const text = lowerCase(value);
  if (text === null) return null;
  const [, hours, minutes, seconds] = /^([0-9]{1,3}):([0-5][0-9])(?::([0-5][0-9]))?$/.exec(text) ??
    [];
  if (seconds !== undefined) {
    return Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1_000;
  }
  const plain = text.replace(/^p(?=[0-9t])/, "").replace("t", (letter, at: number) =>
    // The T of ISO 8601 precedes the time.
    /^[0-9]/.test(text.slice(1 + at + 1)) && text.startsWith("p") ? " " : letter).trim();
  if (/^[0-9]+$/.test(plain)) {
    const number = Number(plain);
    return number >= 10_000 ? number : number * 1_000;
  }
  let totalMs = 0;
  let unitMs = 0;
  AMOUNT.lastIndex = 0;
  while (AMOUNT.lastIndex < plain.length) {
    const [, number, word = ""] = AMOUNT.exec(plain) ?? [];
    if (number === undefined) return null;
    // In `1h30`, the last number has the next smaller unit.
    unitMs = word === "" ? SMALLER[unitMs] ?? 0 : DURATION_WORDS[word] ?? 0;
    if (unitMs === 0) return null;
    totalMs += Number(number) * unitMs;
  }
  return Math.round(totalMs);
}

/** The next smaller unit of hours and minutes. */
const SMALLER: Readonly<Record<number, number>> = { 3_600_000: 60_000, 60_000: 1_000 };

/** Words for units of a size, as in a config. */
const SIZE_WORDS: Readonly<Record<string, string>> = {
  ...{ "b": "B", "byte": "B", "bytes": "B", "": "B" },
  ...{ "k": "KB", "kb": "KB", "kib": "KiB", "kilobytes": "KB" },
  ...{ "m": "MB", "mb": "MB", "mib": "MiB", "megabyte": "MB", "megabytes": "MB", "mbyte": "MB" },
  ...{ "g": "GB", "gb": "GB", "gib": "GiB", "gigabyte": "GB", "gigabytes": "GB" },
  ...{ "t": "TB", "tb": "TB", "tib": "TiB", "terabyte": "TB", "terabytes": "TB" },
};

/** Returns the size that `5mb`, `5M` or `5 megabytes` was meant as; null for other text. */
export function guessSize(value: unknown): string | null {
  const [, number, word = ""] =
    /^([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([a-z]*)(?:\/s)?$/.exec(lowerCase(value) ?? "") ?? [];
  const unit = Object.hasOwn(SIZE_WORDS, word) ? SIZE_WORDS[word] : undefined;
  return number === undefined || unit === undefined ? null : `${number}${unit}`;
}

const TRUE: readonly unknown[] = ["true", "yes", "on", "y", "1", "enabled"];
const FALSE: readonly unknown[] = ["false", "no", "off", "n", "0", "disabled", "never"];

/** Returns the boolean that `yes`, `off` or `0` was meant as; null for other values. */
export function guessBoolean(value: unknown): boolean | null {
  const text = lowerCase(value);
  return TRUE.includes(text) ? true : FALSE.includes(text) ? false : null;
}

/** Returns the number in a text such as `8`; null for other values. */
export function guessInteger(value: unknown): number | null {
  return typeof value === "string" && /^ ?[0-9]{1,9} ?$/.test(value) ? Number(value) : null;
}

/** Returns the fraction that `50%` or 50 was meant as; null for other values. */
export function guessFraction(value: unknown): number | null {
  const [, number] = /^([0-9]{1,3}(?:\.[0-9]{1,3})?) ?%?$/.exec(lowerCase(value) ?? "") ?? [];
  if (number === undefined) return null;
  return Number(number) > 1 ? Number(number) / 100 : Number(number);
}

/** Words for schedules. */
const SCHEDULE_WORDS: Readonly<Record<string, string>> = {
  ...{ "minutely": "every 1m", "every minute": "every 1m", "* * * * * *": "every 1s" },
  ...{ "hourly": "@hourly", "every hour": "@hourly" },
  ...{ "daily": "@daily", "nightly": "@daily", "every day": "@daily", "midnight": "@midnight" },
  ...{ "weekly": "@weekly", "every week": "@weekly", "monthly": "@monthly" },
  ...{ "every month": "@monthly", "yearly": "@yearly", "annually": "@annually" },
  ...{ "never": "manual", "none": "manual", "off": "manual", "disabled": "manual", "no": "manual" },
  ...{ "on demand": "manual", "on-demand": "manual", "manually": "manual" },
};

/** Steps that a field cannot have, and their intervals. */
const LONG_STEPS: readonly (readonly [pattern: RegExp, interval: string])[] = [
  [/^\*\/([0-9]{2,4}) \* \* \* \*$/, "$1m"],
  [/^[0-9]{1,2} \*\/([0-9]{2,3}) \* \* \*$/, "$1h"],
  [/^[0-9]{1,2} [0-9]{1,2} \*\/([0-9]{2,3}) \* \*$/, "$1d"],
];

/**
 * Returns the interval, nickname or time of day that a text was meant as: `every5m`, `5 minutes`,
 * `daily`, `6:30`. The caller checks that it is a schedule.
 */
export function guessSchedule(text: string): string | null {
  const plain = lowerCase(text)?.replaceAll(/\s+/g, " ");
  if (plain === undefined) return null;
  if (Object.hasOwn(SCHEDULE_WORDS, plain)) return SCHEDULE_WORDS[plain] ?? null;
  const [, hour, minute = "00", half] =
    /^(?:(?:daily|every day) )?(?:at )?([0-9]{1,2})(?::([0-5][0-9]))? ?([ap]m)?$/.exec(plain) ?? [];
  if (hour !== undefined && (half !== undefined || plain.includes(":"))) {
    const noon = half === undefined
      ? 0
      : Number(hour) % 12 - Number(hour) + (half === "pm" ? 12 : 0);
    return `${Number(minute)} ${Number(hour) + noon} * * *`;
  }
  const longStep = LONG_STEPS.find(([pattern]) => pattern.test(plain));
  if (longStep !== undefined) return `every ${plain.replace(...longStep)}`;
  const [, interval = ""] = /^@?(?:every|each)?[: ]?(.*)$/.exec(plain) ?? [];
  // A number alone may be a field.
  const duration = /[a-z]/.test(plain) ? guessDuration(interval) : null;
  return duration === null ? null : `every ${duration}`;
}

/** A short text or a number, in lower case and without blanks around it; null for other values. */
function lowerCase(value: unknown): string | null {
  if (typeof value === "number") return String(value);
  if (typeof value !== "string" || value.length > MAX_LENGTH) return null;
  return value.trim().toLowerCase();
}
