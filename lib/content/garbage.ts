/** Text that servers send in place of a file: pages, error documents, pointers. */

import { isErrorDocument, mayBeErrorDocument } from "./error_document.ts";
import { isBlankByte } from "./binary_format.ts";
import { isHtmlIn, isMarkup, xmlErrorIn } from "./markup.ts";
import type { MarkupRule } from "./markup.ts";
import { decodeText } from "./text_content.ts";

/**
 * Which text is accepted.
 * - `page`: HTML and templates of it; only pointers are refused.
 * - `unnamed`: a name without an extension; HTML and JSON of any kind are accepted.
 * - `office`: old Office extensions, under which programs also export HTML tables.
 * - `data`: formats that never begin with markup: CSV, JSON, YAML, …
 * - `xml`, `markdown`: formats that begin with markup of their own.
 * - `text`: everything else.
 */
export type TextRule = "page" | "unnamed" | "office" | MarkupRule;

/** The longest JSON that is parsed; more is data. */
const LONGEST_ERROR_BYTES = 16 * 1024;

/** JSON up to this size is parsed whatever its first member is. */
const SHORT_BYTES = 4 * 1024;

/** Holds the first member of an error document, indented and in UTF-16. */
const SAMPLE_BYTES = 256;

/**
 * What a text is in place of a file, in a few words, or null.
 *
 * @param head The first bytes.
 * @param isWhole Whether they are all.
 * @param isOfficeExport Whether the Content-Type header names a type of Office.
 */
export function garbageIn(
  head: Uint8Array,
  isWhole: boolean,
  rule: TextRule,
  isOfficeExport: boolean,
): string | null {
  // One byte decides for nearly every file, which spares it the decoding.
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
      return head.length <= LONGEST_ERROR_BYTES && isJsonReport(head)
        ? "a JSON error object"
        : null;
    case "v":
    case "/":
    case ".":
    case "#":
      return pointerIn(head);
    default:
      return null;
  }
}

/** Whether JSON that is whole reports an error. */
function isJsonReport(head: Uint8Array): boolean {
  // Most long JSON shows in its first member that it is data, and is not parsed.
  const isShort = head.length <= SHORT_BYTES;
  return (isShort || mayBeErrorDocument(decodeText(head.subarray(0, SAMPLE_BYTES)))) &&
    isErrorDocument(decodeText(head));
}

/** The first character that is not white space or a byte order mark; "" if it is not ASCII. */
function firstCharacter(head: Uint8Array): string {
  const byte = head.find((byte) => !isBlankByte(byte)) ?? 0;
  return byte < 0x80 ? String.fromCharCode(byte) : "";
}

/** Pointers are at most some hundred bytes long. */
const POINTER_BYTES = 1_024;

/** By the specifications of Git LFS, its predecessors, git-annex and Xet. */
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

/** Whether HTML is nothing but a table of at least two rows, as programs export it. */
function isTable(text: string): boolean {
  return /^\s*<table[\s>]/i.test(text) && (text.match(/<tr[\s>]/gi)?.length ?? 0) >= 2 &&
    !/<(?:form|script)[\s>]/i.test(text);
}
