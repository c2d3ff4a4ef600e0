/** The one schema of a config: its types, its validation, its JSON Schema and the docs' table. */

import * as z from "zod/mini";
import { expect, EXPECT_DEFAULTS } from "./expect_schema.ts";
import {
  choice,
  duration,
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

export type { ConfigInput, TaskInput } from "./input.ts";

/** What counts where nobody says otherwise, as a person would write it. */
export const DEFAULTS = {
  store: "./downloads",
  state: "kv:.cronfetch/state.db",
  schedule: "0 6 * * *",
  timezone: "UTC",
  misfire: "once",
  jitter: "0s",
  sync: false,
  alertAfter: 3,
  page: { downloads: false },
  limits: { concurrency: 32, perHost: 6, spacing: "0s", rate: null, deadline: "30m" },
  timeout: { response: "10s", idle: "30s", attempt: null },
  retry: { attempts: 4, budget: "2m" },
  expect: EXPECT_DEFAULTS,
  segments: 1,
  keep: 0,
  mtime: null,
  quarantine: false,
  allowPrivate: false,
  conditional: true,
} as const;

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

/** What an object comes to where every field is set. */
type Complete<Schema extends z.ZodMiniType> = {
  readonly [Name in keyof z.output<Schema>]-?: Exclude<z.output<Schema>[Name], undefined>;
};

/**
 * What {@linkcode DEFAULTS} come to. Units: milliseconds and bytes. They are written out, for
 * parsing them would build most schemas at every start.
 */
export const STANDARD: {
  readonly limits: Complete<typeof limits>;
  readonly jitter: number;
  readonly timeout: Complete<typeof timeoutParts>;
  readonly retry: Complete<typeof retry>;
  readonly expect: Complete<typeof expect>;
} = {
  limits: { ...DEFAULTS.limits, spacing: 0, deadline: 30 * 60_000 },
  jitter: 0,
  timeout: { response: 10_000, idle: 30_000, attempt: null },
  retry: { ...DEFAULTS.retry, budget: 2 * 60_000 },
  expect: { ...DEFAULTS.expect, minSize: 1 },
};
