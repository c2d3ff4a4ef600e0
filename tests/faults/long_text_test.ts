/** Row 134: very long text from a server, and text that is slow to parse. */

import { assert } from "@std/assert";
import { replying, row, wholeResponse } from "./scenario.ts";
import type { Fault } from "./scenario.ts";

const LONG = 80_000;

/** Sends a response, and checks that no message is longer than a few lines. */
function answering(text: string): Fault["stage"] {
  return replying(text, {
    check: ({ result }) => assert((result.message ?? "").length < 500, result.message),
  });
}

for (const pump of ["?", "a", "%", "@", "/", "?a="]) {
  row(`row 134: a Location of ${LONG} times ${pump} is refused`, {
    stage: answering(
      `HTTP/1.1 302 Found\r\nLocation: /${pump.repeat(LONG)}\r\nContent-Length: 0\r\n\r\n`,
    ),
    expected: { status: "failed", attempts: ["http.protocol"], httpStatus: 302 },
  });
}

row(`row 134: a Transfer-Encoding of ${LONG} characters is cut in the message`, {
  stage: answering(wholeResponse(`Transfer-Encoding: ${"x".repeat(LONG)}`)),
  expected: { status: "failed", attempts: ["http.protocol"] },
});

// The long one is no registered coding, and the body is not gzip.
row(`row 134: a Content-Encoding of ${LONG} characters is cut in the message`, {
  stage: answering(wholeResponse(`Content-Encoding: gzip, ${"x".repeat(LONG)}`)),
  expected: { status: "failed", attempts: ["content.coding", "content.coding"] },
});

row(`row 134: a Content-Type of ${LONG} characters is cut in the message`, {
  stage: answering(wholeResponse(`Content-Type: text/${"x".repeat(LONG)}`)),
  task: { expect: { type: "application/zip" } },
  expected: { status: "failed", attempts: ["expect.type"] },
});

for (const pump of [".", " ", "a.20260115T060000123Z.", "%2f"]) {
  row(`row 134: a file name with ${JSON.stringify(pump)} ${LONG} bytes long is made safe`, {
    stage: answering(
      wholeResponse(
        `Content-Disposition: attachment; filename="x${pump.repeat(LONG / pump.length)}x"`,
      ),
    ),
    expected: { status: "published", attempts: [null], httpStatus: 200 },
  });
}
