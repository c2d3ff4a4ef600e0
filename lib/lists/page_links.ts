/** The links of an HTML page, each with the date and size beside it. */

import { checkCount } from "./document.ts";
import { type HtmlHandler, scanHtml } from "./html.ts";
import { type IndexRow, MAX_ROW_TEXT, readIndexRow } from "./index_row.ts";
import { readDate, readSize } from "./values.ts";

/** An `<a>` or `<area>` with a reference. */
export interface PageLink extends IndexRow {
  /** As written, decoded. */
  readonly href: string;
  /** The file name that the link suggests; `""` if it suggests none. */
  readonly download: string;
  /** Whether it leads to the next page. */
  readonly isNext: boolean;
}

/** The parts of a page that a list is read from. */
export interface ScannedPage {
  /** Of the first `<base>` with a reference; null if there is none. */
  readonly base: string | null;
  readonly links: readonly PageLink[];
  /** References with `rel=next`: those of `<link>` before those of other elements. */
  readonly next: readonly string[];
  /** The title; without one, the first heading; `""` for neither. */
  readonly title: string;
}

/** Longest title that is read. */
const MAX_TITLE = 200;

/** Titles of the pages whose rows have dates and sizes of a known format. */
const INDEX_TITLE = /^\s*index of\b/i;

/** Elements that begin another row of an index. */
const ROW_STARTS: ReadonlySet<string> = new Set(["hr", "li", "pre", "table", "tr"]);

/** A link whose row is being read. */
type OpenLink = { -readonly [Key in keyof PageLink]: PageLink[Key] };

/**
 * Reads the links of a page.
 *
 * @throws {CronfetchError} `list.invalid`: more than 200,000 links.
 */
export function readLinks(text: string): ScannedPage {
  const reader = new LinkReader();
  scanHtml(text, reader);
  return reader.finish();
}

class LinkReader implements HtmlHandler {
  #base: string | null = null;
  readonly #links: OpenLink[] = [];
  readonly #headNext: string[] = [];
  readonly #bodyNext: string[] = [];
  readonly #titles = new Map<string, string>();
  /** The element whose text is a title, or "". */
  #titled = "";
  /** The link before the current position in its row; null outside of rows. */
  #link: OpenLink | null = null;
  /** The text after the link. */
  #row = "";
  /** Whether the current position is inside of the link. */
  #isInLink = false;

  start(name: string, attribute: (name: string) => string | null): void {
    switch (name) {
      case "a":
      case "area":
        return this.#startLink(attribute, name === "a");
      case "base":
        this.#base ??= attribute("href");
        return;
      case "link":
        if (isNext(attribute)) this.#headNext.push(attribute("href") ?? "");
        return;
      case "title":
      case "h1":
        this.#titled = this.#titles.has(name) ? "" : name;
        if (this.#titled !== "") this.#titles.set(name, "");
        return;
      case "time":
        if (this.#link !== null) this.#link.date ??= readDate(attribute("datetime") ?? "");
        return;
      case "td":
        // Caddy has the size in bytes as an attribute.
        if (this.#link !== null) this.#link.sizeBytes ??= readSize(attribute("data-size") ?? "");
        this.#row += " ";
        return;
      default:
        if (ROW_STARTS.has(name)) this.#endRow();
    }
  }

  end(name: string): void {
    if (name === this.#titled) this.#titled = "";
    else if (name === "a") this.#isInLink = false;
    else if (ROW_STARTS.has(name)) this.#endRow();
  }

  text(text: string): void {
    if (this.#titled !== "") {
      const title = (this.#titles.get(this.#titled) ?? "") + text;
      this.#titles.set(this.#titled, title.slice(0, MAX_TITLE));
    }
    if (this.#link !== null && !this.#isInLink && this.#row.length < MAX_ROW_TEXT) {
      this.#row += text.slice(0, MAX_ROW_TEXT);
    }
  }

  finish(): ScannedPage {
    this.#endRow();
    const title = this.#titles.get("title")?.trim() || this.#titles.get("h1")?.trim() || "";
    return {
      base: this.#base,
      links: this.#links,
      next: [...this.#headNext, ...this.#bodyNext],
      title,
    };
  }

  #startLink(attribute: (name: string) => string | null, hasContent: boolean): void {
    const href = attribute("href");
    if (href === null) return;
    this.#endRow();
    const download = attribute("download")?.trim() ?? "";
    const link = { href, download, isNext: isNext(attribute), date: null, sizeBytes: null };
    if (link.isNext) this.#bodyNext.push(href);
    this.#links.push(link);
    checkCount(this.#links.length);
    this.#link = link;
    this.#isInLink = hasContent;
  }

  #endRow(): void {
    if (this.#link !== null && INDEX_TITLE.test(this.#titles.get("title") ?? "")) {
      const { date, sizeBytes } = readIndexRow(this.#row.slice(0, MAX_ROW_TEXT));
      this.#link.date ??= date;
      this.#link.sizeBytes ??= sizeBytes;
    }
    this.#link = null;
    this.#row = "";
    this.#isInLink = false;
  }
}

function isNext(attribute: (name: string) => string | null): boolean {
  const relations = attribute("rel")?.toLowerCase().split(/\s/) ?? [];
  return relations.includes("next") && attribute("href") !== null;
}
