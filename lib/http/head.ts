/** Parses the head of a response (RFC 9112, sections 4 and 5). */

import { CronfetchError } from "../core/errors.ts";
import { type HeaderFields, NO_COOKIES, TOKEN } from "../core/http.ts";

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
/** Limit of the number of fields, that of curl. */
const MAX_FIELDS = 5_000;

const LF = 0x0a;
const CR = 0x0d;
const PREFIX = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e]; // HTTP/1.

// A bare LF ends a line as well (RFC 9112, section 2.2). Control characters are refused.
const STATUS_LINE = new RegExp(
  `HTTP/1\\.([01])[ \\t]+([1-9][0-9]{2})(?:[ \\t]${FIELD_VALUE})?\\r?\\n`,
  "y",
);
/** Space before the colon is removed, as by proxies (RFC 9112, section 5.1). */
const FIELD_LINE = new RegExp(`(${TOKEN})[ \\t]*:(${FIELD_VALUE})\\r?\\n`, "y");
/** A field whose name is none: curl and wget ignore it. */
const NAMELESS_LINE = new RegExp(
  `[\\t\\x20-\\x39\\x3b-\\x7e\\x80-\\xff]*:${FIELD_VALUE}\\r?\\n`,
  "y",
);
/** The start of a line that continues the one before (RFC 9112, section 5.2). */
const FOLD = /\r?\n[ \t]+/g;

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

/** The number of bytes at the start that belong to empty lines. */
export function emptyLineBytes(bytes: Uint8Array): number {
  let count = 0;
  while (bytes[count] === CR || bytes[count] === LF) count++;
  return count;
}

/**
 * Parses a complete head, empty line included, as leniently as curl and wget do. A line without a
 * colon is refused: it may be the start of a body without an empty line before it.
 *
 * @throws {CronfetchError} `http.protocol`.
 */
export function parseHead(bytes: Uint8Array): ResponseHead {
  const text = decodeLatin1(bytes).replace(FOLD, " ");
  STATUS_LINE.lastIndex = 0;
  const [, minorVersion, status] = STATUS_LINE.exec(text) ?? invalidHttp("its status line");
  const fields = new Map<string, string>();
  let setCookies: string[] | null = null;
  let at = STATUS_LINE.lastIndex;
  for (let count = 0; !isEmptyLine(text, at); count++) {
    if (count === MAX_FIELDS) invalidHttp(`more than ${MAX_FIELDS} fields`);
    FIELD_LINE.lastIndex = at;
    const match = FIELD_LINE.exec(text);
    if (match === null) {
      NAMELESS_LINE.lastIndex = at;
      if (!NAMELESS_LINE.test(text)) invalidHttp("a line of its head");
      at = NAMELESS_LINE.lastIndex;
      continue;
    }
    at = FIELD_LINE.lastIndex;
    const [, name = "", spacedValue = ""] = match;
    const field = name.toLowerCase();
    const value = trimSpace(spacedValue);
    addField(fields, field, value);
    if (field === "set-cookie") (setCookies ??= []).push(value);
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
  else if (earlier !== value && !earlier.includes("\n")) fields.set(name, `${earlier}\n${value}`);
}

/** Removes spaces and tabs; `trim` would remove U+00A0 as well, which is a Latin-1 character. */
export function trimSpace(value: string): string {
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
