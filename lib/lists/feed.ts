/** Feeds as lists: the enclosures, or else the entries, of RSS, Atom and JSON Feed. */

import { type AtomFeed, parseAtomFeed, parseJsonFeed, parseRdfFeed, parseRssFeed } from "feedsmith";
import { readMarkupStart } from "../content/markup.ts";
import type { ListDocument, ListItem, ListPage } from "../core/list.ts";
import { cutServerText, errorMessage } from "../core/text.ts";
import { checkCount, invalidList, itemName, itemUrl } from "./document.ts";
import { absoluteUrl, linkTarget, nextUrl } from "./link.ts";
import { describeDocument, markupText } from "./markup_text.ts";
import { readDate } from "./values.ts";

/** A feed of any format. Its references are not resolved. */
interface Feed {
  readonly title: string | undefined;
  readonly base: string | undefined;
  /** The reference to the next document (RFC 5005, section 3; JSON Feed: `next_url`). */
  readonly next: string | undefined;
  readonly entries: readonly Entry[];
}

interface Entry {
  readonly title: string | undefined;
  readonly id: string | undefined;
  readonly date: string | undefined;
  readonly base: string | undefined;
  /** The page of the entry. */
  readonly link: string | undefined;
  readonly enclosures: readonly Enclosure[];
}

interface Enclosure {
  readonly url?: string | undefined;
  readonly sizeBytes?: number | undefined;
}

/**
 * Size limit of a feed, lower than that of other lists: the package needs up to 34 bytes of memory per
 * byte. A feed of 50,000 entries has 10 MB.
 */
const MAX_BYTES = 16 * 1024 * 1024;

/** Longest title among the fields, in UTF-16 units; longest id. */
const MAX_FIELD = 200;

/**
 * Reads a feed in RSS 2.0 or older, RSS 1.0 (RDF), Atom (RFC 4287) or JSON Feed 1. The items are the
 * enclosures of its entries; or, if no entry has one, the links of the entries.
 *
 * The id of an item is the `guid` or `id` of its entry; of several enclosures, only the first one has
 * it. Its fields are `title`, `entryId` and `feedTitle`, as far as the feed has them. Its size is that
 * of the enclosure, unless it is 0, as servers send that do not know it. `xml:base` applies to the
 * feed and to entries, not to single links.
 *
 * @param document The feed; of a JSON Feed, `next_url` is the next page, otherwise a link with
 * `rel=next` in the feed, or in the Link header (RFC 8288).
 * @throws {CronfetchError} `list.invalid`: it is no feed, malformed, cut off, or too large.
 *
 * @example
 * ```ts
 * import { parseFeed } from "./feed.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const text = `<rss version="2.0"><channel><title>Reports</title><item><guid>1</guid>
 *   <enclosure url="/a.pdf" length="512" type="application/pdf"/></item></channel></rss>`;
 * const bytes = new TextEncoder().encode(text);
 * const { items } = parseFeed({ bytes, url: "https://a.test/rss", contentType: null, link: null });
 * assertEquals(items.map(({ url, sizeBytes }) => [url, sizeBytes]), [["https://a.test/a.pdf", 512]]);
 * ```
 */
export function parseFeed(document: ListDocument): ListPage {
  const feed = readFeed(document);
  const hasEnclosures = feed.entries.some(({ enclosures }) => enclosures.length > 0);
  const base = resolveBase(feed.base, document.url);
  const items = new Map<string, ListItem>();
  for (const entry of feed.entries) {
    const from = { ...document, url: resolveBase(entry.base, base) };
    const enclosures = hasEnclosures ? entry.enclosures : [{ url: entry.link }];
    let id = entry.id === undefined || entry.id.length > MAX_FIELD ? null : entry.id;
    for (const { url: reference = "", sizeBytes } of enclosures) {
      const url = itemUrl(reference, from);
      if (url === null || items.has(url)) continue;
      items.set(url, itemOf(url, id, sizeBytes, entry, feed));
      checkCount(items.size);
      id = null;
    }
  }
  const target = linkTarget(document.link, "next");
  const next = target !== null
    ? nextUrl(target, document.url)
    : feed.next === undefined
    ? null
    : nextUrl(feed.next, base);
  return { items: [...items.values()], next };
}

