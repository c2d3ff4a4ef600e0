/** Maps network errors to codes. Deno gives the reason only in the text of the message. */

import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import { cutServerText } from "../core/text.ts";

/**
 * Patterns for the message of an error or its causes; the first match applies. The texts are those
 * of Deno's sockets and HTTP client, its TLS library (rustls) and the system.
 */
const REASONS: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [
    /dns error|failed to lookup address|name or service not known/i,
    "net.dns",
    "the host name could not be resolved",
  ],
  [
    /opening ca file/i,
    "tls.failed",
    "the file that DENO_CERT names cannot be read: correct the variable, or remove it",
  ],
  [
    /noapplicationprotocol/i,
    "tls.failed",
    "the server speaks only HTTP/2 over TLS: its operator must permit HTTP/1.1",
  ],
  [
    /certificaterequired/i,
    "tls.failed",
    "the server requires a client certificate: set certFile and keyFile of its hosts entry",
  ],
  [
    /alert: (bad|unsupported|)certificate|alert: (unknownca|accessdenied|decrypterror)/i,
    "tls.failed",
    "the server does not accept the client certificate: check certFile of its hosts entry",
  ],
  [
    /unrecogni[sz]edname/i,
    "tls.failed",
    "the server has no certificate for this host name: check the URL",
  ],
  [
    /protocolversion|servertlsversion|tls12notoffered|tls13notoffered|tlsversion/i,
    "tls.failed",
    "the server supports neither TLS 1.2 nor TLS 1.3: its operator must update it",
  ],
  [
    /handshakefailure|insufficientsecurity|ciphersuites|keyexchange|kxgroup/i,
    "tls.failed",
    "the server refused the TLS handshake: it shares no cipher with Deno, or it requires a client " +
    "certificate (certFile and keyFile of its hosts entry)",
  ],
  [
    /invalidcontenttype|corrupt message/i,
    "tls.failed",
    "the server does not speak TLS: check the port, or use http",
  ],
  [
    /: expired|certificate expired|not valid after/i,
    "tls.untrusted",
    "the certificate has expired",
  ],
  [
    /notvalidyet|not valid before|not valid yet/i,
    "tls.untrusted",
    "the certificate is not valid yet: check the clock of this machine",
  ],
  [
    /notvalidforname|not valid for name/i,
    "tls.untrusted",
    "the certificate is for another host name",
  ],
  [
    /unknownissuer/i,
    "tls.untrusted",
    "the certificate is not trusted: its authority is unknown",
  ],
  [/certificate/i, "tls.untrusted", "the certificate is not trusted"],
  [
    /connection refused|actively refused|os error (111|61|10061)\b/i,
    "net.refused",
    "the connection was refused",
  ],
  [
    /invalid content-length|invalid http|message head is too large|too many headers|header parsed|invalid uri/i,
    "http.protocol",
    "the response is not valid HTTP",
  ],
  [
    /before message completed|reset by peer|connection (was )?(closed|reset)|broken pipe|unexpected.eof|handshake eof|close_notify|end of file|os error (104|32|54|10054)\b/i,
    "net.reset",
    "the connection was closed before a response",
  ],
  [
    /handshake|tls|fatal alert|peer (is incompatible|misbehaved)/i,
    "tls.failed",
    "the TLS handshake failed",
  ],
  [
    /unreachable|no route to host|os error (101|113|51|65|10051|10065)\b/i,
    "net.failed",
    "the host is unreachable from this network",
  ],
  [
    /timed out|os error (110|60|10060)\b/i,
    "timeout.connect",
    "connecting timed out",
  ],
];

/**
 * Maps an error of a request to a `CronfetchError`.
 *
 * @param signal The signal of the request. If it is aborted, its reason is returned.
 */
export function fromFetchError(error: unknown, signal: AbortSignal): CronfetchError {
  if (signal.aborted) {
    const reason = abortReason(signal);
    // An error of the same code says more.
    return error instanceof CronfetchError && error.code === reason.code ? error : reason;
  }
  if (error instanceof CronfetchError) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return new CronfetchError("net.failed", `Deno was not allowed to: ${error.message}`, {
      cause: error,
      retry: "never",
    });
  }
  const text = messagesOf(error);
  for (const [pattern, code, meaning] of REASONS) {
    if (pattern.test(text)) return new CronfetchError(code, meaning, { cause: error });
  }
  // fetch blocks some ports.
  const [, port] = /ports? (\d+) are blocked/i.exec(text) ?? [];
  if (port !== undefined) {
    return new CronfetchError("net.failed", blockedPort(port), { cause: error, retry: "never" });
  }
  return new CronfetchError("net.failed", `the request failed: ${cutServerText(text)}`, {
    cause: error,
  });
}

/** What is wrong with a URL whose port `fetch` blocks. */
export function blockedPort(port: number | string): string {
  return `port ${port} is blocked, as in browsers: it belongs to another protocol`;
}

/**
 * Maps an error of reading a body to a `CronfetchError`: `body.truncated`, since Deno does not
 * distinguish the causes, unless the signal is aborted.
 */
export function fromBodyError(error: unknown, signal: AbortSignal): CronfetchError {
  if (signal.aborted) return abortReason(signal);
  if (error instanceof CronfetchError) return error;
  return new CronfetchError("body.truncated", "the connection failed before the end of the body", {
    cause: error,
  });
}

/** The reason of an aborted signal; `cancelled` for one that is not a `CronfetchError`. */
export function abortReason(signal: AbortSignal): CronfetchError {
  const reason: unknown = signal.reason;
  return reason instanceof CronfetchError
    ? reason
    : new CronfetchError("cancelled", "cancelled", { cause: reason });
}

/** The messages of an error and of its causes. */
function messagesOf(error: unknown): string {
  const messages: string[] = [];
  for (let at = error; at instanceof Error && messages.length < 5; at = at.cause) {
    messages.push(at.message);
  }
  return messages.length === 0 ? String(error) : messages.join(": ");
}
