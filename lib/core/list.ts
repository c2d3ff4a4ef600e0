/** Lists: remote documents that tasks are derived from. */

import type { DigestAlgorithm } from "./task.ts";

/** A file that a list names. */
export interface ListItem {
  /** Absolute `http:` or `https:` URL, without a fragment. */
  readonly url: string;
  /** File name as the list has it, or the last segment of the URL; not yet a safe key. */
  readonly name: string;
  /** Id that the list gives the item; null if it gives none. */
  readonly id: string | null;
  /** Size in bytes; null if unknown. */
  readonly sizeBytes: number | null;
  /** Expected digests, lower-case hexadecimal. */
  readonly digests: Readonly<Partial<Record<DigestAlgorithm, string>>>;
  /** When it was published or last modified, RFC 3339 in UTC; null if unknown. */
  readonly date: string | null;
  /** Texts for the placeholders of templates, by name; without `name` and those of the URL. */
  readonly fields: Readonly<Record<string, string>>;
}

/** One document of a list. */
export interface ListPage {
  /** In the order of the document. */
  readonly items: readonly ListItem[];
  /** Absolute URL of the next document; null for the last one. */
  readonly next: string | null;
}

/** A received list document. */
export interface ListDocument {
  /** The decoded bytes. */
  readonly bytes: Uint8Array;
  /** URL it was received from, after redirects: the base of relative references. */
  readonly url: string;
  /** The Content-Type header as received, or null. */
  readonly contentType: string | null;
  /** The Link header (RFC 8288) as received, or null. */
  readonly link: string | null;
}

/** How the items of a list document are found. The URL of the document is that of the list's task. */
export type ListRule =
  | PageListRule
  | { readonly kind: "feed" }
  | JsonListRule
  | { readonly kind: "text" }
  | ReleaseListRule;

/** An HTML page: its links are the items. */
export interface PageListRule {
  readonly kind: "page";
  /** A regular expression (RE2) that a link must match; null for every link. */
  readonly links: string | null;
}

/**
 * A JSON document. Every field except `items` and `next` is a JSONPath (RFC 9535) in which `$` is the
 * item; null for its default, or for none.
 */
export interface JsonListRule {
  readonly kind: "json";
  /** Selects the items: objects, or texts that are URLs. `$` is the document. */
  readonly items: string;
  /** Null for `$.url`, or for an item that is a text, `$`. */
  readonly url: string | null;
  readonly id: string | null;
  readonly name: string | null;
  readonly size: string | null;
  readonly date: string | null;
  /** Digests by algorithm. */
  readonly digests: Readonly<Partial<Record<DigestAlgorithm, string>>>;
  /**
   * Selects the URL of the next document, where `$` is the document; `"link"` for the Link header with
   * `rel=next` (RFC 8288); null for a list of one document.
   */
  readonly next: string | null;
}

/** The assets of releases, as the REST API of GitHub lists them. */
export interface ReleaseListRule {
  readonly kind: "github";
  /** `owner/name` of the repository. */
  readonly repo: string;
  /** Glob of the assets' names. */
  readonly assets: string;
  /** `"latest"`, a tag, or a glob of tags, which is one with `*` or `?`. */
  readonly tag: string;
  /** Base URL of the API, without a slash at its end. */
  readonly api: string;
}

/** What decides which items are the newest: the latest date, the last name or the highest version. */
export type ListOrder = "date" | "name" | "version";

/** Which items of a list become tasks. */
export interface ListSelection {
  /**
   * Globs, of which one must match: the name of an item; or, by a glob with a slash, the path of its
   * URL without the first slash. Empty for all items.
   */
  readonly include: readonly string[];
  /** Globs of items to leave out. */
  readonly exclude: readonly string[];
  /** How many of the newest items are kept; null for all. */
  readonly newest: number | null;
  /** Null for the date if every item has one, otherwise the name. */
  readonly by: ListOrder | null;
  /** Maximum number of items; at least 1. */
  readonly limit: number;
  /**
   * Origins of items, in addition to that of the list: `https://files.example.org`,
   * `https://*.example.org` for every name below, or `*` for every origin.
   */
  readonly allowOrigins: readonly string[];
}
