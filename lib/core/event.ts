/** RunEvent: what a run emits. Reporters see nothing else. */

import type { ErrorCode } from "./errors.ts";
import type { RunSummary, TaskResult } from "./result.ts";

/** Fields of every event. */
export interface EventHead {
  /** RFC 3339, in UTC. */
  readonly time: string;
  /** Name of the run. */
  readonly run: string;
}

/**
 * A task's health over its runs: `failing` after a failure, `unhealthy` after `alertAfter`
 * consecutive failures, `healthy` after a success.
 */
export type Health = "healthy" | "failing" | "unhealthy";

/** Health as shown: a `new` task never ran, a `stale` one is healthy but overdue. */
export type ShownHealth = Health | "new" | "stale";

/**
 * Reasons of alerts about a task, each sent once until it is over: `unhealthy` and `stale` as
 * {@linkcode ShownHealth}; `unchanged`: the content is older than the task's `unchangedFor`.
 */
export type AlertKind = "unhealthy" | "stale" | "unchanged";

/** What happened. */
export type RunOccurrence =
  | { readonly type: "run.started"; readonly tasks: number }
  | { readonly type: "task.started"; readonly task: string; readonly url: string }
  | {
    readonly type: "task.retrying";
    readonly task: string;
    /** Number of the next attempt; the first is 1. */
    readonly attempt: number;
    /** Why the last attempt failed. */
    readonly code: ErrorCode;
    readonly delayMs: number;
  }
  | { readonly type: "task.finished"; readonly result: TaskResult }
  | {
    /** Emitted only if the health changes. */
    readonly type: "task.health";
    readonly task: string;
    readonly before: Health;
    readonly health: Health;
    /** Consecutive failures. */
    readonly failures: number;
  }
  | {
    /** A hook has received a change of a task, or an attempt to deliver it has ended. */
    readonly type: "hook.finished";
    readonly task: string;
    /** Id of the change: the idempotency key of the hook's document. */
    readonly change: string;
    /** Host of the webhook, or program. */
    readonly hook: string;
    /** `failed`: it is retried; `expired`: it failed for too long, and is not. */
    readonly status: "delivered" | "failed" | "expired";
    /** Null if it was delivered. */
    readonly code: ErrorCode | null;
    /** Why it was not delivered, one sentence; or null. */
    readonly message: string | null;
    /** When it is tried again, RFC 3339 in UTC; or null. */
    readonly retryAt: string | null;
  }
  /** An item has disappeared from a list. Its file stays. */
  | {
    readonly type: "task.gone";
    readonly task: string;
    /** Id of the list. */
    readonly list: string;
  }
  | { readonly type: "run.finished"; readonly summary: RunSummary };

/**
 * One event: what happened, when, and in which run. Types are added in later versions; ignore
 * unknown ones.
 *
 * @example Print what has changed
 * ```ts
 * import { run, type RunEvent } from "@cronfetch/cronfetch";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve(
 *   { hostname: "127.0.0.1", port: 0, onListen: () => {} },
 *   () => new Response("a,b\n1,2\n"),
 * );
 * const lines: string[] = [];
 * const onEvent = (event: RunEvent) => {
 *   if (event.type === "task.finished") {
 *     lines.push(`${event.result.status} ${event.result.task}`);
 *   }
 * };
 * const tasks = [`http://127.0.0.1:${server.addr.port}/a.csv`];
 * await run({ store: "memory:", state: "memory:", tasks }, { onEvent });
 * assertEquals(lines, ["created a.csv"]);
 * ```
 */
export type RunEvent = RunOccurrence & EventHead;

/** A consumer that renders events as text, NDJSON, a summary or a page. */
export interface Reporter {
  /**
   * Called for every event, in order. Must not throw.
   *
   * @param event Not to be changed: all reporters receive the same object.
   */
  report(event: RunEvent): void;
  /** Event types that this reporter ignores, so that they need not be made. Default: none. */
  readonly ignores?: readonly RunEvent["type"][];
  /** Null while it accepts events, else a promise that resolves when it does. Default: null. */
  readonly ready?: () => Promise<void> | null;
  /**
   * Called once, after the last event.
   *
   * @returns Resolves when everything is written.
   */
  close(): Promise<void>;
}

/**
 * Live figures of a run, to be polled: they change with every chunk of a body, too often for
 * events.
 */
export interface Progress {
  /** Body bytes received so far, over all tasks. */
  bytes: number;
  /** The running tasks by id, in the order in which they started. */
  readonly running: Map<string, TaskProgress>;
}

/** What a running task waits for. */
export type TaskPhase =
  /** Its host, which requests a pause. */
  | "waiting"
  /** A connection. */
  | "connecting"
  /** The head of a response. */
  | "requesting"
  /** The body. */
  | "receiving"
  /** The store: the content is checked and published. */
  | "publishing"
  /** The time of the next attempt. */
  | "retrying";

/** Progress of a running task. */
export interface TaskProgress {
  /** The task's URL, redacted. */
  readonly url: string;
  /** What it waits for. */
  phase: TaskPhase;
  /** The attempt that follows, while the phase is `retrying`; else null or the last one. */
  retry: TaskRetry | null;
  /** Bytes of the file received, those of a resumed part included. */
  receivedBytes: number;
  /** Size announced by the server, or null. */
  totalBytes: number | null;
}

/** An attempt that a task waits for. */
export interface TaskRetry {
  /** Number of the attempt; the first is 1. Null after a pause, which does not count. */
  readonly attempt: number | null;
  /** Maximum number of attempts. */
  readonly attempts: number;
  /** Why the last attempt failed. */
  readonly code: ErrorCode;
  /** Status of its response, or null without one. */
  readonly httpStatus: number | null;
  /** Monotonic time of the attempt, in milliseconds. */
  readonly atMs: number;
}

/** What a webhook receives: a chat's own message, or JSON with the facts. */
export type AlertFormat = "json" | "slack" | "discord" | "teams" | "ntfy";

/** A target of alerts. Contains secrets: only the network and the system see it. */
export type Alert =
  /** Receives a message by POST. */
  | {
    readonly kind: "webhook";
    readonly url: string;
    readonly format: AlertFormat;
    readonly headers: Readonly<Record<string, string>>;
  }
  /** A program that receives JSON on its standard input. */
  | { readonly kind: "command"; readonly command: readonly [string, ...string[]] };
