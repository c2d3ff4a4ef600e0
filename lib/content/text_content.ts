/** Text content, recognized by a light look at its beginning. */

import type { TextKind } from "./content_type.ts";

/** Lines of a CSV file that are held against each other. */
const CSV_LINES = 10;
/** What CSV files put between fields; the first wins a tie. */
const CSV_DELIMITERS: readonly string[] = [",", ";", "\t", "|"];
/** A quoted field and what stands before it (RFC 4180, section 2). */
const QUOTED_FIELD = /(^|[,;\t|\r\n])"[^"]*(?:""[^"]*)*(?:"|$)/g;
/** How a JSON text begins that does not end where it can be seen (RFC 8259, section 2). */
const JSON_BEGINNING = /^\s*(?:"|\{\s*["}]|\[\s*(?:[\]{["\d-]|true|false|null))/;

/** What came first in a marked-up text. */
interface Opening {
  /** Name of the first element, or `!doctype` and its name; in lower case, `""` for neither. */
  readonly name: string;
  /** Whether a processing instruction such as `<?xml … ?>` came before it. */
  readonly instructed: boolean;
}

type Look = (text: string, whole: boolean) => string | null;

const LOOKS = {
  any: () => null,
  csv: csvFault,
  html: (text) => {
    const { name, instructed } = opening(text);
    return isHtml(text) || (name !== "" && !instructed) ? null : "no HTML";
  },
  json: jsonFault,
  plain: () => null,
  xml: (text) => {
    const { name, instructed } = opening(text);
    return name !== "" || instructed ? null : "no XML";
  },
} as const satisfies Record<TextKind, Look>;

/**
 * Text of the beginning of a file: UTF-8 without complaint about wrong bytes, or
 * UTF-16 where a byte order mark says so.
 */
export function decodeText(head: Uint8Array): string {
  const [first, second] = head;
  const encoding = first === 0xff && second === 0xfe
    ? "utf-16le"
    : first === 0xfe && second === 0xff
    ? "utf-16be"
    : "utf-8";
  return new TextDecoder(encoding).decode(head);
}

/**
 * What a text is instead of being of `kind`, in a few words, or null if it can
 * be of that kind. `whole` says that `text` is not only a beginning.
 */
export function textFault(kind: TextKind, text: string, whole: boolean): string | null {
  if (text.includes("\0")) return "binary data";
  if (kind !== "any" && kind !== "html" && isHtml(text)) return "HTML";
  return LOOKS[kind](text, whole);
}

/** Whether bytes begin as an HTML page does; white space, comments and a byte order mark aside. */
export function isHtmlPage(head: Uint8Array): boolean {
  // Spares nearly every file the decoding.
  return head.find((byte) => !isBlankByte(byte)) === 0x3c && isHtml(decodeText(head));
}

/** Whether a text begins with an SVG image's element. */
export function isSvg(text: string): boolean {
  return /^(?:!doctype )?svg$/.test(opening(text).name);
}

/** Whether bytes are one JSON text in UTF-8 (RFC 8259, sections 2 and 8.1). */
export function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

function isHtml(text: string): boolean {
  const { name, instructed } = opening(text);
  // XML may well have an element `head` or `body` for its root.
  return /^(?:!doctype )?html$/.test(name) || (!instructed && /^(?:head|body)$/.test(name));
}

function opening(text: string): Opening {
  // One piece a match: an expression over all of them would try every way to split the comments.
  const skipped = /\s+|<!--[\s\S]*?-->|<\?[\s\S]*?\?>/y;
  let start = 0;
  let instructed = false;
  for (let piece = skipped.exec(text); piece; piece = skipped.exec(text)) {
    instructed ||= piece[0].startsWith("<?");
    start = skipped.lastIndex;
  }
  const markup = /<(!doctype\s+)?([\p{L}_][^\s<>/[]*)/iuy;
  markup.lastIndex = start;
  const [, doctype, name = ""] = markup.exec(text) ?? [];
  return { name: (doctype ? "!doctype " : "") + name.toLowerCase(), instructed };
}

/** White space, or part of a byte order mark, or half of a UTF-16 character of Latin text. */
function isBlankByte(byte: number): boolean {
  return byte <= 0x20 || byte === 0xef || byte === 0xbb || byte === 0xbf || byte >= 0xfe;
}

function jsonFault(text: string, whole: boolean): string | null {
  if (!whole) return JSON_BEGINNING.test(text) ? null : "no JSON";
  try {
    JSON.parse(text);
    return null;
  } catch {
    return "no valid JSON";
  }
}

function csvFault(text: string, whole: boolean): string | null {
  if (/^\s*[{[]/.test(text) && jsonFault(text, whole) === null) return "JSON";
  const lines = text.replace(QUOTED_FIELD, "$1").split(/\r\n|\n|\r/);
  // The last line of a beginning is cut somewhere.
  if (!whole) lines.pop();
  const records = lines.filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .slice(0, CSV_LINES);
  const delimiter = delimiterOf(records[0] ?? "");
  const [fields, otherFields] = new Set(records.map((record) => record.split(delimiter).length));
  return otherFields === undefined ? null : `lines of ${fields} and of ${otherFields} fields`;
}

/** The delimiter a line has most of. */
function delimiterOf(line: string): string {
  const count = (delimiter: string) => line.split(delimiter).length;
  return CSV_DELIMITERS.reduce((most, next) => count(next) > count(most) ? next : most);
}
