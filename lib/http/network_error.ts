/** What fetch's errors mean. Deno tells the reason in words alone; this is the table of them. */

import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import { cutServerText } from "../core/text.ts";

/**
 * Text in an error or its causes, and what it means; the first that fits counts.
 * The texts are those of Deno's HTTP client, its TLS library and the system.
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
    "no TLS session could be agreed on",
  ],
  [
    /connection refused|actively refused|os error (111|61|10061)\b/i,
    "net.refused",
    "the connection was refused",
  ],
  [
    /invalid content-length|invalid http|message head is too large|too many headers|header parsed|invalid uri/i,
    "http.protocol",
    "the answer is not valid HTTP",
  ],
  [
    /before message completed|reset by peer|connection (was )?(closed|reset)|broken pipe|unexpected eof|end of file|os error (104|32|54|10054)\b/i,
    "net.reset",
    "the connection was closed before an answer",
  ],
  [
    /timed out|os error (110|60|10060)\b/i,
    "timeout.response",
    "the connection could not be made in time",
  ],
];

/**
 * Gives an error thrown by `fetch` its code.
 *
 * @param error What was thrown.
 * @param signal The signal given to `fetch`; once it is aborted its reason is what happened.
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
  const said = causes(error);
  for (const [pattern, code, meaning] of REASONS) {
    if (pattern.test(said)) return new CronfetchError(code, meaning, { cause: error });
  }
  // fetch refuses some ports by itself; asking again changes nothing.
  if (/ports? \d+ are blocked/i.test(said)) {
    return new CronfetchError("net.failed", cutServerText(said), { cause: error, retry: "never" });
  }
  return new CronfetchError("net.failed", `the request failed: ${cutServerText(said)}`, {
    cause: error,
  });
}

/**
 * Gives an error thrown while reading a body its code. Deno has one error for
 * all of them: whatever cut the body short, it is not whole.
 */
export function fromBodyError(error: unknown, signal: AbortSignal): CronfetchError {
  if (signal.aborted) return abortReason(signal);
  if (error instanceof CronfetchError) return error;
  return new CronfetchError("body.truncated", "the body broke off", { cause: error });
}

/** The reason of an aborted signal, which here is always one of ours. */
export function abortReason(signal: AbortSignal): CronfetchError {
  const reason: unknown = signal.reason;
  return reason instanceof CronfetchError
    ? reason
    : new CronfetchError("cancelled", "cancelled", { cause: reason });
}

/** The messages of an error and of its causes. */
function causes(error: unknown): string {
  const said: string[] = [];
  for (let current = error; current instanceof Error && said.length < 5; current = current.cause) {
    said.push(current.message);
  }
  return said.length === 0 ? String(error) : said.join(": ");
}
