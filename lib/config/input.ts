/**
 * What a config may contain: its types and its defaults. Imports types alone, so that `--help` does
 * not load the schema.
 */

import type { AuthInput, HostInput } from "./host_input.ts";
import type { ListInput } from "./list_input.ts";

/** A config. Durations are text such as `30s` or `1h30m`, sizes such as `10MB` or `10MiB`. */
export interface ConfigInput {
  /** URL or path of the JSON Schema, for editors. */
  $schema?: string | undefined;
  /** Where files are stored: a folder, `s3://bucket/prefix` or `memory:`. Default: `./downloads`. */
  store?: string | undefined;
  /** Where state is stored: `kv:PATH`, `file:PATH` or `memory:`. Default: `kv:.cronfetch/state.db`. */
  state?: string | undefined;
  /** A cron expression of 5 fields, `@daily`, `every 30m` or `manual`. Default: `0 6 * * *`. */
  schedule?: string | undefined;
  /** IANA time zone of the schedule and of `{date:…}`. Default: `UTC`. */
  timezone?: string | undefined;
  /** How to handle ticks missed while cronfetch was not running. Default: `once`. */
  misfire?: "once" | "skip" | undefined;
  /** Spread of due times: each task is delayed by a fixed fraction of it. Default: `0s`. */
  jitter?: string | undefined;
  /** Limits of one run. */
  limits?: {
    /** Tasks in progress at a time. Default: 32. */
    concurrency?: number | undefined;
    /** Tasks in progress at a time for one host, including connections added by `segments`. Default: 6. */
    perHost?: number | undefined;
    /** Minimum time between two task starts for one host. Default: `0s`. */
    spacing?: string | undefined;
    /** Body bytes per second over all tasks. Default: null, no limit. */
    rate?: string | number | null | undefined;
    /** Maximum duration of a run; null is no limit. Default: `30m`. */
    deadline?: string | null | undefined;
  } | undefined;
  /**
   * Settings by host: `example.org`, `example.org:8443`, or `*.example.org` for all names below it.
   * The most specific one that sets an option decides it.
   */
  hosts?: Record<string, HostInput> | undefined;
  /** Credentials by origin, such as `https://api.example.org`, which alone receives them. */
  auth?: Record<string, AuthInput> | undefined;
  /** Flush each file to disk before publishing it. Default: false. */
  sync?: boolean | undefined;
  /** Write `SHA256SUMS` and `cronfetch.manifest.json` into the store after each run. Default: false. */
  manifest?: boolean | undefined;
  /** How long runs and their results are kept in the state. Default: `90d`. */
  history?: string | undefined;
  /** How `cronfetch work` shares the tasks with other machines. */
  fleet?: {
    /** How long a worker that does not respond keeps its hosts; at least `10s`. Default: `60s`. */
    lease?: string | undefined;
    /** Tasks of a host that a worker executes before others may claim the host. Default: 200. */
    slice?: number | undefined;
    /** Whether all machines see the same folder, if the store is one. Default: false. */
    sharedStore?: boolean | undefined;
  } | undefined;
  /** Consecutive failures, over an hour or one interval, until a task is unhealthy. Default: 3. */
  alertAfter?: number | undefined;
  /**
   * Alerts, sent once when a task becomes unhealthy or stale, its content does not change, or a run
   * fails as a whole, and once when that is over.
   */
  alerts?: {
    /** URL that receives the alert by POST. `${env:…}` and `${file:…}` are substituted. */
    webhook?: string | undefined;
    /** What the webhook receives. Default: that of the URL's host, or `json`. */
    format?: "json" | "slack" | "discord" | "teams" | "ntfy" | undefined;
    /** Request headers for the webhook. `${env:…}` and `${file:…}` are substituted. */
    headers?: Record<string, string> | undefined;
    /** A program and its arguments; it receives the alert as JSON on standard input. */
    command?: string[] | undefined;
  }[] | undefined;
  /** Invoked after a file was created or updated, for tasks without their own. Default: none. */
  onChange?: HookInput[] | undefined;
  /** The status page of `serve`. */
  page?: {
    /** Allow visitors to download the published files. Default: false. */
    downloads?: boolean | undefined;
    /** URL under which people reach the page, for links in alerts. Default: none. */
    publicUrl?: string | null | undefined;
  } | undefined;
  /** Options for all tasks; a task's own take precedence. */
  defaults?: Omit<TaskInput, "id" | "url" | "mirrors" | "method" | "body" | "dates"> | undefined;
  /** The files to keep: URLs, or objects of task options; and lists of such files. */
  tasks?: (string | TaskInput | ListTaskInput)[] | undefined;
}

