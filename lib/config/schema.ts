/** The schema of a config: its types and its validation. */

import * as z from "zod/mini";
import { DIGEST_DIGITS, type DigestAlgorithm } from "../core/digest.ts";
import {
  choice,
  duration,
  fraction,
  LONGEST_MS,
  LONGEST_TIMEOUT_MS,
  object,
  option,
  required,
  says,
  size,
  text,
  titled,
  url,
  whole,
  yesOrNo,
} from "./fields.ts";
import { DEFAULTS } from "./input.ts";

const TIMEOUT = duration(1, LONGEST_TIMEOUT_MS);

const headers = () =>
  titled(
    "object of text",
    z.record(z.string(), text("text", 8_000), says("must be an object of header names and values")),
  );

const timeoutParts = object(
  "must be a duration, or an object of response, idle and attempt",
  () => ({
    response: option(
      TIMEOUT,
      "From the start of a request to its response headers, connecting included.",
      DEFAULTS.timeout.response,
    ),
    idle: option(TIMEOUT, "Between two pieces of a body.", DEFAULTS.timeout.idle),
    attempt: option(
      z.nullable(TIMEOUT),
      "The whole attempt, redirects included; null is no limit while bytes arrive.",
      DEFAULTS.timeout.attempt,
    ),
  }),
);

const retry = object("must be an object of attempts and budget", () => ({
  attempts: option(
    whole(1, 100),
    "Attempts at each URL, the first included.",
    DEFAULTS.retry.attempts,
  ),
  budget: option(
    duration(0, LONGEST_TIMEOUT_MS),
    "Time a task may spend waiting and failing, from its first attempt on.",
    DEFAULTS.retry.budget,
  ),
}));

/** A digest, or the checksum file that has it. */
function digest(algorithm: DigestAlgorithm, description: string) {
  const allowed = `${DIGEST_DIGITS[algorithm]} hexadecimal digits, or an object of url and name`;
  const sentence = `must be ${allowed}`;
  const source = object(sentence, () => ({
    url: required(url(), "A checksum file. `${env:NAME}` and `{date:…}` are filled in."),
    name: option(
      text("the file's name in the checksum file"),
      "The file's name in it. `{date:…}` is filled in. Default: that of the URL, or of `to`.",
    ),
  }));
  return option(
    z.nullable(z.union([text(allowed), source], says(sentence))),
    description,
    DEFAULTS.expect[algorithm],
  );
}

/** The schema of `expect`. */
const expect = object("must be an object of expectations", () => ({
  type: option(
    z.nullable(text('a media type such as "text/csv"')),
    "Media type of the content, held against its first bytes and the Content-Type header.",
    DEFAULTS.expect.type,
  ),
  minSize: option(
    size(0),
    "Smallest size; an empty file is refused unless this is 0.",
    DEFAULTS.expect.minSize,
  ),
  maxSize: option(z.nullable(size(1)), "Largest size.", DEFAULTS.expect.maxSize),
  minRatio: option(
    z.nullable(fraction()),
    "Smallest ratio of the new size to the size of the published file.",
    DEFAULTS.expect.minRatio,
  ),
  sha256: digest("sha256", "SHA-256 of the file in hexadecimal, or where to read it."),
  sha512: digest("sha512", "SHA-512 of the file, likewise."),
  sha1: digest("sha1", "SHA-1 of the file, likewise. It finds transfer errors, and no attacks."),
  md5: digest("md5", "MD5 of the file, likewise. It finds transfer errors, and no attacks."),
  matches: option(
    z.nullable(text("a regular expression", 10_000)),
    "Regular expression (RE2 syntax, flags `mu`) that must match in the first 64 KiB.",
    DEFAULTS.expect.matches,
  ),
  json: option(yesOrNo(), "The whole content must be JSON.", DEFAULTS.expect.json),
  sniff: option(
    yesOrNo(),
    "Refuse what servers send in place of a file: error pages, error documents, pointers, and " +
      "other bytes than the format of the name has.",
    DEFAULTS.expect.sniff,
  ),
  knownLength: option(
    yesOrNo(),
    "Refuse a body whose end cannot be told from a broken connection.",
    DEFAULTS.expect.knownLength,
  ),
}));

