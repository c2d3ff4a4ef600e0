/** Task, plan and limits: plain data, every default filled in. */

/**
 * Longest id of a task in UTF-8 bytes: a Deno KV key holds 2,048 bytes, and escapes may double an id.
 */
export const MAX_ID_BYTES = 1_000;

/** When a task is due. */
export type Schedule =
  /** A 5-field cron expression, read in the task's time zone. */
  | { readonly kind: "cron"; readonly expression: string }
  /** An interval after the last run, in milliseconds. */
  | { readonly kind: "every"; readonly intervalMs: number }
  /** Only if requested by id. */
  | { readonly kind: "manual" };

/** Time limits of the phases of one attempt, in milliseconds. */
export interface Timeouts {
  /** A new connection: name resolution, TCP, TLS and the proxy. */
  readonly connectMs: number;
  /** From a request on an open connection to its response headers. */
  readonly responseMs: number;
  /** Between two chunks of a body. */
  readonly idleMs: number;
  /** The whole attempt, redirects included; null for no limit as long as it makes progress. */
  readonly attemptMs: number | null;
}

/** How many attempts a task has, and how much time. */
export interface RetryLimits {
  /** Attempts at each URL, the first included; at least 1. */
  readonly attempts: number;
  /** Milliseconds of waiting and failing, from the first attempt, after which none starts. */
  readonly budgetMs: number;
}

/** A digest algorithm. MD5 and SHA-1 detect transfer errors, but no attacks. */
export type DigestAlgorithm = "sha256" | "sha512" | "sha1" | "md5";

/** The length of each algorithm's digests in hexadecimal; the names are those of node:crypto. */
export const DIGEST_DIGITS: Readonly<Record<DigestAlgorithm, number>> = {
  sha256: 64,
  sha512: 128,
  sha1: 40,
  md5: 32,
};

/** All digest algorithms. */
export const DIGEST_ALGORITHMS = Object.keys(DIGEST_DIGITS) as readonly DigestAlgorithm[];

/** Digests that a file must have, in lower-case hexadecimal; null where none is expected. */
export type ExpectedDigests = Readonly<Record<DigestAlgorithm, string | null>>;

/** The source of an expected digest that is not in the config. */
export interface ChecksumSource {
  /** A checksum file; see `content/checksum.ts`. */
  readonly url: string;
  /** The file's name in it; null for the last segment of the task's URL, or of its key. */
  readonly name: string | null;
}

/** A digest in lower-case hexadecimal, or its source; null if none is expected. */
export type ExpectedDigest = string | ChecksumSource | null;

/** Conditions for publishing content. A null field is not checked. */
export interface Expectations extends Readonly<Record<DigestAlgorithm, ExpectedDigest>> {
  /** A media type (`text/csv`), compared with the bytes and the Content-Type header. */
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
  /** Reject what servers send instead of a file: error pages, error documents, pointers. */
  readonly sniff: boolean;
  /** Reject a body without a length, whose truncation cannot be detected. */
  readonly knownLength: boolean;
}

/** A program between a received file and the published one. */
export interface Transform {
  /** The program and its arguments. It reads the file from standard input, and writes the result. */
  readonly command: readonly [string, ...string[]];
  /** Its working directory: the folder of the config. */
  readonly cwd: string;
  /** Its environment variables, in addition to the few that it always has. May contain secrets. */
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds after which it is killed. */
  readonly timeoutMs: number;
  /** Conditions for its output, without digests. */
  readonly expect: Expectations;
}

/** What receives the changes of a task. Contains secrets: only the network and the system see it. */
export type Hook =
  /** Receives a document by POST. */
  | {
    readonly kind: "webhook";
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
  }
  /** A program that receives the document on its standard input. */
  | {
    readonly kind: "command";
    readonly command: readonly [string, ...string[]];
    /** Its working directory: the folder of the config. */
    readonly cwd: string;
    /** Its environment variables, in addition to the few that it always has. */
    readonly env: Readonly<Record<string, string>>;
  };

/** Which members of an archive are published, and where. */
export interface Unpack {
  /** Globs, of which one must match the path of a member in the archive; empty for all members. */
  readonly include: readonly string[];
  /** Number of folders to remove from the beginning of each path. */
  readonly strip: number;
  /** Folder in the store, without a slash at its end; `""` for its root; null for the archive's stem. */
  readonly to: string | null;
  /** Whether the archive itself is published. */
  readonly archive: boolean;
  /** Largest size of all published members together, in bytes. */
  readonly maxSizeBytes: number;
}

/** When files with different bytes have the same substance. */
export type SameRule =
  /** ZIP archives (also xlsx, docx, jar, epub) whose members have equal names, sizes and checksums. */
  | { readonly kind: "zip" }
  /** JSON documents that are equal without the nodes that these JSONPath queries select. */
  | { readonly kind: "json"; readonly ignored: readonly string[] }
  /** Texts that are equal without the lines that a regular expression (RE2 syntax) matches. */
  | { readonly kind: "lines"; readonly ignored: string };

/** A request that is not a GET. The config declares it as a read, so it is retried like one. */
export interface ReadRequest {
  /** RFC 9110, section 9.3.3; draft-ietf-httpbis-safe-method-w-body. */
  readonly method: "POST" | "QUERY";
  /** The content, encoded as UTF-8 when it is sent; null without. */
  readonly body: string | null;
  /** Its Content-Type, unless a header of the task is; null without content. */
  readonly contentType: string | null;
}

