/** Maps network errors to codes. Deno gives the reason only in the text of the message. */

import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import { cutServerText } from "../core/text.ts";

/**
 * Patterns for the message of an error or its causes; the first match applies. The texts are those
 * of Deno's HTTP client, its TLS library and the system.
 */
const REASONS: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [
    /dns error|failed to lookup address|name or service not known/i,
    "net.dns",
    "the host name could not be resolved",
  ],
  [/certificate/i, "tls.untrusted", "the certificate is not trusted"],
  [
    /invalidcontenttype|corrupt message|handshake|tls|peer is incompatible/i,
    "tls.failed",
    "the TLS handshake failed",
  ],
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
    /before message completed|reset by peer|connection (was )?(closed|reset)|broken pipe|unexpected eof|end of file|os error (104|32|54|10054)\b/i,
    "net.reset",
    "the connection was closed before a response",
  ],
  [
    /timed out|os error (110|60|10060)\b/i,
    "timeout.response",
    "connecting timed out",
  ],
];

/**
 * Maps an error of a request to a `CronfetchError`.
 *
 * @param signal The signal of the request. If it is aborted, its reason is returned.
 */
export function fromFetchError(error: unknown, signal: AbortSignal): CronfetchError {
  if (signal.aborted) return abortReason(signal);
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
  if (/ports? \d+ are blocked/i.test(text)) {
    return new CronfetchError("net.failed", cutServerText(text), { cause: error, retry: "never" });
  }
  return new CronfetchError("net.failed", `the request failed: ${cutServerText(text)}`, {
    cause: error,
  });
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
