/** What the thread of a run and the threads that execute its slices send each other. */

import type { Config } from "../config/config.ts";
import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import type { RunOccurrence, TaskProgress } from "../core/event.ts";
import type { RunLimits, Task } from "../core/task.ts";
import type { DownloadOutcome } from "../download/download.ts";
import type { ChangeClaim } from "../download/family.ts";
import type { FamilyMember, TaskRecord } from "../state/state.ts";

/** The part of a config that a thread needs. */
export type ThreadConfig = Pick<
  Config,
  | "store"
  | "sync"
  | "auth"
  | "hosts"
  | "secrets"
  | "manifest"
  | "files"
  | "hostFiles"
  | "secretFiles"
>;

/** What a thread knows of the run. */
export interface RunFacts {
  readonly run: string;
  readonly config: ThreadConfig;
  /** Those of the thread: its share of the limits of the run. */
  readonly limits: RunLimits;
  readonly state: { readonly location: string; readonly durable: boolean };
  /** Every key of the plan. */
  readonly keys: readonly {
    readonly id: string;
    readonly key: string;
    readonly included: boolean;
  }[];
  /** Keys of the last files that servers named, by task. */
  readonly serverKeys: ReadonlyMap<string, string>;
  /** Ids of other runs that have leased tasks. */
  readonly otherRuns: readonly string[];
  readonly hasHooks: boolean;
  /** Types of events that are reported or counted. */
  readonly reported: readonly RunOccurrence["type"][];
  /** Milliseconds since the start of the run. */
  readonly elapsedMs: number;
  /** Milliseconds until its deadline; Infinity without one. */
  readonly remainingMs: number;
  /** Time of the origin of the monotonic clock of the run's thread, in milliseconds. */
  readonly originMs: number;
}

/** A slice: an origin host and some of its tasks. */
export interface Slice {
  readonly items: readonly {
    readonly task: Task;
    readonly isLeased: boolean;
    readonly record: TaskRecord | null;
  }[];
  /** The host, and until when it is parked, in milliseconds since 1970; null if it is not. */
  readonly parked: readonly [host: string, untilMs: number] | null;
}

/** An error, which a structured clone would reduce to its message. */
export interface ErrorFacts {
  /** Null for a bug. */
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly retry: CronfetchError["retry"];
  readonly hint: string | null;
}

/** A message to a thread. */
export type ToThread =
  /** The first message. */
  | { readonly kind: "start"; readonly facts: RunFacts }
  /** The answer to a `more`; null if there are no more slices. */
  | { readonly kind: "slice"; readonly slice: Slice | null }
  /** The answer to a call. */
  | { readonly kind: "returned"; readonly call: number; readonly value: unknown }
  | { readonly kind: "threw"; readonly call: number; readonly error: ErrorFacts }
  /** The run ends; every task that the thread has gets its outcome. */
  | { readonly kind: "abort"; readonly error: ErrorFacts };

/** A call of the run's thread. */
export type ThreadCall =
  | { readonly method: "members"; readonly tasks: readonly string[] }
  | { readonly method: "flush" }
  | { readonly method: "claimChange"; readonly task: Task; readonly change: ChangeClaim };

/** A message from a thread. They are handled in their order. */
export type FromThread =
  /** The thread accepts a further slice. */
  | { readonly kind: "more" }
  | { readonly kind: "settled"; readonly task: string; readonly outcome: DownloadOutcome }
  | { readonly kind: "occurred"; readonly occurrence: RunOccurrence; readonly time: string }
  | { readonly kind: "saveMember"; readonly task: string; readonly member: FamilyMember }
  | { readonly kind: "removeMember"; readonly task: string; readonly key: string }
  | { readonly kind: "park"; readonly host: string; readonly untilMs: number }
  | { readonly kind: "call"; readonly call: number; readonly request: ThreadCall }
  /** Body bytes since the last message of this kind, and the running tasks. */
  | {
    readonly kind: "progress";
    readonly bytes: number;
    readonly running: ReadonlyMap<string, TaskProgress>;
  }
  /** Every task has its outcome; the thread has closed what it had opened. */
  | { readonly kind: "ended" }
  | { readonly kind: "failed"; readonly error: ErrorFacts };

/** Describes an error for {@linkcode errorOf}. */
export function factsOf(error: unknown): ErrorFacts {
  if (error instanceof CronfetchError) {
    const { code, message, retry, hint } = error;
    return { code, message, retry, hint };
  }
  const message = error instanceof Error ? error.stack ?? error.message : String(error);
  return { code: null, message, retry: "never", hint: null };
}

/** The error that facts describe. */
export function errorOf({ code, message, retry, hint }: ErrorFacts): Error {
  if (code === null) return new Error(message);
  return new CronfetchError(code, message, { retry, ...(hint === null ? {} : { hint }) });
}
