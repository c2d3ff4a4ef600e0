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
    "details dialog template video audio picture fieldset legend applet",
);
/** Attributes that elements of a page have. */
const STYLED = /\s(?:class|style|role|onload|onclick)\s*=/i;
/** A script after the first element makes a page of it, whatever the element is. */
const SCRIPT = /<script[\s>]/i;
const SCRIPT_CHARACTERS = 4_096;

/**
 * Whether a text is HTML in place of a format.
 *
 * A page is always recognized. Its pieces are those of Markdown as well, and XML may have a root
 * of the same name if a declaration or a namespace of its own makes it XML.
 */
export function isHtmlIn(text: string, rule: MarkupRule): boolean {
  const { name, isInstructed, attributes, end } = openingOf(text);
  // The short form of a stylesheet (XSLT 1.0, section 2.3).
  if (/\sxsl:version=/.test(attributes)) return false;
  if (name === "html" || name === "!doctype html") return true;
  if (isInstructed || isColumnName(text, attributes, end)) return false;
  switch (rule) {
    case "markdown":
      return PAGE.has(name);
    case "xml":
      return !/\sxmlns[=:]/.test(attributes) &&
        (PAGE.has(name) || PIECE.has(name) ||
          (OTHER.has(name) && name !== "object" && STYLED.test(attributes)));
    case "text":
    case "data":
      return PAGE.has(name) || PIECE.has(name) || OTHER.has(name) ||
        (name !== "" && SCRIPT.test(text.slice(end, end + SCRIPT_CHARACTERS)));
    default:
      return rule satisfies never;
  }
}

/** CSV of some exchanges has its column names in angle brackets: `<TITLE>,<DATE>`. */
function isColumnName(text: string, attributes: string, end: number): boolean {
  return attributes === ">" && /^ ?[,;|\t] ?</.test(text.slice(end, end + 4));
}

/**
 * Whether a text begins with markup of any kind, which no CSV, JSON or calendar does: an element, a
 * document type, an instruction, or a template of a server.
 */
export function isMarkup(text: string): boolean {
  const { name, isInstructed, attributes, end } = openingOf(text);
  if (isInstructed || /^\s*<[?%]/.test(text)) return true;
  return name !== "" && !isColumnName(text, attributes, end);
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
/** Children that short reports of others begin with. */
const SHORT_CHILDREN = words(
  "status statuscode description detail details reason title text msg faultcode faultstring",
);

/** Where SOAP's `Body` and `Fault` are, if the envelope has them. */
const FAULT_CHARACTERS = 4_096;

/** A report of an error in XML, with its code if there is one; or null. */
export function xmlErrorIn(text: string): string | null {
  const { name, attributes, end } = openingOf(text);
  const root = localName(name);
  const isFault = root === "envelope" &&
    /<(?:[\w-]{1,40}:)?Fault[\s>]/.test(text.slice(end, end + FAULT_CHARACTERS));
  if (isFault || ERROR_ROOTS.has(root)) return "an XML error document";
  const isShort = text.length <= SHORT_REPORT;
  const isFailed = isShort && ENVELOPES.has(root) &&
    (FAILED_STATUS.test(attributes) || holdsError(text.slice(end)));
  if (isFailed) return "an XML error document";
  return ERROR_ROOT.has(root) ? reportIn(text.slice(end), attributes, isShort) : null;
}

/** Longest report, in characters, that is recognized by what is inside its root. */
const SHORT_REPORT = 4_096;
/** Roots of reports, if what follows is that of one. */
const ERROR_ROOT = words("error fault exception");
/** Roots of responses of which an attribute or an element reports an error. */
const ENVELOPES = words("errors exceptions hash response result rsp oai-pmh");
const FAILED_STATUS = /\sstat(?:us)?\s*=\s*["']?(?:err|fail)/i;
const CODE_ATTRIBUTE = /\s(?:code|message|status)\s*=/i;
const ERROR_ELEMENT = /<(?:[\w-]{1,40}:)?(?:err|error|exception)(\s[^<>]*)?>([^<>]*)/gi;
const NO_ERROR = /^\s*(?:0|none|no|false|ok)\s*$/i;

/** Whether an element of a text reports an error: it has a child, a text, or attributes alone. */
function holdsError(text: string): boolean {
  for (
    const { 0: whole, 1: attributes = "", 2: value = "", index } of text.matchAll(ERROR_ELEMENT)
  ) {
    const isEmpty = attributes.endsWith("/") || text.startsWith("</", index + whole.length);
    if (
      isEmpty && value.trim() === "" ? attributes.includes("=") : !NO_ERROR.test(value)
    ) return true;
  }
  return false;
}

/** What a root such as `Error` holds of a report, with its code if there is one; or null. */
function reportIn(rest: string, attributes: string, isShort: boolean): string | null {
  const [, element = "", value = ""] =
    /^\s*<([\w:.-]+)(?:[^\w:.<>-][^<>]*)?>([^<>]{0,100})/.exec(rest) ??
      [];
  const child = localName(element.toLowerCase());
  const isReport = ERROR_CHILDREN.has(child) ||
    (isShort &&
      (SHORT_CHILDREN.has(child) || CODE_ATTRIBUTE.test(attributes) || /^\s*[^\s<]/.test(rest)));
  if (!isReport) return null;
  const code = ERROR_CHILDREN.has(child) ? /^\s*([\w.]{1,60})\s*$/.exec(value)?.[1] : undefined;
  return code === undefined ? "an XML error document" : `an XML error document (${code})`;
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}
