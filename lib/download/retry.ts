/** Retry policy: what to do after an attempt has failed. Pure; the waiting is done elsewhere. */

import type { CronfetchError } from "../core/errors.ts";
import { parseHttpDate } from "../core/http_date.ts";
import type { HeaderFields } from "../core/http.ts";
import type { RetryLimits } from "../core/task.ts";

/** The longest time a server can put a task off by Retry-After: a day. */
export const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 30_000;

/** What is known when an attempt has failed. */
export interface RetrySituation {
  readonly error: Pick<CronfetchError, "code" | "retry" | "httpStatus">;
  /** What the server asked for in Retry-After, in milliseconds from now; or null. */
  readonly retryAfterMs: number | null;
  /** Attempts made so far. */
  readonly attempts: number;
  /** Milliseconds since the first attempt began. */
  readonly elapsedMs: number;
  readonly limits: RetryLimits;
  /** Chance in [0, 1), for the jitter. */
  readonly fraction: number;
}

/** What to do about it. */
export type RetryDecision =
  | { readonly kind: "stop" }
  /** Try again after a delay. */
  | { readonly kind: "retry"; readonly delayMs: number }
  /** Leave it to a later run, in this many milliseconds at the earliest. */
  | { readonly kind: "defer"; readonly delayMs: number };

/** Statuses that may be another one the next time (RFC 9110 15.5, 15.6; RFC 6585; RFC 8470). */
export function isTemporaryStatus(status: number): boolean {
  return [408, 425, 429, 500, 502, 503, 504].includes(status);
}

/**
 * Decides. In words: a permanent error stops; a server's own wish for a pause is
 * followed as long as the budget lasts, and put off to a later run beyond; else
 * the delay is drawn evenly from zero to a bound that doubles with each attempt
 * ("full jitter"). A pooled connection that has gone stale is no matter for this
 * table: Deno's client sends such a request again by itself.
 */
export function decideRetry(situation: RetrySituation): RetryDecision {
  const { error, limits, retryAfterMs, attempts } = situation;
  // Over what somebody else has just published, only a run that has seen it may publish.
  if (error.retry === "never" || error.code === "store.conflict") return { kind: "stop" };
  const boundMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempts - 1));
  const delayMs = retryAfterMs ?? Math.round(situation.fraction * boundMs);
  const fits = situation.elapsedMs + delayMs <= limits.budgetMs;
  if (attempts < limits.attempts && fits) return { kind: "retry", delayMs };
  const busy = error.httpStatus === 429 || error.httpStatus === 503;
  if (retryAfterMs !== null || (busy && !fits)) return { kind: "defer", delayMs };
  return { kind: "stop" };
}

/**
 * Reads Retry-After in both of its forms (RFC 9110, section 10.2.3).
 *
 * @param headers Of the response. Its Date is taken as the server's clock, where there is one.
 * @param nowMs Wall clock, milliseconds since the epoch.
 * @returns Milliseconds from now, from 0 to {@linkcode MAX_RETRY_AFTER_MS}; null where there is none.
 */
export function retryAfter(headers: HeaderFields, nowMs: number): number | null {
  const value = headers.get("retry-after")?.trim();
  if (!value) return null;
  const delayMs = /^\d+$/.test(value) ? Number(value) * 1000 : delayUntil(value, headers, nowMs);
  return delayMs === null ? null : Math.min(Math.max(delayMs, 0), MAX_RETRY_AFTER_MS);
}

/** The delay of the date form, by the clock of the server if it sends its Date. */
function delayUntil(value: string, headers: HeaderFields, nowMs: number): number | null {
  const untilMs = parseHttpDate(value, nowMs);
  const servedMs = parseHttpDate(headers.get("date") ?? "", nowMs);
  return untilMs === null ? null : untilMs - (servedMs ?? nowMs);
}
