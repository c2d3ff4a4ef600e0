/** Row 226: servers with which no TLS connection can be established. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { rawServer } from "../helpers/raw_server.ts";
import { type Fault, row } from "./scenario.ts";

/** A stage whose server answers each ClientHello by a text, and then closes the connection. */
function answering(hello: string, check: (message: string) => void): Fault["stage"] {
  return async (stack) => {
    const server = stack.use(
      await rawServer(async (connection) => {
        await connection.readBytes(5);
        await connection.send(hello);
        // Closing with unread bytes would be a reset.
        await connection.hold();
      }, { tls: null }),
    );
    return {
      url: `${server.origin.replace("http:", "https:")}/file.bin`,
      check: ({ result }) => {
        assertEquals(server.connections, 1, "not repeated");
        check(result.message ?? "");
      },
    };
  };
}

/** A fatal alert in a record of its own (RFC 8446, section 6). */
function alert(description: number): string {
  return `\x15\x03\x03\x00\x02\x02${String.fromCharCode(description)}`;
}

/** Alerts, and what the message must contain. */
const ALERTS: readonly (readonly [name: string, description: number, part: RegExp])[] = [
  ["handshake_failure", 40, /cipher|parameters/i],
  ["protocol_version", 70, /TLS 1\.2/],
  ["insufficient_security", 71, /cipher|secur/i],
  ["no_application_protocol", 120, /HTTP\/1\.1|HTTP\/2/i],
  ["unrecognized_name", 112, /name/i],
  ["internal_error", 80, /TLS/],
  ["certificate_required", 116, /client certificate/],
  ["bad_certificate", 42, /client certificate/],
  ["unknown_ca", 48, /client certificate/],
  ["certificate_expired", 45, /client certificate/],
  ["access_denied", 49, /TLS|client certificate/],
];
for (const [name, description, part] of ALERTS) {
  row(`row 226: the alert ${name} is named`, {
    stage: answering(alert(description), (message) => {
      assertEquals(part.test(message), true, message);
    }),
    expected: { status: "failed", attempts: ["tls.failed"], httpStatus: null },
  });
}

/** What other servers than those of https answer to a ClientHello. */
const OTHERS: readonly (readonly [what: string, hello: string])[] = [
  ["HTTP", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"],
  ["SSH", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["SMTP", "220 mail.example ESMTP\r\n"],
  ["zeros", "\0".repeat(64)],
];
for (const [what, hello] of OTHERS) {
  row(`row 226: a server that speaks ${what} is reported as one without TLS`, {
    stage: answering(hello, (message) => assertStringIncludes(message, "TLS")),
    expected: { status: "failed", attempts: ["tls.failed"], httpStatus: null },
  });
}
