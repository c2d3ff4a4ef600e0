import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { CronfetchError } from "../../lib/core/errors.ts";
import { statusOptions } from "../../lib/download/retry.ts";
import {
  type AgeDecision,
  compareToStored,
  conditionalHeaders,
  decideAge,
  isConditionRefused,
  refreshedValidators,
  responseValidators,
  type TagUse,
  tagUse,
} from "../../lib/download/conditional.ts";
import type { Validators } from "../../lib/core/result.ts";
import type { OlderRepresentation } from "../../lib/state/state.ts";
import type { StoredFile } from "../../lib/store/store.ts";

const OLD = "Wed, 14 Jan 2026 12:00:00 GMT";
const NOW = "Thu, 15 Jan 2026 12:00:00 GMT";

const NOW_MS = Date.UTC(2026, 0, 15, 12);

Deno.test("row 123: tagUse rejects tags that match every version", () => {
  const table: readonly (readonly [etag: string, use: TagUse])[] = [
    ['"abc"', "strong"],
    ['"a b"', "strong"],
    ['"*"', "strong"],
    ['"\u00e9"', "strong"],
    ['"W/abc"', "strong"],
    ['"a, b"', "strong"],
    [`"${"a".repeat(998)}"`, "strong"],
    ['W/"abc"', "compare"],
    // Malformed by RFC 9110: sent back unchanged.
    ["abc", "compare"],
    ["W/abc", "compare"],
    ['w/"abc"', "compare"],
    ['W/ "abc"', "compare"],
    ['"a"b"', "compare"],
    ['"abc', "compare"],
    ['abc"', "compare"],
    ["'abc'", "compare"],
    ["abc-gzip", "compare"],
    ["5f3-60a,1", "compare"],
    ['"a", "b"', "compare"],
    ['"abc"-gzip', "compare"],
    ["1700000000", "compare"],
    ["a*b", "compare"],
    ["\u00e9", "compare"],
    ["a".repeat(1000), "compare"],
    // Unusable.
    ["", "none"],
    ['""', "none"],
    ['W/""', "none"],
    ["*", "none"],
    ["abc, *", "none"],
    ["*,abc", "none"],
    ["a".repeat(1001), "none"],
    [`"${"a".repeat(999)}"`, "none"],
    ['"a\tb"', "none"],
    ["a\u0000b", "none"],
    ["a\u007f", "none"],
    ["a\r\nx: y", "none"],
    ["\u20ac", "none"],
  ];
  for (const [etag, use] of table) assertEquals(tagUse(etag), use, JSON.stringify(etag));
});

Deno.test("rows 123 and 124: conditionalHeaders returns the ETag, else the date, never both", () => {
  const table: readonly (readonly [
    validators: Pick<Validators, "etag" | "lastModified">,
    headers: Record<string, string>,
  ])[] = [
    [{ etag: 'W/"a"', lastModified: OLD }, { "if-none-match": 'W/"a"' }],
    [{ etag: "abc", lastModified: OLD }, { "if-none-match": "abc" }],
    [{ etag: null, lastModified: OLD }, { "if-modified-since": OLD }],
    [{ etag: null, lastModified: null }, {}],
    // As recorded by version 0.1.
    [{ etag: '""', lastModified: OLD }, { "if-modified-since": OLD }],
    [{ etag: null, lastModified: "12.5" }, {}],
    [{ etag: null, lastModified: "2026-01-14" }, {}],
    [{ etag: '""', lastModified: "1" }, {}],
  ];
  for (const [validators, headers] of table) {
    assertEquals(conditionalHeaders(validators), headers, JSON.stringify(validators));
  }
});

