/** Rows 9 to 13: invalid certificates, and servers without TLS. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { rawServer } from "../helpers/raw_server.ts";
import { identity, type IdentityName } from "../helpers/transport.ts";
import { row, wholeResponse } from "./scenario.ts";
import type { Expected, Fault } from "./scenario.ts";

/** A stage with this certificate, and the expected number of requests. */
function showing(certificate: IdentityName, requests: number): Fault["stage"] {
  return async (stack) => {
    const server = stack.use(
      await rawServer(async (connection) => {
        await connection.readRequest();
        await connection.send(wholeResponse());
      }, { tls: identity(certificate) }),
    );
    return {
      // A name in the certificates that are not for another host.
      url: `${server.origin.replace("127.0.0.1", "localhost")}/file.bin`,
      check: ({ result }) => {
        assertEquals([server.connections, server.requests.length], [1, requests], "asked once");
        if (requests === 0) assertStringIncludes(result.message ?? "", "certificate");
      },
    };
  };
}

const UNTRUSTED: Expected = { status: "failed", attempts: ["tls.untrusted"], httpStatus: null };

row("a valid certificate of a trusted authority is accepted", {
  stage: showing("good", 1),
  expected: { status: "published", attempts: [null], httpStatus: 200 },
});

row("row 9: a certificate of an unknown authority is refused without a retry", {
  stage: showing("self_signed", 0),
  expected: UNTRUSTED,
});

row("row 10: an expired certificate is refused without a retry", {
  stage: showing("expired", 0),
  expected: UNTRUSTED,
});

row("row 11: a certificate for another host is refused without a retry", {
  stage: showing("elsewhere", 0),
  expected: UNTRUSTED,
});

row("row 12: a handshake that stalls is timeout.connect", {
  stage: async (stack) => {
    const server = stack.use(await rawServer((connection) => connection.hold(), { tls: null }));
    return {
      url: `${server.origin.replace("http:", "https:")}/file.bin`,
      check: () => assertEquals([server.connections, server.requests], [2, []]),
    };
  },
  task: { timeout: { connect: "60ms", response: "70ms" } },
  expected: { status: "failed", attempts: ["timeout.connect", "timeout.connect"] },
  byFetch: {
    reason: "it does not report when it has connected",
    expected: { status: "failed", attempts: ["timeout.response", "timeout.response"] },
  },
});

row("row 13: a server without TLS is refused, without a retry in clear text", {
  stage: async (stack) => {
    const inClear: string[] = [];
    const server = stack.use(
      await rawServer(async (connection) => {
        await connection.send(wholeResponse());
        inClear.push((await connection.readRequest()).line);
      }, { tls: null }),
    );
    return {
      url: `${server.origin.replace("http:", "https:")}/file.bin`,
      check: () => assertEquals([server.connections, inClear], [1, []]),
    };
  },
  expected: { status: "failed", attempts: ["tls.failed"], httpStatus: null },
});
