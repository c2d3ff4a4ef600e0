/** HTML and XML, recognized by how a text begins. */

/** Which markup a format begins with: any but HTML, none, XML, or pieces of HTML. */
export type MarkupRule = "text" | "data" | "xml" | "markdown";

/** How a marked-up text begins, white space and comments aside. */
export interface Opening {
  /** Name of the first element, or `!doctype` and its name; in lower case, `""` for neither. */
  readonly name: string;
  /** Whether a processing instruction such as `<?xml … ?>` comes before it. */
  readonly isInstructed: boolean;
  /** The rest of the tag, as far as it goes; up to 2,000 characters. */
  readonly attributes: string;
  /** Index of the first character after the tag. */
  readonly end: number;
}

/** Reads the beginning of a text. */
export function openingOf(text: string): Opening {
  // One piece a match: an expression over all of them would try every way to split the comments.
  const skipped = /\s+|<!--[\s\S]*?-->|<\?[\s\S]*?\?>/y;
  let start = 0;
  let isInstructed = false;
  for (let piece = skipped.exec(text); piece; piece = skipped.exec(text)) {
    isInstructed ||= piece[0].startsWith("<?");
    start = skipped.lastIndex;
  }
  const markup = /<(!doctype\s+)?([\p{L}_][^\s<>/[]*)([^<>]{0,2000}>?)/iuy;
  markup.lastIndex = start;
  const [, doctype, name = "", attributes = ""] = markup.exec(text) ?? [];
  return {
    name: (doctype ? "!doctype " : "") + name.toLowerCase(),
    isInstructed,
    attributes,
    end: markup.lastIndex,
  };
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** Elements that begin a whole page. */
const PAGE = words("html head body title meta base link script noscript frameset");
/** Elements that begin a piece of a page, and are unlikely as the root of an XML document. */
const PIECE = words(
  "style div p br hr span center font h1 h2 h3 h4 h5 h6 em strong img ul ol table form " +
    "iframe nav pre blockquote basefont marquee",
);
/** Elements of HTML that are more likely to be XML where XML is due. */
const OTHER = words(
  "a b i u tt dl tr td th tbody thead li dt dd input button label select textarea frame noframes " +
    "code section article header footer main aside figure address small big object embed canvas " +
    "details dialog",
);

/**
 * Whether a text is HTML in place of a format.
 *
 * A page is always recognized. Its pieces are those of Markdown as well, and XML may have a root
 * of the same name if a declaration or a namespace of its own makes it XML.
 */
export function isHtmlIn(text: string, rule: MarkupRule): boolean {
  const { name, isInstructed, attributes, end } = openingOf(text);
  if (name === "html" || name === "!doctype html") return true;
  // CSV of some exchanges has its column names in angle brackets: <TITLE>,<DATE>.
  if (isInstructed || (attributes === ">" && /^[,;|]</.test(text.slice(end, end + 2)))) {
    return false;
  }
  switch (rule) {
    case "markdown":
      return PAGE.has(name);
    case "xml":
      return (PAGE.has(name) || PIECE.has(name)) && !/\sxmlns[=:]/.test(attributes);
    case "text":
    case "data":
      return PAGE.has(name) || PIECE.has(name) || OTHER.has(name);
    default:
      return rule satisfies never;
  }
}

/** Whether a text begins as XML that is not HTML does: with a declaration or an element. */
export function isXml(text: string): boolean {
  const { name, isInstructed } = openingOf(text);
  return (isInstructed || name !== "") && !isHtmlIn(text, "xml");
}

/** Whether a text begins with an SVG image's element. */
export function isSvg(text: string): boolean {
  return /^(?:!doctype )?svg$/.test(openingOf(text).name);
}

/** Roots that XML has only for reports of errors: of AWS, and of OGC services (WMS, WFS). */
const ERROR_ROOTS = words("errorresponse exceptionreport serviceexceptionreport");

/** Children of `<Error>` as S3, Azure, Google and others write it. */
const ERROR_CHILDREN = words("code message");

/** Where SOAP's `Body` and `Fault` are, if the envelope has them. */
const FAULT_CHARACTERS = 4_096;

/** A report of an error in XML, with its code if there is one; or null. */
export function xmlErrorIn(text: string): string | null {
  const { name, end } = openingOf(text);
  const root = localName(name);
  const isFault = root === "envelope" &&
    /<(?:[\w-]{1,40}:)?Fault[\s>]/.test(text.slice(end, end + FAULT_CHARACTERS));
  if (isFault || ERROR_ROOTS.has(root)) return "an XML error document";
  if (root !== "error") return null;
  const child = /\s*<([\w:.-]+)(?:[^\w:.<>-][^<>]*)?>([^<>]{0,100})/y;
  child.lastIndex = end;
  const [, element = "", value = ""] = child.exec(text) ?? [];
  const isReport = ERROR_CHILDREN.has(localName(element.toLowerCase()));
  if (!isReport) return null;
  const code = /^\s*([\w.]{1,60})\s*$/.exec(value)?.[1];
  return code === undefined ? "an XML error document" : `an XML error document (${code})`;
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}