/** When a task runs: options of the whole config, and without a default, of a task. */
function timing(standard: Partial<typeof DEFAULTS>) {
  return {
    schedule: option(
      text('a cron expression such as "0 6 * * *", "every 30m" or "manual"'),
      'When it is due: a cron expression of 5 fields, "every 30m" or "manual".',
      standard.schedule,
    ),
    timezone: option(
      text('an IANA time zone such as "Europe/Berlin"'),
      "IANA time zone of the schedule and of `{date:…}`.",
      standard.timezone,
    ),
    misfire: option(
      choice(["once", "skip"]),
      "What ticks are worth that passed while nothing ran: one run, or none.",
      standard.misfire,
    ),
    jitter: option(
      duration(0, LONGEST_MS),
      "A fixed share of this, different for each task, is added to every due time.",
      standard.jitter,
    ),
  };
}

/** What a task may set, and `defaults` for all of a file's tasks. */
const shared = () => ({
  to: option(
    text("the name of a file in the store"),
    "Name of the file in the store; one that ends in `/` is a folder. `{date:…}`, `{host}`, " +
      "`{path}`, `{stem}`, `{ext}` and `{query.NAME}` are filled in, `{name}` is the server's " +
      "name. Default: the URL's last segment.",
  ),
  ...timing({}),
  headers: option(
    headers(),
    "Request headers, for the origin of the task's URL alone. `${env:NAME}` is filled in.",
  ),
  timeout: option(
    z.union([TIMEOUT, timeoutParts], says("must be a duration, or an object of durations")),
    "How long the parts of one attempt may take; one duration is for the whole attempt.",
  ),
  retry: option(retry, "How often a task is tried within one run."),
  expect: option(expect, "What the content must be to be published."),
  segments: option(
    whole(1, 16),
    "Connections that one large file comes over, where the server can do that.",
    DEFAULTS.segments,
  ),
  keep: option(
    whole(0, 1_000),
    "Older files of the task kept beside the newest; 0 removes none.",
    DEFAULTS.keep,
  ),
  mtime: option(
    z.nullable(choice(["last-modified"])),
    "Modification time of the file in a folder: the response's Last-Modified, or null for the " +
      "time of writing.",
    DEFAULTS.mtime,
  ),
  quarantine: option(
    yesOrNo(),
    "Keep what an expectation refused, for a look.",
    DEFAULTS.quarantine,
  ),
  allowPrivate: option(
    yesOrNo(),
    "Allow a public host to redirect or resolve to a private address.",
    DEFAULTS.allowPrivate,
  ),
  conditional: option(
    yesOrNo(),
    "Use `ETag` and `Last-Modified` of the server: for conditional requests, for resuming, and to " +
      "keep a newer file than the one that is served. False: fetch the whole file in every run.",
    DEFAULTS.conditional,
  ),
});

/** An entry of `tasks` that is an object. */
export const taskSchema = object("must be a URL, or an object with a url", () => ({
  id: option(
    text("text without control characters", 500),
    "Name of the task, unique and stable between runs. Default: `to`, or the URL's last segment.",
  ),
  url: required(
    url(),
    "Absolute http or https URL. `${env:NAME}` and `{date:…}` are filled in.",
  ),
  mirrors: option(
    titled(
      "list of URLs",
      z.array(url(), says("must be a list of URLs")).check(
        z.maxLength(20, says("must be 20 URLs at most")),
      ),
    ),
    "Asked in order when `url` fails.",
  ),
  ...shared(),
}));

/** An entry of `tasks` that is a URL. */
export const urlSchema: z.ZodMiniType<string, string> = text("a URL", 8_000);

const limits = object("must be an object of limits", () => ({
  concurrency: option(whole(1, 1_000), "Tasks worked on at once.", DEFAULTS.limits.concurrency),
  perHost: option(
    whole(1, 1_000),
    "Tasks worked on at once for one host, and the connections that `segments` adds.",
    DEFAULTS.limits.perHost,
  ),
  spacing: option(
    duration(0, LONGEST_MS),
    "Between two starts for one host.",
    DEFAULTS.limits.spacing,
  ),
  rate: option(
    z.nullable(size(1)),
    "Body bytes a second over all tasks; null is no limit.",
    DEFAULTS.limits.rate,
  ),
  deadline: option(
    z.nullable(duration(1, LONGEST_MS)),
    "How long a run may take; null is no limit.",
    DEFAULTS.limits.deadline,
  ),
}));

