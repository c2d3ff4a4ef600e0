import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CronfetchError, type ErrorCode } from "../../lib/core/errors.ts";
import { MAX_PAUSE_MS, requestedPauseMs } from "../../lib/core/time.ts";
import {
  concernsHost,
  decideRetry,
  isTemporaryStatus,
  type RetryDecision,
  type RetrySituation,
  statusOptions,
} from "../../lib/download/retry.ts";

const LIMITS = { attempts: 4, budgetMs: 120_000 };
const NOW_MS = Date.parse("2026-01-15T12:00:00Z");

function situation(
  error: ErrorCode | CronfetchError,
  other: Partial<RetrySituation> = {},
): RetrySituation {
  return {
    error: typeof error === "string" ? new CronfetchError(error, "it failed") : error,
    attempts: 1,
    pauses: 0,
    spentMs: 0,
    remainingMs: Infinity,
    limits: LIMITS,
    fraction: 0.5,
    ...other,
  };
}

/** The error of a response. */
function status(httpStatus: number, retryAfter?: string): CronfetchError {
  const headers = new Headers(retryAfter === undefined ? {} : { "retry-after": retryAfter });
  return new CronfetchError(
    "http.status",
    "it answered",
    statusOptions(httpStatus, headers, NOW_MS),
  );
}

/** The first attempt ended with a pause. */
const PAUSED = { attempts: 0, pauses: 1 };
const STOP: RetryDecision = { kind: "stop" };
const retry = (delayMs: number): RetryDecision => ({ kind: "retry", delayMs });
const defer = (delayMs: number): RetryDecision => ({ kind: "defer", delayMs });

Deno.test("decideRetry decides by code, attempts, budget, deadline and requested pause", () => {
  const many = { attempts: 30, budgetMs: 1e9 };
  const table: [name: string, situation: RetrySituation, decision: RetryDecision][] = [
    ["reset", situation("net.reset"), retry(500)],
    ["refused", situation("net.refused"), retry(500)],
    ["dns", situation("net.dns"), retry(500)],
    ["cut body", situation("body.truncated"), retry(500)],
    ["stalled body", situation("timeout.idle"), retry(500)],
    ["bad certificate", situation("tls.untrusted"), STOP],
    ["404", situation(status(404)), STOP],
    ["500", situation(status(500)), retry(500)],
    ["too large", situation("body.too-large"), STOP],
    ["wrong digest", situation("expect.digest"), STOP],
    ["no space", situation("store.full"), retry(500)],
    ["second attempt waits longer", situation("net.reset", { attempts: 2 }), retry(1000)],
    ["third attempt", situation("net.reset", { attempts: 3 }), retry(2000)],
    ["the last attempt", situation("net.reset", { attempts: 4 }), STOP],
    ["no delay by chance", situation("net.reset", { fraction: 0 }), retry(0)],
    ["the delay is bounded", situation("net.reset", { attempts: 20, limits: many }), retry(15_000)],
    ["beyond the budget", situation("net.reset", { spentMs: 119_900 }), STOP],
    ["beyond the deadline", situation("net.reset", { remainingMs: 100 }), retry(500)],
    ["429 waits in any case", situation(status(429), { fraction: 0 }), retry(500)],
    ["503 waits in any case", situation(status(503), { fraction: 0 }), retry(500)],
    ["503, second attempt", situation(status(503), { attempts: 2 }), retry(1500)],
    ["503 on the last attempt", situation(status(503), { attempts: 4 }), STOP],
    ["429 beyond the budget", situation(status(429), { spentMs: 119_900 }), defer(750)],
    ["429 beyond the deadline", situation(status(429), { remainingMs: 750 }), defer(750)],
    ["500 beyond the budget", situation(status(500), { spentMs: 119_900 }), STOP],
    ["a pause", situation(status(503, "7"), PAUSED), retry(7000)],
    ["a pause of the whole budget", situation(status(503, "120"), PAUSED), retry(120_000)],
    ["a pause beyond the budget", situation(status(503, "121"), PAUSED), defer(121_000)],
    [
      "a pause beyond what is left of it",
      situation(status(503, "61"), { ...PAUSED, spentMs: 60_000 }),
      defer(61_000),
    ],
    [
      "a pause to the deadline",
      situation(status(429, "7"), { ...PAUSED, remainingMs: 7000 }),
      defer(7000),
    ],
    [
      "a pause just before the deadline",
      situation(status(429, "7"), { ...PAUSED, remainingMs: 7001 }),
      retry(7000),
    ],
    [
      "a pause after all attempts that count",
      situation(status(429, "7"), { attempts: 4, pauses: 1 }),
      retry(12_000),
    ],
    [
      "a pause where one attempt is allowed",
      situation(status(429, "7"), { ...PAUSED, limits: { ...LIMITS, attempts: 1 } }),
      defer(7000),
    ],
    [
      "the tenth short pause: the own backoff is the lower bound",
      situation(status(429, "1"), { attempts: 0, pauses: 10 }),
      retry(22_500),
    ],
    ["Retry-After: 0 is none", situation(status(429, "0")), retry(750)],
    ["Retry-After: 0 on the last attempt", situation(status(429, "0"), { attempts: 4 }), STOP],
    [
      "a date that is over, on the last attempt",
      situation(status(503, "Thu, 15 Jan 2026 11:00:00 GMT"), { attempts: 4 }),
      STOP,
    ],
    ["a pause on a 403", situation(status(403, "3"), PAUSED), retry(3000)],
    ["a pause on a 404", situation(status(404, "3"), PAUSED), retry(3000)],
    ["a pause on a 202", situation(status(202, "3"), PAUSED), retry(3000)],
    ["a pause on a 501", situation(status(501, "3"), PAUSED), retry(3000)],
    ["no pause on a 204", situation(status(204, "3")), STOP],
  ];
  for (const [name, given, expected] of table) assertEquals(decideRetry(given), expected, name);
});

