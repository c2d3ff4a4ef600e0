/** Who may ask for what: hosts, origins, the token. And the headers of every answer. Pure. */

import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock, Timers } from "../core/host.ts";

/** Headers of every answer: nothing from elsewhere, nothing inline, no frame, no sniffing. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
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
  // With `no-referrer` browsers would send `Origin: null` with a form of ours (WHATWG Fetch,
  // section 3.2), and nothing else to know it by over plain HTTP off this machine.
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/**
 * Whether a request's host is one by which this machine is meant. A page elsewhere can let its
 * own name point here and read everything as if it were its own; but the name stays its own.
 */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
    /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** Adds {@linkcode SECURITY_HEADERS}, and that an answer is not kept unless it says otherwise. */
export function secure(headers: Headers): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) headers.set(name, value);
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
}

/**
 * Answers requests whose host makes no URL (RFC 9112, section 3.2: with 400), and passes on the
 * others. Whoever is behind it can rely on the URL.
 */
export function withUrl(
  answer: (request: Request) => Response | Promise<Response>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    if (URL.canParse(request.url)) return await answer(request);
    const response = new Response("The host of this request is none.\n", { status: 400 });
    secure(response.headers);
    return response;
  };
}

/**
 * Whether a request was sent by a page of ours, or by a program. Browsers say where a POST comes
 * from, and no page can make them say something else (Fetch Metadata; RFC 6454, section 7).
 */
export function isSameOrigin(request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin";
  const origin = request.headers.get("origin");
  return origin === null || origin === new URL(request.url).origin;
}

/** Compares two secrets in a time that does not tell how much of them is equal. */
export function isToken(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

/** The token a program sends (RFC 6750, section 2.1), or null. */
export function bearerToken(headers: Headers): string | null {
  return /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? null;
}

/** Remembers wrong attempts, and makes them slow and few. */
export interface AttemptLimiter {
  /** Whole seconds until somebody may try again; 0 for now. */
  waitSeconds(): number;
  /** Counts a wrong attempt at once, and waits before it is answered. */
  wrong(): Promise<void>;
}

/** Wrong attempts that are borne in a minute, over all visitors: addresses cost nothing. */
const MAX_FAILURES = 10;
const WINDOW_MS = 60_000;

/** How much later a wrong attempt is answered, in milliseconds. */
const WRONG_MS = 500;

/**
 * Makes a brake. While it holds, the right token is refused as well: an answer of another kind
 * would let the guessing go on.
 */
export function createAttemptLimiter(
  { clock, timers, closing }: {
    readonly clock: Pick<Clock, "monotonicMs">;
    readonly timers: Pick<Timers, "sleep">;
    /** Ends the waiting. */
    readonly closing: AbortSignal;
  },
): AttemptLimiter {
  /** When the recent wrong attempts were made, the oldest first. */
  let wrongAtMs: readonly number[] = [];
  return {
    waitSeconds: () => {
      const nowMs = clock.monotonicMs();
      wrongAtMs = wrongAtMs.filter((atMs) => nowMs - atMs < WINDOW_MS);
      const oldest = wrongAtMs.at(-MAX_FAILURES);
      return oldest === undefined ? 0 : Math.ceil((oldest + WINDOW_MS - nowMs) / 1_000);
    },
    wrong: async () => {
      wrongAtMs = [...wrongAtMs, clock.monotonicMs()];
      await timers.sleep(WRONG_MS, closing).catch(() => {});
    },
  };
}
