import { assertEquals } from "@std/assert";
import {
  compareToStored,
  conditionalHeaders,
  responseValidators,
} from "../../lib/download/validators.ts";
import type { StoredFile } from "../../lib/store/store.ts";

const OLD = "Wed, 14 Jan 2026 12:00:00 GMT";
const NOW = "Thu, 15 Jan 2026 12:00:00 GMT";

Deno.test("conditionalHeaders: the ETag, else the date, never both", () => {
  assertEquals(conditionalHeaders({ etag: 'W/"a"', lastModified: OLD }), {
    "if-none-match": 'W/"a"',
  });
  assertEquals(conditionalHeaders({ etag: null, lastModified: OLD }), { "if-modified-since": OLD });
  assertEquals(conditionalHeaders({ etag: null, lastModified: null }), {});
});

Deno.test("responseValidators: what can be trusted", () => {
  const nowMs = Date.parse(NOW);
  const table: [headers: Record<string, string>, etag: string | null, date: string | null][] = [
    [{}, null, null],
    [{ etag: '"a"', "last-modified": OLD }, '"a"', OLD],
    [{ etag: 'W/"a"' }, 'W/"a"', null],
    [{ etag: "a" }, null, null],
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
    assertEquals(responseValidators(new Headers(headers), nowMs), { etag, lastModified });
  }
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
