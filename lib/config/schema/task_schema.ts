/** The schema of a task and of `defaults`: their types and their validation. */

import * as z from "zod/mini";
import {
  boolean,
  command,
  duration,
  headers,
  integer,
  MAX_DURATION_MS,
  MAX_TIMEOUT_MS,
  object,
  oneOf,
  option,
  required,
  size,
  text,
  texts,
  titled,
  url,
  variables,
  withMessage,
} from "./fields.ts";
import { DATES_DEFAULTS, DEFAULTS, UNPACK_DEFAULTS } from "../input.ts";
import { list } from "./list_schema.ts";
import { expect, outputExpect } from "./expect_schema.ts";
import { body, method } from "./request_schema.ts";

/** A timeout. */
export const TIMEOUT = duration(1, MAX_TIMEOUT_MS);

const timeoutParts = object(
  "must be a duration, or an object of connect, response, idle and attempt",
  () => ({
    connect: option(
      TIMEOUT,
      "Of a new connection: name resolution, TCP, TLS and the proxy.",
      DEFAULTS.timeout.connect,
    ),
    response: option(
      TIMEOUT,
      "From a request on an open connection to its response headers.",
      DEFAULTS.timeout.response,
    ),
    idle: option(TIMEOUT, "Between two chunks of a body.", DEFAULTS.timeout.idle),
    attempt: option(
      z.nullable(TIMEOUT),
      "Of the whole attempt, including redirects; null is no limit while bytes arrive.",
      DEFAULTS.timeout.attempt,
    ),
  }),
);

const retry = object("must be an object of attempts and budget", () => ({
  attempts: option(
    integer(1, 100),
    "Attempts per URL, including the first.",
    DEFAULTS.retry.attempts,
  ),
  budget: option(
    duration(0, MAX_TIMEOUT_MS),
    "Time in failed attempts and backoff after which a task is not retried.",
    DEFAULTS.retry.budget,
  ),
}));

/** The schemas of schedule options. */
export interface TimingSchemas {
  readonly schedule: z.ZodMiniOptional<z.ZodMiniType<string, string>>;
  readonly timezone: z.ZodMiniOptional<z.ZodMiniType<string, string>>;
  readonly misfire: z.ZodMiniOptional<z.ZodMiniType<"once" | "skip", "once" | "skip">>;
  readonly jitter: z.ZodMiniOptional<z.ZodMiniType<number, string>>;
}

/** Schedule options: of the config, with defaults, and of a task, without. */
export function timing(defaults: Partial<typeof DEFAULTS>): TimingSchemas {
  return {
    schedule: option(
      text('a cron expression such as "0 6 * * *", "every 30m" or "manual"'),
      'When the task is due: a cron expression of 5 fields, "@daily" and the like, "every 30m" or ' +
        '"manual".',
      defaults.schedule,
    ),
    timezone: option(
      text('an IANA time zone such as "Europe/Berlin"'),
      "IANA time zone of the schedule and of `{date:…}`.",
      defaults.timezone,
    ),
    misfire: option(
      oneOf(["once", "skip"]),
      "How to handle ticks missed while cronfetch was not running: run once to catch up, or skip.",
      defaults.misfire,
    ),
    jitter: option(
      duration(0, MAX_DURATION_MS),
      "Spread of due times: each task is delayed by a fixed fraction of it.",
      defaults.jitter,
    ),
  };
}

/** One rule by which files are the same in substance. */
const same = object("must be an object of zip, json or lines", () => ({
  zip: option(
    boolean(),
    "ZIP archives (also xlsx, docx, jar, epub) whose members have equal names, sizes and checksums.",
  ),
  json: option(
    texts("JSONPath query", 50),
    "JSON documents that are equal without the nodes that these JSONPath queries (RFC 9535) select; " +
      "the order of keys does not count.",
  ),
  lines: option(
    text("a regular expression", 10_000),
    "Texts that are equal without the lines that this regular expression (RE2 syntax) matches.",
  ),
})).check(
  z.refine(
    ({ zip, json, lines }) =>
      [zip || undefined, json, lines].filter((rule) => rule !== undefined).length === 1,
    withMessage("must have either zip, json or lines"),
  ),
);

