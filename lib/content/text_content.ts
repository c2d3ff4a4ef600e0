/** Checks of text by kind: CSV, HTML, JSON, plain text, XML. */

import type { TextKind } from "./content_type.ts";
import { isHtmlIn, isXml, readMarkupStart } from "./markup.ts";

/** Lines of a CSV file that are compared. */
const CSV_LINES = 50;
/** Largest share of lines below the title with another number of fields. */
const MAX_STRAY_SHARE = 0.1;
const CSV_DELIMITERS: readonly string[] = [",", ";", "\t", "|"];
/** A quoted field and the delimiter before it (RFC 4180, section 2). */
const QUOTED_FIELD = /(^|[,;\t|\r\n]) *"[^"]*(?:""[^"]*)*(?:"|$)/g;
/** The beginning of a JSON text (RFC 8259, section 2), for one that is cut. */
const JSON_BEGINNING = /^\s*(?:"|\{\s*["}]|\[\s*(?:[\]{["\d-]|true|false|null))/;

type KindFault = (text: string, whole: boolean) => string | null;

const FAULTS = {
  any: () => null,
  csv: csvFault,
  html: (text) => {
    const { name, hasDeclaration } = readMarkupStart(text);
    return isHtmlIn(text, "text") || (name !== "" && !hasDeclaration)
      ? null
      : "text that is not HTML";
  },
  json: jsonFault,
  plain: () => null,
  xml: (text) => isXml(text) ? null : "text that is not XML",
} as const satisfies Record<TextKind, KindFault>;

/** The HTML to refuse, by kind. Plain text may begin with a fragment of HTML, but not a page. */
const MARKUP = { csv: "data", json: "data", plain: "markdown", xml: "xml" } as const;

/**
 * Decodes the beginning of a file: as UTF-16 if it has that byte order mark, else as UTF-8 with
 * replacement characters for invalid bytes.
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
 * Checks that a text can be of a kind.
 *
 * @param whole Whether `text` is the whole text, not only the beginning.
 * @returns What it is instead, in a few words; or null.
 */
export function textFault(kind: TextKind, text: string, whole: boolean): string | null {
  if (text.includes("\0")) return "binary data";
  if (kind !== "any" && kind !== "html" && isHtmlIn(text, MARKUP[kind])) return "HTML";
  return FAULTS[kind](text, whole);
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

function jsonFault(text: string, whole: boolean): string | null {
  if (!whole) return JSON_BEGINNING.test(text) ? null : "text that is not JSON";
  try {
    JSON.parse(text);
    return null;
  } catch {
    return "invalid JSON";
  }
}

function csvFault(text: string, whole: boolean): string | null {
  if (/^\s*[{[]/.test(text) && jsonFault(text, whole) === null) return "JSON";
  const lines = text.replace(QUOTED_FIELD, "$1").split(/\r\n|\n|\r/);
  // The last line is cut.
  if (!whole) lines.pop();
  const records = lines.filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .slice(0, CSV_LINES);
  const widths = CSV_DELIMITERS.map((delimiter) =>
    records.map((record) => record.split(delimiter).length)
  );
  if (records.length < 2 || widths.every(isOneColumn) || widths.some(isTable)) return null;
  const most = widths.reduce((most, next) => (next[0] ?? 0) > (most[0] ?? 0) ? next : most);
  const [fields, otherFields = fields] = new Set(most);
  return `lines of ${fields} and of ${otherFields} fields`;
}

function isOneColumn(widths: readonly number[]): boolean {
  return widths.every((width) => width === 1);
}

/** Whether lines of these numbers of fields are a table: two equal ones at least, below a title. */
function isTable(widths: readonly number[]): boolean {
  const counts = Map.groupBy(widths.filter((width) => width > 1), (width) => width);
  const [[columns = 0] = []] = [...counts].toSorted(([, a], [, b]) => b.length - a.length);
  const body = widths.slice(widths.indexOf(columns));
  const others = body.filter((width) => width !== columns).length;
  return body.length - others >= 2 && others <= body.length * MAX_STRAY_SHARE;
}
