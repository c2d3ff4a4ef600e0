/** List documents: their limits, their text, and the error of one that cannot be read. */

import { NAMELESS } from "../config/keys.ts";
import { CronfetchError } from "../core/errors.ts";
import type { ListDocument } from "../core/list.ts";
import { absoluteUrl, fileNameOf } from "./link.ts";

/** Size limit of a list document. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Maximum number of items in a list, over all of its documents. */
const MAX_ITEMS = 200_000;

/** Longest URL of an item. */
const MAX_URL_LENGTH = 8_000;

/** `charset` of a Content-Type (RFC 9110, section 8.3.2). */
const CHARSET = /;\s*charset\s*=\s*"?([\w.:+-]+)/i;

/**
 * The error of a list that cannot be read.
 *
 * @param fault A clause; texts of the server are cut (see `core/text.ts`).
 * @param hint A clause in the imperative; by default that of the code.
 */
export function invalidList(fault: string, hint?: string): CronfetchError {
  return new CronfetchError("list.invalid", fault, hint === undefined ? {} : { hint });
}

/**
 * The text of a document: in UTF-8 or, if it is not, in the charset of its Content-Type or the first
 * of others that fits. A byte order mark is removed, and takes precedence.
 *
 * @param others Labels of charsets; those of single bytes fit every document.
 * @throws {CronfetchError} `list.invalid`: it is larger than 64 MiB, or not text of these charsets.
 */
export function listText({ bytes, contentType }: ListDocument, ...others: string[]): string {
  if (bytes.length > MAX_BYTES) throw invalidList("the list is larger than 64 MiB");
  const [first, second] = bytes;
  const marked = first === 0xff && second === 0xfe
    ? "utf-16le"
    : first === 0xfe && second === 0xff
    ? "utf-16be"
    : "utf-8";
  const charset = CHARSET.exec(contentType ?? "")?.[1] ?? marked;
  for (const label of [marked, charset, ...others]) {
    const text = textIn(bytes, label);
    if (text !== null) return text;
  }
  throw invalidList(`the list is not ${charset.toUpperCase()} text`);
}

/** Null if the bytes are no text of the charset, or the charset is unknown. */
function textIn(bytes: Uint8Array, charset: string): string | null {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return null;
    throw error;
  }
}

/**
 * Checks the number of items.
 *
 * @throws {CronfetchError} `list.invalid`: more than 200,000.
 */
export function checkCount(items: number): void {
  if (items > MAX_ITEMS) throw invalidList("the list has more than 200,000 items");
}

/**
 * The URL of an item, resolved against its document.
 *
 * @returns Null if it is blank, too long, or no http or https URL.
 */
export function itemUrl(reference: string, { url }: ListDocument): string | null {
  const isUsable = reference.length <= MAX_URL_LENGTH && reference.trim() !== "";
  return isUsable ? absoluteUrl(reference, url) : null;
}

/** The name of an item for which the list has none: that in its URL, never empty. */
export function itemName(url: string): string {
  return fileNameOf(url) || NAMELESS;
}