const transformParts = object("must be a list of words, or an object with a command", () => ({
  command: required(command(), "The program and its arguments."),
  timeout: option(TIMEOUT, "When it is killed.", "60s"),
  env: variables(),
  expect: option(
    outputExpect,
    "Expectations that its output must meet.",
  ),
}));

const hook = object("must be an object with a webhook or a command", () => ({
  webhook: option(
    url(),
    "URL that receives the change as JSON by POST. `${env:…}` and `${file:…}` are substituted.",
  ),
  headers: option(
    headers(),
    "Request headers for the webhook. `${env:…}` and `${file:…}` are substituted.",
  ),
  command: option(
    command(),
    "A program and its arguments; it receives the change as JSON on standard input.",
  ),
  env: variables(),
}));

/** `onChange`: of the config, of `defaults` and of a task. */
export const hooks = (
  description: string,
  byDefault?: typeof DEFAULTS.onChange,
): z.ZodMiniOptional<z.ZodMiniArray<typeof hook>> =>
  option(
    titled(
      "list",
      z.array(hook, withMessage("must be a list of webhooks and commands")).check(
        z.maxLength(20, withMessage("must be at most 20 webhooks and commands")),
      ),
    ),
    description,
    byDefault,
  );
const unpackParts = object("must be true, or an object of options", () => ({
  include: option(
    texts("glob", 100).check(z.minLength(1, withMessage("must have a glob"))),
    "Globs of the members to publish, for their whole path in the archive: `*` and `?` do not match " +
      "`/`, `**` does. Default: all members.",
  ),
  strip: option(
    integer(0, 100),
    "Number of folders to remove from the beginning of each path.",
    UNPACK_DEFAULTS.strip,
  ),
  to: option(
    text("the name of a folder in the store"),
    'Folder in the store; "./" is its root. Default: the name of the archive without its extension.',
  ),
  archive: option(boolean(), "Publish the archive as well.", UNPACK_DEFAULTS.archive),
  maxSize: option(
    size(1),
    "Maximum size of all published members together.",
    UNPACK_DEFAULTS.maxSize,
  ),
}));

/** True, or which members are published, and where. */
const unpack = z.union(
  [
    titled("true", z.literal(true, withMessage("must be true, or an object of options"))),
    unpackParts,
  ],
  withMessage("must be true, or an object of options"),
);

const dates = object("must be an object with last", () => ({
  last: required(
    text('a time such as "20d"', 1_000, "d"),
    "How many days, weeks, months or years back a date is fetched, counted from and with today: " +
      '"20d", "3w", "6M" or "1y".',
  ),
  on: option(
    text("days"),
    'Days that have a file, with a comma between them: "days", "workdays", "MON-FRI", "1,15", ' +
      '"first day", "last workday", "third WED", "15 or next workday".',
    DATES_DEFAULTS.on,
  ),
  holidays: option(
    texts("date", 1_000),
    "Days that are no workdays and have no file: `2026-12-25`, or `12-25` for every year.",
  ),
  final: option(
    z.nullable(duration(1, MAX_DURATION_MS)),
    "Age of a date from which on its published file is not requested again; null: it is as long as " +
      "the date is within `last`.",
    DATES_DEFAULTS.final,
  ),
}), "last");