Deno.test("rows 60, 123 and 124: responseValidators keeps usable validators only", () => {
  const table: [headers: Record<string, string>, etag: string | null, date: string | null][] = [
    [{}, null, null],
    [{ etag: '"a"', "last-modified": OLD }, '"a"', OLD],
    [{ etag: 'W/"a"' }, 'W/"a"', null],
    [{ etag: "a" }, "a", null],
    [{ etag: '""', "last-modified": OLD }, null, OLD],
    [{ etag: "*" }, null, null],
    // Not HTTP-dates; Date.parse accepts all except the first.
    [{ "last-modified": "yesterday" }, null, null],
    [{ "last-modified": "12.5" }, null, null],
    [{ "last-modified": "2026-01-14" }, null, null],
    [{ "last-modified": "Wed, 14 Jan 2026 12:00:00 +0000" }, null, null],
    // A malformed Date is ignored.
    [{ "last-modified": OLD, date: "1" }, null, OLD],
    // Row 60: in the future by our clock or by the server's.
    [{ "last-modified": "Fri, 16 Jan 2026 12:00:00 GMT" }, null, null],
    [{ "last-modified": NOW, date: OLD }, null, null],
    [
      { "last-modified": "Fri, 16 Jan 2026 12:00:00 GMT", date: "Fri, 16 Jan 2026 13:00:00 GMT" },
      null,
      "Fri, 16 Jan 2026 12:00:00 GMT",
    ],
  ];
  for (const [headers, etag, lastModified] of table) {
    assertEquals(responseValidators(new Headers(headers), NOW_MS), { etag, lastModified });
  }
});

Deno.test("row 120: isConditionRefused accepts a permanent 4xx or 501 without a pause", () => {
  const refused = (status: number, headers: Record<string, string> = {}) => {
    const options = statusOptions(status, new Headers(headers), NOW_MS);
    return isConditionRefused(new CronfetchError("http.status", "refused", options));
  };
  const statuses = Array.from({ length: 500 }, (_, index) => 100 + index);
  const clientErrors = statuses.filter((status) => status >= 400 && status < 500);
  assertEquals(
    statuses.filter((status) => refused(status)),
    [...clientErrors.filter((status) => ![408, 425, 429].includes(status)), 501],
  );
  assertEquals(statuses.filter((status) => refused(status, { "retry-after": "1" })), []);
  const reply = { httpStatus: 412, retry: "never" } as const;
  assertEquals(isConditionRefused({ ...reply, code: "http.protocol" }), false);
  assertEquals(isConditionRefused({ ...reply, code: "http.status" }), true);
  const withoutAnswer = { code: "http.status", httpStatus: null, retry: "never" } as const;
  assertEquals(isConditionRefused(withoutAnswer), false);
});

Deno.test("compareToStored compares key, source, size, revision and digest", () => {
  const validators = {
    key: "a",
    source: "https://x.example/a",
    etag: '"a"',
    lastModified: null,
    sha256: "00",
    sizeBytes: 10,
    revision: "1000",
  };
  const file = (sizeBytes: number, revision: string, sha256: string | null = null): StoredFile => {
    return { sizeBytes, revision, sha256, modifiedMs: 0 };
  };
  const asked = { key: "a", source: "https://x.example/a" };
  const compare = compareToStored;
  assertEquals(compare(validators, file(10, "1000"), asked), "same");
  // Row 61: edited or touched, by its digest.
  assertEquals(compare(validators, file(10, "2000"), asked), "unclear");
  assertEquals(compare(validators, file(10, "2000", "00"), asked), "same");
  assertEquals(compare(validators, file(10, "2000", "11"), asked), "other");
  assertEquals(compare(validators, file(11, "1000"), asked), "other");
  // Validators apply to one URL and one file.
  const stored = file(10, "1000");
  assertEquals(compare(validators, stored, { ...asked, key: "b" }), "other");
  assertEquals(compare(validators, stored, { ...asked, source: "https://y.example/a" }), "other");
});

