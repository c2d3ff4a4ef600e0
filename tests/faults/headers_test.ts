/** Rows 14 to 24: faults in the head of a response. */

import { assert, assertEquals } from "@std/assert";
import { EXIT } from "../../lib/core/result.ts";
import { toLatin1 } from "../helpers/raw_server.ts";
import { BY_FETCH } from "../helpers/transport.ts";
import { type Expected, replying, response, row, WHOLE, wholeResponse } from "./scenario.ts";

const LENGTH = `Content-Length: ${WHOLE.length}`;
const CHUNKED = `${WHOLE.length.toString(16)}\r\n${WHOLE}\r\n0\r\n\r\n`;

const PROTOCOL: Expected = { status: "failed", attempts: ["http.protocol"] };
const PUBLISHED: Expected = { status: "published", attempts: [null], httpStatus: 200 };

row("row 14: a flood of headers is refused", {
  stage: replying(wholeResponse(...Array.from({ length: 5_000 }, (_, at) => `X-${at}: flood`))),
  expected: PROTOCOL,
});

row("row 14: an endless header is refused", {
  stage: replying(async (connection) => {
    await connection.send("HTTP/1.1 200 OK\r\nX: ");
    const flood = toLatin1("flood".repeat(10_000));
    while (connection.sentBytes < 64 * 1024 * 1024) await connection.send(flood);
  }),
  expected: PROTOCOL,
});

for (
  const [name, line] of [
    ["NUL", "X-A: a\0b"],
    ["CR", "X-A: a\rb"],
    ["ESC", "X-A: a\x1b[31mb"],
  ] as const
) {
  row(`row 15: ${name} in a header is refused`, {
    stage: replying(wholeResponse(line)),
    expected: PROTOCOL,
  });
}

row("row 15: a bare LF ends a header line (RFC 9112, section 2.2)", {
  stage: replying(wholeResponse("X-A: a\nX-B: b")),
  expected: PUBLISHED,
});

row("row 16: two different Content-Length are refused", {
  stage: replying(response([LENGTH, "Content-Length: 5"], WHOLE)),
  expected: PROTOCOL,
});

row("row 17: equal Content-Length values are accepted (RFC 9110, section 8.6)", {
  stage: replying(response([`${LENGTH}, ${WHOLE.length}`], WHOLE)),
  expected: PUBLISHED,
});

for (const length of ["-5", "+5", "99999999999999999999999999", "9007199254740993", "5x", ""]) {
  row(`row 18: the Content-Length "${length}" is refused`, {
    stage: replying(response([`Content-Length: ${length}`], WHOLE)),
    expected: PROTOCOL,
  });
}

for (const coding of ["chunked, x", "gzip, chunked", "x", "chunked, chunked"]) {
  row(`row 19: the transfer coding "${coding}" is refused`, {
    stage: replying(response([`Transfer-Encoding: ${coding}`], CHUNKED)),
    expected: PROTOCOL,
  });
}

for (const coding of ["chunked", "Chunked"]) {
  row(`row 19: the transfer coding "${coding}" is decoded`, {
    stage: replying(response([`Transfer-Encoding: ${coding}`], CHUNKED)),
    expected: PUBLISHED,
  });
}

row("row 20: a file name in Latin-1 is ignored", {
  stage: replying(wholeResponse('Content-Disposition: attachment; filename="\xe9t\xe9.pdf"')),
  expected: PUBLISHED,
});

for (
  const name of [
    'filename="../../evil.bin"',
    "filename*=UTF-8''..%2f..%2fevil.bin",
    'filename="..\\\\evil.bin"',
    'filename="/evil.bin"',
    'filename="CON"',
    `filename="${"a".repeat(300)}"`,
  ]
) {
  row(`row 21: the server's name is not used without {name}: ${name.slice(0, 40)}`, {
    stage: replying(wholeResponse(`Content-Disposition: attachment; ${name}`)),
    expected: PUBLISHED,
  });
}

row("row 22: two different Location are refused", {
  stage: replying(
    response(["HTTP/1.1 302 Found", "Location: /a", "Location: /b", "Content-Length: 0"]),
    { check: (_, server) => assertEquals(server.requests.length, BY_FETCH ? 2 : 1) },
  ),
  expected: PROTOCOL,
  byFetch: {
    reason: "fetch joins the fields by a comma",
    expected: { status: "failed", attempts: ["redirect.loop"] },
  },
});

row("row 23: endless 1xx responses are timeout.response", {
  stage: replying(async (connection) => {
    for (;;) {
      await connection.send("HTTP/1.1 100 Continue\r\n\r\n");
      await new Promise((done) => setTimeout(done, 5));
    }
  }),
  task: { timeout: { response: "60ms" } },
  expected: {
    status: "failed",
    attempts: ["timeout.response", "timeout.response"],
    httpStatus: null,
  },
});

const TEN_YEARS_S = 10 * 365 * 24 * 60 * 60;
for (
  const [status, retryAfter] of [
    [503, String(TEN_YEARS_S)],
    [429, String(TEN_YEARS_S)],
    [503, "9".repeat(400)],
    [503, "Fri, 31 Dec 9999 23:59:59 GMT"],
  ] as const
) {
  row(`row 24: ${status} with Retry-After ${retryAfter.slice(0, 30)} defers the task`, {
    stage: replying(
      response([`HTTP/1.1 ${status} No`, `Retry-After: ${retryAfter}`, "Content-Length: 0"]),
      {
        check: ({ result, summary, host }, server) => {
          assertEquals(host.slept, []);
          assertEquals(server.requests.length, 1);
          const put = host.clock.now().until(result.notBefore ?? "").total("hours");
          assert(put > 0 && put <= 24, `put off by ${put} hours`);
          assertEquals(summary.exitCode, EXIT.temporary);
        },
      },
    ),
    expected: { status: "deferred", attempts: ["http.status"], httpStatus: status },
  });
}
