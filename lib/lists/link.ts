/** Links in list documents: their URLs, the file names in them, and the Link header (RFC 8288). */

import { CronfetchError } from "../core/errors.ts";
import { quoteServerText } from "../core/text.ts";

/**
 * Resolves a reference of a document (RFC 3986, section 5). A user name and password in the base are
 * not inherited, since the URLs of items are kept in the state.
 *
 * @param reference As written; surrounding white space is ignored.
 * @param base Absolute URL.
 * @returns Absolute `http:` or `https:` URL without a fragment; null if it is none.
 *
 * @example
 * ```ts
 * import { absoluteUrl } from "./link.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(absoluteUrl("a.csv#top", "https://example.org/b/"), "https://example.org/b/a.csv");
 * assertEquals(absoluteUrl("mailto:a@example.org", "https://example.org/"), null);
 * ```
 */
export function absoluteUrl(reference: string, base: string): string | null {
  const url = URL.parse(reference, base);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return null;
  if (url.username + url.password !== "") {
    const { username, password } = new URL(base);
    if (url.username === username && url.password === password) url.username = url.password = "";
  }
  // Removing a fragment parses the URL again, and most have none.
  if (url.href.includes("#")) url.hash = "";
  return url.href;
}

/**
 * The file name in a URL: the last segment of its path, percent-decoded unless it is malformed.
 *
 * @param url Absolute URL.
 * @returns Not yet a safe key; `""` if the path ends in `/`.
 */
export function fileNameOf(url: string): string {
  const path = url.slice(url.indexOf("//") + 2).split(/[?#]/, 1)[0] ?? "";
  const segment = path.includes("/") ? path.slice(path.lastIndexOf("/") + 1) : "";
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/**
 * Resolves the reference to the next document of a list. Ignoring a malformed one would end the list
 * early, as if the other documents had no items.
 *
 * @param reference As written.
 * @param base Absolute URL.
 * @returns Absolute URL without a fragment.
 * @throws {CronfetchError} `list.invalid`: it is no `http:` or `https:` URL.
 */
export function nextUrl(reference: string, base: string): string {
  const url = absoluteUrl(reference, base);
  if (url !== null) return url;
  const shown = quoteServerText(reference);
  throw new CronfetchError(
    "list.invalid",
    `the link to the next page is ${shown}, which is no URL`,
  );
}

/**
 * The target of the first link of a Link header with a relation (RFC 8288, section 3). Links with an
 * `anchor` are ignored: they are links of another document. Names are compared without case; of a
 * repeated parameter the first one counts.
 *
 * @param header The header as received, several ones joined by commas; or null.
 * @param relation Registered relation type, in lower case: `next`.
 * @returns The reference as written, not resolved; null if there is no such link.
 *
 * @example
 * ```ts
 * import { linkTarget } from "./link.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(linkTarget('<?page=1>; rel="prev", <?page=3>; rel="next"', "next"), "?page=3");
 * ```
 */
export function linkTarget(header: string | null, relation: string): string | null {
  for (const { target, parameters } of linksOf(header ?? "")) {
    const relations = parameters.get("rel")?.toLowerCase().split(/[ \t]/) ?? [];
    if (relations.includes(relation) && !parameters.has("anchor")) return target;
  }
  return null;
}

interface Link {
  readonly target: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** The characters of a name, or of a value without quotes. */
const TOKEN = /[^\s"(),;<=>]+/y;
const BLANK = /[ \t]*/y;
/** A value in quotes; the closing one may be missing (RFC 9110, section 5.6.4). */
const QUOTED = /"((?:[^"\\]|\\[^])*)(?:"|\\?$)/y;

/** Parses a header (RFC 8288, appendix B.2); skips to the next link at a syntax error. */
function* linksOf(header: string): Generator<Link> {
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  const takeMark = (mark: string): boolean => {
    take(BLANK);
    if (header[at] !== mark) return false;
    at++;
    return true;
  };
  for (;;) {
    const start = header.indexOf("<", at);
    const end = header.indexOf(">", start);
    if (start < 0 || end < 0) return;
    const target = header.slice(start + 1, end).trim();
    const parameters = new Map<string, string>();
    at = end + 1;
    while (takeMark(";")) {
      take(BLANK);
      const name = take(TOKEN)?.[0].toLowerCase() ?? "";
      let value = "";
      if (takeMark("=")) {
        take(BLANK);
        const quoted = take(QUOTED)?.[1];
        value = quoted?.replace(/\\([^])/g, "$1") ?? take(TOKEN)?.[0] ?? "";
      }
      if (name !== "" && !parameters.has(name)) parameters.set(name, value);
    }
    yield { target, parameters };
  }
}