Deno.test("refreshedValidators takes a new ETag and a later date of a 304", () => {
  const published = { etag: '"a"', lastModified: OLD };
  const later = "Wed, 14 Jan 2026 12:00:01 GMT";
  const table: readonly (readonly [
    headers: Record<string, string>,
    etag: string | null,
    lastModified: string | null,
  ])[] = [
    [{}, '"a"', OLD],
    [{ etag: '"b"', "last-modified": later }, '"b"', later],
    [{ "last-modified": "Wed, 14 Jan 2026 11:59:59 GMT" }, '"a"', OLD],
    [{ "last-modified": "Wednesday, 14-Jan-26 12:00:00 GMT" }, '"a"', OLD],
    [{ etag: "*", "last-modified": "2027-01-01" }, '"a"', OLD],
    [{ "last-modified": "Fri, 16 Jan 2026 12:00:00 GMT" }, '"a"', OLD],
  ];
  for (const [headers, etag, lastModified] of table) {
    const refreshed = refreshedValidators(published, new Headers(headers), NOW_MS);
    assertEquals(refreshed, { etag, lastModified }, JSON.stringify(headers));
  }
  const undated = { etag: null, lastModified: null };
  const headers = new Headers({ "last-modified": OLD });
  assertEquals(refreshedValidators(undated, headers, NOW_MS), { etag: null, lastModified: OLD });
});

const MONTH_OLD = "Sun, 14 Dec 2025 12:00:00 GMT";
const NOW_TEXT = "2026-01-15T12:00:00.000Z";
const HOUR_MS = 60 * 60 * 1000;

/** The published file, of the day before {@linkcode NOW_MS}. */
const PUBLISHED: Validators = {
  key: "a",
  source: "https://x.example/a",
  etag: '"new"',
  lastModified: OLD,
  sha256: "aa",
  sizeBytes: 10,
  revision: "1",
};

/** A record of some hours before {@linkcode NOW_MS}, or after it. */
function recorded(runs: number, hours: number, lastModified = MONTH_OLD): OlderRepresentation {
  return { lastModified, runs, since: new Date(NOW_MS - hours * HOUR_MS).toISOString() };
}

const KEEP_FIRST: AgeDecision = {
  kind: "older",
  older: { lastModified: MONTH_OLD, runs: 1, since: NOW_TEXT },
};
const KEEP = (runs: number, hours: number): AgeDecision => ({
  kind: "older",
  older: recorded(runs, hours),
});
const ROLLBACK: AgeDecision = { kind: "rollback" };
const CURRENT: AgeDecision = { kind: "current" };

