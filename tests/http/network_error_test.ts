import { assertEquals, assertStrictEquals } from "@std/assert";
import { CronfetchError, type ErrorCode } from "../../lib/core/errors.ts";
import { fromBodyError, fromFetchError } from "../../lib/http/network_error.ts";

const LIVE = new AbortController().signal;

/** An error as Deno's fetch throws it. */
function fetchFailed(reason: string): TypeError {
  return new TypeError("fetch failed", { cause: new Error(reason) });
}

Deno.test("fromFetchError maps the messages of Deno to codes", () => {
  const table: [reason: string, code: ErrorCode][] = [
    [
      "error sending request for url (http://x.invalid/): client error (Connect): dns error: failed to lookup address information: Name or service not known",
      "net.dns",
    ],
    [
      "error sending request for url (http://127.0.0.1:4/): client error (Connect): tcp connect error: Connection refused (os error 111)",
      "net.refused",
    ],
    [
      "error sending request from 127.0.0.1:1 for http://127.0.0.1:2/x: client error (SendRequest): connection closed before message completed",
      "net.reset",
    ],
    [
      "client error (SendRequest): connection error: Connection reset by peer (os error 104)",
      "net.reset",
    ],
    ["client error (SendRequest): invalid content-length parsed", "http.protocol"],
    ["client error (SendRequest): invalid HTTP header parsed", "http.protocol"],
    ["client error (SendRequest): invalid HTTP version parsed", "http.protocol"],
    ["client error (SendRequest): message head is too large", "http.protocol"],
    ["client error (Connect): invalid peer certificate: UnknownIssuer", "tls.untrusted"],
    ["client error (Connect): invalid peer certificate: Expired", "tls.untrusted"],
    ["client error (Connect): invalid peer certificate: NotValidForName", "tls.untrusted"],
    [
      "client error (Connect): received corrupt message of type InvalidContentType",
      "tls.failed",
    ],
    [
      "client error (Connect): tcp connect error: Connection timed out (os error 110)",
      "timeout.connect",
    ],
    [
      "client error (Connect): tcp connect error: Network is unreachable (os error 101)",
      "net.failed",
    ],
  ];
  for (const [reason, code] of table) {
    assertEquals(fromFetchError(fetchFailed(reason), LIVE).code, code, reason);
  }
});

Deno.test("row 160: fromFetchError: each failure of TLS has its own sentence", () => {
  // Texts of rustls, as Deno's sockets report them.
  const table: [reason: string, code: ErrorCode, part: string][] = [
    ["invalid peer certificate: UnknownIssuer", "tls.untrusted", "its authority is unknown"],
    ["invalid peer certificate: Expired", "tls.untrusted", "has expired"],
    [
      "invalid peer certificate: certificate expired: verification time 1 (UNIX), but certificate " +
      "is not valid after 0 (1 seconds ago)",
      "tls.untrusted",
      "has expired",
    ],
    [
      "invalid peer certificate: certificate not valid yet: verification time 0 (UNIX), but " +
      "certificate is not valid before 1 (1 seconds in future)",
      "tls.untrusted",
      "not valid yet: check the clock",
    ],
    [
      'invalid peer certificate: certificate not valid for name "a"; certificate is only valid for b',
      "tls.untrusted",
      "for another host name",
    ],
    ["invalid peer certificate: BadSignature", "tls.untrusted", "not trusted"],
    ["received fatal alert: ProtocolVersion", "tls.failed", "neither TLS 1.2 nor TLS 1.3"],
    [
      "peer is incompatible: ServerTlsVersionIsDisabledByOurConfig",
      "tls.failed",
      "neither TLS 1.2 nor TLS 1.3",
    ],
    ["received fatal alert: HandshakeFailure", "tls.failed", "shares no cipher"],
    ["received fatal alert: CertificateRequired", "tls.failed", "requires a client certificate"],
    [
      "received fatal alert: BadCertificate",
      "tls.failed",
      "does not accept the client certificate",
    ],
    ["received fatal alert: UnknownCA", "tls.failed", "does not accept the client certificate"],
    ["received fatal alert: CertificateExpired", "tls.failed", "does not accept the client"],
    ["received fatal alert: UnrecognisedName", "tls.failed", "no certificate for this host name"],
    ["received fatal alert: NoApplicationProtocol", "tls.failed", "only HTTP/2"],
    ["received fatal alert: InternalError", "tls.failed", "the TLS handshake failed"],
    ["received corrupt message of type InvalidContentType", "tls.failed", "does not speak TLS"],
    [
      "Failed opening CA file: No such file or directory (os error 2)",
      "tls.failed",
      "the file that DENO_CERT names cannot be read",
    ],
    ["unexpected end of file", "net.reset", "closed before a response"],
    ["tls handshake eof", "net.reset", "closed before a response"],
    [
      "peer closed connection without sending TLS close_notify: https://docs.rs/unexpected-eof",
      "net.reset",
      "closed before a response",
    ],
    ["No route to host (os error 113)", "net.failed", "unreachable"],
  ];
  for (const [reason, code, part] of table) {
    const found = fromFetchError(new Deno.errors.InvalidData(reason), LIVE);
    assertEquals([found.code, found.message.includes(part)], [code, true], found.message);
  }
});

Deno.test("fromFetchError: an error of the same code as the signal's reason says more", () => {
  const more = new CronfetchError("timeout.connect", "the proxy p: no connection within 10s");
  const reason = new CronfetchError("timeout.connect", "no connection within 10s");
  assertStrictEquals(fromFetchError(more, AbortSignal.abort(reason)), more);
  const other = new CronfetchError("timeout.attempt", "too long");
  assertStrictEquals(fromFetchError(more, AbortSignal.abort(other)), other);
});

Deno.test("fromFetchError: errors of certificates and blocked ports are permanent", () => {
  assertEquals(
    fromFetchError(fetchFailed("invalid peer certificate: Expired"), LIVE).retry,
    "never",
  );
  const blocked = new TypeError("Fetch failed: Requests to port 25 are blocked");
  assertEquals(fromFetchError(blocked, LIVE).retry, "never");
  assertEquals(fromFetchError(fetchFailed("something new"), LIVE).retry, "later");
  const denied = new Deno.errors.NotCapable("Requires net access to example.org");
  assertEquals(fromFetchError(denied, LIVE).retry, "never");
});

Deno.test("fromFetchError, fromBodyError: an aborted signal's reason takes precedence", () => {
  const reason = new CronfetchError("timeout.idle", "no more");
  const aborted = AbortSignal.abort(reason);
  assertStrictEquals(fromFetchError(new Error("x"), aborted), reason);
  assertStrictEquals(fromBodyError(new Error("x"), aborted), reason);
  // The signal of an API user may have any reason.
  assertEquals(fromBodyError(new Error("x"), AbortSignal.abort()).code, "cancelled");
});

Deno.test("fromBodyError: any error of a read is body.truncated", () => {
  const broken = new TypeError("error reading a body from connection");
  assertEquals(fromBodyError(broken, LIVE).code, "body.truncated");
  const ours = new CronfetchError("body.too-large", "too much");
  assertStrictEquals(fromBodyError(ours, LIVE), ours);
});
