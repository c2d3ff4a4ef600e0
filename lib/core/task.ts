/** Task: one remote file to keep. Plain data, every default filled in. */

/** When a task is due. */
export type Schedule =
  /** A 5-field cron expression, read in the task's time zone. */
  | { readonly kind: "cron"; readonly expression: string }
  /** An interval, in milliseconds, from the last time it ran. */
  | { readonly kind: "every"; readonly intervalMs: number }
  /** Only when asked for by name. */
  | { readonly kind: "manual" };

/** How long the parts of one attempt may take, in milliseconds. */
export interface Timeouts {
  /** From the start of a request to its response headers, connecting included. */
  readonly responseMs: number;
  /** Between two pieces of a body. */
  readonly idleMs: number;
  /** The whole attempt, redirects included; null for no limit as long as it makes progress. */
  readonly attemptMs: number | null;
}

/** How often a task is tried, and how long it may wait in between. */
export interface RetryLimits {
  /** Attempts at each URL, the first included; at least 1. */
  readonly attempts: number;
  /** Milliseconds of waiting and failing, from the first attempt, after which none starts. */
  readonly budgetMs: number;
}

/** An algorithm of digests. MD5 and SHA-1 find transfer errors, and no attacks. */
export type DigestAlgorithm = "sha256" | "sha512" | "sha1" | "md5";

/** Each algorithm, by its name in node:crypto, with the length of its digests in hexadecimal. */
export const DIGEST_DIGITS: Readonly<Record<DigestAlgorithm, number>> = {
  sha256: 64,
  sha512: 128,
  sha1: 40,
  md5: 32,
};

/** All of them. */
export const DIGEST_ALGORITHMS = Object.keys(DIGEST_DIGITS) as readonly DigestAlgorithm[];

/** Digests that a file must have, in lower-case hexadecimal; null where none is expected. */
export type ExpectedDigests = Readonly<Record<DigestAlgorithm, string | null>>;

/** Where an expected digest comes from when it is not written in the config. */
export interface ChecksumSource {
  /** A checksum file; see `download/checksum.ts`. */
  readonly url: string;
  /** The file's name in it; null for the last segment of the task's URL, or of its key. */
  readonly name: string | null;
}

/** A digest in lower-case hexadecimal, or where to read it; null where none is expected. */
export type ExpectedDigest = string | ChecksumSource | null;

/** What the content must be to be published. A null field is not checked. */
export interface Expectations extends Readonly<Record<DigestAlgorithm, ExpectedDigest>> {
  /** A media type (`text/csv`), held against the bytes and the Content-Type header. */
  readonly type: string | null;
  /** Smallest size in bytes. */
  readonly minSizeBytes: number;
  /** Largest size in bytes. */
  readonly maxSizeBytes: number | null;
  /** Smallest ratio of the new size to the size of the published file. */
  readonly minRatio: number | null;
  /** Source of a regular expression (RE2 syntax, flags `mu`) that must match in the first 64 KiB. */
  readonly matches: string | null;
  /** The whole content must be JSON. */
  readonly json: boolean;
  /** Refuse what servers send in place of a file: error pages, error documents, pointers. */
  readonly sniff: boolean;
  /** Refuse a body whose end cannot be told from a broken connection. */
  readonly knownLength: boolean;
}

/**
 * One remote file to keep. `url`, `mirrors` and `headers` may carry secrets:
 * they go to the network as they are and to nothing else.
 */
export interface Task {
  /** Unique in a config, and stable between runs. */
  readonly id: string;
  /** Absolute, http or https. */
  readonly url: string;
  /** Asked in order when `url` fails. */
  readonly mirrors: readonly string[];
  /** Name of the file in the store: `/` between segments, each safe on every file system. */
  readonly key: string;
  /** The last segment of `key` holds `{name}`, for the name the server gives (RFC 6266). */
  readonly namedByServer: boolean;
  /** Sent to the origin of `url` (or of a mirror) and to no other. */
  readonly headers: Readonly<Record<string, string>>;
  /** When it is due. */
  readonly schedule: Schedule;
  /** IANA name; for the schedule and for `{date:…}`. */
  readonly timezone: string;
  /** What ticks are worth that passed while nothing ran: one run, or none. */
  readonly misfire: "once" | "skip";
  /** A fixed share of this, different for each task, is added to every due time; milliseconds. */
  readonly jitterMs: number;
  /** Limits of one attempt. */
  readonly timeouts: Timeouts;
  /** Limits over the attempts. */
  readonly retry: RetryLimits;
  /** What is checked before the file is published. */
  readonly expect: Expectations;
  /** Connections that a large file comes over, if the server can do that; at least 1. */
  readonly segments: number;
  /** Older files of the family kept beside the newest; 0 makes no versions and removes nothing. */
  readonly keep: number;
  /** Modification time of the file: that of the response, or null for the time of writing. */
  readonly mtime: "last-modified" | null;
  /** Keep what an expectation refused, for a look. */
  readonly quarantine: boolean;
  /** May lead from a public host into a private network. */
  readonly allowPrivate: boolean;
  /**
   * Whether validators of the server (ETag, Last-Modified) are used. If not, the whole file is
   * fetched in every run, and only its digest decides whether it has changed.
   */
  readonly conditional: boolean;
}

/** Why a task is in a plan, or not. */
export interface PlanEntry {
  /** The task. */
  readonly task: Task;
  /** Whether this run works on it. */
  readonly included: boolean;
  /** A few words for people. */
  readonly reason: string;
}

/** The tasks of one run, in order, and why each is in it or not. */
export interface Plan {
  /** One entry a task of the config. */
  readonly entries: readonly PlanEntry[];
}

/** The limits of one run. */
export interface RunLimits {
  /** Tasks worked on at once; at least 1. */
  readonly concurrency: number;
  /** Tasks worked on at once for one host, and what their segments add; at least 1. */
  readonly perHost: number;
  /** Milliseconds between two starts for one host. */
  readonly spacingMs: number;
  /** Body bytes a second over all tasks, or null for no limit. */
  readonly rateBytesPerSecond: number | null;
  /** Milliseconds the run may take, or null for no limit. */
  readonly deadlineMs: number | null;
}
