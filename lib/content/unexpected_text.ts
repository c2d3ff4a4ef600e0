/** Text that servers send instead of a file: HTML pages, error documents, pointers. */

import { isErrorDocument, mayBeErrorDocument, xmlErrorIn } from "./error_document.ts";
import { isBlankByte } from "./binary_format.ts";
import { isHtmlIn, isMarkup } from "./markup.ts";
import type { MarkupRule } from "./markup.ts";
import { decodeText } from "./text_content.ts";

/**
 * Which text is accepted as content of a file.
 * - `page`: HTML and its templates; only pointers are refused.
 * - `unnamed`: a name without an extension; HTML and JSON of any kind are accepted.
 * - `office`: old Office extensions, under which programs also export HTML tables.
 * - `data`: formats that never begin with markup: CSV, JSON, YAML, …
 * - `xml`, `markdown`: formats that begin with markup of their own.
 * - `text`: everything else.
 */
export type TextRule = "page" | "unnamed" | "office" | MarkupRule;

/** Longest JSON that is parsed; longer text is data. */
const MAX_JSON_BYTES = 16 * 1024;

/** JSON up to this size is parsed regardless of its first member. */
const SHORT_BYTES = 4 * 1024;

/** Bytes that contain the first member of an error document, even indented and in UTF-16. */
const SAMPLE_BYTES = 256;

/**
 * Names the text that was sent instead of a file: `HTML`, `a Git LFS pointer`.
 *
 * @param head The first bytes.
 * @param isWhole Whether `head` is all bytes.
 * @param isOfficeExport Whether the Content-Type header is a type of Office.
 * @returns Null if the text is accepted by the rule.
 */
export function unexpectedText(
  head: Uint8Array,
  isWhole: boolean,
  rule: TextRule,
  isOfficeExport: boolean,
): string | null {
  // The first byte decides for nearly every file, so that it is not decoded.
  switch (firstCharacter(head)) {
    case "<": {
      if (rule === "page") return null;
      const text = decodeText(head);
      const error = xmlErrorIn(text);
      if (error !== null) return error;
      if (rule === "unnamed") return null;
      if (rule === "office") {
        const isExport = isOfficeExport || isOfficeHtml(text) || isTable(text);
        return isHtmlIn(text, "text") && !isExport ? "HTML" : null;
      }
      if (isHtmlIn(text, rule)) return "HTML";
      if (rule === "xml" && /^\s*<\?php\s/.test(text)) return "PHP source";
      if (rule !== "data" || !isMarkup(text)) return null;
      return /^\s*<\?xml\s/.test(text) ? "XML" : "markup";
    }
    case "{":
    case "[":
      if (rule === "page" || rule === "unnamed" || !isWhole) return null;
      return head.length <= MAX_JSON_BYTES && isJsonReport(head) ? "a JSON error object" : null;
    case "v":
    case "/":
    case ".":
    case "#":
      return pointerIn(head);
    default:
      return null;
  }
}

/** Whether a whole JSON text reports an error. */
function isJsonReport(head: Uint8Array): boolean {
  // The first member of most long JSON shows that it is data, so that it is not parsed.
  const isShort = head.length <= SHORT_BYTES;
  return (isShort || mayBeErrorDocument(decodeText(head.subarray(0, SAMPLE_BYTES)))) &&
    isErrorDocument(decodeText(head));
}

/** The first character that is not white space or a byte order mark; "" if it is not ASCII. */
function firstCharacter(head: Uint8Array): string {
  const byte = head.find((byte) => !isBlankByte(byte)) ?? 0;
  return byte < 0x80 ? String.fromCharCode(byte) : "";
}

/** Pointers have a few hundred bytes at most. */
const POINTER_BYTES = 1_024;

/** After the specifications of Git LFS, its predecessors, git-annex and Xet. */
const POINTERS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [
    /^\s*version https?:\/\/(?:git-lfs\.github\.com\/spec|hawser\.github\.com\/spec|git-media\.io\/v)\//,
    "a Git LFS pointer",
  ],
  [/^\s*(?:(?:\.\.?\/)*\.git)?\/annex\/objects\/[^\n]+(?:\n|$)/, "a git-annex pointer"],
  [/^\s*# xet version \d/, "a Xet pointer"],
];

function pointerIn(head: Uint8Array): string | null {
  const text = decodeText(head.subarray(0, POINTER_BYTES));
  return POINTERS.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}

const OFFICE_MARK = new RegExp(
  "urn:schemas-microsoft-com:(?:office|vml)|application/(?:vnd\\.ms-excel|msword)|" +
    "content=[\"']?(?:excel|word)\\.",
  "i",
);

/** Whether HTML is marked as a document of Office. */
export function isOfficeHtml(text: string): boolean {
  return OFFICE_MARK.test(text);
}

/** Whether HTML is only a table of at least two rows, as programs export it. */
function isTable(text: string): boolean {
  return /^\s*<table[\s>]/i.test(text) && (text.match(/<tr[\s>]/gi)?.length ?? 0) >= 2 &&
    !/<(?:form|script)[\s>]/i.test(text);
}