function resolveBase(reference: string | undefined, base: string): string {
  return reference === undefined ? base : absoluteUrl(reference, base) ?? base;
}

function itemOf(
  url: string,
  id: string | null,
  sizeBytes: number | undefined,
  entry: Entry,
  feed: Feed,
): ListItem {
  const isExact = sizeBytes !== undefined && Number.isSafeInteger(sizeBytes) && sizeBytes > 0;
  const fields = Object.entries({ title: entry.title, entryId: entry.id, feedTitle: feed.title })
    .flatMap(([name, text]) => text === undefined ? [] : [[name, text.slice(0, MAX_FIELD)]]);
  return {
    url,
    name: itemName(url),
    id,
    sizeBytes: isExact ? sizeBytes : null,
    digests: {},
    date: entry.date === undefined ? null : readFeedDate(entry.date),
    fields: Object.fromEntries(fields),
  };
}

/** The root of a feed, or its document type. */
const FEED_ROOT = /^(?:!doctype )?(?:[\w-]+:)?(rss|feed|rdf)$/;

/** Parses a document of any format. */
function readFeed(document: ListDocument): Feed {
  if (document.bytes.length > MAX_BYTES) throw invalidList("the feed is larger than 16 MiB");
  const text = markupText(document);
  // The package would decide by elements anywhere in the text, also in quoted examples.
  const root = FEED_ROOT.exec(readMarkupStart(text).name)?.[1];
  const kind = root === undefined ? describeDocument(document, text) : "XML";
  if (root === undefined && kind !== "JSON") {
    throw invalidList(`the feed is ${kind}, not RSS, Atom or JSON Feed`);
  }
  // The package accepts a feed without its end, as of a server that was stopped.
  if (root !== undefined && !hasEnd(text)) {
    throw invalidList("the feed is cut off: its last end tag is missing");
  }
  try {
    if (root === "rss") return fromRss(text);
    if (root === "rdf") return fromRdf(text);
    return root === "feed" ? fromAtom(text) : fromJson(text);
  } catch (error) {
    // The package throws errors of any class, also for elements that are nested too deep.
    const { cause = error } = error instanceof Error ? error : {};
    const reason = cutServerText(errorMessage(cause));
    throw invalidList(`the ${kind} cannot be parsed as a feed: ${reason}`);
  }
}

/** White space, a comment or an instruction at the end of a document (XML 1.0, section 2.8). */
const MISC_ENDS = [["-->", "<!--"], ["?>", "<?"]] as const;

/** Whether the last tag of a document ends a feed. */
function hasEnd(text: string): boolean {
  let end = text.trimEnd();
  for (;;) {
    const misc = MISC_ENDS.find(([close]) => end.endsWith(close));
    const start = misc === undefined ? -1 : end.lastIndexOf(misc[1]);
    if (start < 0) break;
    end = end.slice(0, start).trimEnd();
  }
  return /<\/(?:[\w-]+:)?(?:rss|feed|rdf)\s*>$/i.test(end.slice(-100));
}

/** `xml:base` of the elements around the items of RSS, which the package drops. */
const RSS_BASE = /<(?:rss|rdf:RDF|channel)\s[^<>]*\bxml:base\s*=\s*["']([^"'<>]*)["']/i;

/** Characters in which these elements begin. */
const HEAD_CHARACTERS = 4_096;

function fromRss(text: string): Feed {
  const { title, items = [], atom } = parseRssFeed(text);
  return {
    title,
    base: rssBase(text),
    next: linkOf(atom?.links, "next"),
    entries: items.map(({ title, guid, pubDate, dc, link, enclosures = [], xml }) => ({
      title,
      id: guid?.value,
      date: pubDate ?? dc?.dates?.[0],
      base: xml?.base,
      link: link ?? (guid?.isPermaLink === false ? undefined : guid?.value),
      enclosures: enclosures.map(({ url, length }) => ({ url, sizeBytes: length })),
    })),
  };
}

