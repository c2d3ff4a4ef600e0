/** Results of tasks and runs, exit codes, and the validators of published files. */

import type { CronfetchError, ErrorCode } from "./errors.ts";

/** The outcome of a task. */
export type TaskStatus =
  | "created"
  | "updated"
  | "unchanged"
  | "pending"
  | "skipped"
  | "deferred"
  | "failed"
  | "cancelled";

/** All statuses, in the order in which they are shown. */
export const TASK_STATUSES: readonly TaskStatus[] = [
  "created",
  "updated",
  "unchanged",
  "pending",
  "skipped",
  "deferred",
  "failed",
  "cancelled",
];

/**
 * What started a run: `manual`: the command `run`, or the library; `schedule`: the same, of what is
 * due only, as by cron; `watch`: `watch` or `serve`; `page`: a request on the status page; `deploy`: a
 * cron of Deno Deploy.
 */
export type RunTrigger = "manual" | "schedule" | "watch" | "page" | "deploy";

/** A reservation about a good result. */
export type Warning =
  /** Neither Content-Length nor chunked: truncation cannot be detected. */
  | "lengthUnknown"
  /** The server sent a file with an earlier Last-Modified than the published one. */
  | "olderThanPublished"
  /** The server sent other bytes with the same substance; the published file stays. */
  | "sameInSubstance"
  /** Items of a list are not fetched; the message has the reasons. */
  | "itemsLeftOut";

/** One try at a task's URL or mirror; a retry is another attempt. */
export interface AttemptResult {
  /** Why it failed, or null for the attempt that produced the result. */
  readonly code: ErrorCode | null;
  /** Status of the last response of the attempt, or null if there was none. */
  readonly httpStatus: number | null;
  /** Milliseconds waited before the attempt. */
  readonly delayMs: number;
}

/**
 * Where the time of a task went, in whole milliseconds. `responseMs`, `bodyMs` and `publishMs` are
 * those of the attempt that produced the result.
 */
export interface Timings {
  /** From the start of the run to the start of the task. */
  readonly queuedMs: number;
  /** From the request to the response headers, redirects included. */
  readonly responseMs: number;
  /** From the response headers to the end of the body. */
  readonly bodyMs: number;
  /** Publishing. */
  readonly publishMs: number;
  /** From the start of the task to its result: every attempt, and the waits in between. */
  readonly totalMs: number;
}

/** The outcome of one task in one run. URLs and messages are redacted. */
export interface TaskResult {
  /** The task's id. */
  readonly task: string;
  /** The outcome. */
  readonly status: TaskStatus;
  /** Why the file is not known to be good; absent if it is. */
  readonly code?: ErrorCode;
  /** One sentence about the status; absent if there is nothing to add. */
  readonly message?: string;
  /** The task's URL. */
  readonly url: string;
  /** The URL of the response, after redirects or of a mirror; null without a response. */
  readonly servedFrom: string | null;
  /** Name of the file in the store. */
  readonly key: string;
  /** Bytes of the body that the last attempt received, without content codings. */
  readonly bytes: number;
  /** The same as received; fewer than `bytes` if the server applied a content coding. */
  readonly wireBytes: number;
  /** Digest of the published file, lower-case hexadecimal; null if no file is known to be good. */
  readonly sha256: string | null;
  /** Size of the published file; null if no file is known to be good. */
  readonly sizeBytes: number | null;
  /** Size of the file that this one replaced; null unless the task is `updated`. */
  readonly previousSizeBytes: number | null;
  /** Size of the incomplete file that the next run resumes; null without one. */
  readonly partialBytes: number | null;
  /** Status of the last response, or null without one. */
  readonly httpStatus: number | null;
  /** Every attempt, in order. */
  readonly attempts: readonly AttemptResult[];
  /** Where the time went. */
  readonly timings: Timings;
  /**
   * Only of `deferred`: the task does not run before this time (RFC 3339, UTC). Only of `pending`:
   * when it is tried again at the latest.
   */
  readonly notBefore?: string;
  /** Reservations about a good result. */
  readonly warnings: readonly Warning[];
  /** The members of an archive; absent unless it was unpacked. */
  readonly members?: MemberCounts;
}

/** Numbers of members of an unpacked archive. */
export interface MemberCounts {
  /** Those that are new. */
  readonly created: number;
  /** Those whose bytes have changed. */
  readonly updated: number;
  /** Those whose files have the same bytes already, and were not written. */
  readonly unchanged: number;
}

/** ETag, Last-Modified, digest and size of the published bytes, and where they came from. */
export interface Validators {
  /** Name of the file in the store. */
  readonly key: string;
  /** The task's URL or mirror, redacted; validators are not valid for another one. */
  readonly source: string;
  /** The ETag header as received (RFC 9110, section 8.8.3), or null. */
  readonly etag: string | null;
  /** The Last-Modified header as received (RFC 9110, section 8.8.2), or null. */
  readonly lastModified: string | null;
  /** Lower-case hexadecimal digest of the whole file. */
  readonly sha256: string;
  /** Size of the file. */
  readonly sizeBytes: number;
  /** The store's name for this version of the file under its key. */
  readonly revision: string;
  /** The URL of the response without its query, redacted; absent if it is the requested one. */
  readonly finalUrl?: string;
  /** The last received file, if other bytes are published, or its transform is. */
  readonly received?: ReceivedContent;
  /** How the file was unpacked; absent if it was not. */
  readonly unpacked?: UnpackedArchive;
}