/** One file to keep, with its options. */
export interface TaskInput {
  /** Unique, and stable between runs. Default: `to`, or the last segment of the URL. */
  id?: string | undefined;
  /** Absolute http or https URL. `${env:…}`, `${file:…}` and `{date:…}` are substituted. */
  url: string;
  /** URLs to try in order when `url` fails. */
  mirrors?: string[] | undefined;
  /** Method of a request that only reads; unless set, `POST` with a `body`, else `GET`. */
  method?: "GET" | "POST" | "QUERY" | undefined;
  /** Content of the request. */
  body?: RequestBodyInput | undefined;
  /** One file per date, which `{date:…}` is; missed dates are fetched later. */
  dates?: DatesInput | undefined;
  /**
   * Key of the file in the store; with a `/` at its end, a folder. `{date:…}`, `{host}`, `{path}`,
   * `{stem}`, `{ext}` and `{query.NAME}` are substituted; `{name}` is the name from the server.
   * Default: the last segment of the URL.
   */
  to?: string | undefined;
  /** A cron expression of 5 fields, `@daily`, `every 30m` or `manual`. Default: the config's. */
  schedule?: string | undefined;
  /** IANA time zone of the schedule and of `{date:…}`. Default: the config's. */
  timezone?: string | undefined;
  /** How to handle ticks missed while cronfetch was not running. Default: the config's. */
  misfire?: "once" | "skip" | undefined;
  /** Spread of due times. Default: the config's. */
  jitter?: string | undefined;
  /**
   * Request headers. Those that may be credentials are sent only to the origin of `url`.
   * `${env:…}` and `${file:…}` are substituted.
   */
  headers?: Record<string, string> | undefined;
  /** Timeouts of one attempt; a single duration is for the whole attempt. */
  timeout?: string | {
    /** DNS, TCP, TLS and the proxy, for a new connection. Default: `10s`. */
    connect?: string | undefined;
    /** From a request on an open connection to its response headers. Default: `10s`. */
    response?: string | undefined;
    /** Between two chunks of a body. Default: `30s`. */
    idle?: string | undefined;
    /** Of the whole attempt, including redirects. Default: null, no limit while bytes arrive. */
    attempt?: string | null | undefined;
  } | undefined;
  /** How often a task is retried within one run. */
  retry?: {
    /** Attempts per URL, including the first. Default: 4. */
    attempts?: number | undefined;
    /** Time in failed attempts and backoff after which a task is not retried. Default: `2m`. */
    budget?: string | undefined;
  } | undefined;
  /** Expectations that content must meet to be published. */
  expect?: {
    /** Media type, checked against the first bytes and the Content-Type header. */
    type?: string | null | undefined;
    /** Minimum size. Default: `1B`, so that an empty file is rejected. */
    minSize?: string | number | undefined;
    /** Maximum size. */
    maxSize?: string | number | null | undefined;
    /** Minimum ratio of the new size to the size of the published file. */
    minRatio?: number | null | undefined;
    /** SHA-256 in hexadecimal, or a checksum file. */
    sha256?: DigestInput | null | undefined;
    /** SHA-512, likewise. */
    sha512?: DigestInput | null | undefined;
    /** SHA-1, likewise. */
    sha1?: DigestInput | null | undefined;
    /** MD5, likewise. */
    md5?: DigestInput | null | undefined;
    /** Regular expression (RE2 syntax, flags `mu`) that must match within the first 64 KiB. */
    matches?: string | null | undefined;
    /** The whole content must be JSON. Default: false. */
    json?: boolean | undefined;
    /** Reject error pages, error documents and pointers in place of a file. Default: true. */
    sniff?: boolean | undefined;
    /** Reject a body whose end is indistinguishable from a broken connection. Default: false. */
    knownLength?: boolean | undefined;
  } | undefined;
  /** Connections for one large file, if the server supports ranges. Default: 1. */
  segments?: number | undefined;
  /** Older versions of the file to keep; 0 disables versions and removes none. Default: 0. */
  keep?: number | undefined;
  /** Modification time of the file in a folder. Default: null, the time of writing. */
  mtime?: "last-modified" | null | undefined;
  /** Keep content that an expectation rejected, for inspection. Default: false. */
  quarantine?: boolean | undefined;
  /** Allow a public host to redirect or resolve to a private address. Default: false. */
  allowPrivate?: boolean | undefined;
  /** Use the `ETag` and `Last-Modified` headers of the server. Default: true. */
  conditional?: boolean | undefined;
  /** Alert when the content has not changed for this time; null for never. Default: null. */
  unchangedFor?: string | null | undefined;
  /**
   * Age of the date in the URL, such as `36h`, up to which a 404 or 410 means that the file is not
   * published yet; null if it is a failure at once. Default: null.
   */
  publishedWithin?: string | null | undefined;
  /** Content codings: decode those that are not the format of the file, or keep all. Default: auto. */
  decode?: "auto" | "keep" | undefined;
  /** When a file with other bytes is unchanged in substance. Default: null, never. */
  same?: SameInput | null | undefined;
  /** A program that changes the file before it is published. Default: null. */
  transform?: string[] | TransformInput | null | undefined;
  /** Invoked after the file was created or updated. Default: the config's. */
  onChange?: HookInput[] | undefined;
  /** Publish the members of an archive (zip, tar, tar.gz, tar.zst, gz). Default: null, do not. */
  unpack?: true | UnpackInput | null | undefined;
}

