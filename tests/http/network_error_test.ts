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
      "timeout.response",
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
