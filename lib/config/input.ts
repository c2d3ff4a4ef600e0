/**
 * What a config may contain: its types, its defaults, and the flags and environment variables
 * that override it. Imports nothing, so that `--help` does not load the schema.
 */

/** A config. Durations are text such as `30s` and `1h30m`, sizes such as `10MB` and `10MiB`. */
export interface ConfigInput {
  /** Where editors find the JSON Schema. */
  $schema?: string | undefined;
  /** Where files go: a folder, `s3://bucket/prefix` or `memory:`. Default: `./downloads`. */
  store?: string | undefined;
  /**
   * Where is remembered what was fetched: `kv:PATH`, `file:PATH` or `memory:`.
   * Default: `kv:.cronfetch/state.db`.
   */
  state?: string | undefined;
  /** A cron expression of 5 fields, `every 30m` or `manual`. Default: `0 6 * * *`. */
  schedule?: string | undefined;
  /** IANA time zone of the schedule and of `{date:…}`. Default: `UTC`. */
  timezone?: string | undefined;
  /** What ticks are worth that passed while nothing ran. Default: `once`. */
  misfire?: "once" | "skip" | undefined;
  /** A fixed share of this, different for each task, is added to every due time. Default: `0s`. */
  jitter?: string | undefined;
  /** Limits of one run. */
  limits?: {
    /** Tasks worked on at once. Default: 32. */
    concurrency?: number | undefined;
    /** Tasks worked on at once for one host, and what `segments` adds. Default: 6. */
    perHost?: number | undefined;
    /** Between two starts for one host. Default: `0s`. */
    spacing?: string | undefined;
    /** Body bytes a second over all tasks. Default: null, no limit. */
    rate?: string | number | null | undefined;
    /** How long a run may take; null is no limit. Default: `30m`. */
    deadline?: string | null | undefined;
  } | undefined;
  /** Flush each file to the disk before it is published. Default: false. */
  sync?: boolean | undefined;
  /** Failures in a row, over an hour or one interval, before a task is called unhealthy. Default: 3. */
  alertAfter?: number | undefined;
  /** Who is told, once, that a task has become unhealthy or has recovered. */
  alerts?: {
    /** Is sent the news as JSON by POST. `${env:NAME}` is filled in. */
    webhook?: string | undefined;
    /** Headers for the webhook. `${env:NAME}` is filled in. */
    headers?: Record<string, string> | undefined;
    /** A program and its arguments, run with the news as JSON on its standard input. */
    command?: string[] | undefined;
  }[] | undefined;
  /** The status page of `serve`. */
  page?: {
    /** Whoever sees the page may download the published files. Default: false. */
    downloads?: boolean | undefined;
  } | undefined;
  /** Options for all tasks; a task's own come first. */
  defaults?: Omit<TaskInput, "id" | "url" | "mirrors"> | undefined;
  /** The files to keep: URLs, or URLs with options. */
  tasks?: (string | TaskInput)[] | undefined;
}

/** One file to keep, with its options. */
export interface TaskInput {
  /** Unique, and stable between runs. Default: `to`, or the last segment of the URL. */
  id?: string | undefined;
  /** Absolute, http or https. `${env:NAME}` and `{date:…}` are filled in. */
  url: string;
  /** Asked in order when `url` fails. */
  mirrors?: string[] | undefined;
  /**
   * Name of the file in the store; one that ends in `/` is a folder. `{date:…}`,
   * `{host}`, `{path}`, `{stem}`, `{ext}` and `{query.NAME}` are filled in, `{name}` is the
   * server's name. Default: the last segment of the URL.
   */
  to?: string | undefined;
  /** A cron expression of 5 fields, `every 30m` or `manual`. Default: the config's. */
  schedule?: string | undefined;
  /** IANA time zone of the schedule and of `{date:…}`. Default: the config's. */
  timezone?: string | undefined;
  /** What ticks are worth that passed while nothing ran. Default: the config's. */
  misfire?: "once" | "skip" | undefined;
  /** A fixed share of this is added to every due time. Default: the config's. */
  jitter?: string | undefined;
  /** Sent to the origin of `url` and to no other. `${env:NAME}` is filled in. */
  headers?: Record<string, string> | undefined;
  /** How long the parts of one attempt may take; one duration is for the whole attempt. */
  timeout?: string | {
    /** From the start of a request to its response headers. Default: `10s`. */
    response?: string | undefined;
    /** Between two pieces of a body. Default: `30s`. */
    idle?: string | undefined;
    /** The whole attempt, redirects included; null is no limit while bytes arrive. */
    attempt?: string | null | undefined;
  } | undefined;
  /** How often it is tried within one run. */
  retry?: {
    /** Attempts at each URL, the first included. Default: 4. */
    attempts?: number | undefined;
    /** Time a task may spend waiting and failing, from its first attempt on. Default: `2m`. */
    budget?: string | undefined;
  } | undefined;
  /** What the content must be to be published. */
  expect?: {
    /** Media type, held against the first bytes and the Content-Type header. */
    type?: string | null | undefined;
    /** Smallest size. Default: `1B`, so that an empty file is refused. */
    minSize?: string | number | undefined;
    /** Largest size. */
    maxSize?: string | number | null | undefined;
    /** Smallest ratio of the new size to the size of the published file. */
    minRatio?: number | null | undefined;
    /** SHA-256 in hexadecimal, or the checksum file that has it and the file's name in that. */
    sha256?: DigestInput | null | undefined;
    /** SHA-512, likewise. */
    sha512?: DigestInput | null | undefined;
    /** SHA-1, likewise. */
    sha1?: DigestInput | null | undefined;
    /** MD5, likewise. */
    md5?: DigestInput | null | undefined;
    /** Regular expression (RE2 syntax, flags `mu`) that must match in the first 64 KiB. */
    matches?: string | null | undefined;
    /** The whole content must be JSON. Default: false. */
    json?: boolean | undefined;
    /** Refuse what servers send in place of a file. Default: true. */
    sniff?: boolean | undefined;
    /** Refuse a body whose end cannot be told from a broken connection. Default: false. */
    knownLength?: boolean | undefined;
  } | undefined;
  /** Connections that one large file comes over, where the server can do that. Default: 1. */
  segments?: number | undefined;
  /** Older files of the task kept beside the newest; 0 removes none. Default: 0. */
  keep?: number | undefined;
  /** Modification time of the file in a folder. Default: null, the time of writing. */
  mtime?: "last-modified" | null | undefined;
  /** Keep what an expectation refused, for a look. Default: false. */
  quarantine?: boolean | undefined;
  /** May lead from a public host into a private network. Default: false. */
  allowPrivate?: boolean | undefined;
  /** Use `ETag` and `Last-Modified` of the server. Default: true. */
  conditional?: boolean | undefined;
}

