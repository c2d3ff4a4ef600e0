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