/** How an archive was unpacked. */
export interface UnpackedArchive {
  /** Identifies the options by which it was. */
  readonly options: string;
  /** Whether the archive itself is published. If not, its digest and size are recorded only. */
  readonly isPublished: boolean;
}

/** Digest and size of a received file. */
export interface ReceivedContent {
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  /** Its size. */
  readonly sizeBytes: number;
  /** Identifies the transform that the published file is the output of; absent without one. */
  readonly transform?: string;
  /** Identifies the rule by which the published file is the same in substance; absent if it is not. */
  readonly same?: string;
}

/** Figures of a run. */
export interface RunSummary {
  /** Results by status. */
  readonly counts: Readonly<Record<TaskStatus, number>>;
  /** Body bytes received, over all results. */
  readonly bytes: number;
  /** Milliseconds from the start to the end of the run. */
  readonly durationMs: number;
  /** One of {@linkcode EXIT}. */
  readonly exitCode: number;
}

/**
 * The exit codes of the program and of {@linkcode RunSummary}, a contract with scripts. Their meanings
 * are in {@linkcode EXIT_CODES}.
 *
 * @example
 * ```ts
 * import { EXIT, run } from "@cronfetch/cronfetch";
 * import { assertEquals } from "@std/assert";
 *
 * const { summary } = await run({ store: "memory:", state: "memory:", tasks: [] });
 * assertEquals(summary.exitCode, EXIT.good);
 * ```
 */
export const EXIT = {
  good: 0,
  bug: 1,
  usage: 2,
  failed: 3,
  temporary: 4,
  deadline: 10,
  interrupted: 130,
  terminated: 143,
} as const;

/** What an exit code means. */
export interface ExitCodeMeaning {
  /** A clause, for help and the docs. */
  readonly meaning: string;
  /** A few words, for a badge. */
  readonly label: string;
}

/** What each exit code means, in ascending order. */
export const EXIT_CODES: Readonly<Record<keyof typeof EXIT, ExitCodeMeaning>> = {
  good: {
    meaning: "every task is created, updated, unchanged, pending or skipped",
    label: "success",
  },
  bug: { meaning: "a bug in cronfetch", label: "a bug in cronfetch" },
  usage: { meaning: "usage, config or state error: no request was sent", label: "not started" },
  failed: { meaning: "at least one task failed permanently", label: "permanent failures" },
  temporary: {
    meaning: "only temporary failures or deferrals: try again later",
    label: "temporary failures",
  },
  deadline: { meaning: "the run's deadline passed", label: "deadline passed" },
  interrupted: { meaning: "interrupted by SIGINT, after cleanup", label: "interrupted" },
  terminated: { meaning: "terminated by SIGTERM, after cleanup", label: "terminated" },
};

/** The exit code of a command or a run that an error has ended. */
export function exitCodeOf({ code, retry }: CronfetchError): number {
  if (code === "usage" || code.startsWith("config.") || code === "state.unreadable") {
    return EXIT.usage;
  }
  if (code === "internal") return EXIT.bug;
  return retry === "never" ? EXIT.failed : EXIT.temporary;
}

/** What an exit code means; null for a code of another version. */
export function exitCodeMeaning(exitCode: number): ExitCodeMeaning | null {
  for (const name of Object.keys(EXIT) as (keyof typeof EXIT)[]) {
    if (EXIT[name] === exitCode) return EXIT_CODES[name];
  }
  return null;
}

/** How a run ended, besides its results. */
export interface RunEnding {
  readonly durationMs: number;
  /** Whether the run's deadline passed, even if no task was left to cancel. */
  readonly deadlinePassed: boolean;
  /** The exit code of the interruption, or null. */
  readonly interrupted: number | null;
  /** Why the state could not be written completely, or null. */
  readonly unsaved: CronfetchError | null;
}

/** Counts the results of a run. */
export interface RunCounter {
  /** Counts a result; `permanent` if a retry would fail in the same way. */
  add(result: TaskResult, permanent: boolean): void;
  /** The counts, and the exit code that follows from them. */
  summary(ending: RunEnding): RunSummary;
}

/** Creates a counter without results. */
export function createRunCounter(): RunCounter {
  const counts: Record<TaskStatus, number> = {
    created: 0,
    updated: 0,
    unchanged: 0,
    pending: 0,
    skipped: 0,
    deferred: 0,
    failed: 0,
    cancelled: 0,
  };
  let bytes = 0;
  let bugs = 0;
  let permanentFailures = 0;

  const exitCode = (ending: RunEnding): number => {
    if (bugs > 0) return EXIT.bug;
    if (ending.interrupted !== null) return ending.interrupted;
    if (ending.deadlinePassed && counts.cancelled > 0) return EXIT.deadline;
    if (permanentFailures > 0 || ending.unsaved?.retry === "never") return EXIT.failed;
    if (counts.failed + counts.deferred + counts.cancelled > 0) return EXIT.temporary;
    if (ending.unsaved) return EXIT.temporary;
    return EXIT.good;
  };

  return {
    add: (result, permanent) => {
      counts[result.status]++;
      bytes += result.wireBytes;
      if (result.code === "internal") bugs++;
      else if (permanent) permanentFailures++;
    },
    summary: (ending) => ({
      counts: { ...counts },
      bytes,
      durationMs: ending.durationMs,
      exitCode: exitCode(ending),
    }),
  };
}

/** The exit codes and their meanings, as in help and the docs. */
export function exitCodeRows(): [code: string, meaning: string][] {
  return (Object.keys(EXIT) as (keyof typeof EXIT)[])
    .map((name) => [`${EXIT[name]}`, EXIT_CODES[name].meaning]);
}
