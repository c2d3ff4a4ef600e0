/** The schema of a config: its types and its validation. */

import * as z from "zod/mini";
import {
  boolean,
  duration,
  headers,
  integer,
  MAX_DURATION_MS,
  object,
  oneOf,
  option,
  required,
  size,
  text,
  titled,
  url,
  withMessage,
} from "./fields.ts";
import { DEFAULTS } from "../input.ts";
import { defaultsSchema, hooks, taskSchema, TIMEOUT, timing, urlSchema } from "./task_schema.ts";
import { expect } from "./expect_schema.ts";

const limits = object("must be an object of limits", () => ({
  concurrency: option(
    integer(1, 1_000),
    "Tasks in progress at a time.",
    DEFAULTS.limits.concurrency,
  ),
  perHost: option(
    integer(1, 1_000),
    "Tasks in progress at a time for one host, including connections added by `segments`.",
    DEFAULTS.limits.perHost,
  ),
  spacing: option(
    duration(0, MAX_DURATION_MS),
    "Minimum time between two task starts for one host.",
    DEFAULTS.limits.spacing,
  ),
  rate: option(
    z.nullable(size(1)),
    "Body bytes per second over all tasks; null is no limit.",
    DEFAULTS.limits.rate,
  ),
  deadline: option(
    z.nullable(duration(1, MAX_DURATION_MS)),
    "Maximum duration of a run; null is no limit.",
    DEFAULTS.limits.deadline,
  ),
}));

const hostOptions = object("must be an object of options for a host", () => ({
  perHost: option(
    integer(1, 1_000),
    "As `limits.perHost`, for each host that the name matches. Default: that of `limits`.",
  ),
  spacing: option(
    duration(0, MAX_DURATION_MS),
    "As `limits.spacing`, for each host that the name matches. Default: that of `limits`.",
  ),
  proxy: option(
    z.nullable(text('a URL of a proxy, or "direct"', 8_000)),
    'Proxy: an http, https, socks5 or socks5h URL, or "direct" for none; null for that of the ' +
      "environment. `${env:…}` and `${file:…}` are substituted.",
    DEFAULTS.hosts.proxy,
  ),
  caFile: option(
    z.nullable(text("the path of a file")),
    "File with certificates (PEM) of authorities that are trusted in addition to the usual ones.",
    DEFAULTS.hosts.caFile,
  ),
  certFile: option(
    z.nullable(text("the path of a file")),
    "File with the client's certificate (PEM), for servers that require one.",
    DEFAULTS.hosts.certFile,
  ),
  keyFile: option(
    z.nullable(text("the path of a file")),
    "File with the private key (PEM, not encrypted) of `certFile`.",
    DEFAULTS.hosts.keyFile,
  ),
}));

const hosts = titled(
  "object",
  z.record(
    z.string(),
    hostOptions,
    withMessage("must be an object of hosts, each with an object of options"),
  ),
);

const basicOptions = object("must be an object with user and password", () => ({
  user: required(
    text("a user name", 8_000),
    "User name. `${env:…}` and `${file:…}` are substituted.",
  ),
  password: required(
    text("a password", 8_000),
    "Password. `${env:…}` and `${file:…}` are substituted.",
  ),
}));

const oauth2Options = object("must be an object with tokenUrl, clientId and clientSecret", () => ({
  tokenUrl: required(
    url(),
    "URL of the token endpoint. `${env:…}` and `${file:…}` are substituted.",
  ),
  clientId: required(
    text("the id of a client", 8_000),
    "Id of the client. `${env:…}` and `${file:…}` are substituted.",
  ),
  clientSecret: required(
    text("the secret of a client", 8_000),
    "Secret of the client. `${env:…}` and `${file:…}` are substituted.",
  ),
  scope: option(text("scopes, with a space between them", 8_000), "Scopes of the token."),
  audience: option(
    text("the audience of a token", 8_000),
    "The API that the token is for, if the server requires it.",
  ),
  clientAuth: option(
    oneOf(["basic", "post"]),
    "How id and secret are sent to the token endpoint: in a header or in the body.",
    DEFAULTS.auth.clientAuth,
  ),
}));

const authOptions = object("must be an object with basic, bearer or oauth2", () => ({
  basic: option(basicOptions, "User name and password, for Basic authentication."),
  bearer: option(
    text("a token", 64_000),
    "A token, without the word Bearer. `${env:…}` and `${file:…}` are substituted.",
  ),
  oauth2: option(
    oauth2Options,
    "A client that gets tokens by the client credentials grant of OAuth 2.0.",
  ),
}));

const auth = titled(
  "object",
  z.record(
    z.string(),
    authOptions,
    withMessage("must be an object of origins, each with an object of credentials"),
  ),
);

const alert = object("must be an object with a webhook or a command", () => ({
  webhook: option(
    url(),
    "URL that receives the alert by POST. `${env:…}` and `${file:…}` are substituted.",
  ),
  format: option(
    oneOf(["json", "slack", "discord", "teams", "ntfy"]),
    "What the webhook receives: the message of a chat, or JSON with the facts. Default: that of the " +
      "URL's host, or `json`.",
  ),
  headers: option(
    headers(),
    "Request headers for the webhook. `${env:…}` and `${file:…}` are substituted.",
  ),
  command: option(
    titled(
      "list of words",
      z.array(text("a word of a command"), withMessage("must be a list of words")).check(
        z.minLength(1, withMessage("must be a list of at least one word")),
      ),
    ),
    "A program and its arguments; it receives the alert as JSON on standard input.",
  ),
}));

