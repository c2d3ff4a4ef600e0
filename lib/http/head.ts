/** Parses the head of a response, writes that of a request, and derives the framing (RFC 9112). */

import { CronfetchError } from "../core/errors.ts";
import { type HeaderFields, type HttpMethod, NO_COOKIES, TOKEN } from "../core/http.ts";
import { quoteServerText } from "../core/text.ts";

/**
 * Field values with surrounding whitespace (RFC 9110, section 5.5): no control character except
 * tab.
 */
export const FIELD_VALUE = "[\\t\\x20-\\x7e\\x80-\\xff]*";

/** The head of a response. */
export interface ResponseHead {
  /** The digit after `HTTP/1.`. */
  readonly minorVersion: number;
  readonly status: number;
  readonly headers: HeaderFields;
  /** Values of the Set-Cookie fields, which cannot be joined as a list (RFC 6265, section 3). */
  readonly setCookies: readonly string[];
}

/** Size limit of a head, in bytes. */
export const MAX_HEAD_BYTES = 400 * 1024;
/** Limit of the number of fields. Set-Cookie fields are limited by the size only. */
const MAX_FIELDS = 100;

const LF = 0x0a;
const CR = 0x0d;
const PREFIX = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e]; // HTTP/1.

// A bare LF ends a line as well (RFC 9112, section 2.2). Refused are folded lines, spaces before a
// colon, and control characters.
const STATUS_LINE = new RegExp(`HTTP/1\\.([01]) ([1-9][0-9]{2})(?: ${FIELD_VALUE})?\\r?\\n`, "y");
const FIELD_LINE = new RegExp(`(${TOKEN}):(${FIELD_VALUE})\\r?\\n`, "y");

/** Whether bytes may be the start of a response; if not, there is no point in reading more. */
export function mayBeResponse(bytes: Uint8Array): boolean {
  const known = Math.min(bytes.length, PREFIX.length);
  for (let at = 0; at < known; at++) {
    if (bytes[at] !== PREFIX[at]) return false;
  }
  return true;
}

/**
 * Finds the end of the head, after its empty line.
 *
 * @param from Index to search from; the bytes before it contain no end.
 * @returns -1 if the head is incomplete.
 */
export function endOfHead(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
  }
  return -1;
}

/**
 * Parses a complete head, empty line included.
 *
 * @throws {CronfetchError} `http.protocol`.
 */
export function parseHead(bytes: Uint8Array): ResponseHead {
  const text = decodeLatin1(bytes);
  STATUS_LINE.lastIndex = 0;
  const [, minorVersion, status] = STATUS_LINE.exec(text) ?? invalidHttp("its status line");
  const fields = new Map<string, string>();
  let setCookies: string[] | null = null;
  let at = STATUS_LINE.lastIndex;
  for (let count = 0; !isEmptyLine(text, at);) {
    if (count === MAX_FIELDS) invalidHttp(`more than ${MAX_FIELDS} fields`);
    FIELD_LINE.lastIndex = at;
    const [, name = "", value = ""] = FIELD_LINE.exec(text) ?? invalidHttp("a line of its head");
    at = FIELD_LINE.lastIndex;
    const field = name.toLowerCase();
    addField(fields, field, trimSpace(value));
    if (field === "set-cookie") (setCookies ??= []).push(trimSpace(value));
    else count++;
  }
  return {
    minorVersion: Number(minorVersion),
    status: Number(status),
    headers: { get: (name) => fields.get(name.toLowerCase()) ?? null },
    setCookies: setCookies ?? NO_COOKIES,
  };
}

/** Reports a malformed response. */
export function invalidHttp(what: string): never {
  throw new CronfetchError("http.protocol", `the response is not valid HTTP: ${what}`);
}

function isEmptyLine(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === LF || (code === CR && text.charCodeAt(at + 1) === LF);
}

/** Joins fields of one name; see {@linkcode HeaderFields}. */
function addField(fields: Map<string, string>, name: string, value: string): void {
  const earlier = fields.get(name);
  if (earlier === undefined) fields.set(name, value);
  else if (name !== "location") fields.set(name, `${earlier}, ${value}`);
  else if (!earlier.split("\n").includes(value)) fields.set(name, `${earlier}\n${value}`);
}

/** Removes spaces and tabs; `trim` would remove U+00A0 as well, which is a Latin-1 character. */
function trimSpace(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isSpace(value.charCodeAt(start))) start++;
  while (end > start && isSpace(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

const ascii = new TextDecoder();

/** Decodes one character per byte. (The `latin1` of `TextDecoder` is windows-1252.) */
export function decodeLatin1(bytes: Uint8Array): string {
  if (isAscii(bytes)) return ascii.decode(bytes);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function isAscii(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    if ((bytes[at] ?? 0) >= 0x80) return false;
  }
  return true;
}

/**
 * Parses Content-Length; a list of equal values counts as one (RFC 9110, section 8.6).
 *
 * @returns Null without the field.
 * @throws {CronfetchError} `http.protocol` if it is invalid.
 */
export function contentLength(status: number, headers: HeaderFields): number | null {
  const value = headers.get("content-length");
  if (value === null) return null;
  const [first, ...others] = value.split(",").map((part) => part.trim());
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
  { minorVersion, status, headers }: ResponseHead,
  method: HttpMethod,
): Framing {
  if (method === "HEAD" || status === 204 || status === 304) {
    return { kind: "length", lengthBytes: 0 };
  }
  const transferCoding = headers.get("transfer-encoding");
  if (transferCoding !== null) {
    if (minorVersion === 0) invalidHttp("a transfer coding in HTTP/1.0");
    // The caller refuses other codings; their end is that of the connection.
    return { kind: transferCoding.toLowerCase() === "chunked" ? "chunked" : "connection" };
  }
  const lengthBytes = contentLength(status, headers);
  return lengthBytes === null ? { kind: "connection" } : { kind: "length", lengthBytes };
}

/** Whether the connection can be reused after the body (RFC 9112, section 9.3). */
export function keepsConnection(
  { minorVersion, headers }: ResponseHead,
  framing: Framing,
): boolean {
  if (framing.kind === "connection") return false;
  // With both, the end of the body is ambiguous (RFC 9112, section 6.3).
  if (framing.kind === "chunked" && headers.get("content-length") !== null) return false;
  const options = headers.get("connection")?.toLowerCase().split(",").map((one) => one.trim());
  if (options?.includes("close")) return false;
  return minorVersion > 0 || options?.includes("keep-alive") === true;
}

const TARGET = /^\/[\x21-\x7e]*$/;
const NAME = new RegExp(`^${TOKEN}$`);
const VALUE = new RegExp(`^${FIELD_VALUE}$`);

/** What the head of a request is written from. */
export interface RequestLine {
  readonly method: HttpMethod;
  /** Path and query, as serialized by `URL`. */
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

/** Methods whose request may be repeated without another effect (RFC 9110, section 9.2.2). */
const IDEMPOTENT: ReadonlySet<HttpMethod> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Whether a request may be sent again if it is unknown whether the server has processed it. */
export function isIdempotent(method: HttpMethod): boolean {
  return IDEMPOTENT.has(method);
}

/** The size to announce: a method that expects content announces 0 (RFC 9110, section 8.6). */
export function announcedBytes(method: HttpMethod, body: Uint8Array | null): number | null {
  if (body !== null) return body.length;
  return method === "PUT" || method === "POST" || method === "PATCH" ? 0 : null;
}
