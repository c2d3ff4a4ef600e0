/** Text content, judged by its beginning. */

import type { TextKind } from "./content_type.ts";
import { isHtmlIn, isXml, openingOf } from "./markup.ts";

/** Lines of a CSV file that are compared with each other. */
const CSV_LINES = 50;
/** The largest share of lines below the title that have another number of fields. */
const STRAY_SHARE = 0.1;
/** What CSV files put between fields. */
const CSV_DELIMITERS: readonly string[] = [",", ";", "\t", "|"];
/** A quoted field and what is in front of it (RFC 4180, section 2). */
const QUOTED_FIELD = /(^|[,;\t|\r\n]) *"[^"]*(?:""[^"]*)*(?:"|$)/g;
/** How a JSON text begins that does not end where it can be seen (RFC 8259, section 2). */
const JSON_BEGINNING = /^\s*(?:"|\{\s*["}]|\[\s*(?:[\]{["\d-]|true|false|null))/;

type Look = (text: string, whole: boolean) => string | null;

const LOOKS = {
  any: () => null,
  csv: csvFault,
  html: (text) => {
    const { name, isInstructed } = openingOf(text);
    return isHtmlIn(text, "text") || (name !== "" && !isInstructed) ? null : "no HTML";
  },
  json: jsonFault,
  plain: () => null,
  xml: (text) => isXml(text) ? null : "no XML",
} as const satisfies Record<TextKind, Look>;

/** Which HTML is refused. A plain text may begin with a piece of HTML, though not with a page. */
const MARKUP = { csv: "data", json: "data", plain: "markdown", xml: "xml" } as const;

/**
 * Text of the beginning of a file: UTF-8 with replacements for wrong bytes, or
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
  if (kind !== "any" && kind !== "html" && isHtmlIn(text, MARKUP[kind])) return "HTML";
  return LOOKS[kind](text, whole);
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

/** Whether lines of these numbers of fields are a table: at least two equal ones below its title. */
function isTable(widths: readonly number[]): boolean {
  const counts = Map.groupBy(widths.filter((width) => width > 1), (width) => width);
  const [[columns = 0] = []] = [...counts].toSorted(([, a], [, b]) => b.length - a.length);
  const body = widths.slice(widths.indexOf(columns));
  const others = body.filter((width) => width !== columns).length;
  return body.length - others >= 2 && others <= body.length * STRAY_SHARE;
}
