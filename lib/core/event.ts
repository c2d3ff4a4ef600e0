/** RunEvent: what a run says while it goes. The only thing reporters see. */

import type { ErrorCode } from "./errors.ts";
import type { RunSummary, TaskResult } from "./result.ts";

/** What every event carries. */
export interface EventHead {
  /** When, RFC 3339 in UTC. */
  readonly time: string;
  /** Which run. */
  readonly run: string;
}

/**
 * How a task fares over the runs: `failing` after a failure, `unhealthy` after as
 * many in a row as the config's `alertAfter`, `healthy` from the next success on.
 */
export type Health = "healthy" | "failing" | "unhealthy";

/** Health as people are shown it: `new` never ran, `stale` is well but was so long ago. */
export type ShownHealth = Health | "new" | "stale";

/** What happened. */
export type RunOccurrence =
  | { readonly type: "run.started"; readonly tasks: number }
  | { readonly type: "task.started"; readonly task: string; readonly url: string }
  | {
    readonly type: "task.retrying";
    readonly task: string;
    /** Number of the attempt that is to come; the first is 1. */
    readonly attempt: number;
    /** Why the last one failed. */
    readonly code: ErrorCode;
    readonly delayMs: number;
  }
  | { readonly type: "task.finished"; readonly result: TaskResult }
  | {
    /** Only when it changes. */
    readonly type: "task.health";
    readonly task: string;
    readonly before: Health;
    readonly health: Health;
    /** Failures in a row by now. */
    readonly failures: number;
  }
  | { readonly type: "run.finished"; readonly summary: RunSummary };

/** One event: what happened, when, and in which run. */
export type RunEvent = RunOccurrence & EventHead;

/** Turns events into something for people or programs. */
export interface Reporter {
  /** Types of events that it would do nothing with: it may not hear of them. Default: none. */
  readonly passesOver?: readonly RunEvent["type"][];
  /** Called for every other event, in order. Must not throw. */
  report(event: RunEvent): void;
  /** Null while it can take events without delay, else a promise of that. Default: always null. */
  readonly ready?: () => Promise<void> | null;
  /** Called once, after the last event; waits until everything is written. */
  close(): Promise<void>;
}

/**
 * Numbers of a run that are still moving, for whoever wants to look at them on
 * a clock of its own. They change with every piece of a body, too often for
 * events.
 */
export interface Progress {
  /** Body bytes received so far, over all tasks. */
  bytes: number;
  /** The tasks being worked on, by id, in the order they started. */
  readonly running: Map<string, TaskProgress>;
}

/** How far a running task is. */
export interface TaskProgress {
  /** Body bytes received in this attempt. */
  receivedBytes: number;
  /** Size the server announced, or null. */
  totalBytes: number | null;
}

/** Where news of health goes. Holds secrets: for the network and the system alone. */
export type Alert =
  /** Is sent JSON by POST. */
  | {
    readonly kind: "webhook";
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
  }
  /** Is run with JSON on its standard input. */
  | { readonly kind: "command"; readonly command: readonly [string, ...string[]] };
