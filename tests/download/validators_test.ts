import { assertEquals } from "@std/assert";
import { isTemporaryStatus } from "../../lib/download/retry.ts";
import {
  compareToStored,
  conditionalHeaders,
  isConditionRefused,
  responseValidators,
  type TagUse,
  tagUse,
} from "../../lib/download/validators.ts";
import type { Validators } from "../../lib/core/validators.ts";
import type { StoredFile } from "../../lib/store/store.ts";

const OLD = "Wed, 14 Jan 2026 12:00:00 GMT";
const NOW = "Thu, 15 Jan 2026 12:00:00 GMT";

const NOW_MS = Date.UTC(2026, 0, 15, 12);

Deno.test("row 123: tagUse sends back any tag but one that fits every version", () => {
  const table: readonly (readonly [etag: string, use: TagUse])[] = [
    ['"abc"', "strong"],
    ['"a b"', "strong"],
    ['"*"', "strong"],
    ['"\u00e9"', "strong"],
    ['"W/abc"', "strong"],
    ['"a, b"', "strong"],
    [`"${"a".repeat(998)}"`, "strong"],
    ['W/"abc"', "compare"],
    // Not as RFC 9110 has it: sent back as they came.
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
    // Of no use.
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

Deno.test("rows 123 and 124: conditionalHeaders sends the ETag, else the date, never both", () => {
  const table: readonly (readonly [
    validators: Pick<Validators, "etag" | "lastModified">,
    headers: Record<string, string>,
  ])[] = [
    [{ etag: 'W/"a"', lastModified: OLD }, { "if-none-match": 'W/"a"' }],
    [{ etag: "abc", lastModified: OLD }, { "if-none-match": "abc" }],
    [{ etag: null, lastModified: OLD }, { "if-modified-since": OLD }],
    [{ etag: null, lastModified: null }, {}],
    // As version 0.1 has stored them.
    [{ etag: '""', lastModified: OLD }, { "if-modified-since": OLD }],
    [{ etag: null, lastModified: "12.5" }, {}],
    [{ etag: null, lastModified: "2026-01-14" }, {}],
    [{ etag: '""', lastModified: "1" }, {}],
  ];
  for (const [validators, headers] of table) {
    assertEquals(conditionalHeaders(validators, NOW_MS), headers, JSON.stringify(validators));
  }
});

Deno.test("rows 60, 123 and 124: responseValidators keeps what may be sent back", () => {
  const table: [headers: Record<string, string>, etag: string | null, date: string | null][] = [
    [{}, null, null],
    [{ etag: '"a"', "last-modified": OLD }, '"a"', OLD],
    [{ etag: 'W/"a"' }, 'W/"a"', null],
    [{ etag: "a" }, "a", null],
    [{ etag: '""', "last-modified": OLD }, null, OLD],
    [{ etag: "*" }, null, null],
    // No HTTP-dates; Date.parse reads all but the first.
    [{ "last-modified": "yesterday" }, null, null],
    [{ "last-modified": "12.5" }, null, null],
    [{ "last-modified": "2026-01-14" }, null, null],
    [{ "last-modified": "Wed, 14 Jan 2026 12:00:00 +0000" }, null, null],
    // A Date that is none is no clock.
    [{ "last-modified": OLD, date: "1" }, null, OLD],
    // Row 60: from the future, by our clock or by the server's own.
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
  const refused = (status: number, retryAfterMs: number | null = null) =>
    isConditionRefused({
      code: "http.status",
      httpStatus: status,
      retry: isTemporaryStatus(status) ? "later" : "never",
    }, retryAfterMs);
  const statuses = Array.from({ length: 500 }, (_, index) => 100 + index);
  const clientErrors = statuses.filter((status) => status >= 400 && status < 500);
  assertEquals(
    statuses.filter((status) => refused(status)),
    [...clientErrors.filter((status) => ![401, 407, 408, 425, 429].includes(status)), 501],
  );
  assertEquals(statuses.filter((status) => refused(status, 0)), []);
  const reply = { httpStatus: 412, retry: "never" } as const;
  assertEquals(isConditionRefused({ ...reply, code: "http.protocol" }, null), false);
  assertEquals(isConditionRefused({ ...reply, code: "http.status" }, null), true);
  const withoutAnswer = { code: "http.status", httpStatus: null, retry: "never" } as const;
  assertEquals(isConditionRefused(withoutAnswer, null), false);
});

Deno.test("compareToStored: is the published file the one we published?", () => {
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
  // Row 61: edited, or only touched: its digest tells.
  assertEquals(compare(validators, file(10, "2000"), asked), "unclear");
  assertEquals(compare(validators, file(10, "2000", "00"), asked), "same");
  assertEquals(compare(validators, file(10, "2000", "11"), asked), "other");
  assertEquals(compare(validators, file(11, "1000"), asked), "other");
  // Validators of one URL or file say nothing about another.
  const stored = file(10, "1000");
  assertEquals(compare(validators, stored, { ...asked, key: "b" }), "other");
  assertEquals(compare(validators, stored, { ...asked, source: "https://y.example/a" }), "other");
});
