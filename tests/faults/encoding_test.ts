/** Rows 62 to 68: content codings, none of which is requested. */

import { assertEquals } from "@std/assert";
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { origin } from "../helpers/origin.ts";
import { row, WHOLE } from "./scenario.ts";
import type { Fault } from "./scenario.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const whole = new TextEncoder().encode(WHOLE);

/** Bytes of their own buffer: those of `node:zlib` may share one. */
function packedBy(pack: (bytes: Bytes) => Uint8Array, bytes: Bytes = whole): Bytes {
  return new Uint8Array(pack(bytes));
}

function join(...parts: readonly Uint8Array[]): Bytes {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const packed = packedBy(gzipSync);
const badSum = packed.with(-8, (packed.at(-8) ?? 0) ^ 1);
const junk = Uint8Array.from([1, 2, 3]);

/** A stage whose server sends `body` with these codings for any request. */
function encoded(body: Bytes, codings: string): Fault["stage"] {
  return (stack) => {
    const file = { body, headers: { "content-encoding": codings } };
    const server = stack.use(origin({ "/file.bin": file }));
    return Promise.resolve({ url: `${server.origin}/file.bin` });
  };
}

const TWICE = ["content.coding", "content.coding"] as const;

const REFUSED: readonly (readonly [string, Bytes, string])[] = [
  ["row 62: a truncated gzip is refused", packed.slice(0, -4), "gzip"],
  ["row 62: a gzip with a bad sum is refused", badSum, "gzip"],
  ["row 62: a truncated br is refused", packedBy(brotliCompressSync).slice(0, -1), "br"],
  ["row 62: a truncated deflate is refused", packedBy(deflateSync).slice(0, -1), "deflate"],
  ["row 62: a truncated zstd is refused", packedBy(zstdCompressSync).slice(0, -1), "zstd"],
  ["row 62: an empty body is no gzip", new Uint8Array(0), "gzip"],
  ["row 64: junk after a gzip is refused", join(packed, junk), "gzip"],
  ["row 64: junk after a deflate is refused", join(packedBy(deflateSync), junk), "deflate"],
  ["row 64: junk after a br is refused", join(packedBy(brotliCompressSync), junk), "br"],
  ["row 64: junk after a zstd is refused", join(packedBy(zstdCompressSync), junk), "zstd"],
];

for (const [name, body, codings] of REFUSED) {
  row(name, {
    stage: encoded(body, codings),
    expected: { status: "failed", attempts: TWICE, httpStatus: 200 },
  });
}

const zeros = new Uint8Array(64 * 1024 * 1024);

row("row 65: a gzip bomb is refused", {
  stage: encoded(packedBy(gzipSync, zeros), "gzip"),
  expected: { status: "failed", attempts: ["content.coding"], httpStatus: 200 },
});

row("row 65: a decoded body has at most the largest size", {
  stage: encoded(packedBy(gzipSync, zeros.subarray(0, 100_000)), "gzip"),
  task: { expect: { maxSize: 99_999 } },
  expected: { status: "failed", attempts: ["body.too-large"], httpStatus: 200 },
});

row("row 66: a long chain of codings is refused", {
  stage: encoded(packed, Array(20).fill("gzip").join(", ")),
  expected: { status: "failed", attempts: ["content.coding"], httpStatus: 200 },
});

const DECODED: readonly (readonly [string, Bytes, string])[] = [
  ["row 63: zeros may follow a gzip", join(packed, new Uint8Array(512)), "gzip"],
  [
    "row 66: codings are removed in reverse order",
    packedBy(brotliCompressSync, packed),
    "gzip, br",
  ],
  ["row 67: gzip is decoded", packed, "gzip"],
  ["row 67: x-gzip is gzip", packed, "X-GZIP"],
  ["row 67: br is decoded", packedBy(brotliCompressSync), "br"],
  ["row 67: zstd is decoded", packedBy(zstdCompressSync), "zstd"],
  ["row 67: deflate is decoded", packedBy(deflateSync), "deflate"],
  ["row 67: deflate without the zlib format is decoded", packedBy(deflateRawSync), "deflate"],
  ["row 67: a word beside a coding is ignored", packed, "none, GZip"],
];

for (const [name, body, codings] of DECODED) {
  row(name, {
    stage: encoded(body, codings),
    expected: { status: "published", attempts: [null], httpStatus: 200 },
  });
}

row("row 63: all members of a gzip are decoded", {
  stage: encoded(join(packed, packed), "gzip"),
  complete: join(whole, whole),
  expected: { status: "published", attempts: [null], httpStatus: 200 },
});

row('row 67: "decode": "keep" stores the body as received', {
  stage: encoded(packed, "gzip"),
  task: { decode: "keep" },
  complete: packed,
  expected: { status: "published", attempts: [null], httpStatus: 200 },
});

for (const word of ["none", "None", "identity", "utf-8", "binary", "x-own", "identity, none", ""]) {
  row(`row 175: the Content-Encoding "${word}" is no coding`, {
    stage: encoded(new TextEncoder().encode(WHOLE), word),
    expected: { status: "published", attempts: [null], httpStatus: 200 },
  });
}

row("row 68: identity is requested, so the transferred size is the file size", {
  stage: (stack) => {
    const file = (request: Request): Response =>
      request.headers.get("accept-encoding") === "identity"
        ? new Response(WHOLE)
        : new Response(packed, { headers: { "content-encoding": "gzip" } });
    const server = stack.use(origin({ "/file.bin": file }));
    return Promise.resolve({
      url: `${server.origin}/file.bin`,
      check: ({ result }) => assertEquals(result.bytes, WHOLE.length),
    });
  },
  expected: { status: "published", attempts: [null], httpStatus: 200 },
});

row("row 68: a gzip file is published unchanged", {
  stage: (stack) => {
    const server = stack.use(
      origin({ "/file.tar.gz": { body: packed, type: "application/gzip" } }),
    );
    return Promise.resolve({ url: `${server.origin}/file.tar.gz` });
  },
  key: "file.tar.gz",
  complete: packed,
  expected: { status: "published", attempts: [null], httpStatus: 200 },
});

for (
  const headers of [
    { "content-encoding": "gzip" },
    { "content-encoding": "x-gzip", "content-type": "application/x-tar" },
  ]
) {
  row(`row 68: the coding ${headers["content-encoding"]} of a gzip file is its format`, {
    stage: (stack) => {
      const server = stack.use(origin({ "/file.tar.gz": { body: packed, headers } }));
      return Promise.resolve({ url: `${server.origin}/file.tar.gz` });
    },
    key: "file.tar.gz",
    complete: packed,
    expected: { status: "published", attempts: [null], httpStatus: 200 },
  });
}

row("row 68: the bytes of a decoded body and those received are reported", {
  stage: (stack) => {
    const headers = { "content-encoding": "gzip" };
    const server = stack.use(origin({ "/file.bin": { body: packed, headers } }));
    return Promise.resolve({
      url: `${server.origin}/file.bin`,
      check: ({ result }) =>
        assertEquals([result.bytes, result.wireBytes], [whole.length, packed.length]),
    });
  },
  expected: { status: "published", attempts: [null], httpStatus: 200 },
});