const AGES: readonly (readonly [
  name: string,
  change: {
    readonly published?: Partial<Validators> | null;
    readonly headers?: Record<string, string>;
    readonly older?: OlderRepresentation;
    readonly expectedSha256?: string;
  },
  expected: AgeDecision,
])[] = [
  ["a month older", {}, KEEP_FIRST],
  ["a second older", { headers: { "last-modified": "Wed, 14 Jan 2026 11:59:59 GMT" } }, {
    kind: "older",
    older: { lastModified: "Wed, 14 Jan 2026 11:59:59 GMT", runs: 1, since: NOW_TEXT },
  }],
  ["as old", { headers: { "last-modified": OLD } }, CURRENT],
  ["as old, in another form", {
    headers: { "last-modified": "Wednesday, 14-Jan-26 12:00:00 GMT" },
  }, CURRENT],
  ["newer", { headers: { "last-modified": NOW } }, CURRENT],
  [
    "newer, after older ones",
    { headers: { "last-modified": NOW }, older: recorded(9, 99) },
    CURRENT,
  ],
  // The age is unknown.
  ["nothing is published", { published: null }, CURRENT],
  ["the published file has no date", { published: { lastModified: null } }, CURRENT],
  ["the published date is none", { published: { lastModified: "12.5" } }, CURRENT],
  ["the published date is in the future", {
    published: { lastModified: "Fri, 16 Jan 2026 12:00:00 GMT" },
  }, CURRENT],
  ["no date is received", { headers: {} }, CURRENT],
  ["no HTTP-date is received", { headers: { "last-modified": "2025-12-14" } }, CURRENT],
  ["a number is received", { headers: { "last-modified": "0" } }, CURRENT],
  ["the epoch is received", {
    headers: { "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT" },
  }, CURRENT],
  // The ETag decides.
  ["the ETag is the same", { headers: { "last-modified": MONTH_OLD, etag: '"new"' } }, CURRENT],
  ["the ETag is another", { headers: { "last-modified": MONTH_OLD, etag: '"old"' } }, KEEP_FIRST],
  ["the ETag is missing", { headers: { "last-modified": MONTH_OLD } }, KEEP_FIRST],
  ["neither has an ETag", { published: { etag: null } }, KEEP_FIRST],
  ["only the older one has an ETag", {
    published: { etag: null },
    headers: { "last-modified": MONTH_OLD, etag: '"old"' },
  }, KEEP_FIRST],
  // The digest decides.
  ["the published file has the digest", { expectedSha256: "aa" }, KEEP_FIRST],
  ["the published file has another digest", { expectedSha256: "bb" }, CURRENT],
  // The record of earlier runs.
  ["a second run", { older: recorded(1, 1) }, KEEP(2, 1)],
  ["three runs in one hour", { older: recorded(2, 1) }, KEEP(3, 1)],
  ["24 runs in 23 hours", { older: recorded(23, 23) }, KEEP(24, 23)],
  ["a second run after a day", { older: recorded(1, 24) }, KEEP(2, 24)],
  ["a second run after a year", { older: recorded(1, 365 * 24) }, KEEP(2, 365 * 24)],
  ["a third run after a day", { older: recorded(2, 24) }, ROLLBACK],
  ["a third run a millisecond too early", { older: recorded(2, 24 - 1 / HOUR_MS) }, {
    kind: "older",
    older: { ...recorded(3, 24 - 1 / HOUR_MS) },
  }],
  ["many runs after a week", { older: recorded(167, 168) }, ROLLBACK],
  ["the same date in another form", {
    headers: { "last-modified": "Sunday, 14-Dec-25 12:00:00 GMT" },
    older: recorded(2, 24),
  }, ROLLBACK],
  ["another older date before", {
    older: recorded(9, 99, "Sun, 14 Dec 2025 12:00:01 GMT"),
  }, KEEP_FIRST],
  ["a record from the future", { older: recorded(9, -1) }, KEEP_FIRST],
];

Deno.test("row 121: decideAge keeps the published file until a rollback is certain", () => {
  for (const [name, { published, headers, older, expectedSha256 }, expected] of AGES) {
    const decision = decideAge(new Headers(headers ?? { "last-modified": MONTH_OLD }), {
      published: published === null ? null : { ...PUBLISHED, ...published },
      older: older ?? null,
      expectedSha256: expectedSha256 ?? null,
    }, () => NOW_MS);
    assertEquals(decision, expected, name);
  }
});

Deno.test("property: decideAge publishes an older file only after 3 equal ones over 24 hours", () => {
  const DATES = [MONTH_OLD, "Mon, 15 Dec 2025 12:00:00 GMT", OLD] as const;
  const step = fc.record({
    hours: fc.constantFrom(0, 1, 5, 12, 23, 24, 25),
    date: fc.constantFrom(...DATES),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let older: OlderRepresentation | null = null;
      let nowMs = NOW_MS;
      /** Times of the runs since another date was received. */
      let streak: { readonly date: string; readonly atMs: number }[] = [];
      for (const { hours, date } of steps) {
        nowMs += hours * HOUR_MS;
        const received = new Headers({ "last-modified": date });
        const facts = { published: PUBLISHED, older, expectedSha256: null };
        const decision = decideAge(received, facts, () => nowMs);
        streak = [...streak[0]?.date === date ? streak : [], { date, atMs: nowMs }];
        const isRollback = streak.length >= 3 && nowMs - (streak[0]?.atMs ?? 0) >= 24 * HOUR_MS;
        const expected = date === OLD ? "current" : isRollback ? "rollback" : "older";
        assertEquals(decision.kind, expected);
        older = decision.kind === "older" ? decision.older : null;
        if (decision.kind === "rollback") streak = [];
      }
    }),
    { numRuns: 500 },
  );
});