Deno.test("decideRetry never waits beyond the budget, nor after the last attempt without a pause", () => {
  const errors = fc.constantFrom(
    ...[404, 408, 429, 500, 503].map((code) => status(code)),
    ...[202, 403, 429, 503].map((code) => status(code, "2")),
    ...(["net.reset", "tls.untrusted", "body.truncated", "store.full"] as const)
      .map((code) => new CronfetchError(code, "it failed")),
  );
  const given = fc.record({
    error: errors,
    attempts: fc.integer({ min: 1, max: 12 }),
    pauses: fc.nat(12),
    spentMs: fc.nat(300_000),
    remainingMs: fc.oneof(fc.nat(300_000), fc.constant(Infinity)),
    limits: fc.record({ attempts: fc.integer({ min: 1, max: 12 }), budgetMs: fc.nat(300_000) }),
    fraction: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  fc.assert(fc.property(given, (it) => {
    const decision = decideRetry(it);
    const { pauseMs, retry } = it.error;
    if (retry === "never") assertEquals(decision, STOP);
    if (decision.kind !== "retry") return;
    assert(it.attempts < it.limits.attempts || pauseMs !== null);
    assert(it.spentMs + decision.delayMs <= it.limits.budgetMs);
    assert(decision.delayMs >= (pauseMs ?? 0));
    assert(pauseMs === null || decision.delayMs < it.remainingMs);
    assert(decision.delayMs <= Math.max(30_000, pauseMs ?? 0));
  }));
});

const STATUSES = Array.from({ length: 500 }, (_, index) => 100 + index);
const SERVER_ERRORS = STATUSES.filter((status) => status >= 500);

Deno.test("row 129: isTemporaryStatus accepts 202, 408, 425, 429, and all 5xx but 501 and 505", () => {
  assertEquals(STATUSES.filter(isTemporaryStatus), [
    ...[202, 408, 425, 429],
    ...SERVER_ERRORS.filter((status) => status !== 501 && status !== 505),
  ]);
});

Deno.test("row 129: statusOptions finds a pause in every 4xx, 5xx and 202, and in no other status", () => {
  const pausing = STATUSES.filter((code) => status(code, "3").pauseMs === 3000);
  assertEquals(pausing, [202, ...STATUSES.filter((status) => status >= 400)]);
  assertEquals(STATUSES.filter((code) => status(code, "3").retry === "later"), pausing);
  assertEquals(STATUSES.filter((code) => status(code).pauseMs !== null), []);
  assertEquals(
    STATUSES.filter((code) => status(code).retry === "later"),
    STATUSES.filter(isTemporaryStatus),
  );
});

Deno.test("rows 127 and 128: requestedPauseMs reads seconds and HTTP-dates of the future", () => {
  const table: [value: string, pauseMs: number | null, date?: string][] = [
    ["120", 120_000],
    [" 1 ", 1000],
    ["12.5", 12_500],
    ["0.0001", 1],
    ["1.", null],
    [".5", null],
    ["+5", null],
    ["-5", null],
    ["5s", null],
    ["1e3", null],
    ["0x10", null],
    ["1, 1", null],
    ["soon", null],
    ["", null],
    ["0", null],
    ["0.0", null],
    ["00", null],
    ["Thu, 15 Jan 2026 12:01:00 GMT", 60_000],
    ["Thursday, 15-Jan-26 12:01:00 GMT", 60_000],
    ["Thu Jan 15 12:01:00 2026", 60_000],
    // In the past, and now.
    ["Thu, 15 Jan 2026 11:00:00 GMT", null],
    ["Thu, 15 Jan 2026 12:00:00 GMT", null],
    // What Date.parse would accept.
    ["2026-01-15T12:01:00Z", null],
    ["15 Jan 2026 12:01:00 GMT", null],
    ["Jan 15, 2027", null],
    ["2027", 2_027_000],
    // The clock of the server is one hour ahead.
    ["Thu, 15 Jan 2026 13:01:00 GMT", 60_000, "Thu, 15 Jan 2026 13:00:00 GMT"],
    ["Thu, 15 Jan 2026 12:59:00 GMT", null, "Thu, 15 Jan 2026 13:00:00 GMT"],
    ["60", 60_000, "Thu, 15 Jan 2026 13:00:00 GMT"],
    // Row 24: bounded.
    ["99999999999999999999", MAX_PAUSE_MS],
    ["9".repeat(400), MAX_PAUSE_MS],
    ["Thu, 01 Jan 2099 00:00:00 GMT", MAX_PAUSE_MS],
  ];
  for (const [value, pauseMs, date] of table) {
    const headers = new Headers({ "retry-after": value, ...(date ? { date } : {}) });
    assertEquals(requestedPauseMs(headers, NOW_MS), pauseMs, value);
  }
  assertEquals(requestedPauseMs(new Headers(), NOW_MS), null);
});

Deno.test("row 130: concernsHost needs a 429, or two tasks, or a host that recovers", () => {
  const table: [status: number, busyTasks: number, isThrottled: boolean, concerns: boolean][] = [
    [429, 1, false, true],
    [503, 1, false, false],
    [403, 1, false, false],
    [520, 1, false, false],
    [503, 2, false, true],
    [403, 2, false, true],
    [503, 1, true, true],
    // 202 concerns one resource only.
    [202, 1, false, false],
    [202, 5, true, false],
  ];
  for (const [status, busyTasks, isThrottled, concerns] of table) {
    const load = { busyTasks, isThrottled };
    assertEquals(concernsHost(status, load), concerns, `${status} ${JSON.stringify(load)}`);
  }
});