/**
 * One remote file to keep. `url`, `mirrors`, `headers` and `request` may contain secrets, which only
 * the network sees.
 */
export interface Task {
  /** Unique in a config, and stable between runs. */
  readonly id: string;
  /** Absolute, http or https. */
  readonly url: string;
  /** Tried in order if `url` fails. */
  readonly mirrors: readonly string[];
  /** What is sent to `url` and the mirrors instead of a GET; null for a GET. */
  readonly request: ReadRequest | null;
  /** Name of the file in the store: `/` between segments, each safe on every file system. */
  readonly key: string;
  /** The last segment of `key` contains `{name}`, for the server's file name (RFC 6266). */
  readonly namedByServer: boolean;
  /** Request headers by lower-case name, sent only to the origin of `url` or of a mirror. */
  readonly headers: Readonly<Record<string, string>>;
  /** Those of them that are no credentials, sent to every origin. */
  readonly publicHeaders: Readonly<Record<string, string>>;
  /** When it is due. */
  readonly schedule: Schedule;
  /** IANA name, for the schedule and `{date:…}`. */
  readonly timezone: string;
  /** How to handle ticks missed while cronfetch was not running: one run, or none. */
  readonly misfire: "once" | "skip";
  /** Milliseconds; a fixed share of it, different for each task, is added to every due time. */
  readonly jitterMs: number;
  /** Limits of one attempt. */
  readonly timeouts: Timeouts;
  /** Limits over the attempts. */
  readonly retry: RetryLimits;
  /** Checked before the file is published. */
  readonly expect: Expectations;
  /** Connections for a large file, if the server supports ranges; at least 1. */
  readonly segments: number;
  /** Older files of the family kept beside the newest; 0 makes no versions and removes nothing. */
  readonly keep: number;
  /** Modification time of the file: that of the response, or null for the time of writing. */
  readonly mtime: "last-modified" | null;
  /** Keep rejected content beside the file for inspection. */
  readonly quarantine: boolean;
  /** Allow a public host to redirect or resolve to a private address. */
  readonly allowPrivate: boolean;
  /**
   * Whether validators of the server (ETag, Last-Modified) are used. If not, the whole file is
   * fetched in every run, and only its digest decides whether it has changed.
   */
  readonly conditional: boolean;
  /** Milliseconds without a change of the content, after which an alert is sent; null for none. */
  readonly unchangedForMs: number | null;
  /**
   * Until when a file that the server does not have is pending and no failure (RFC 3339, UTC); null
   * if it is a failure at once.
   */
  readonly pendingUntil: string | null;
  /** Content codings of a response: removed unless they are the file's own format, or kept. */
  readonly decode: "auto" | "keep";
  /** When a file with other bytes is unchanged in substance; null for never. */
  readonly same: SameRule | null;
  /** Changes the received file before it is compared and published; or null. */
  readonly transform: Transform | null;
  /** Invoked after the file is created or updated; empty for none. */
  readonly onChange: readonly Hook[];
  /** Publishes the members of an archive; or null. */
  readonly unpack: Unpack | null;
  /** Where the task comes from; absent if the config has it. */
  readonly origin?: TaskOrigin;
}

/** Where a task comes from that is not the config's. */
export type TaskOrigin =
  /** It is the document of a list, whose items are tasks. It is not published. */
  | { readonly kind: "list" }
  /** It is an item of a list; `parent` is the list's id. */
  | { readonly kind: "item"; readonly parent: string }
  /** It is one date of the task `parent` of the config; `date` is `YYYY-MM-DD`. */
  | { readonly kind: "date"; readonly parent: string; readonly date: string };

/** The id of the task from which a task is derived; null for a task that is not. */
export function parentOf({ origin }: Pick<Task, "origin">): string | null {
  return origin !== undefined && "parent" in origin ? origin.parent : null;
}

/**
 * Whether a server chose the name of a task's file: by the response, or as an item of a list. Such a
 * task replaces no file that it has not published.
 */
export function isNamedByServer({ namedByServer, origin }: ServerNamed): boolean {
  return namedByServer || origin?.kind === "item";
}

/** The part of a task that determines whether a server chose the name of its file. */
export type ServerNamed = Pick<Task, "namedByServer" | "origin">;

/**
 * Whether ids name a task: its own does, and that of its parent.
 *
 * @param ids Null names every task.
 */
export function isNamed(
  task: Pick<Task, "id" | "origin">,
  ids: ReadonlySet<string> | null,
): boolean {
  if (ids === null || ids.has(task.id)) return true;
  const parent = parentOf(task);
  return parent !== null && ids.has(parent);
}

/** A task of a plan, and why it is included or not. */
export interface PlanEntry {
  /** The task. */
  readonly task: Task;
  /** Whether the run executes it. */
  readonly included: boolean;
  /** The reason, in a few words. */
  readonly reason: string;
}

/** The tasks of one run, in order, each with the reason it is included or not. */
export interface Plan {
  /** One entry per task of the config. */
  readonly entries: readonly PlanEntry[];
}

/** The limits of one run. */
export interface RunLimits {
  /** Concurrent tasks; at least 1. */
  readonly concurrency: number;
  /** Concurrent tasks per host, additional segments included; at least 1. */
  readonly perHost: number;
  /** Milliseconds between two starts at one host. */
  readonly spacingMs: number;
  /** Body bytes per second over all tasks, or null for no limit. */
  readonly rateBytesPerSecond: number | null;
  /** Longest duration of a run in milliseconds, or null for no limit. */
  readonly deadlineMs: number | null;
}
