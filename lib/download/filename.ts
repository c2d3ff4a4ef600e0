/** The name that a server gives a file. */

import { decodeExtended, parse } from "content-disposition";
import { trimEndOf } from "../core/text.ts";
import { safeName } from "../config/keys.ts";

/**
 * The safe name that a server gives a file: that of its Content-Disposition header (RFC 6266,
 * section 4.3), or else the last segment of the URL that served it.
 *
 * @param contentDisposition The header with one character per byte, as in `Headers`; or null.
 * @param url Absolute URL of the response.
 * @returns Null if neither contains a name.
 */
export function serverName(contentDisposition: string | null, url: string): string | null {
  return safeName(headerName(contentDisposition ?? "")) ?? safeName(urlName(url));
}

/** The file name in the header, or `""`; `filename*` takes precedence (RFC 6266, section 4.3). */
function headerName(header: string): string {
  const { parameters } = parse(repairHeader(header), { extended: false });
  const { filename = "", "filename*": extended = "" } = parameters;
  return extendedName(extended) || plainName(filename) || continuedName(parameters) ||
    // Some servers send `filename*` without the required charset.
    (extended.includes("'") ? "" : plainName(extended));
}

/** Start of a header without a valid `type;` before its first parameter. */
const NO_TYPE = /^(?:attachment|inline)?[\s:,;]*(filename\*?[\s=])/i;

/** Repairs a header so that its parameters can be parsed (RFC 6266, section 4.1). */
function repairHeader(header: string): string {
  const text = header.trim();
  const bare = text.startsWith('"') ? text.slice(1).replace(/"$/, "") : text;
  const typed = bare.replace(NO_TYPE, "attachment; $1").replace(
    /;\s*filename\s*=\s*""/i,
    "",
  );
  // A backslash escapes a quote or a backslash; otherwise it is part of a path.
  const escaped = typed.replace(/\\(["\\])?/g, (pair, next) => next === undefined ? "\\\\" : pair);
  const quotes = escaped.replace(/\\./gs, "").split('"').length - 1;
  return quotes % 2 === 0 ? escaped : `${escaped}"`;
}

/** The decoded value of `filename*` (RFC 8187, section 3.2); `""` if invalid. */
function extendedName(value: string): string {
  const decoded = decodeExtended(value);
  if (decoded) return decoded;
  const [, charset = "", encoded = ""] = /^([^']*)'(?:[^']*')?(.*)$/s.exec(value) ?? [];
  if (/%(?![0-9a-f]{2})/i.test(encoded)) return "";
  return decodedAs(charset, percentBytes(encoded)) ?? "";
}

/** The decoded value of `filename`, in any of the encodings that servers use. */
function plainName(value: string): string {
  // The opening quote may be missing.
  const bare = trimEndOf(value, '"');
  const text = bare.length > 1 && /^'.*'$/s.test(bare) ? bare.slice(1, -1) : bare;
  // An extended value without the asterisk in the name.
  const extended = /^[a-z][\w-]*'[\w-]*'/i.test(text) ? extendedName(text) : "";
  if (extended !== "") return extended;
  const words = decodedWords(text);
  if (words !== text) return words;
  const repaired = repair(text);
  return repaired.includes("%") ? decodedAs("utf-8", percentBytes(repaired)) ?? repaired : repaired;
}

/** A name in numbered parts: `filename*0=…; filename*1*=…` (RFC 2231, section 3). */
function continuedName(parameters: Readonly<Record<string, string>>): string {
  let name = "";
  let isExtended = false;
  for (let part = 0;; part++) {
    const encoded = parameters[`filename*${part}*`];
    const plain = parameters[`filename*${part}`];
    if (encoded === undefined && plain === undefined) break;
    isExtended ||= encoded !== undefined;
    name += encoded ?? plain;
  }
  return isExtended ? extendedName(name) : plainName(name);
}

/** An encoded word (RFC 2047, section 2): charset, `B` or `Q`, and the encoded text. */
const ENCODED_WORD = /=\?([\w-]+)(?:\*[\w-]*)?\?([bq])\?([^?]*)\?=/gi;

/** Consecutive encoded words of one charset, and their position in the text. */
interface WordGroup {
  readonly start: number;
  end: number;
  readonly charset: string;
  readonly bytes: number[];
}

/**
 * Replaces the encoded words of a text. White space between two of them is removed, and a character
 * may be split between two words.
 */
function decodedWords(text: string): string {
  if (!text.includes("=?")) return text;
  const groups: WordGroup[] = [];
  for (const match of text.matchAll(ENCODED_WORD)) {
    const [raw, name = "", encoding = "", word = ""] = match;
    const charset = name.toLowerCase();
    const bytes = encoding.toLowerCase() === "b" ? base64Bytes(word) : quotedBytes(word);
    const end = match.index + raw.length;
    const last = groups.at(-1);
    if (last?.charset === charset && text.slice(last.end, match.index).trim() === "") {
      for (const byte of bytes) last.bytes.push(byte);
      last.end = end;
    } else {
      groups.push({ start: match.index, end, charset, bytes: [...bytes] });
    }
  }
  let decoded = "";
  let end = 0;
  for (const { start, end: next, charset, bytes } of groups) {
    const between = text.slice(end, start);
    if (end === 0 || between.trim() !== "") decoded += between;
    decoded += decodedAs(charset, Uint8Array.from(bytes)) ?? text.slice(start, next);
    end = next;
  }
  return decoded + text.slice(end);
}

function base64Bytes(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

/** The bytes of a `Q` word: `=` and two hexadecimal digits, and `_` for a blank. */
function quotedBytes(text: string): Uint8Array {
  return percentBytes(text.replaceAll("_", " ").replaceAll("%", "=25").replaceAll("=", "%"));
}

/** Decodes `%` and two hexadecimal digits in a text of one character per byte. */
function percentBytes(text: string): Uint8Array {
  const isWide = /[\u0100-\uffff]/.test(text);
  const bytes = isWide
    ? new TextEncoder().encode(text)
    : Uint8Array.from(text, (character) => character.charCodeAt(0));
  const decoded: number[] = [];
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    const hex = byte === 0x25 ? String.fromCharCode(...bytes.subarray(index + 1, index + 3)) : "";
    if (/^[0-9a-f]{2}$/i.test(hex)) {
      decoded.push(parseInt(hex, 16));
      index += 2;
    } else {
      decoded.push(byte);
    }
  }
  return Uint8Array.from(decoded);
}

/** Decodes text in an encoding that browsers support; null if unsupported or malformed. */
function decodedAs(charset: string, bytes: Uint8Array): string | null {
  if (bytes.length === 0) return null;
  try {
    return new TextDecoder(charset === "" ? "utf-8" : charset, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Decodes a name that a server sent as raw UTF-8; `Headers` returns its bytes as Latin-1. */
function repair(text: string): string {
  // Text with other characters is decoded already.
  if (/[\u0100-\uffff]/.test(text)) return text;
  return decodedAs("utf-8", Uint8Array.from(text, (character) => character.charCodeAt(0))) ?? text;
}

function urlName(url: string): string {
  const segment = URL.parse(url)?.pathname.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
