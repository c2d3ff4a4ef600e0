/** Texts as lists: URLs, Google's `TsvHttpData-1.0`, the CSV of rclone, and checksum files. */

import { parseChecksumLine } from "../content/checksum.ts";
import { mediaType } from "../content/content_type.ts";
import { textFault } from "../content/text_content.ts";
import type { ListDocument, ListItem, ListPage } from "../core/list.ts";
import { DIGEST_ALGORITHMS } from "../core/task.ts";
import { quoteServerText } from "../core/text.ts";
import { checkCount, invalidList, itemName, itemUrl, listText } from "./document.ts";
import { readDigest, readSize } from "./values.ts";

/** First line of a URL list of Google Storage Transfer: URL, size and MD5 in base64, by tabs. */
const TSV_HEADER = "TsvHttpData-1.0";

/** A reference that is a URL, and no word of a message. */
const REFERENCE = /^(?:https?:\/\/|\.{0,2}\/)/i;

/** A field of CSV, in quotes or not (RFC 4180, section 2), up to a comma or the end. */
const CSV_FIELD = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;

/** What a line says of an item. */
type LineValues = Pick<ListItem, "url"> & Partial<Pick<ListItem, "name" | "sizeBytes" | "digests">>;

/** Reads a line that is neither blank nor a comment. Returns a clause if it is of another format. */
type LineReader = (line: string) => LineValues | string;

/**
 * Reads a list from a text with one item per line: an http or https URL, or a reference that begins
 * with `/`, `./` or `../`; a digest and a name, as in checksum files, relative to the document. With
 * the first line `TsvHttpData-1.0`, lines are a URL, a size and an MD5 in base64; of CSV, a URL and a
 * name. A document is CSV by its Content-Type, the name in its URL, or a first line in quotes: a
 * comma may be a part of a URL.
 *
 * Blank lines, lines with `#` in front and OpenPGP signatures are ignored.
 *
 * @param document UTF-8, or in the charset of its Content-Type.
 * @throws {CronfetchError} `list.invalid` for any other line, with its number.
 */
export function parseTextList(document: ListDocument): ListPage {
  const text = listText(document);
  const fault = textFault("plain", text, true);
  if (fault !== null) throw invalidList(`the list is ${fault}, not a text of URLs`);
  const lines = withoutSignature(text.split(/\r\n|\n|\r/));
  const isTsv = lines[0]?.trimEnd() === TSV_HEADER;
  if (isTsv) lines[0] = "";
  const read = isTsv ? readTsv : isCsv(document, lines) ? readCsv : readPlain;
  const items = new Map<string, ListItem>();
  for (const [index, line] of lines.entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const values = read(trimmed);
    if (typeof values === "string") throw refusedLine(index, values, trimmed);
    const item = itemOf(values, document);
    if (item === null) throw refusedLine(index, "is no http or https URL", trimmed);
    const known = items.get(item.url);
    items.set(item.url, known === undefined ? item : merged(known, item, index));
    checkCount(items.size);
  }
  return { items: [...items.values()], next: null };
}

function itemOf(values: LineValues, document: ListDocument): ListItem | null {
  const url = itemUrl(values.url, document);
  if (url === null) return null;
  const { name = itemName(url), sizeBytes = null, digests = {} } = values;
  return { url, name, id: null, sizeBytes, digests, date: null, fields: {} };
}

/** An item of two lines: a checksum file may have one for each algorithm. */
function merged(known: ListItem, item: ListItem, index: number): ListItem {
  const isOther = DIGEST_ALGORITHMS.some((algorithm) =>
    (known.digests[algorithm] ?? item.digests[algorithm]) !==
      (item.digests[algorithm] ?? known.digests[algorithm])
  );
  if (isOther) throw refusedLine(index, "has another digest than an earlier line", item.name);
  return { ...known, ...item, digests: { ...known.digests, ...item.digests } };
}

/** @param fault A clause. */
function refusedLine(index: number, fault: string, line: string): Error {
  return invalidList(
    `line ${index + 1} of the list ${fault}: ${quoteServerText(line)}`,
    "check what its URL returns; docs/lists.md describes the formats of texts",
  );
}

const readPlain: LineReader = (line) => {
  const checksum = parseChecksumLine(line);
  if (checksum === null) {
    if (!REFERENCE.test(line)) return "is no URL; a relative one begins with / or ./";
    return /\s/.test(line) ? "has more than a URL" : { url: line };
  }
  const { name, digest } = checksum;
  if (name === null) return "has a digest without a name";
  const algorithm = DIGEST_ALGORITHMS.find((known) => known === checksum.algorithm);
  const segments = name.replaceAll("\\", "/").split("/");
  return {
    // A name is no reference: it may contain a question mark or a percent sign.
    url: /^https?:\/\//i.test(name) ? name : `./${segments.map(encodeURIComponent).join("/")}`,
    digests: algorithm === undefined ? {} : { [algorithm]: digest },
  };
};

const readTsv: LineReader = (line) => {
  const [url = "", sizeText, md5Text, ...rest] = line.split("\t").map((field) => field.trim());
  if (rest.length > 0) return "has more than a URL, a size and an MD5";
  if (!REFERENCE.test(url)) return "has no URL in its first column";
  const sizeBytes = sizeText ? readSize(sizeText) : null;
  if (sizeText && sizeBytes === null) return "has no number of bytes in its second column";
  const md5 = md5Text ? readDigest(md5Text, "md5") : null;
  if (md5Text && md5 === null) return "has no MD5 in its third column";
  return { url, sizeBytes, digests: md5 === null ? {} : { md5 } };
};

function isCsv({ contentType, url }: ListDocument, lines: readonly string[]): boolean {
  const first = lines.find((line) => line.trim() !== "" && !line.startsWith("#")) ?? "";
  const { pathname } = new URL(url);
  return first.startsWith('"') || mediaType(contentType) === "text/csv" ||
    pathname.toLowerCase().endsWith(".csv");
}

const readCsv: LineReader = (line) => {
  const fields: string[] = [];
  for (CSV_FIELD.lastIndex = 0;;) {
    const [, quoted, plain = "", end] = CSV_FIELD.exec(line) ?? [];
    if (end === undefined) return "is not CSV";
    fields.push(quoted?.replaceAll('""', '"') ?? plain.trim());
    if (end === "") break;
  }
  const [url = "", name, ...rest] = fields;
  if (rest.length > 0) return "has more than a URL and a name";
  if (!REFERENCE.test(url)) return "has no URL in its first column";
  return name ? { url, name } : { url };
};

/** Replaces the lines of an OpenPGP signature around a text (RFC 9580, section 7) by blank ones. */
function withoutSignature(lines: readonly string[]): string[] {
  /** The line behind the armor: a message begins after a blank line. */
  let end: string | null = null;
  return lines.map((line) => {
    const mark = line.trimEnd();
    if (mark === "-----BEGIN PGP SIGNED MESSAGE-----") end = "";
    else if (mark === "-----BEGIN PGP SIGNATURE-----") end = "-----END PGP SIGNATURE-----";
    else if (end === null) return line.startsWith("- ") ? line.slice(2) : line;
    else if (mark === end) end = null;
    return "";
  });
}
