/** Writes the head of a request (RFC 9112, section 3). */

import { type HttpMethod, TOKEN } from "../core/http.ts";
import { FIELD_VALUE } from "./head.ts";

const TARGET = /^(?:\/|http:\/\/)[\x21-\x7e]*$/;
const NAME = new RegExp(`^${TOKEN}$`);
const VALUE = new RegExp(`^${FIELD_VALUE}$`);

/** What the head of a request is written from. */
export interface RequestLine {
  readonly method: HttpMethod;
  /** Path and query as serialized by `URL`; the whole http URL in a request to a proxy. */
  readonly target: string;
  /** Value of the Host field. */
  readonly hostField: string;
  /** Size of the content; null without. */
  readonly lengthBytes: number | null;
}

/**
 * Writes the head of a request.
 *
 * @param headers The other fields; values are Latin-1.
 * @throws {TypeError} For an invalid name or value, as `fetch` does.
 */
export function requestHead(
  { method, target, hostField, lengthBytes }: RequestLine,
  headers: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  if (!TARGET.test(target)) throw new TypeError("the request target is not a serialized URL");
  let text = `${method} ${target} HTTP/1.1\r\nhost: ${hostField}\r\n`;
  if (lengthBytes !== null) text += `content-length: ${lengthBytes}\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    if (!NAME.test(name)) throw new TypeError(`${JSON.stringify(name)} is not a valid header name`);
    // The value may be a secret.
    if (!VALUE.test(value)) throw new TypeError(`the header ${name} has an invalid value`);
    text += `${name}: ${value}\r\n`;
  }
  text += "\r\n";
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** Writes the head of a request for a tunnel (RFC 9112, section 3.2.3). */
export function connectHead(
  target: string,
  authorization: string | null,
): Uint8Array<ArrayBuffer> {
  const field = authorization === null ? "" : `proxy-authorization: ${authorization}\r\n`;
  const text = `CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${field}\r\n`;
  return new TextEncoder().encode(text);
}

/** Methods whose request may be repeated without another effect (RFC 9110, section 9.2.2). */
const IDEMPOTENT: ReadonlySet<HttpMethod> = new Set([
  ...["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "QUERY"] as const,
]);

/** Whether a request may be sent again if it is unknown whether the server has processed it. */
export function isIdempotent(method: HttpMethod): boolean {
  return IDEMPOTENT.has(method);
}

const EXPECT_CONTENT: ReadonlySet<HttpMethod> = new Set(["PUT", "POST", "PATCH", "QUERY"]);

/** The size to announce: a method that expects content announces 0 (RFC 9110, section 8.6). */
export function announcedBytes(method: HttpMethod, body: Uint8Array | null): number | null {
  if (body !== null) return body.length;
  return EXPECT_CONTENT.has(method) ? 0 : null;
}
