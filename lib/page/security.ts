/** Access checks: host, origin, token; and the security headers of every response. */

import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock, Timers } from "../core/host.ts";

/** Headers of every response: no third-party or inline content, no frames, no sniffing. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  // With `no-referrer` browsers send `Origin: null` with a form (WHATWG Fetch, section 3.2), and
  // over plain HTTP to another machine they send no Fetch Metadata either.
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/**
 * Whether a host name is a loopback name. An attacker's page can rebind its own DNS name to this
 * machine and read the responses, but the Host header still has that name.
 */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
    /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/**
 * Sets {@linkcode SECURITY_HEADERS}, and `no-store` unless the response is cacheable. A response
 * with a policy of its own keeps it.
 */
export function secure(headers: Headers): void {
  const policy = headers.get("content-security-policy");
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) headers.set(name, value);
  if (policy !== null) headers.set("content-security-policy", policy);
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
}

/**
 * Responds with 400 to requests whose host is invalid (RFC 9112, section 3.2), so that `handle` can
 * parse the URL.
 */
export function withUrl(
  handle: (request: Request) => Response | Promise<Response>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    if (URL.canParse(request.url)) return await handle(request);
    const response = new Response("The host of this request is invalid.\n", { status: 400 });
    secure(response.headers);
    return response;
  };
}

/**
 * Whether a request was sent by this page or by a program. Browsers send the origin of a POST, and
 * scripts cannot change it (Fetch Metadata; RFC 6454, section 7).
 */
export function isSameOrigin(request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin";
  const origin = request.headers.get("origin");
  return origin === null || origin === new URL(request.url).origin;
}

/** Whether a browser states that a form of this page sent a request; {@linkcode isSameOrigin}. */
export function isSentByPage(request: Request): boolean {
  const { headers } = request;
  return (headers.has("sec-fetch-site") || headers.has("origin")) && isSameOrigin(request);
}

/** Compares two secrets in constant time. */
export function isToken(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

/** The bearer token of a request (RFC 6750, section 2.1), or null. */
export function bearerToken(headers: Headers): string | null {
  return /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? null;
}

/**
 * Length from which a random token cannot be guessed: 128 bits in hexadecimal. It needs no limit on
 * attempts, with which a stranger could lock out its holder.
 */
const UNGUESSABLE_LENGTH = 32;

/** Whether a token is accepted while the limit on attempts is reached. */
export function isUnguessable(token: string): boolean {
  return token.length >= UNGUESSABLE_LENGTH;
}

/** Limits attempts with wrong tokens. */
export interface AttemptLimiter {
  /** Whole seconds until the next attempt is allowed; 0 if it is. */
  waitSeconds(): number;
  /** Records a wrong token, and resolves after the delay of its response. */
  recordFailure(): Promise<void>;
}

/** Wrong tokens per minute from all clients together: an attacker can change addresses. */
const MAX_FAILURES = 10;
const WINDOW_MS = 60_000;

/** Delay of the response to a wrong token. */
const FAILURE_DELAY_MS = 500;

/**
 * Creates a limiter. While it blocks, a right token that can be guessed is refused too: a different
 * response would reveal a correct guess.
 */
export function createAttemptLimiter(
  { clock, timers, closing }: {
    readonly clock: Pick<Clock, "monotonicMs">;
    readonly timers: Pick<Timers, "sleep">;
    /** Ends pending delays. */
    readonly closing: AbortSignal;
  },
): AttemptLimiter {
  /** Times of recent failures, oldest first. */
  let failedAtMs: readonly number[] = [];
  return {
    waitSeconds: () => {
      const nowMs = clock.monotonicMs();
      failedAtMs = failedAtMs.filter((atMs) => nowMs - atMs < WINDOW_MS);
      const oldest = failedAtMs.at(-MAX_FAILURES);
      return oldest === undefined ? 0 : Math.ceil((oldest + WINDOW_MS - nowMs) / 1_000);
    },
    recordFailure: async () => {
      failedAtMs = [...failedAtMs, clock.monotonicMs()];
      await timers.sleep(FAILURE_DELAY_MS, closing).catch(() => {});
    },
  };
}
