/** Rows 62 to 68: content codings, none of which is requested. */

import { assertEquals } from "@std/assert";
import { origin } from "../helpers/origin.ts";
import { row, WHOLE } from "./scenario.ts";
import type { Fault } from "./scenario.ts";

async function gzip(content: string | Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const body = new Response(content).body;
  if (body === null) throw new Error("nothing to compress");
  return await new Response(body.pipeThrough(new CompressionStream("gzip"))).bytes();
}

function join(...parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const packed = await gzip(WHOLE);
const badSum = packed.with(-8, (packed.at(-8) ?? 0) ^ 1);
const junk = Uint8Array.from([1, 2, 3]);

/** A stage whose server sends `body` with these codings for any request. */
function encoded(body: Uint8Array<ArrayBuffer>, codings: string): Fault["stage"] {
  return (stack) => {
    const file = { body, headers: { "content-encoding": codings } };
    const server = stack.use(origin({ "/file.bin": file }));
    return Promise.resolve({ url: `${server.origin}/file.bin` });
  };
}

const REFUSED: readonly (readonly [string, Uint8Array<ArrayBuffer>, string])[] = [
  ["row 62: a truncated gzip is refused", packed.slice(0, -4), "gzip"],
  ["row 62: a gzip with a bad sum is refused", badSum, "gzip"],
  ["row 63: several gzip members are refused", join(packed, packed), "gzip"],
  ["row 64: junk after a gzip is refused", join(packed, junk), "gzip"],
  ["row 65: a gzip bomb is refused", await gzip(new Uint8Array(10_000_000)), "gzip"],
  ["row 66: a chain of codings is refused", packed, Array(20).fill("gzip").join(", ")],
  ["row 67: an unrequested gzip is refused", packed, "gzip"],
  ["row 67: an unrequested br is refused", packed, "br"],
  ["row 67: an unrequested zstd is refused", packed, "zstd"],
  ["row 67: an unrequested deflate is refused", packed, "deflate"],
  ["row 67: a coding beside a word is refused", packed, "none, GZip"],
];

for (const [name, body, codings] of REFUSED) {
  row(name, {
    stage: encoded(body, codings),
    expected: { status: "failed", attempts: ["http.protocol"], httpStatus: 200 },
  });
}

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
