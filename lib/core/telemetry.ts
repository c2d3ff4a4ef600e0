/** Telemetry: what a run tells those who trace and measure programs. The real one is in `lib/telemetry.ts`. */

import type { ErrorCode } from "./errors.ts";
import type { RunEvent } from "./event.ts";
import type { RunSummary, TaskResult } from "./result.ts";

/** A stretch of work, as it begins. URLs are redacted. */
export type Stretch =
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
  };

/** How a stretch of work ended. URLs are redacted. */
export type StretchEnd =
  | { readonly kind: "run"; readonly summary: RunSummary }
  | { readonly kind: "task"; readonly result: TaskResult }
  | {
    readonly kind: "attempt";
    /** What went wrong, or null. */
    readonly code: ErrorCode | null;
    /** Status of the last answer, or null without one. */
    readonly httpStatus: number | null;
    /** The URL that answered last, or null without an answer. */
    readonly servedFrom: string | null;
    /** Body bytes received. */
    readonly bytes: number;
  };

/** Where work can be traced below. */
export interface Tracing {
  /**
   * Carries out work as a stretch of its own, whatever becomes of it. What the work fetches
   * belongs to it. Rejects only with what the work rejects with.
   */
  trace<T>(stretch: Stretch, work: (span: Span) => Promise<T>): Promise<T>;
}

/** A stretch of work that goes on. */
export interface Span extends Tracing {
  /** Told once, before the work ends; not at all where it breaks off by a bug. */
  ended(end: StretchEnd): void;
}

/** Everything that is traced and measured. */
export interface Telemetry extends Tracing {
  /** Counts an event. Must not throw. */
  count(event: RunEvent): void;
}

/** Where nobody traces or measures. */
export const NO_TELEMETRY: Telemetry = {
  trace: (_stretch, work) => work(NO_SPAN),
  count: () => {},
};

const NO_SPAN: Span = { trace: NO_TELEMETRY.trace, ended: () => {} };
