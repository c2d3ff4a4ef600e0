/** The text of HTML and XML documents, in the encoding that they declare, and what others are. */

import { isErrorDocument, xmlErrorIn } from "../content/error_document.ts";
import { findFormat } from "../content/binary_format.ts";
import { isHtmlIn, isMarkup } from "../content/markup.ts";
import type { ListDocument } from "../core/list.ts";
import { listText } from "./document.ts";

/** Bytes in which an encoding is declared (HTML Standard, section 13.2.3.2). */
const DECLARATION_BYTES = 1_024;

/** `encoding` of an XML declaration (XML 1.0, section 4.3.3). */
const XML_ENCODING = /^\s*<\?xml[^<>]*\sencoding\s*=\s*["']([\w.:-]+)/i;

/** The attribute `charset` of a `<meta>` element, or `charset` in its `content`. */
const META_CHARSET = /<meta\s[^<>]*charset\s*=\s*["']?([\w.:-]+)/i;

/** The charset of browsers for a page that declares none. Its decoder accepts all bytes. */
const DEFAULT_CHARSET = "windows-1252";

/**
 * The text of a document in HTML or XML: in UTF-8 or, if it is not, in the charset of its
 * Content-Type, in that of its own declaration, or in Windows-1252.
 *
 * @throws {CronfetchError} `list.invalid`: it is larger than 64 MiB.
 */
export function markupText(document: ListDocument): string {
  const head = new TextDecoder("latin1").decode(document.bytes.subarray(0, DECLARATION_BYTES));
  const declared = (XML_ENCODING.exec(head) ?? META_CHARSET.exec(head))?.[1];
  return listText(document, declared ?? DEFAULT_CHARSET, DEFAULT_CHARSET);
}

/** Characters of a document that are searched for an error. */
const REPORT_CHARACTERS = 16_384;

/** Names what a document is that is not of the expected format: `PDF data`, `HTML`, `JSON`. */
export function describeDocument({ bytes }: ListDocument, text: string): string {
  if (text.trim() === "") return "an empty document";
  const format = findFormat(bytes.subarray(0, REPORT_CHARACTERS));
  if (format !== null) return `${format.name} data`;
  const head = text.slice(0, REPORT_CHARACTERS);
  if (isHtmlIn(head, "text")) return "HTML";
  if (text.includes("\0")) return "binary data";
  const error = xmlErrorIn(head);
  if (error !== null) return error;
  if (isMarkup(head)) return "XML";
  if (!/^\s*[{[]/.test(head)) return "text";
  return text.length <= REPORT_CHARACTERS && isErrorDocument(text) ? "a JSON error object" : "JSON";
}
