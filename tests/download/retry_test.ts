import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CronfetchError, type ErrorCode } from "../../lib/core/errors.ts";
import {
  decideRetry,
  isTemporaryStatus,
  MAX_RETRY_AFTER_MS,
  retryAfter,
  type RetryDecision,
  type RetrySituation,
} from "../../lib/download/retry.ts";

const LIMITS = { attempts: 4, budgetMs: 120_000 };

function situation(code: ErrorCode, other: Partial<RetrySituation> = {}): RetrySituation {
  return {
    error: new CronfetchError(code, "it failed"),
    retryAfterMs: null,
    attempts: 1,
    elapsedMs: 0,
    limits: LIMITS,
    fraction: 0.5,
    ...other,
  };
}

/** An answer with a status, as `judgeAnswer` makes its error. */
function status(httpStatus: number): CronfetchError {
  return new CronfetchError("http.status", "it answered", {
    httpStatus,
    retry: isTemporaryStatus(httpStatus) ? "later" : "never",
  });
}

const STOP: RetryDecision = { kind: "stop" };
const retry = (delayMs: number): RetryDecision => ({ kind: "retry", delayMs });
const defer = (delayMs: number): RetryDecision => ({ kind: "defer", delayMs });

Deno.test("decideRetry: the table", () => {
  const table: [name: string, situation: RetrySituation, decision: RetryDecision][] = [
    ["reset", situation("net.reset"), retry(500)],
    ["refused", situation("net.refused"), retry(500)],
    ["dns", situation("net.dns"), retry(500)],
    ["cut body", situation("body.truncated"), retry(500)],
    ["stalled body", situation("timeout.idle"), retry(500)],
    ["bad certificate", situation("tls.untrusted"), STOP],
    ["404", situation("http.status", { error: status(404) }), STOP],
    ["500", situation("http.status", { error: status(500) }), retry(500)],
    ["too large", situation("body.too-large"), STOP],
    ["wrong digest", situation("expect.digest"), STOP],
    ["no space", situation("store.full"), retry(500)],
    ["second attempt waits longer", situation("net.reset", { attempts: 2 }), retry(1000)],
    ["third attempt", situation("net.reset", { attempts: 3 }), retry(2000)],
    ["the last attempt", situation("net.reset", { attempts: 4 }), STOP],
    ["no delay by chance", situation("net.reset", { fraction: 0 }), retry(0)],
    [
      "the delay is bounded",
      situation("net.reset", { attempts: 20, limits: { attempts: 30, budgetMs: 1e9 } }),
      retry(15_000),
    ],
    ["beyond the budget", situation("net.reset", { elapsedMs: 119_900 }), STOP],
    [
      "Retry-After is followed",
      situation("http.status", { error: status(503), retryAfterMs: 7000 }),
      retry(7000),
    ],
    [
      "Retry-After beyond the budget",
      situation("http.status", { error: status(503), retryAfterMs: 300_000 }),
      defer(300_000),
    ],
    [
      "Retry-After on the last attempt",
      situation("http.status", { error: status(429), retryAfterMs: 7000, attempts: 4 }),
      defer(7000),
    ],
    [
      "429 beyond the budget",
      situation("http.status", { error: status(429), elapsedMs: 119_900 }),
      defer(500),
    ],
    [
      "500 beyond the budget",
      situation("http.status", { error: status(500), elapsedMs: 119_900 }),
      STOP,
    ],
    [
      "503 on the last attempt",
      situation("http.status", { error: status(503), attempts: 4 }),
      STOP,
    ],
    [
      "Retry-After on a 404",
      situation("http.status", { error: status(404), retryAfterMs: 1 }),
      STOP,
    ],
  ];
  for (const [name, given, expected] of table) assertEquals(decideRetry(given), expected, name);
});

Deno.test("property: a retry never waits beyond the budget, and never outnumbers the attempts", () => {
  const errors = fc.constantFrom(
    ...[404, 408, 429, 500, 503].map(status),
    ...(["net.reset", "tls.untrusted", "body.truncated", "store.full"] as const)
      .map((code) => new CronfetchError(code, "it failed")),
  );
  const given = fc.record({
    error: errors,
    retryAfterMs: fc.option(fc.integer({ min: 0, max: MAX_RETRY_AFTER_MS })),
    attempts: fc.integer({ min: 1, max: 12 }),
    elapsedMs: fc.nat(300_000),
    limits: fc.record({ attempts: fc.integer({ min: 1, max: 12 }), budgetMs: fc.nat(300_000) }),
    fraction: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  fc.assert(fc.property(given, (it) => {
    const decision = decideRetry(it);
    if (it.error.retry === "never") assertEquals(decision, STOP);
    if (decision.kind !== "retry") return;
    assert(it.attempts < it.limits.attempts);
    assert(it.elapsedMs + decision.delayMs <= it.limits.budgetMs);
    assert(it.retryAfterMs === null || decision.delayMs === it.retryAfterMs);
    assert(decision.delayMs <= Math.max(30_000, it.retryAfterMs ?? 0));
  }));
});

Deno.test("isTemporaryStatus: the seven", () => {
  const found = Array.from({ length: 500 }, (_, index) => 100 + index).filter(isTemporaryStatus);
  assertEquals(found, [408, 425, 429, 500, 502, 503, 504]);
});

Deno.test("retryAfter: both forms, and nonsense", () => {
  const nowMs = Date.parse("2026-01-15T12:00:00Z");
  const table: [headers: Record<string, string>, delayMs: number | null][] = [
    [{}, null],
    [{ "retry-after": "120" }, 120_000],
    [{ "retry-after": " 0 " }, 0],
    [{ "retry-after": "Thu, 15 Jan 2026 12:01:00 GMT" }, 60_000],
    [{ "retry-after": "Thu, 15 Jan 2026 11:00:00 GMT" }, 0],
    // The server's clock is an hour fast: what it means is a minute from now.
    [
      {
        "retry-after": "Thu, 15 Jan 2026 13:01:00 GMT",
        "date": "Thu, 15 Jan 2026 13:00:00 GMT",
      },
      60_000,
    ],
    [{ "retry-after": "Thursday, 15-Jan-26 12:01:00 GMT" }, 60_000],
    [{ "retry-after": "Thu Jan 15 12:01:00 2026" }, 60_000],
    [{ "retry-after": "soon" }, null],
    // No HTTP-dates, though Date.parse reads them.
    [{ "retry-after": "2027-01-15" }, null],
    [{ "retry-after": "-1" }, null],
    [{ "retry-after": "Thu, 15 Jan 2026 12:01:00 GMT", "date": "2026" }, 60_000],
    [{ "retry-after": "" }, null],
    // Row 24: absurd values are bounded.
    [{ "retry-after": "99999999999999999999" }, MAX_RETRY_AFTER_MS],
    [{ "retry-after": "Thu, 01 Jan 2099 00:00:00 GMT" }, MAX_RETRY_AFTER_MS],
  ];
  for (const [headers, delayMs] of table) {
    assertEquals(retryAfter(new Headers(headers), nowMs), delayMs, JSON.stringify(headers));
  }
});
