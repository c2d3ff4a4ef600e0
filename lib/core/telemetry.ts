/** Telemetry: spans and metrics of a run. `lib/telemetry.ts` implements it. */

import type { ErrorCode } from "./errors.ts";
import type { RunEvent } from "./event.ts";
import type { RunSummary, TaskResult } from "./result.ts";

/** What is known when a span starts. URLs are redacted. */
export type SpanStart =
  | { readonly kind: "run"; readonly run: string; readonly tasks: number }
  | {
    readonly kind: "task";
    readonly run: string;
    readonly task: string;
    readonly url: string;
    readonly key: string;
  }
  | {
    readonly kind: "attempt";
    readonly task: string;
    /** The task's URL or a mirror. */
    readonly url: string;
    /** The first of a task is 1. */
    readonly attempt: number;
  }
  | {
    /** A request that our own client sends; the runtime traces those of `fetch`. */
    readonly kind: "request";
    readonly method: string;
    readonly url: string;
  };

/** What is known when a span ends. URLs are redacted. */
export type SpanEnd =
  | { readonly kind: "run"; readonly summary: RunSummary }
  | { readonly kind: "task"; readonly result: TaskResult }
  | {
    readonly kind: "attempt";
    /** Why the attempt failed, or null. */
    readonly code: ErrorCode | null;
    /** Status of the last response, or null without one. */
    readonly httpStatus: number | null;
    /** The URL of the last response, or null without one. */
    readonly servedFrom: string | null;
    /** Body bytes received. */
    readonly bytes: number;
  }
  | {
    readonly kind: "request";
    /** Why there was no response, or null. */
    readonly code: ErrorCode | null;
    /** Null without a response. */
    readonly httpStatus: number | null;
    /** Address that responded, of the server or its proxy; or null. */
    readonly remoteAddress: string | null;
  };

/** A parent of spans. */
export interface Tracing {
  /**
   * Runs work within a child span. Requests of the work belong to the span.
   *
   * @param start What the span is about.
   * @param work Receives the span.
   * @returns The result of the work.
   * @throws Only what the work throws.
   */
  trace<T>(start: SpanStart, work: (span: Span) => Promise<T>): Promise<T>;
}

/** A started span. */
export interface Span extends Tracing {
  /**
   * Called once, before the work ends; never if a bug ends it.
   *
   * @param end The outcome.
   */
  ended(end: SpanEnd): void;
  /**
   * The fields that name the span to the server of a request, such as traceparent (W3C Trace
   * Context).
   *
   * @returns Values by lower-case name; empty without a propagator.
   */
  fields(): Readonly<Record<string, string>>;
}

/** The spans and metrics of a process. */
export interface Telemetry extends Tracing {
  /**
   * Counts an event. Must not throw.
   *
   * @param event Any event of a run.
   */
  count(event: RunEvent): void;
}

/** Without a registered provider. */
export const NO_TELEMETRY: Telemetry = {
  trace: (_start, work) => work(NO_SPAN),
  count: () => {},
};

const NO_SPAN: Span = { trace: NO_TELEMETRY.trace, ended: () => {}, fields: () => ({}) };