function fromRdf(text: string): Feed {
  const { title, items = [], atom } = parseRdfFeed(text);
  return {
    title,
    base: rssBase(text),
    next: linkOf(atom?.links, "next"),
    entries: items.map(({ title, rdf, dc, link, xml }) => ({
      title,
      id: rdf?.about,
      date: dc?.dates?.[0],
      base: xml?.base,
      link,
      enclosures: [],
    })),
  };
}

function fromAtom(text: string): Feed {
  const { title, entries = [], links, xml } = parseAtomFeed(text);
  return {
    title: title?.value,
    base: xml?.base,
    next: linkOf(links, "next"),
    entries: entries.map(({ title, id, published, updated, links = [], xml }) => ({
      title: title?.value,
      id,
      date: published ?? updated,
      base: xml?.base,
      link: linkOf(links, "alternate"),
      enclosures: links.filter(({ rel }) => rel === "enclosure")
        .map(({ href, length }) => ({ url: href, sizeBytes: length })),
    })),
  };
}

function fromJson(text: string): Feed {
  const { title, items = [], next_url } = parseJsonFeed(text);
  return {
    title,
    base: undefined,
    next: next_url,
    entries: items.map((item) => ({
      title: item.title,
      id: item.id,
      date: item.date_published ?? item.date_modified,
      base: undefined,
      link: item.url ?? item.external_url,
      enclosures: (item.attachments ?? [])
        .map(({ url, size_in_bytes }) => ({ url, sizeBytes: size_in_bytes })),
    })),
  };
}

function rssBase(text: string): string | undefined {
  return RSS_BASE.exec(text.slice(0, HEAD_CHARACTERS))?.[1]?.replaceAll("&amp;", "&");
}

/** The first link of a relation; without one, a link is to the page of the entry (RFC 4287, 4.2.7.2). */
function linkOf(links: AtomFeed.Link<string>[] | undefined, relation: string): string | undefined {
  return links?.find(({ rel = "alternate" }) => rel === relation)?.href;
}

/** A date of RSS, by the obsolete forms of RFC 2822 too (section 4.3). */
const RFC_822 =
  /^(?:[a-z]{3,9}\.?,? +)?(\d{1,2}) +([a-z]{3})[a-z]{0,6}\.? +(\d{4}|\d\d) +(\d{1,2}):(\d\d)(?::(\d\d))? *([a-z]{1,5}|[+-]\d{4})?$/i;

/** Longest date that is read. */
const MAX_DATE = 60;

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun"]
  .concat(["jul", "aug", "sep", "oct", "nov", "dec"]);

/** Offsets of the zones with names; the meaning of others is unknown, and they are read as UTC. */
const ZONES: Readonly<Record<string, string>> = {
  EDT: "-0400",
  EST: "-0500",
  CDT: "-0500",
  CST: "-0600",
  MDT: "-0600",
  MST: "-0700",
  PDT: "-0700",
  PST: "-0800",
};

/** RFC 3339 in UTC; null for a text that is no date of RSS, Atom or JSON Feed. */
function readFeedDate(text: string): string | null {
  const trimmed = text.slice(0, MAX_DATE).trim();
  const match = RFC_822.exec(trimmed);
  if (match === null) return readDate(trimmed);
  const [, day = "", name = "", year = "", hour = "", minute, second = "00", zone = "Z"] = match;
  const month = MONTHS.indexOf(name.toLowerCase()) + 1;
  const fullYear = year.length === 4 ? year : Number(year) < 50 ? `20${year}` : `19${year}`;
  const date = `${fullYear}-${twoDigits(month)}-${twoDigits(day)}`;
  const offset = /^[+-]/.test(zone) ? zone : ZONES[zone.toUpperCase()] ?? "Z";
  return readDate(`${date}T${twoDigits(hour)}:${minute}:${second}${offset}`);
}

function twoDigits(number: string | number): string {
  return String(number).padStart(2, "0");
}