/**
 * The content of a request, of one kind. `${env:…}`, `${file:…}` and `{date:…}` are substituted in
 * texts; other braces are literal.
 */
export interface RequestBodyInput {
  /** A JSON value. */
  json?: unknown;
  /** Fields of a form; a list is one field for each entry. */
  form?: Record<string, FormValue | FormValue[]> | undefined;
  /** Plain text, or a text of the type that the header `Content-Type` has. */
  text?: string | undefined;
}

/** The value of a field of a form. */
export type FormValue = string | number | boolean;

/** A list of files to keep, with the options of each. */
export interface ListTaskInput
  extends Omit<TaskInput, "id" | "url" | "mirrors" | "method" | "body" | "dates"> {
  /** Unique, and stable between runs: the ids of the items' tasks begin with it. */
  id: string;
  /** The list: each of its items becomes a task. */
  from: ListInput<TaskInput["expect"]>;
}

/** Which dates a task has files of. */
export interface DatesInput {
  /** How far back a date is fetched, from and with today: `20d`, `3w`, `6M` or `1y`. */
  last: string;
  /**
   * Days that have a file: `workdays`, `MON-FRI`, `1,15`, `last day`, `third WED` and the like.
   * Default: `days`, every day.
   */
  on?: string | undefined;
  /** Days without a file that are no workdays: `2026-12-25`, or `12-25` for every year. */
  holidays?: string[] | undefined;
  /** Age of a date from which on its published file is final. Default: null, within `last` none is. */
  final?: string | null | undefined;
}

/** Which members of an archive are published, and where. */
export interface UnpackInput {
  /** Globs of the members to publish, for their whole path in the archive. Default: all members. */
  include?: string[] | undefined;
  /** Number of folders to remove from the beginning of each path. Default: 0. */
  strip?: number | undefined;
  /** Folder in the store. Default: the name of the archive without its extension. */
  to?: string | undefined;
  /** Publish the archive as well. Default: true. */
  archive?: boolean | undefined;
  /** Largest size of all published members together; 10 GB unless set. */
  maxSize?: string | number | undefined;
}

