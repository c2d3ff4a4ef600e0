/** Reads a list over all of its documents. */

import { CronfetchError } from "../core/errors.ts";
import type { ListDocument, ListItem, ListPage } from "../core/list.ts";
import { checkCount, invalidList } from "./document.ts";

/** How the documents of a list are read. */
export interface PageReading {
  /** Fetches another document. A rejection fails the whole list. */
  readonly fetchPage: (url: string) => Promise<ListDocument>;
  /** A parser of this folder; throws `list.invalid`. */
  readonly parse: (document: ListDocument) => ListPage;
  /** Maximum number of documents, the first included; at least 1. */
  readonly maxPages: number;
}

/**
 * Reads a list, from its first document to the last one that `next` leads to. Never returns a part of
 * it: the missing items would look as if they had disappeared.
 *
 * @param first The first document.
 * @returns The items in the order of the documents.
 * @throws {CronfetchError} `list.invalid`: a document is invalid; `next` leads back to a document that
 * was read, or to another origin, to which the headers of the list would be sent; or there are more
 * than `maxPages` documents or 200,000 items. What `fetchPage` rejects with.
 */
export async function readPages(
  first: ListDocument,
  { fetchPage, parse, maxPages }: PageReading,
): Promise<readonly ListItem[]> {
  const { origin } = new URL(first.url);
  const seen = new Set([first.url]);
  const items: ListItem[] = [];
  let document = first;
  for (let number = 1;; number++) {
    const page = parsePage(parse, document, number);
    for (const item of page.items) items.push(item);
    checkCount(items.length);
    if (page.next === null) return items;
    const what = `page ${number} of the list`;
    if (seen.has(page.next)) {
      throw invalidList(
        `${what} leads back to a page before`,
        "check next of from, and whether the server has an end of the list",
      );
    }
    const { origin: nextOrigin } = new URL(page.next);
    if (nextOrigin !== origin) {
      throw invalidList(
        `${what} leads to another origin, ${nextOrigin}`,
        "make a list of its own of the pages there",
      );
    }
    if (number >= maxPages) {
      throw invalidList(
        `the list continues after ${maxPages} pages, the most that are read`,
        "request larger pages by the URL of the list, or raise maxPages of from",
      );
    }
    seen.add(page.next);
    document = await fetchPage(page.next);
    // A redirect leads to a page that may be the next one of another.
    seen.add(document.url);
  }
}

/** Adds the number of the page to an error, since it has locations in the page. */
function parsePage(
  parse: PageReading["parse"],
  document: ListDocument,
  number: number,
): ListPage {
  try {
    return parse(document);
  } catch (error) {
    if (number === 1 || !(error instanceof CronfetchError)) throw error;
    throw invalidList(`page ${number}: ${error.message}`, error.hint ?? undefined);
  }
}