const page = object("must be an object of downloads and publicUrl", () => ({
  downloads: option(
    boolean(),
    "Allow visitors to download the published files.",
    DEFAULTS.page.downloads,
  ),
  publicUrl: option(
    z.nullable(url()),
    "URL under which people reach the page, for links in alerts.",
    DEFAULTS.page.publicUrl,
  ),
}));

const fleet = object("must be an object of lease, slice and sharedStore", () => ({
  lease: option(
    duration(10_000, 3_600_000),
    "How long a worker that does not respond keeps its hosts; it stops requesting after two thirds of it.",
    DEFAULTS.fleet.lease,
  ),
  slice: option(
    integer(1, 10_000),
    "Tasks of a host that a worker executes before others may claim the host.",
    DEFAULTS.fleet.slice,
  ),
  sharedStore: option(
    boolean(),
    "All machines see the same folder as the store. A bucket always is shared.",
    DEFAULTS.fleet.sharedStore,
  ),
}));

const settings = () => ({
  $schema: option(
    z.string(withMessage("must be text")),
    "URL or path of the JSON Schema, for editors.",
  ),
  store: option(
    text('a folder, "s3://bucket/prefix" or "memory:"'),
    "Where files are stored: a folder, `s3://bucket/prefix` or `memory:`.",
    DEFAULTS.store,
  ),
  state: option(
    text('"kv:" or "file:" with a path, "postgres://…", or "memory:"'),
    "Where state is stored: `kv:PATH`, `file:PATH`, `postgres://…` or `memory:`. `${env:…}` and " +
      "`${file:…}` are substituted.",
    DEFAULTS.state,
  ),
  ...timing(DEFAULTS),
  limits: option(limits, "Limits of one run."),
  hosts: option(
    hosts,
    'Settings by host: "example.org", "example.org:8443", or "*.example.org" for all names below ' +
      "it. The most specific one that sets an option decides it.",
  ),
  auth: option(
    auth,
    'Credentials by origin, such as "https://api.example.org": sent with every request to it, and ' +
      "to no other origin.",
  ),
  sync: option(
    boolean(),
    "Flush each file to disk before publishing it.",
    DEFAULTS.sync,
  ),
  manifest: option(
    boolean(),
    "Write `SHA256SUMS` and `cronfetch.manifest.json`, which list the published files, into the store " +
      "after each run.",
    DEFAULTS.manifest,
  ),
  history: option(
    duration(1, MAX_DURATION_MS),
    "How long runs and their results are kept in the state, within its limits on their number.",
    DEFAULTS.history,
  ),
  fleet: option(fleet, "How `cronfetch work` shares the tasks with other machines."),
  alertAfter: option(
    integer(1, 1_000),
    "Consecutive failures, over an hour or one interval, until a task is unhealthy.",
    DEFAULTS.alertAfter,
  ),
  alerts: option(
    titled(
      "list",
      z.array(alert, withMessage("must be a list of alerts")).check(
        z.maxLength(20, withMessage("must be at most 20 alerts")),
      ),
    ),
    "Alerts, sent once when a task becomes unhealthy or stale, its content does not change, or a " +
      "run fails as a whole, and once when that is over.",
  ),
  onChange: hooks(
    "Webhooks and commands that are invoked after a file was created or updated, for tasks without " +
      "their own.",
    DEFAULTS.onChange,
  ),
  page: option(page, "The status page of `serve`."),
  defaults: option(
    defaultsSchema,
    "Options for all tasks of this file; a task's own take precedence.",
  ),
});

const NOT_A_CONFIG = "must be an object of options";

/** A config file except its tasks, which are validated one at a time. */
export const fileSchema = object(NOT_A_CONFIG, () => ({
  ...settings(),
  tasks: z.optional(z.array(z.unknown(), withMessage("must be a list of tasks"))),
}));

/** A whole config. */
export const configSchema = titled(
  "cronfetch config",
  object(NOT_A_CONFIG, () => ({
    ...settings(),
    tasks: option(
      titled(
        "list",
        z.array(z.union([urlSchema, taskSchema]), withMessage("must be a list of tasks")),
      ),
      "The files to keep: URLs, or objects of task options.",
    ),
  })),
);

/** Schemas of single values, for flags and environment variables. */
export const VALUE_SCHEMAS = {
  store: () => fileSchema.shape.store,
  state: () => fileSchema.shape.state,
  timeout: () => z.nullable(TIMEOUT),
  concurrency: () => limits.shape.concurrency,
  perHost: () => limits.shape.perHost,
  retries: () => integer(0, 99),
  rate: () => limits.shape.rate,
  maxSize: () => expect.shape.maxSize,
  deadline: () => limits.shape.deadline,
  allowPrivate: () => boolean(),
};

/** A validated config file, its tasks not yet validated. Units: milliseconds and bytes. */
export type FileSettings = z.output<typeof fileSchema>;

/** An entry of `hosts`. */
export type HostOptions = z.output<typeof hostOptions>;

/** An entry of `auth`. */
export type AuthOptions = z.output<typeof authOptions>;

/** An entry of `alerts`. */
export type AlertOptions = z.output<typeof alert>;
