/** The head of a response: status line and fields (RFC 9112, sections 4 and 5). Pure. */

import { CronfetchError } from "../../core/errors.ts";
import { type HeaderFields, NO_COOKIES } from "../../core/http.ts";
import { FIELD_VALUE, TOKEN } from "./syntax.ts";

/** The head of a response. */
export interface ResponseHead {
  /** The digit behind `HTTP/1.`. */
  readonly minorVersion: number;
  readonly status: number;
  readonly headers: HeaderFields;
  /** Values of the Set-Cookie fields, which cannot be joined as a list (RFC 6265, section 3). */
  readonly setCookies: readonly string[];
}

/** Bytes of the longest head that is read. */
export const MAX_HEAD_BYTES = 400 * 1024;
/** Fields of the longest head that is read; those of cookies are limited by the bytes alone. */
const MAX_FIELDS = 100;

const LF = 0x0a;
const CR = 0x0d;
const BEGINNING = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e]; // HTTP/1.

// A bare LF ends a line as well (RFC 9112, section 2.2). Nothing else is forgiven: no line that goes
// on with the next one, no space before a colon, no control character.
const STATUS_LINE = new RegExp(`HTTP/1\\.([01]) ([1-9][0-9]{2})(?: ${FIELD_VALUE})?\\r?\\n`, "y");
const FIELD_LINE = new RegExp(`(${TOKEN}):(${FIELD_VALUE})\\r?\\n`, "y");

/** Whether bytes may be the beginning of a response, so that nobody waits for the rest of others. */
export function mayBeResponse(bytes: Uint8Array): boolean {
  const known = Math.min(bytes.length, BEGINNING.length);
  for (let at = 0; at < known; at++) {
    if (bytes[at] !== BEGINNING[at]) return false;
  }
  return true;
}

/**
 * Where the head at the beginning of bytes ends, behind its empty line; -1 if it goes on.
 *
 * @param from Where to look from on. What is before holds no end.
 */
export function endOfHead(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
  }
  return -1;
}

/**
 * Reads a whole head, its empty line included.
 *
 * @throws {CronfetchError} `http.protocol`.
 */
export function parseHead(bytes: Uint8Array): ResponseHead {
  const text = latin1(bytes);
  STATUS_LINE.lastIndex = 0;
  const [, minorVersion, status] = STATUS_LINE.exec(text) ?? refuse("its status line");
  const fields = new Map<string, string>();
  let setCookies: string[] | null = null;
  let at = STATUS_LINE.lastIndex;
  for (let count = 0; !isEmptyLine(text, at);) {
    if (count === MAX_FIELDS) refuse(`more than ${MAX_FIELDS} fields`);
    FIELD_LINE.lastIndex = at;
    const [, name = "", value = ""] = FIELD_LINE.exec(text) ?? refuse("a line of its head");
    at = FIELD_LINE.lastIndex;
    const field = name.toLowerCase();
    addField(fields, field, withoutSpace(value));
    if (field === "set-cookie") (setCookies ??= []).push(withoutSpace(value));
    else count++;
  }
  return {
    minorVersion: Number(minorVersion),
    status: Number(status),
    headers: { get: (name) => fields.get(name.toLowerCase()) ?? null },
    setCookies: setCookies ?? NO_COOKIES,
  };
}

/** Refuses an answer. */
export function refuse(what: string): never {
  throw new CronfetchError("http.protocol", `the answer is not valid HTTP: ${what}`);
}

function isEmptyLine(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === LF || (code === CR && text.charCodeAt(at + 1) === LF);
}

/** Several fields of a name are one list (RFC 9110, section 5.3). */
function addField(fields: Map<string, string>, name: string, value: string): void {
  const earlier = fields.get(name);
  fields.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
}

/** `trim` would take more than spaces and tabs: U+00A0 is Latin-1. */
function withoutSpace(value: string): string {
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

/** Text whose characters are the bytes. What is called latin1 elsewhere is windows-1252. */
export function latin1(bytes: Uint8Array): string {
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
