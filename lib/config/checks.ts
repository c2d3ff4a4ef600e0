/**
 * Checks of single values that a schema cannot express. A problem is the rest of a sentence that
 * begins with the path of the value; null if the value is valid.
 */

import { TOKEN } from "../core/http.ts";
import {
  DIGEST_ALGORITHMS,
  DIGEST_DIGITS,
  type DigestAlgorithm,
  type Schedule,
} from "../core/task.ts";
import { durationText } from "../core/time.ts";
import { expandNickname, NICKNAME_NAMES, repairFields } from "../cron/expression.ts";
import { checkCron } from "../cron/occurrence.ts";
import { type Nearest, withGuess } from "./suggest.ts";
import { type Complaint, type Parsed, partsOf, quote, withHint } from "./problem.ts";
import { parseDuration } from "./schema/fields.ts";
import { guessSchedule } from "./guess.ts";
import { redactUrl } from "./secrets.ts";

const HEADER_NAME = new RegExp(`^${TOKEN}$`);

/** A type and a subtype (RFC 9110, section 8.3.1), without parameters and wildcards. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/;

/** Headers that frame the message or that cronfetch sets for conditional and range requests. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "keep-alive",
  "range",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const MIN_INTERVAL_MS = 1_000;
const MAX_INTERVAL_MS = 365 * 86_400_000;

/**
 * Parses the URL of a file.
 *
 * @param written The text in the config, before substitution; for a suggestion.
 */
export function parseUrl(text: string, written: string): Parsed<URL> {
  if (hasControls(text)) return { problem: "must not contain control characters" };
  const url = URL.parse(text);
  if (url === null) {
    const guess = /^[\w-]+(?:\.[\w-]+)+(?:[:/?#]|$)/.test(written) ? `https://${written}` : null;
    return { problem: withGuess("must be an absolute http or https URL", guess) };
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    const [, key, rest] = /^([a-z]+):(https?:\/\/.*)$/i.exec(written) ?? [];
    return {
      problem: withHint(
        `must be an http or https URL, not ${quote(url.protocol)}`,
        key === undefined ? null : `YAML needs a blank after a colon: ${key}: ${rest}`,
      ),
    };
  }
  return { value: url };
}

/** Checks the name of a request header. */
export function checkHeaderName(name: string): string | null {
  if (!HEADER_NAME.test(name)) return "is not a valid header name";
  return OWN_HEADERS.has(name.toLowerCase()) ? "is a header that cronfetch sets itself" : null;
}

/** Checks the value of a request header (RFC 9110, section 5.5); the problem does not contain it. */
export function checkHeaderValue(value: string): string | null {
  if (/\s$|^\s/.test(value)) return "must not begin or end with white space or a line break";
  if (hasControls(value.replaceAll("\t", " "))) return "must not contain control characters";
  return /[^\0-\xff]/.test(value) ? "must not contain characters outside Latin-1" : null;
}

/** Headers that describe the client, and what it prefers. */
const PUBLIC_HEADER =
  /^(?:accept|accept-charset|accept-language|cache-control|dnt|pragma|prefer|priority|referer|save-data|sec-(?:ch|fetch|gpc)[a-z-]*|upgrade-insecure-requests|user-agent|want-(?:content|repr)-digest|x-requested-with)$/;

/**
 * Whether a literal header is no credential, so that every origin may receive it. Unknown headers
 * may be credentials, and so may a URL with a secret.
 *
 * @param name In lower case.
 */
export function isPublicHeader(name: string, value: string): boolean {
  return PUBLIC_HEADER.test(name) && redactUrl(value) === value;
}

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

/** Checks a media type. */
export function checkMediaType(type: string): string | null {
  return MEDIA_TYPE.test(type.toLowerCase())
    ? null
    : 'must be a media type such as "text/csv", without parameters';
}

/** Checks a digest in hexadecimal. */
export function checkDigest(digest: string, algorithm: DigestAlgorithm): Complaint | null {
  const digits = DIGEST_DIGITS[algorithm];
  if (digest.length === digits && /^[0-9a-f]*$/i.test(digest)) return null;
  const other = DIGEST_ALGORITHMS.find((name) => DIGEST_DIGITS[name] === digest.length);
  return withGuess(
    `must be ${digits} hexadecimal digits, or an object of url and name`,
    other === undefined || !/^[0-9a-f]*$/i.test(digest) ? null : `expect.${other}`,
  );
}

/** Checks the ID of a task. */
export function checkId(id: string): string | null {
  return hasControls(id) ? "must not contain control characters" : null;
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
  const guess = [guessSchedule(text), repairFields(text)].find(isValid) ??
    nearest(text, [...NICKNAME_NAMES, "manual"]);
  const { message, hint } = partsOf(parsed.problem);
  return { problem: hint === null ? withGuess(message, guess) : parsed.problem };
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
 * Describes a schedule that is probably unintended: cron fires if either of two restricted fields
 * for days matches.
 */
export function scheduleWarning(schedule: Schedule): Complaint | null {
  if (schedule.kind !== "cron") return null;
  const [, , day, , weekday] = schedule.expression.split(" ");
  if (day === "*" || weekday === "*") return null;
  return {
    message: `is due if either matches: the day of the month ${day}, or the weekday ${weekday}`,
    hint: "write * for one of the two; cron cannot require both",
  };
}

function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
