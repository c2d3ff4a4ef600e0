/** Retry policy: what to do after an attempt has failed. Pure; the pool does the waiting. */

import type { CronfetchError, CronfetchErrorOptions, ErrorCode } from "../core/errors.ts";
import { backoffMs, requestedPauseMs } from "../core/time.ts";
import type { HeaderFields } from "../core/http.ts";
import type { RetryLimits, Task } from "../core/task.ts";

/** An attempt that is waited for. */
export interface NextAttempt {
  /** Its number; the first attempt of the task is 1. */
  readonly attempt: number;
  /** The same for the task's `retry.attempts`; null after a pause, which does not count. */
  readonly counted: number | null;
  /** Why the last attempt failed. */
  readonly code: ErrorCode;
  /** Status of the last response, or null. */
  readonly httpStatus: number | null;
  /** Milliseconds until it starts. */
  readonly delayMs: number;
}

/** The task's turn at its host, which it shares with the other tasks of the host. */
export interface HostTurn {
  /** Waits; rejects with the reason of the signal. */
  rest(durationMs: number): Promise<void>;
  /** Pauses the whole host, and waits for the next turn; rejects with the reason of the signal. */
  pause(durationMs: number): Promise<void>;
  /** Pauses of the host since its last success. */
  readonly pauses: number;
  /** Records a busy response to the task. Returns whether it pauses the whole host. */
  reportBusy(httpStatus: number | null): boolean;
  /** Milliseconds until the host may receive requests again, once the run has deferred it. */
  deferredMs(): number | null;
  /** Milliseconds until the deadline of the run; Infinity without one. */
  remainingMs(): number;
}

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 30_000;

/** An error, as far as the retry policy depends on it. */
export type RetryableError = Pick<CronfetchError, "code" | "retry" | "httpStatus" | "pauseMs">;

/** Input of {@linkcode decideRetry}. */
export interface RetrySituation {
  readonly error: RetryableError;
  /** Failed attempts that count against `limits.attempts`, this one included if it counts. */
  readonly attempts: number;
  /** Attempts that ended with a requested pause, this one included. They do not count. */
  readonly pauses: number;
  /** Milliseconds since the first attempt, without the time in which bodies were received. */
  readonly spentMs: number;
  /** Milliseconds until the deadline of the run; Infinity without one. */
  readonly remainingMs: number;
  readonly limits: RetryLimits;
  /** Random number in [0, 1), for the jitter. */
  readonly fraction: number;
}

/** Result of {@linkcode decideRetry}. */
export type RetryDecision =
  | { readonly kind: "stop" }
  /** Try again after a delay. */
  | { readonly kind: "retry"; readonly delayMs: number }
  /** Leave the task to a later run, after this delay at the earliest. */
  | { readonly kind: "defer"; readonly delayMs: number };

/**
 * Whether the same request may succeed later, by the status of its response alone
 * (RFC 9110, 15.3.3, 15.5, 15.6; RFC 6585; RFC 8470): 202, 408, 425, 429, and every 5xx except
 * 501 and 505, those of CDNs included (520 to 530).
 */
export function isTemporaryStatus(status: number): boolean {
  if (status >= 500 && status <= 599) return status !== 501 && status !== 505;
  return status === 202 || status === 408 || status === 425 || status === 429;
}

/**
 * Derives the retry options of an `http.status` error from a response.
 *
 * @param headers Of the response.
 * @param nowMs Wall clock, milliseconds since the epoch.
 */
export function statusOptions(
  status: number,
  headers: HeaderFields,
  nowMs: number,
): CronfetchErrorOptions {
  const pauseMs = status === 202 || (status >= 400 && status <= 599)
    ? requestedPauseMs(headers, nowMs)
    : null;
  const retry = pauseMs !== null || isTemporaryStatus(status) ? "later" : "never";
  return { httpStatus: status, retry, ...(pauseMs === null ? {} : { pauseMs }) };
}

/** Whether a response rejects a request because of load: 429, 503, or any that requests a pause. */
export function isBusy({ httpStatus, pauseMs }: RetryableError): boolean {
  return pauseMs !== null || httpStatus === 429 || httpStatus === 503;
}

/** The load of a host, as far as its responses show it. */
export interface HostLoad {
  /** Tasks with a busy response since the last success of the host, the current one included. */
  readonly busyTasks: number;
  /** The host was paused in this run and has not reached full speed again. */
  readonly isThrottled: boolean;
}

/**
 * Whether a busy response concerns the whole host, and not only the task that received it. A 429
 * limits the client; a 202 is about the one resource that is being made. Every other response
 * concerns the host once two different tasks received one with no success in between, or while
 * the host recovers from a pause.
 *
 * @param httpStatus Of the response.
 */
export function concernsHost(httpStatus: number | null, load: HostLoad): boolean {
  if (httpStatus === 202) return false;
  return httpStatus === 429 || load.busyTasks > 1 || load.isThrottled;
}

/**
 * Decides what follows a failed attempt.
 *
 * - A permanent error stops, and so does the last attempt that counts.
 * - The delay is drawn evenly from zero to a bound that doubles with each attempt ("full
 *   jitter"). After a busy response it is drawn from the upper half, so that an overloaded server
 *   always gets a pause.
 * - A requested pause is the lower bound of the delay. The wait does not count as an
 *   attempt; the budget bounds it. With a limit of one attempt the task is deferred at once.
 * - A delay beyond the budget or the deadline defers the task after a busy response. Every other
 *   task stops at the end of the budget.
 */
export function decideRetry(situation: RetrySituation): RetryDecision {
  const { error, limits, attempts, pauses } = situation;
  // Another process replaced the file; only a run that compares the new one may replace it.
  if (error.retry === "never" || error.code === "store.conflict") return { kind: "stop" };
  const boundMs = backoffMs(attempts + pauses, FIRST_DELAY_MS, LONGEST_DELAY_MS);
  const busy = isBusy(error);
  const fraction = busy ? 0.5 + situation.fraction / 2 : situation.fraction;
  const delayMs = Math.max(error.pauseMs ?? 0, Math.round(fraction * boundMs));
  const fitsBudget = situation.spentMs + delayMs <= limits.budgetMs;
  const fits = fitsBudget && (!busy || delayMs < situation.remainingMs);
  const isAllowed = (error.pauseMs === null ? attempts : 1) < limits.attempts;
  if (isAllowed && fits) return { kind: "retry", delayMs };
  return error.pauseMs !== null || (busy && !fits) ? { kind: "defer", delayMs } : { kind: "stop" };
}

/** Whether the server does not have a file yet, and its time has not come. */
export function isPending(
  { pendingUntil }: Pick<Task, "pendingUntil">,
  { httpStatus }: Pick<CronfetchError, "httpStatus">,
  now: Temporal.Instant,
): boolean {
  if (pendingUntil === null || (httpStatus !== 404 && httpStatus !== 410)) return false;
  return Temporal.Instant.compare(now, Temporal.Instant.from(pendingUntil)) < 0;
}
