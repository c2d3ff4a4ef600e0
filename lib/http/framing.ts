/** How the body of a response is delimited (RFC 9112, section 6.3). */

import { CronfetchError } from "../core/errors.ts";
import type { HeaderFields, HttpMethod } from "../core/http.ts";
import { quoteServerText } from "../core/text.ts";
import { type ResponseHead, trimSpace } from "./head.ts";

/**
 * Parses Content-Length; a list of equal values counts as one (RFC 9110, section 8.6).
 *
 * @returns Null without the field.
 * @throws {CronfetchError} `http.protocol` if it is invalid.
 */
export function contentLength(status: number, headers: HeaderFields): number | null {
  const value = headers.get("content-length");
  if (value === null) return null;
  const [first, ...others] = elementsOf(value);
  const lengthBytes = Number(first);
  if (
    !/^\d+$/.test(first ?? "") || !Number.isSafeInteger(lengthBytes) ||
    others.some((other) => other !== first)
  ) {
    throw new CronfetchError(
      "http.protocol",
      `the Content-Length ${quoteServerText(value)} is invalid`,
      { httpStatus: status },
    );
  }
  return lengthBytes;
}

/**
 * The transfer coding of a body, in lower case; null for none, or for `identity`, which RFC 2616
 * permitted (section 3.6).
 */
export function transferCoding(headers: HeaderFields): string | null {
  const coding = headers.get("transfer-encoding")?.toLowerCase() ?? null;
  return coding === "identity" ? null : coding;
}

/** The elements of a list, without the spaces and tabs around them. */
function elementsOf(list: string): string[] {
  return list.split(",").map(trimSpace);
}

/** How a body is delimited. */
export type Framing =
  /** By its length; 0 for a response without a body. */
  | { readonly kind: "length"; readonly lengthBytes: number }
  | { readonly kind: "chunked" }
  /** By the end of the connection. */
  | { readonly kind: "connection" };

/**
 * Derives the framing of the body of a response (RFC 9112, section 6.3).
 *
 * @param method Of the request.
 * @throws {CronfetchError} `http.protocol` if it is ambiguous.
 */
export function framingOf(
  { status, headers }: ResponseHead,
  method: HttpMethod,
): Framing {
  if (method === "HEAD" || status === 204 || status === 304) {
    return { kind: "length", lengthBytes: 0 };
  }
  const coding = transferCoding(headers);
  // The caller refuses other codings; their end is that of the connection.
  if (coding !== null) return { kind: coding === "chunked" ? "chunked" : "connection" };
  const lengthBytes = contentLength(status, headers);
  return lengthBytes === null ? { kind: "connection" } : { kind: "length", lengthBytes };
}

/** Whether the connection can be reused after the body (RFC 9112, section 9.3). */
export function keepsConnection(
  { minorVersion, headers }: ResponseHead,
  framing: Framing,
): boolean {
  if (framing.kind === "connection") return false;
  if (framing.kind === "chunked") {
    // With a length too, or in HTTP/1.0, the sender may have meant another end (RFC 9112, section
    // 6.1).
    if (minorVersion === 0 || headers.get("content-length") !== null) return false;
  }
  const field = headers.get("connection");
  const options = field === null ? null : elementsOf(field.toLowerCase());
  if (options?.includes("close")) return false;
  return minorVersion > 0 || options?.includes("keep-alive") === true;
}
