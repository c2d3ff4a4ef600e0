/** HTML and XML, recognized by the beginning of a text. */

/** The markup with which a format begins: any except HTML, none, XML, or fragments of HTML. */
export type MarkupRule = "text" | "data" | "xml" | "markdown";

/** The beginning of a marked-up text, without white space and comments. */
export interface MarkupStart {
  /** Name of the first element, or `!doctype` and its name; in lower case, `""` for neither. */
  readonly name: string;
  /** Whether a processing instruction such as `<?xml … ?>` comes before it. */
  readonly hasDeclaration: boolean;
  /** The rest of the tag, up to 2,000 characters. */
  readonly attributes: string;
  /** Index of the first character after the tag. */
  readonly end: number;
}

/** Reads the beginning of a text. */
export function readMarkupStart(text: string): MarkupStart {
  // One match per comment: an expression over all of them would backtrack into every split.
  const skipped = /\s+|<!--[\s\S]*?-->|<\?[\s\S]*?\?>/y;
  let start = 0;
  let hasDeclaration = false;
  for (let piece = skipped.exec(text); piece; piece = skipped.exec(text)) {
    hasDeclaration ||= piece[0].startsWith("<?");
    start = skipped.lastIndex;
  }
  const markup = /<(!doctype\s+)?([\p{L}_][^\s<>/[]*)([^<>]{0,2000}>?)/iuy;
  markup.lastIndex = start;
  const [, doctype, name = "", attributes = ""] = markup.exec(text) ?? [];
  return {
    name: (doctype ? "!doctype " : "") + name.toLowerCase(),
    hasDeclaration,
    attributes,
    end: markup.lastIndex,
  };
}

/** A set of the words of a text. */
export const wordSet = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** Elements that begin a whole page. */
const PAGE = wordSet("html head body title meta base link script noscript frameset");
/** Elements that begin a fragment of a page, and are unlikely as the root of an XML document. */
const FRAGMENT = wordSet(
  "style div p br hr span center font h1 h2 h3 h4 h5 h6 em strong img ul ol table form " +
    "iframe nav pre blockquote basefont marquee",
);
/** Other elements of HTML, which are XML if XML is expected. */
const OTHER = wordSet(
  "a b i u tt dl tr td th tbody thead li dt dd input button label select textarea frame noframes " +
    "code section article header footer main aside figure address small big object embed canvas " +
    "details dialog template video audio picture fieldset legend applet",
);
/** Attributes of HTML elements, which XML elements of the same name do not have. */
const STYLED = /\s(?:class|style|role|onload|onclick)\s*=/i;
/** A script after the first element, of any name, means that the text is a page. */
const SCRIPT = /<script[\s>]/i;
const SCRIPT_CHARACTERS = 4_096;

/**
 * Whether a text is HTML instead of a format. A page is always recognized; fragments are part of
 * Markdown too, and XML with a declaration or namespace may have a root of the same name.
 */
export function isHtmlIn(text: string, rule: MarkupRule): boolean {
  const { name, hasDeclaration, attributes, end } = readMarkupStart(text);
  // A simplified stylesheet (XSLT 1.0, section 2.3).
  if (/\sxsl:version=/.test(attributes)) return false;
  if (name === "html" || name === "!doctype html") return true;
  if (hasDeclaration || isColumnName(text, attributes, end)) return false;
  switch (rule) {
    case "markdown":
      return PAGE.has(name);
    case "xml":
      return !/\sxmlns[=:]/.test(attributes) &&
        (PAGE.has(name) || FRAGMENT.has(name) ||
          (OTHER.has(name) && name !== "object" && STYLED.test(attributes)));
    case "text":
    case "data":
      return PAGE.has(name) || FRAGMENT.has(name) || OTHER.has(name) ||
        (name !== "" && SCRIPT.test(text.slice(end, end + SCRIPT_CHARACTERS)));
    default:
      return rule satisfies never;
  }
}

/** The CSV files of some exchanges have column names in angle brackets: `<TITLE>,<DATE>`. */
function isColumnName(text: string, attributes: string, end: number): boolean {
  return attributes === ">" && /^ ?[,;|\t] ?</.test(text.slice(end, end + 4));
}

/**
 * Whether a text begins with markup of any kind, unlike CSV, JSON or calendars: an element, a
 * document type, an instruction, or a server-side template.
 */
export function isMarkup(text: string): boolean {
  const { name, hasDeclaration, attributes, end } = readMarkupStart(text);
  if (hasDeclaration || /^\s*<[?%]/.test(text)) return true;
  return name !== "" && !isColumnName(text, attributes, end);
}

/** Whether a text begins with an XML declaration or element, and is not HTML. */
export function isXml(text: string): boolean {
  const { name, hasDeclaration } = readMarkupStart(text);
  return (hasDeclaration || name !== "") && !isHtmlIn(text, "xml");
}

/** Whether a text begins with an `<svg>` element. */
export function isSvg(text: string): boolean {
  return /^(?:!doctype )?svg$/.test(readMarkupStart(text).name);
}
