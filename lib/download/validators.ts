/** Conditional requests: asking whether the published bytes are still the newest (RFC 9110, section 13). */

import { parseHttpDate } from "../core/http_date.ts";
import type { HeaderFields } from "../core/http.ts";
import type { Validators } from "../core/validators.ts";
import type { StoredFile } from "../store/store.ts";

/**
 * The conditions of a request: If-None-Match where there is an ETag, else
 * If-Modified-Since; never both, as the second would not count.
 *
 * @returns Header names and values; empty where nothing can be asked.
 */
export function conditionalHeaders(
  validators: Pick<Validators, "etag" | "lastModified">,
): Record<string, string> {
  if (validators.etag !== null) return { "if-none-match": validators.etag };
  if (validators.lastModified !== null) return { "if-modified-since": validators.lastModified };
  return {};
}

/**
 * The validators a response bears.
 *
 * @param nowMs Wall clock, milliseconds since the epoch. A Last-Modified that
 * lies beyond it, or beyond the response's own Date, is not trusted.
 */
export function responseValidators(
  headers: HeaderFields,
  nowMs: number,
): Pick<Validators, "etag" | "lastModified"> {
  const etag = headers.get("etag");
  const lastModified = headers.get("last-modified");
  const modifiedMs = parseHttpDate(lastModified ?? "", nowMs);
  const servedMs = parseHttpDate(headers.get("date") ?? "", nowMs);
  return {
    etag: etag !== null && /^(W\/)?"[^"]*"$/.test(etag) ? etag : null,
    lastModified: modifiedMs !== null && modifiedMs <= (servedMs ?? nowMs) ? lastModified : null,
  };
}

/** What is known about the published file without reading it. */
export type Trust =
  /** It is the one we published. */
  | "same"
  /** It is gone, or another one. */
  | "other"
  /** Only its digest can tell. */
  | "unclear";

/**
 * Compares the published file with what is remembered about it.
 *
 * @param source The URL about to be asked, redacted.
 */
export function compareToStored(
  validators: Validators,
  stored: StoredFile,
  { key, source }: { readonly key: string; readonly source: string },
): Trust {
  if (validators.key !== key || validators.source !== source) return "other";
  if (validators.sizeBytes !== stored.sizeBytes) return "other";
  if (validators.revision === stored.revision) return "same";
  if (stored.sha256 === null) return "unclear";
  return stored.sha256 === validators.sha256 ? "same" : "other";
}