/** A digest in hexadecimal, or a checksum file and the file's name in it. */
export type DigestInput = string | { url: string; name?: string | undefined };

/**
 * Gives back what it takes, so that editors know what a config may hold.
 *
 * @example A `cronfetch.ts`
 * ```ts
 * import { defineConfig } from "./define.ts";
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
  alertAfter: 3,
  page: { downloads: false },
  limits: { concurrency: 32, perHost: 6, spacing: "0s", rate: null, deadline: "30m" },
  timeout: { response: "10s", idle: "30s", attempt: null },
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
} as const;

/** How an option is overridden. */
export interface OverrideRow {
  /** The flag. */
  readonly flag: string;
  /** The environment variable. */
  readonly variable: string;
  /** Path of the option in the config. */
  readonly option: string;
  /** The default in the terms of the flag, for the help text. */
  readonly default: string;
}

/** Every option that a flag and an environment variable override. */
export const OVERRIDES = {
  store: {
    flag: "--output",
    variable: "CRONFETCH_STORE",
    option: "store",
    default: DEFAULTS.store,
  },
  state: {
    flag: "--state",
    variable: "CRONFETCH_STATE",
    option: "state",
    default: DEFAULTS.state,
  },
  /** Of an attempt, for every task; or `none`. */
  timeout: {
    flag: "--timeout",
    variable: "CRONFETCH_TIMEOUT",
    option: "timeout.attempt",
    default: "no limit while bytes arrive",
  },
  maxConcurrency: {
    flag: "--max-concurrency",
    variable: "CRONFETCH_MAX_CONCURRENCY",
    option: "limits.concurrency",
    default: `${DEFAULTS.limits.concurrency}`,
  },
  hostConcurrency: {
    flag: "--host-concurrency",
    variable: "CRONFETCH_HOST_CONCURRENCY",
    option: "limits.perHost",
    default: `${DEFAULTS.limits.perHost}`,
  },
  /** Attempts after the first one, for every task. */
  retries: {
    flag: "--retries",
    variable: "CRONFETCH_RETRIES",
    option: "retry.attempts",
    default: `${DEFAULTS.retry.attempts - 1}`,
  },
  /** Bytes per second over all tasks; or `none`. */
  limitRate: {
    flag: "--limit-rate",
    variable: "CRONFETCH_LIMIT_RATE",
    option: "limits.rate",
    default: "no limit",
  },
  /** For every task; or `none`. */
  maxFilesize: {
    flag: "--max-filesize",
    variable: "CRONFETCH_MAX_FILESIZE",
    option: "expect.maxSize",
    default: "no limit",
  },
  /** Of the run; or `none`. */
  deadline: {
    flag: "--deadline",
    variable: "CRONFETCH_DEADLINE",
    option: "limits.deadline",
    default: DEFAULTS.limits.deadline,
  },
  /** `true`, for every task. */
  allowPrivate: {
    flag: "--allow-private",
    variable: "CRONFETCH_ALLOW_PRIVATE",
    option: "allowPrivate",
    default: `${DEFAULTS.allowPrivate}`,
  },
} as const satisfies Readonly<Record<string, OverrideRow>>;

/** An option that a flag and an environment variable override. */
export type OverrideName = keyof typeof OVERRIDES;
