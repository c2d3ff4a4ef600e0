/** A strict parser for the XML of S3's responses (XML 1.0, without document types). Pure. */

/** An element. Namespaces and attributes are dropped. */
export interface XmlElement {
  /** Without a prefix. */
  readonly name: string;
  /** The element's own text, entities decoded. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

/** Deeper documents are no response of S3, whose deepest has five levels. */
const MAX_DEPTH = 16;

/** A list of a thousand objects has less than 20 elements for each. */
const MAX_ELEMENTS = 50_000;

/** The entities that XML defines itself. */
const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  apos: "'",
  gt: ">",
  lt: "<",
  quot: '"',
};

/** An element whose end was not reached. */
interface OpenElement {
  /** With its prefix, as the end tag repeats it. */
  readonly tag: string;
  text: string;
  readonly children: XmlElement[];
}

/**
 * Parses a document.
 *
 * @returns Its root element.
 * @throws {SyntaxError} It is not well-formed, has a document type, or is too deep or too large.
 */
export function parseXml(document: string): XmlElement {
  const open: OpenElement[] = [];
  let root: XmlElement | null = null;
  let elements = 0;
  let at = document.startsWith("\ufeff") ? 1 : 0;

  const endOf = (mark: string, from: number): number => {
    const end = document.indexOf(mark, from);
    if (end < 0) throw new SyntaxError(`no ${mark} after character ${from}`);
    return end;
  };
  const addText = (text: string) => {
    const parent = open.at(-1);
    if (parent !== undefined) parent.text += text;
    else if (text.trim() !== "") throw new SyntaxError("text outside of the root element");
  };
  const close = ({ tag, text, children }: OpenElement) => {
    const element = { name: tag.slice(tag.indexOf(":") + 1), text, children };
    const parent = open.at(-1);
    if (parent !== undefined) parent.children.push(element);
    else if (root === null) root = element;
    else throw new SyntaxError("more than one root element");
  };

  while (at < document.length) {
    const start = document.indexOf("<", at);
    const textEnd = start < 0 ? document.length : start;
    if (textEnd > at) addText(decodeEntities(document.slice(at, textEnd)));
    if (start < 0) break;
    if (document.startsWith("<?", start)) {
      at = endOf("?>", start) + 2;
    } else if (document.startsWith("<!--", start)) {
      at = endOf("-->", start + 4) + 3;
    } else if (document.startsWith("<![CDATA[", start)) {
      const end = endOf("]]>", start);
      addText(document.slice(start + 9, end));
      at = end + 3;
    } else if (document.startsWith("<!", start)) {
      throw new SyntaxError("a document type is not allowed");
    } else if (document.startsWith("</", start)) {
      const end = endOf(">", start);
      const ended = open.pop();
      const name = document.slice(start + 2, end).trim();
      if (ended?.tag !== name) throw new SyntaxError(`unexpected </${name.slice(0, 40)}>`);
      close(ended);
      at = end + 1;
    } else {
      const end = endOf(">", start);
      const isEmpty = document[end - 1] === "/";
      const tag = tagOf(document.slice(start + 1, isEmpty ? end - 1 : end));
      if (open.length === MAX_DEPTH) throw new SyntaxError("the elements are nested too deep");
      if (++elements > MAX_ELEMENTS) throw new SyntaxError("the document has too many elements");
      const element: OpenElement = { tag, text: "", children: [] };
      if (isEmpty) close(element);
      else open.push(element);
      at = end + 1;
    }
  }
  if (root === null || open.length > 0) throw new SyntaxError("the document ends too early");
  return root;
}

/** The name in a start tag. S3's attributes declare namespaces, none of which contains a ">". */
function tagOf(startTag: string): string {
  const [tag = ""] = startTag.split(/\s/, 1);
  if (!/^[A-Za-z_][\w.:-]*$/.test(tag)) throw new SyntaxError("malformed start tag");
  return tag;
}

function decodeEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&([^&;]*)(;?)/g, (_whole, name: string, end: string) => {
    const decoded = end === ";" ? entity(name) : undefined;
    if (decoded === undefined) throw new SyntaxError(`unknown entity &${name.slice(0, 40)}`);
    return decoded;
  });
}

function entity(name: string): string | undefined {
  if (Object.hasOwn(ENTITIES, name)) return ENTITIES[name];
  const [, hex, decimal] = /^#(?:x([0-9a-f]{1,6})|([0-9]{1,7}))$/i.exec(name) ?? [];
  const code = hex === undefined ? Number(decimal) : parseInt(hex, 16);
  const isCharacter = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : undefined;
}

/** Text of the first child of that name; null if there is none. */
export function childText({ children }: XmlElement, name: string): string | null {
  return children.find((child) => child.name === name)?.text ?? null;
}

/** Escapes text for an element. */
export function escapeXmlText(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
