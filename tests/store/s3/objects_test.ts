import { assertEquals, assertThrows } from "@std/assert";
import type { PublishRequest } from "../../../lib/store/draft.ts";
import { DriverError } from "../../../lib/store/errors.ts";
import type { ObjectHead } from "../../../lib/store/s3/bucket.ts";
import { factsOf, isDraftName, objectNames, storedObject } from "../../../lib/store/s3/objects.ts";

const SHA256 = "ab".repeat(32);
const OTHER = "cd".repeat(32);
const MD5 = "12".repeat(16);

Deno.test("objectNames: names have the prefix of the store", () => {
  const places = objectNames({ prefix: "some/prefix" });
  assertEquals(places.objectKey("a/b"), "some/prefix/a/b");
  assertEquals(places.keyOf("some/prefix/a/b"), "a/b");
  assertEquals(places.prefix(""), "some/prefix/");
  assertEquals(places.prefix("a"), "some/prefix/a/");
  assertEquals(places.draftKey("x"), "some/prefix/.cronfetch-drafts/x");
  const whole = objectNames({ prefix: "" });
  assertEquals([whole.objectKey("a"), whole.prefix("")], ["a", ""]);
});

Deno.test("row 102: objectKey rejects more than 1,024 bytes, and control characters", () => {
  const places = objectNames({ prefix: "p".repeat(24) });
  assertEquals(places.objectKey("ü".repeat(499) + "x").length, 525);
  const long = assertThrows(() => places.objectKey("ü".repeat(500)), DriverError);
  assertEquals(long.code, "store.name");
  assertEquals(long.message, "with the prefix, the name has 1025 bytes; S3 allows 1024");
  assertEquals(assertThrows(() => places.objectKey("a\nb"), DriverError).code, "store.name");
});

Deno.test("isDraftName", () => {
  assertEquals(isDraftName("0123456789abcdef".repeat(2)), true);
  for (const name of ["", "a", "../b", `${"0".repeat(31)}/`, "0".repeat(33)]) {
    assertEquals(isDraftName(name), false, name);
  }
});

function publication(changes: Partial<PublishRequest> = {}): PublishRequest {
  return {
    key: "a",
    sizeBytes: 4,
    sha256: SHA256,
    ifUnchanged: true,
    exclusive: false,
    modifiedMs: null,
    provenance: {
      source: "https://example.org/ü",
      contentType: "text/csv; charset=utf-8",
      etag: '"\u00fc"',
      lastModified: "Thu, 01 Jan 2026 00:00:00 GMT",
      fetchedAt: "2026-01-15T12:00:00.123Z",
    },
    ...changes,
  };
}

Deno.test("factsOf: metadata is ASCII and of limited length", () => {
  assertEquals(factsOf(publication(), null), {
    contentType: "text/csv; charset=utf-8",
    metadata: {
      "sha256": SHA256,
      "source": "https://example.org/%C3%BC",
      "source-etag": '"%C3%BC"',
      "source-last-modified": "Thu, 01 Jan 2026 00:00:00 GMT",
      "fetched-at": "2026-01-15T12:00:00.123Z",
    },
  });
  const source = `https://example.org/${"x".repeat(3_000)}`;
  const provenance = {
    source,
    contentType: null,
    etag: null,
    lastModified: null,
    fetchedAt: "2026-01-15T12:00:00Z",
  };
  assertEquals(factsOf(publication({ provenance }), null), {
    contentType: null,
    metadata: { "sha256": SHA256, "fetched-at": "2026-01-15T12:00:00Z" },
  });
  for (
    const [contentType, stored] of [
      [`text/csv; x=${"x".repeat(3_000)}`, "text/csv"],
      ["x".repeat(3_000), null],
    ] as const
  ) {
    const typed = factsOf(publication({ provenance: { ...provenance, contentType } }), null);
    assertEquals(typed.contentType, stored);
  }
  assertEquals(factsOf(publication({ provenance: null }), MD5).metadata, {
    sha256: SHA256,
    md5: MD5,
  });
});

function head(
  checksum: string | null,
  metadata: Record<string, string> = {},
  etag = `"${MD5}"`,
): ObjectHead {
  const modifiedMs = Date.parse("2026-01-15T12:00:01Z");
  return {
    sizeBytes: 4,
    etag,
    modifiedMs,
    checksum,
    facts: { contentType: null, metadata },
  };
}

Deno.test("storedObject: the digest of the server or the metadata; null if they differ", () => {
  const table: [ObjectHead, string | null][] = [
    [head(SHA256), SHA256],
    [head(null, { sha256: SHA256, md5: MD5 }), SHA256],
    // Other bytes with the old metadata.
    [head(null, { sha256: SHA256, md5: MD5 }, '"34"'), null],
    [head(null, { sha256: SHA256 }), null],
    // Nothing binds the metadata of an upload in parts to its bytes.
    [head(null, { sha256: SHA256, "fetched-at": "2026-01-15T12:00:00Z" }, '"34-2"'), null],
    [head(null, { sha256: SHA256, md5: MD5 }, '"34-2"'), null],
    [head(SHA256, { sha256: SHA256 }), SHA256],
    [head(OTHER, { sha256: SHA256 }), null],
    [head(null, { sha256: "nonsense", md5: MD5 }), null],
    [head(null), null],
  ];
  for (const [object, sha256] of table) assertEquals(storedObject(object).sha256, sha256);
  assertEquals(storedObject(null), null);
});

Deno.test("storedObject: the time of download, if the object was stored soon after", () => {
  const near = head(null, { "fetched-at": "2026-01-15T12:00:00.123Z" });
  assertEquals(storedObject(near).modifiedMs, Date.parse("2026-01-15T12:00:00.123Z"));
  for (const at of ["2026-01-14T11:00:00Z", "2020-01-15T12:00:00Z", "nonsense"]) {
    assertEquals(storedObject(head(null, { "fetched-at": at })).modifiedMs, head(null).modifiedMs);
  }
});
