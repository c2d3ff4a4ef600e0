import { assertEquals } from "@std/assert";
import { mayUseRanges, MIN_SEGMENTED_BYTES } from "../../lib/download/resume.ts";
import { checkSegment } from "../../lib/download/segment.ts";

const RANGE = { startByte: 100, endByte: 200 };

const clock = { now: () => Temporal.Instant.from("2026-01-15T12:00:00Z") };

Deno.test("checkSegment accepts exactly the requested range", () => {
  const good = { "content-range": "bytes 100-199/1000", "content-length": "100", etag: '"1"' };
  const table: [name: string, status: number, headers: Record<string, string>, kind: string][] = [
    ["as asked", 206, good, "fits"],
    ["without an ETag", 206, { "content-range": "bytes 100-199/1000" }, "fits"],
    ["identity is no coding", 206, { ...good, "content-encoding": "identity" }, "fits"],
    ["row 47: another start", 206, { ...good, "content-range": "bytes 99-199/1000" }, "refused"],
    ["another end", 206, { ...good, "content-range": "bytes 100-198/1000" }, "refused"],
    ["to the end of the file", 206, { ...good, "content-range": "bytes 100-999/1000" }, "refused"],
    ["row 48: another total", 206, { ...good, "content-range": "bytes 100-199/1001" }, "refused"],
    ["an unknown total", 206, { ...good, "content-range": "bytes 100-199/*" }, "refused"],
    ["another unit", 206, { ...good, "content-range": "items 100-199/1000" }, "refused"],
    ["row 48: another ETag", 206, { ...good, etag: '"2"' }, "refused"],
    ["row 50: a weak ETag", 206, { ...good, etag: 'W/"1"' }, "refused"],
    ["row 54: several ranges", 206, { "content-type": "multipart/byteranges" }, "refused"],
    ["row 55: a coded range", 206, { ...good, "content-encoding": "gzip" }, "refused"],
    ["a transfer coding", 206, { ...good, "transfer-encoding": "gzip, chunked" }, "refused"],
    ["row 49: the whole file", 200, { "content-length": "1000", etag: '"1"' }, "refused"],
    ["row 51: 416", 416, { "content-range": "bytes */1000" }, "refused"],
    ["row 57: 304", 304, {}, "refused"],
    ["gone", 404, {}, "refused"],
    ["forbidden", 403, {}, "refused"],
    ["too many", 429, {}, "busy"],
    ["overloaded", 503, {}, "busy"],
    ["broken", 500, {}, "busy"],
  ];
  for (const [name, status, headers, kind] of table) {
    const file = { totalBytes: 1000, validator: '"1"' };
    assertEquals(checkSegment(status, new Headers(headers), RANGE, file, clock).kind, kind, name);
  }
});

Deno.test("checkSegment ignores ETags if the validator is a date", () => {
  const file = { totalBytes: 1000, validator: "Thu, 01 Jan 2026 00:00:00 GMT" };
  const headers = new Headers({ "content-range": "bytes 100-199/1000", etag: 'W/"1"' });
  assertEquals(checkSegment(206, headers, RANGE, file, clock).kind, "fits");
});

Deno.test("mayUseRanges: large, with a validator, and ranges supported", () => {
  const begun = {
    status: 200,
    headers: new Headers({ "accept-ranges": "bytes" }),
    lengthBytes: MIN_SEGMENTED_BYTES,
    validator: '"1"',
  };
  const accepting = (value: string) => new Headers({ "accept-ranges": value });
  const table: [name: string, begun: typeof begun | { lengthBytes: null }, comes: boolean][] = [
    ["a large file", begun, true],
    ["a smaller one", { ...begun, lengthBytes: MIN_SEGMENTED_BYTES - 1 }, false],
    ["of unknown length", { ...begun, lengthBytes: null }, false],
    ["row 50: without a strong validator", { ...begun, validator: "" }, false],
    ["nothing said of ranges", { ...begun, headers: new Headers() }, false],
    ["a range that has just come", { ...begun, status: 206, headers: new Headers() }, true],
    ["no ranges", { ...begun, headers: accepting("none") }, false],
    ["several units", { ...begun, headers: accepting("items, Bytes") }, true],
  ];
  for (const [name, changed, comes] of table) {
    assertEquals(mayUseRanges({ ...begun, ...changed }), comes, name);
  }
});
