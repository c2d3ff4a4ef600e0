/** Pages as lists: the links of HTML, of index pages with their dates and sizes, and of S3's listings. */

import type { ListDocument, ListItem, ListPage, PageListRule } from "../core/list.ts";
import type { PatternEngine } from "../core/pattern.ts";
import { quoteServerText } from "../core/text.ts";
import { mediaType } from "../content/content_type.ts";
import { invalidList, itemName, itemUrl } from "./document.ts";
import { absoluteUrl, linkTarget, nextUrl } from "./link.ts";
import { describeDocument, markupText } from "./markup_text.ts";
import { type PageLink, readLinks, type ScannedPage } from "./page_links.ts";
import { isS3Listing, parseS3Listing } from "./s3_listing.ts";

/**
 * Reads the links of a page. Not among the items are links to folders (their path ends in `/`), to
 * the page itself, to itself in another order (`?C=M;O=A`), to the next page, and to other schemes
 * than http and https. Fragments are dropped, and every URL is listed once.
 *
 * @param document HTML, or the listing of a bucket in the XML of S3.
 * @param rule Its pattern, if it has one, must match the absolute URL, or the link as written.
 * @param engine Matches the pattern.
 * @returns The next page is that of the Link header (RFC 8288), else of the first `<link>` or `<a>`
 * with `rel=next`. For S3, see {@linkcode parseS3Listing}.
 * @throws {CronfetchError} `list.invalid`: it is no page, a page of an error without a matching link,
 * a page without links that is not an empty index, or too large.
 *
 * @example
 * ```ts
 * import { loadPatternEngine } from "../core/pattern.ts";
 * import { parsePage } from "./page.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode('<a href="../">..</a> <a href="a.csv">a</a>');
 * const document = { bytes, url: "https://example.org/b/", contentType: "text/html", link: null };
 * const { items } = parsePage(document, { links: "\\.csv$" }, await loadPatternEngine());
 * assertEquals(items.map(({ url }) => url), ["https://example.org/b/a.csv"]);
 * ```
 */
export function parsePage(
  document: ListDocument,
  { links: pattern }: Pick<PageListRule, "links">,
  engine: Pick<PatternEngine, "test">,
): ListPage {
  const text = markupText(document);
  const mayKeep = (url: string, reference: string): boolean =>
    pattern === null || engine.test(pattern, url) ||
    (reference !== url && engine.test(pattern, reference));
  if (isS3Listing(text)) {
    const { items, next } = parseS3Listing(document, text);
    return { items: items.filter(({ url, name }) => mayKeep(url, name)), next };
  }
  const page = scannedPage(document, text);
  const base = baseOf(document, page);
  const pageUrl = new URL(document.url);
  const items = new Map<string, ListItem>();
  for (const link of page.links) {
    const url = itemUrl(link.href, base);
    if (url === null || link.isNext || isSamePage(url, pageUrl)) continue;
    if (isFolder(url) || !mayKeep(url, link.href)) continue;
    items.set(url, mergeItems(items.get(url), itemOf(url, link)));
  }
  if (items.size === 0) checkEmptyPage(page);
  return { items: [...items.values()], next: nextOf(document, page, base.url) };
}

/** Scans HTML; refuses other documents. */
function scannedPage(document: ListDocument, text: string): ScannedPage {
  const kind = describeDocument(document, text);
  // A page may begin with text, or with an element of its own.
  const mayBePage = mediaType(document.contentType) === "text/html" &&
    (kind === "text" || kind === "XML");
  const page = kind === "HTML" || mayBePage ? readLinks(text) : null;
  if (page === null || (mayBePage && page.links.length === 0)) {
    throw invalidList(`the page is ${kind}, not HTML`);
  }
  return page;
}

/** The document with the URL that its references are relative to (HTML Standard, section 2.4.3). */
function baseOf(document: ListDocument, { base }: ScannedPage): ListDocument {
  const url = base === null ? null : absoluteUrl(base, document.url);
  return url === null ? document : { ...document, url };
}

/** Whether a URL without a fragment is that of a folder; one with a query may be a download. */
function isFolder(url: string): boolean {
  return url.endsWith("/") && !url.includes("?");
}

/** Parameters by which index pages of Apache, nginx and Caddy are sorted and laid out. */
const ORDER_PARAMETERS: ReadonlySet<string> = new Set(
  ["C", "O", "F", "V", "P", "sort", "order", "layout", "limit", "offset"],
);

/** Whether a URL is that of the page itself, also in another order. */
function isSamePage(url: string, page: URL): boolean {
  const path = page.origin + page.pathname;
  if (!url.startsWith(path)) return false;
  const query = url.slice(path.length);
  if (query === page.search) return true;
  // Apache separates its parameters by semicolons.
  return query.startsWith("?") &&
    query.slice(1).split(/[&;]/).every((parameter) =>
      ORDER_PARAMETERS.has(parameter.split("=", 1)[0] ?? "")
    );
}

function itemOf(url: string, { download, date, sizeBytes }: PageLink): ListItem {
  const name = download === "" ? itemName(url) : download;
  return { url, name, id: null, sizeBytes, digests: {}, date, fields: {} };
}

/** Adds the date and size of a second link, since that of an icon may come before that of the name. */
function mergeItems(first: ListItem | undefined, second: ListItem): ListItem {
  if (first === undefined) return second;
  const { date, sizeBytes } = second;
  return { ...first, date: first.date ?? date, sizeBytes: first.sizeBytes ?? sizeBytes };
}

/** How the title of an error begins. */
const ERROR_START = /^(?:error|http status|[45]\d\d)\b/i;

/** Words in titles of pages that servers send with status 200 instead of what was requested. */
const ERROR_WORDS: readonly string[] = [
  "attention required",
  "bad gateway",
  "denied",
  "forbidden",
  "just a moment",
  "log in",
  "login",
  "maintenance",
  "not found",
  "server error",
  "session expired",
  "sign in",
  "timeout",
  "unauthorized",
  "unavailable",
];

function isErrorTitle(title: string): boolean {
  const words = title.toLowerCase();
  return ERROR_START.test(title) || ERROR_WORDS.some((word) => words.includes(word));
}

/** Titles of index pages. */
const INDEX_TITLE = /^\s*(?:index of|directory listing)\b/i;

/** Accepts a page without items only if it seems to be one that may be empty. */
function checkEmptyPage({ title, links }: ScannedPage): void {
  if (isErrorTitle(title)) {
    const shown = quoteServerText(title);
    throw invalidList(`the page has the title ${shown} and no link to a file`);
  }
  if (links.length === 0 && !INDEX_TITLE.test(title)) {
    throw invalidList(
      "the page has no links",
      "a page that adds its links by a script has no list; look for the URL that the script requests",
    );
  }
}

/** The URL of the next page. */
function nextOf(document: ListDocument, page: ScannedPage, base: string): string | null {
  const target = linkTarget(document.link, "next");
  if (target !== null) return nextUrl(target, document.url);
  for (const reference of page.next) {
    // A link to a script or to the page itself is how a page disables the link.
    const url = absoluteUrl(reference, base);
    if (url !== null && url !== absoluteUrl("", document.url)) return url;
  }
  return null;
}
