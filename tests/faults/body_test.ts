/** Rows 25 to 36: bodies that contradict their head or the limits of the task. */

import { assert, assertEquals } from "@std/assert";
import { toLatin1 } from "../helpers/raw_server.ts";
import { replying, response, row, WHOLE, wholeResponse } from "./scenario.ts";
import type { ByFetch, Expected, Reply } from "./scenario.ts";

const TRUNCATED: Expected = {
  status: "failed",
  attempts: ["body.truncated", "body.truncated"],
  httpStatus: 200,
};

/** Of malformed chunks. */
const MALFORMED: Expected = { status: "failed", attempts: ["http.protocol"], httpStatus: 200 };
const MALFORMED_BY_FETCH: ByFetch = {
  reason: "a malformed body and a truncated one are the same error",
  expected: TRUNCATED,
};

function failing(code: NonNullable<Expected["attempts"][number]>, httpStatus = 200): Expected {
  return { status: "failed", attempts: [code], httpStatus };
}

function chunk(content: string): string {
  return `${content.length.toString(16)}\r\n${content}\r\n`;
}

row("row 25: a body shorter than its Content-Length is body.truncated", {
  stage: replying(response([`Content-Length: ${WHOLE.length + 1}`], WHOLE)),
  expected: TRUNCATED,
});

row("row 25: a body ended by a reset is body.truncated", {
  stage: replying(async (connection) => {
    await connection.send(response([`Content-Length: ${WHOLE.length + 1}`], WHOLE));
    connection.reset();
  }),
  expected: TRUNCATED,
});

row("row 25: a body truncated once is published by the next attempt", {
  stage: replying((connection) =>
    connection.send(connection.index > 0 ? wholeResponse() : wholeResponse().slice(0, -5))
  ),
  expected: { status: "published", attempts: ["body.truncated", null], httpStatus: 200 },
});

row("row 26: bytes after the Content-Length are not part of the file", {
  stage: replying(response([`Content-Length: ${WHOLE.length}`], `${WHOLE}excess`)),
  expected: { status: "published", attempts: [null], httpStatus: 200 },
});

row("row 27: a chunked body without its last chunk is body.truncated", {
  stage: replying(response(["Transfer-Encoding: chunked"], chunk(WHOLE))),
  expected: TRUNCATED,
});

row("row 28: an invalid chunk size is refused", {
  stage: replying(response(["Transfer-Encoding: chunked"], `${chunk(WHOLE)}zz\r\n${chunk("")}`)),
  expected: MALFORMED,
  byFetch: MALFORMED_BY_FETCH,
});

for (
  const [what, chunks] of [
    ["no size", `\r\n${WHOLE}\r\n0\r\n\r\n`],
    ["a size with a sign", `+${chunk(WHOLE)}${chunk("")}`],
    ["a size beyond all numbers", `ffffffffffffffff\r\n${WHOLE}`],
    ["data longer than its size", `5\r\n${WHOLE}\r\n0\r\n\r\n`],
    ["a line ended by LF", `${chunk(WHOLE)}0\n\n`],
    ["an error page after the first chunk", `${chunk(WHOLE)}<html>Bad Gateway</html>\r\n`],
  ] as const
) {
  row(`row 145: chunks with ${what} are requested once`, {
    stage: replying(response(["Transfer-Encoding: chunked"], chunks), {
      check: ({ result }, server) => assertEquals(server.requests.length, result.attempts.length),
    }),
    expected: MALFORMED,
    byFetch: MALFORMED_BY_FETCH,
  });
}

row("row 145: a truncated large chunk is body.truncated", {
  stage: replying(response(["Transfer-Encoding: chunked"], `20000\r\n${"x".repeat(70_000)}`)),
  expected: TRUNCATED,
});

row("row 29: a body ended by the connection is published with lengthUnknown", {
  stage: replying(response(["Content-Type: application/octet-stream"], WHOLE)),
  expected: {
    status: "published",
    attempts: [null],
    httpStatus: 200,
    warnings: ["lengthUnknown"],
  },
});

row("row 29: a body ended by the connection is refused with expect.knownLength", {
  stage: replying(response(["Content-Type: application/octet-stream"], WHOLE)),
  task: { expect: { knownLength: true } },
  expected: failing("http.protocol"),
});

row("row 30: a body that stalls is timeout.idle", {
  stage: replying(async (connection) => {
    await connection.send(response([`Content-Length: ${WHOLE.length}`], WHOLE.slice(0, 5)));
    await connection.hold();
  }),
  task: { timeout: { idle: "60ms" } },
  expected: { status: "failed", attempts: ["timeout.idle", "timeout.idle"], httpStatus: 200 },
});