/** Options of a task and of `defaults`. */
const shared = () => ({
  to: option(
    text("the name of a file in the store"),
    "Key of the file in the store; with a `/` at its end, a folder. `{date:…}`, `{host}`, " +
      "`{path}`, `{stem}`, `{ext}` and `{query.NAME}` are substituted; `{name}` is the name from " +
      "the server. Default: the last segment of the URL.",
  ),
  ...timing({}),
  headers: option(
    headers(),
    "Request headers. Those that may be credentials are sent only to the origin of the task's URL. " +
      "`${env:…}` and `${file:…}` are substituted.",
  ),
  timeout: option(
    z.union([TIMEOUT, timeoutParts], withMessage("must be a duration, or an object of durations")),
    "Timeouts of one attempt; a single duration is for the whole attempt.",
  ),
  retry: option(retry, "How often a task is retried within one run."),
  expect: option(expect, "Expectations that content must meet to be published."),
  segments: option(
    integer(1, 16),
    "Connections for one large file, if the server supports ranges.",
    DEFAULTS.segments,
  ),
  keep: option(
    integer(0, 1_000),
    "Older versions of the file to keep; 0 disables versions and removes none.",
    DEFAULTS.keep,
  ),
  mtime: option(
    z.nullable(oneOf(["last-modified"])),
    "Modification time of the file in a folder: Last-Modified of the response, or null for the " +
      "time of writing.",
    DEFAULTS.mtime,
  ),
  quarantine: option(
    boolean(),
    "Keep content that an expectation rejected, for inspection.",
    DEFAULTS.quarantine,
  ),
  allowPrivate: option(
    boolean(),
    "Allow a public host to redirect or resolve to a private address.",
    DEFAULTS.allowPrivate,
  ),
  conditional: option(
    boolean(),
    "Use the `ETag` and `Last-Modified` headers of the server: for conditional requests, to " +
      "resume, and to keep a newer file than the served one. False: download the whole file in " +
      "every run.",
    DEFAULTS.conditional,
  ),
  unchangedFor: option(
    z.nullable(duration(1, MAX_DURATION_MS)),
    "Alert when the content has not changed for this time; null for never.",
    DEFAULTS.unchangedFor,
  ),
  publishedWithin: option(
    z.nullable(duration(1, MAX_DURATION_MS)),
    "Age of the date in the URL up to which a 404 or 410 is `pending`; null: it is a failure.",
    DEFAULTS.publishedWithin,
  ),
  decode: option(
    oneOf(["auto", "keep"]),
    "A body with `Content-Encoding`: `auto` decodes it, unless the coding is the format of the " +
      "file (`.gz`, `.zst`); `keep` stores it as received.",
    DEFAULTS.decode,
  ),
  same: option(
    z.nullable(same),
    "When a file with other bytes is unchanged in substance, and is not published.",
    DEFAULTS.same,
  ),
  transform: option(
    z.nullable(
      z.union(
        [command(), transformParts],
        withMessage("must be a list of words, or an object with a command"),
      ),
    ),
    "A program that changes the file before it is compared and published: it reads the received " +
      "file from standard input, and writes the result to standard output.",
    DEFAULTS.transform,
  ),
  onChange: hooks("Invoked after the file was created or updated. Default: the config's."),
  unpack: option(
    z.nullable(unpack),
    "Publish the members of an archive: zip, tar, tar.gz, tar.zst or gz.",
    DEFAULTS.unpack,
  ),
});

/** An entry of `tasks` as an object. */
export const taskSchema = object("must be a URL, or an object with a url", () => ({
  id: option(
    text("text without control characters", 500),
    "ID of the task, unique and stable between runs. Default: `to`, or the last segment of the URL.",
  ),
  url: option(
    url(),
    "Absolute http or https URL. `${env:…}`, `${file:…}` and `{date:…}` are substituted. " +
      "Required without `from`.",
  ),
  from: option(
    list,
    "A list: each of its items becomes a task, whose options are the others of this one.",
  ),
  mirrors: option(
    texts("URL", 20, url()),
    "URLs to try in order when `url` fails.",
  ),
  method: option(
    method,
    "Method of a request that only reads; unless set, `POST` with a `body`, else `GET`.",
  ),
  body: option(
    body,
    "Content of the request. In its texts, `${env:…}`, `${file:…}` and `{date:…}` are substituted; " +
      "other braces are literal.",
  ),
  dates: option(
    dates,
    "One file per date: `{date:…}` in `url` and `to` is the date, and missed dates are fetched later.",
  ),
  ...shared(),
}));

/** An entry of `tasks` as a URL. */
export const urlSchema: z.ZodMiniType<string, string> = text("a URL", 8_000);

/** `defaults`. */
export const defaultsSchema = object("must be an object of task options", shared);

/** A validated task. Units: milliseconds and bytes. */
export type TaskOptions = z.output<typeof taskSchema>;

/** Validated options for all tasks of a file. Units: milliseconds and bytes. */
export type TaskDefaults = z.output<typeof defaultsSchema>;
