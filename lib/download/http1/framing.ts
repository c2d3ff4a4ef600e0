/** Where a body ends, and whether the connection is good for another (RFC 9112, sections 6 and 9). Pure. */

import { contentLength } from "../content_length.ts";
import { refuse, type ResponseHead } from "./response_head.ts";

/** How the end of a body is told. */
export type Framing =
  /** There is none, or one of so many bytes. */
  | { readonly kind: "length"; readonly lengthBytes: number }
  | { readonly kind: "chunked" }
  /** By the end of the connection. */
  | { readonly kind: "connection" };

/**
 * How the body of a response to GET is framed (RFC 9112, section 6.3).
 *
 * @throws {CronfetchError} `http.protocol`, where that cannot be told.
 */
export function framingOf({ minorVersion, status, headers }: ResponseHead): Framing {
  if (status === 204 || status === 304) return { kind: "length", lengthBytes: 0 };
  const transferCoding = headers.get("transfer-encoding");
  if (transferCoding !== null) {
    if (minorVersion === 0) refuse("a transfer coding in HTTP/1.0");
    // Another coding is for `answer.ts` to refuse; its end is that of the connection.
    return { kind: transferCoding.toLowerCase() === "chunked" ? "chunked" : "connection" };
  }
  const lengthBytes = contentLength(status, headers);
  return lengthBytes === null ? { kind: "connection" } : { kind: "length", lengthBytes };
}

/** Whether another request may follow once the body is read (RFC 9112, section 9.3). */
export function keepsConnection(
  { minorVersion, headers }: ResponseHead,
  framing: Framing,
): boolean {
  if (framing.kind === "connection") return false;
  // Whoever sends both may mean the one or the other (RFC 9112, section 6.3).
  if (framing.kind === "chunked" && headers.get("content-length") !== null) return false;
  const options = headers.get("connection")?.toLowerCase().split(",").map((one) => one.trim());
  if (options?.includes("close")) return false;
  return minorVersion > 0 || options?.includes("keep-alive") === true;
}