/** One rule by which files with different bytes are the same in substance. */
export interface SameInput {
  /** ZIP archives whose members have equal names, sizes and checksums. */
  zip?: boolean | undefined;
  /** JSON documents that are equal without the nodes that these JSONPath queries select. */
  json?: string[] | undefined;
  /** Texts that are equal without the lines that this regular expression matches. */
  lines?: string | undefined;
}

/** A program that reads the received file from standard input, and writes the one to publish. */
export interface TransformInput {
  /** The program and its arguments. */
  command: string[];
  /** When it is killed; after 60 seconds unless set. */
  timeout?: string | undefined;
  /**
   * Environment variables in addition to the few that it always has; `${env:…}` and `${file:…}` are
   * substituted.
   */
  env?: Record<string, string> | undefined;
  /** Conditions for its output. */
  expect?: Omit<NonNullable<TaskInput["expect"]>, "sha256" | "sha512" | "sha1" | "md5"> | undefined;
}

/** What receives a change: either a webhook or a command. */
export interface HookInput {
  /** URL that receives the change as JSON by POST. `${env:…}` and `${file:…}` are substituted. */
  webhook?: string | undefined;
  /** Request headers for the webhook. `${env:…}` and `${file:…}` are substituted. */
  headers?: Record<string, string> | undefined;
  /** A program and its arguments; it receives the change as JSON on standard input. */
  command?: string[] | undefined;
  /**
   * Environment variables in addition to the few that it always has; `${env:…}` and `${file:…}` are
   * substituted.
   */
  env?: Record<string, string> | undefined;
}

/** A digest in hexadecimal, or the URL of a checksum file and the file's name in it. */
export type DigestInput = string | { url: string; name?: string | undefined };

/**
 * Returns its argument; types a config in a module, for completion and checks in editors.
 *
 * @param config Checked by the type only; `run` and the command check the values.
 * @returns The same object.
 *
 * @example A `cronfetch.ts`
 * ```ts
 * import { defineConfig } from "@cronfetch/cronfetch";
 *
 * export default defineConfig({
 *   tasks: ["https://example.org/f1040.pdf"],
 * });
 * ```
 */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}

/** The default of every option, as a config contains it. */
export const DEFAULTS = {
  store: "./downloads",
  state: "kv:.cronfetch/state.db",
  schedule: "0 6 * * *",
  timezone: "UTC",
  misfire: "once",
  jitter: "0s",
  sync: false,
  manifest: false,
  history: "90d",
  fleet: { lease: "60s", slice: 200, sharedStore: false },
  alertAfter: 3,
  page: { downloads: false, publicUrl: null },
  limits: { concurrency: 32, perHost: 6, spacing: "0s", rate: null, deadline: "30m" },
  hosts: { proxy: null, caFile: null, certFile: null, keyFile: null },
  auth: { clientAuth: "basic" },
  timeout: { connect: "10s", response: "10s", idle: "30s", attempt: null },
  retry: { attempts: 4, budget: "2m" },
  expect: {
    type: null,
    minSize: "1B",
    maxSize: null,
    minRatio: null,
    sha256: null,
    sha512: null,
    sha1: null,
    md5: null,
    matches: null,
    json: false,
    sniff: true,
    knownLength: false,
  },
  segments: 1,
  keep: 0,
  mtime: null,
  quarantine: false,
  allowPrivate: false,
  conditional: true,
  unchangedFor: null,
  publishedWithin: null,
  decode: "auto",
  same: null,
  transform: null,
  onChange: [],
  unpack: null,
} as const;

/** The default of every option of `dates`. */
export const DATES_DEFAULTS = { on: "days", final: null } as const;

/** The default of every option of `unpack`. */
export const UNPACK_DEFAULTS = { strip: 0, archive: true, maxSize: "10GB" } as const;

/** The default of every option of `from` that has one. */
export const LIST_DEFAULTS = {
  items: "$[*]",
  assets: "*",
  tag: "latest",
  api: "https://api.github.com",
  newest: null,
  limit: 1_000,
  minCount: 1,
  minRatio: 0.5,
  maxPages: 100,
} as const;