/** Sends one byte per write, without an end and without idling. */
const byteByByte: Reply = async (connection) => {
  await connection.send(response(["Content-Length: 1000000000"]));
  for (;;) {
    await connection.send("x");
    // A turn of the event loop, so that timers fire.
    await new Promise((done) => setTimeout(done, 0));
  }
};

row("row 31: a body that trickles is timeout.attempt", {
  stage: replying(byteByByte),
  task: { timeout: { idle: "10s", attempt: "150ms" } },
  expected: {
    status: "failed",
    attempts: ["timeout.attempt", "timeout.attempt"],
  },
});

const MAX_SIZE_BYTES = 100_000;
/** More than all buffers between server and client: effectively endless. */
const ON_THE_WAY_BYTES = 64 * 1024 * 1024;
const ENDLESS = "f".repeat(65_536);

row("row 32: an endless body is aborted at maxSize", {
  stage: async (stack) => {
    const stopped: Promise<number>[] = [];
    const piece = toLatin1(chunk(ENDLESS));
    const endless: Reply = async (connection) => {
      const { promise, resolve } = Promise.withResolvers<number>();
      stopped.push(promise);
      try {
        await connection.send(response(["Transfer-Encoding: chunked"]));
        while (connection.sentBytes < ON_THE_WAY_BYTES) await connection.send(piece);
        await connection.send(chunk(""));
      } finally {
        resolve(connection.sentBytes);
      }
    };
    const stage = await replying(endless)(stack);
    return {
      ...stage,
      check: async () => {
        const sent = await Promise.all(stopped);
        assertEquals(sent.length, 1);
        assert(sent.every((bytes) => bytes < ON_THE_WAY_BYTES), `the server sent ${sent} bytes`);
      },
    };
  },
  task: { expect: { maxSize: MAX_SIZE_BYTES } },
  expected: failing("body.too-large"),
});

row("row 32: a body announced as larger than maxSize is not read", {
  stage: replying(async (connection) => {
    await connection.send(response([`Content-Length: ${MAX_SIZE_BYTES + 1}`], ENDLESS));
    await connection.hold();
  }),
  task: { expect: { maxSize: MAX_SIZE_BYTES } },
  expected: failing("body.too-large"),
});

row("row 32: a body of exactly maxSize is published", {
  stage: replying(wholeResponse()),
  task: { expect: { maxSize: WHOLE.length } },
  expected: { status: "published", attempts: [null], httpStatus: 200 },
});

row("row 33: an empty 200 is body.too-small", {
  stage: replying(response(["Content-Length: 0"])),
  expected: failing("body.too-small"),
});

row("row 33: a body below minSize is body.too-small", {
  stage: replying(wholeResponse()),
  task: { expect: { minSize: WHOLE.length + 1 } },
  expected: failing("body.too-small"),
});

const ERROR_PAGE = "<!DOCTYPE html>\n<html><title>Sorry</title><h1>Not today</h1></html>\n";
for (const type of ["text/html; charset=utf-8", "application/pdf"]) {
  row(`row 34: an error page with status 200 is refused as a PDF, even as ${type}`, {
    stage: replying(
      response([`Content-Type: ${type}`, `Content-Length: ${ERROR_PAGE.length}`], ERROR_PAGE),
      { path: "/form.pdf" },
    ),
    key: "form.pdf",
    task: { expect: { type: "application/pdf" } },
    expected: failing("expect.type"),
  });
}

row("row 34: an error page under the name of a PDF is refused by default", {
  stage: replying(
    response(["Content-Type: text/html", `Content-Length: ${ERROR_PAGE.length}`], ERROR_PAGE),
    { path: "/form.pdf" },
  ),
  key: "form.pdf",
  expected: failing("expect.type"),
});

row("row 35: 204 is refused", {
  stage: replying(response(["HTTP/1.1 204 No Content"])),
  expected: failing("http.status", 204),
});

row("row 35: 205 is refused", {
  stage: replying(response(["HTTP/1.1 205 Reset Content", "Content-Length: 0"])),
  expected: failing("http.status", 205),
});

row("row 36: an unrequested 206 is refused", {
  stage: replying(
    response([
      "HTTP/1.1 206 Partial Content",
      `Content-Range: bytes 0-${WHOLE.length - 1}/1000`,
      `Content-Length: ${WHOLE.length}`,
    ], WHOLE),
  ),
  expected: failing("http.protocol", 206),
});