const defaults = object("must be an object of task options", shared);

const alert = object("must be an object with a webhook or a command", () => ({
  webhook: option(
    url(),
    "Is sent the news as JSON by POST, in a form that chat tools show. `${env:NAME}` is filled in.",
  ),
  headers: option(
    headers(),
    "Headers for the webhook. `${env:NAME}` is filled in.",
  ),
  command: option(
    titled(
      "list of words",
      z.array(text("a word of a command"), says("must be a list of words")).check(
        z.minLength(1, says("must be a list of at least one word")),
      ),
    ),
    "A program and its arguments, run with the news as JSON on its standard input.",
  ),
}));

const page = object("must be an object of downloads", () => ({
  downloads: option(
    yesOrNo(),
    "Whoever sees the page may download the published files.",
    DEFAULTS.page.downloads,
  ),
}));

const settings = () => ({
  $schema: option(z.string(says("must be text")), "Where editors find the JSON Schema."),
  store: option(
    text('a folder, "s3://bucket/prefix" or "memory:"'),
    "Where files go: a folder, `s3://bucket/prefix` or `memory:`.",
    DEFAULTS.store,
  ),
  state: option(
    text('"kv:" or "file:" with a path, or "memory:"'),
    "Where is remembered what was fetched: `kv:PATH`, `file:PATH` or `memory:`. " +
      "`${env:NAME}` is filled in.",
    DEFAULTS.state,
  ),
  ...timing(DEFAULTS),
  limits: option(limits, "Limits of one run."),
  sync: option(
    yesOrNo(),
    "Flush each file to the disk before it is published.",
    DEFAULTS.sync,
  ),
  alertAfter: option(
    whole(1, 1_000),
    "Failures in a row, over an hour or one interval, before a task is called unhealthy.",
    DEFAULTS.alertAfter,
  ),
  alerts: option(
    titled(
      "list",
      z.array(alert, says("must be a list of alerts")).check(
        z.maxLength(20, says("must be 20 alerts at most")),
      ),
    ),
    "Who is told, once, that a task has become unhealthy or has recovered.",
  ),
  page: option(page, "The status page of `serve`."),
  defaults: option(defaults, "Options for all tasks of this file; a task's own come first."),
});

const NOT_A_CONFIG = "must be an object of options";

/** A config file but for its tasks, which are validated one at a time. */
export const fileSchema = object(NOT_A_CONFIG, () => ({
  ...settings(),
  tasks: z.optional(z.array(z.unknown(), says("must be a list of tasks"))),
}));

/** A whole config. */
export const configSchema = titled(
  "cronfetch config",
  object(NOT_A_CONFIG, () => ({
    ...settings(),
    tasks: option(
      titled("list", z.array(z.union([urlSchema, taskSchema]), says("must be a list of tasks"))),
      "The files to keep: URLs, or objects of task options.",
    ),
  })),
);

/** The schemas of single values, for what flags and environment variables set. */
export const VALUE_SCHEMAS = {
  store: () => fileSchema.shape.store,
  state: () => fileSchema.shape.state,
  timeout: () => z.nullable(TIMEOUT),
  concurrency: () => limits.shape.concurrency,
  perHost: () => limits.shape.perHost,
  retries: () => whole(0, 99),
  rate: () => limits.shape.rate,
  maxSize: () => expect.shape.maxSize,
  deadline: () => limits.shape.deadline,
  allowPrivate: () => yesOrNo(),
};

/** A config file as validated, its tasks still unknown. Units: milliseconds and bytes. */
export type FileSettings = z.output<typeof fileSchema>;

/** A task as validated. Units: milliseconds and bytes. */
export type TaskOptions = z.output<typeof taskSchema>;

/** Options for all tasks of a file, as validated. Units: milliseconds and bytes. */
export type TaskDefaults = z.output<typeof defaults>;

/** An entry of `alerts`. */
export type AlertOptions = z.output<typeof alert>;
