/** Resuming: when a part of a file may be continued (RFC 9110, sections 13.1.5, 14 and 15.3.7). */

import { parseHttpDate } from "../core/http_date.ts";
import type { HeaderFields } from "../core/http.ts";
import { tagUse } from "./validators.ts";

/** A part that is held, and what proves that the rest belongs to it. */
export interface Part {
  /** Bytes held, from the beginning of the file. */
  readonly sizeBytes: number;
  /** Size of the whole file as announced, or null. */
  readonly totalBytes: number | null;
  /** The strong validator of the response it came from: an ETag, or a Last-Modified. */
  readonly validator: string;
}

/**
 * The validator that If-Range accepts: a strong ETag; else a Last-Modified at least a second
 * older than the response's Date, which makes it strong (RFC 9110, section 8.8.2.2).
 *
 * @param nowMs Wall clock, milliseconds since the epoch.
 * @returns The header's value, or null: the body cannot be resumed.
 */
export function strongValidator(headers: HeaderFields, nowMs: number): string | null {
  const etag = headers.get("etag");
  // Any other tag shows that the server knows more than its dates do.
  if (etag !== null) return tagUse(etag) === "strong" ? etag : null;
  const lastModified = headers.get("last-modified");
  const modifiedMs = parseHttpDate(lastModified ?? "", nowMs);
  const servedMs = parseHttpDate(headers.get("date") ?? "", nowMs);
  if (modifiedMs === null || servedMs === null) return null;
  return servedMs - modifiedMs >= 1000 ? lastModified : null;
}

/** The headers that ask for what is missing, if the file is still the same. */
export function rangeHeaders(part: Part): Record<string, string> {
  return { "range": `bytes=${part.sizeBytes}-`, "if-range": part.validator };
}

/**
 * Decides whether the body of a 206 continues a part. Anything but a clear yes
 * means to start again.
 *
 * @returns How many bytes are to come, or null to start again.
 */
export function continuesPart(part: Part, headers: HeaderFields): number | null {
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get("content-range") ?? "");
  // Also how multipart/byteranges is told: its Content-Range stands in the body.
  if (!range) return null;
  const [start, end, total] = range.slice(1).map(Number) as [number, number, number];
  if (start !== part.sizeBytes || end < start || end !== total - 1) return null;
  if (part.totalBytes !== null && part.totalBytes !== total) return null;
  return isSameFile(part.validator, headers) ? total - start : null;
}

/** Whether the header of a 206 admits that it is about the file of a strong validator. */
export function isSameFile(validator: string, headers: HeaderFields): boolean {
  const etag = headers.get("etag");
  return etag === null || !validator.startsWith('"') || etag === validator;
}

/**
 * Size of the whole file in a 416 (`Content-Range: bytes` * `/N`), or null.
 */
export function unsatisfiedTotal(headers: HeaderFields): number | null {
  const total = /^bytes \*\/(\d+)$/.exec(headers.get("content-range") ?? "");
  return total ? Number(total[1]) : null;
}
