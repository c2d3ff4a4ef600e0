/** Content sniffing: whether received bytes can be the file, by its name or expected type. */

import { cutServerText } from "../core/text.ts";
import { findFormat, formatOfExtension, formatOfType, isText } from "./binary_format.ts";
import type { BinaryFormat } from "./binary_format.ts";
import { mediaType, textKind, typesAgree } from "./content_type.ts";
import { isOfficeHtml, unexpectedText } from "./unexpected_text.ts";
import type { TextRule } from "./unexpected_text.ts";
import { isXml } from "./markup.ts";
import { decodeText } from "./text_content.ts";

/** The content to check. */
export interface SniffedContent {
  /** The first bytes, up to 64 KiB. */
  readonly head: Uint8Array;
  /** Total size in bytes. */
  readonly sizeBytes: number;
  /** The Content-Type header, or null. */
  readonly contentType: string | null;
  /** The key of the file. */
  readonly key: string;
  /** The expected media type, used instead of the key; or null. */
  readonly type: string | null;
}

/** Extensions of text formats by rule; other extensions are `text`. */
const EXTENSIONS: readonly (readonly [rule: TextRule, extensions: string])[] = [
  [
    "page",
    "html htm xhtml xht shtml shtm stm mht mhtml php php3 php4 php5 phtml asp aspx ashx asmx jsp " +
    "jspx jsf do action cgi fcgi pl cfm hta vue svelte astro hbs handlebars mustache ejs erb " +
    "jinja jinja2 j2 twig tpl tmpl liquid njk cshtml razor ftl vm gohtml eta",
  ],
  ["office", "doc dot xls xlt xlw ppt pps pot"],
  [
    "xml",
    "xml rss atom svg kml gpx gml xsd xsl xslt wsdl opml plist rdf owl xbrl tei musicxml fb2 " +
    "csproj pom resx xlf xliff tmx dae x3d mpd smil ttml dfxp jnlp xspf osm osc xaml fods fodt",
  ],
  ["markdown", "md markdown mdown mkd mdx rmd qmd"],
  [
    "data",
    "csv tsv tab psv json geojson topojson ndjson jsonl jsonld json5 jsonc har ipynb webmanifest " +
    "avsc yaml yml toml ini ics ical ifb vcf sql css js mjs cjs m3u m3u8 srt vtt pem bib ris wkt",
  ],
];

const RULES: ReadonlyMap<string, TextRule> = new Map(
  EXTENSIONS.flatMap(([rule, extensions]) =>
    extensions.split(" ").map((extension) => [extension, rule])
  ),
);

/** Content-Types of HTML tables that programs export for Office. */
const OFFICE_TYPE =
  /^application\/(?:(?:vnd\.|x-)?ms-?(?:excel|word|powerpoint)|excel|x-excel|vnd\.openxml)/;

/** The required content: a binary format, or text by a rule. */
type Demand = BinaryFormat | TextRule;

/**
 * Checks that content can be the file:
 * - if the format of the name or expected type has magic bytes, the content must have them;
 * - otherwise text that servers send instead of a file is refused ({@linkcode unexpectedText}), and
 *   so is `Content-Type: text/html`, unless the bytes prove another type.
 *
 * A header never overrules magic bytes. docs/expectations.md has the complete rule.
 *
 * @returns A message, or null if the content is accepted.
 */
export function sniffFault(
  { head, sizeBytes, contentType, key, type }: SniffedContent,
): string | null {
  if (sizeBytes === 0) return null;
  const extension = type === null ? extensionOf(key) : null;
  const demand = type === null ? demandOfExtension(extension) : demandOfType(type);
  const isWhole = head.length === sizeBytes;
  if (typeof demand === "object") {
    if (demand.matches(head)) return null;
    const expected = type ?? `${demand.name} for a .${extension} file`;
    return `expected ${expected}, found ${describeBytes(head, isWhole)}`;
  }
  const expected = type ?? (extension === null ? "a file" : `the content of a .${extension} file`);
  const declared = mediaType(contentType);
  const unexpected = unexpectedText(head, isWhole, demand, OFFICE_TYPE.test(declared ?? ""));
  if (unexpected !== null) {
    return `expected ${expected}, found ${unexpected}`;
  }
  if (demand === "page" || demand === "unnamed" || declared === null) return null;
  if (!typesAgree("text/html", declared) || provesOtherType(head, demand)) return null;
  return `expected ${expected}, the Content-Type is ${cutServerText(declared)}`;
}

/**
 * Names the type of content for a message: `PDF`, `HTML`, `text`.
 *
 * @param isWhole Whether `head` is all bytes.
 */
export function describeBytes(head: Uint8Array, isWhole: boolean): string {
  return findFormat(head)?.name ?? unexpectedText(head, isWhole, "text", false) ??
    (isText(head) ? "text" : "bytes of unknown type");
}

/** Whether the bytes prove that `Content-Type: text/html` is wrong. */
export function provesOtherType(head: Uint8Array, demand: TextRule): boolean {
  if (!isText(head) || findFormat(head) !== null) return true;
  return (demand === "xml" && isXml(decodeText(head))) ||
    (demand === "office" && isOfficeHtml(decodeText(head)));
}

/** The extension in lower case; null without one, and for a version number: `v1.2`. */
function extensionOf(key: string): string | null {
  const extension = /[^/]\.([a-z0-9]{1,16})$/i.exec(key)?.[1]?.toLowerCase();
  return extension === undefined || /^\d+$/.test(extension) ? null : extension;
}

function demandOfExtension(extension: string | null): Demand {
  if (extension === null) return "unnamed";
  return formatOfExtension(extension) ?? RULES.get(extension) ?? "text";
}

function demandOfType(type: string): Demand {
  const kind = textKind(type);
  switch (kind) {
    case null:
      return formatOfType(type) ?? "text";
    case "any":
    case "html":
      return "page";
    case "csv":
    case "json":
      return "data";
    case "xml":
      return "xml";
    case "plain":
      return typesAgree("text/markdown", type) ? "markdown" : "text";
    default:
      return kind satisfies never;
  }
}
