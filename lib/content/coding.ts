/** Content codings (RFC 9110, section 8.4.1): which of them to remove from a response. Pure. */

import { CronfetchError } from "../core/errors.ts";
import type { HeaderFields } from "../core/http.ts";
import { quoteServerText } from "../core/text.ts";
import { canonicalType, mediaType, widerType } from "./content_type.ts";

/** A coding that can be decoded. */
export type ContentCoding = "gzip" | "deflate" | "br" | "zstd";

/** Codings by their registered names and aliases (IANA's HTTP Content Coding Registry). */
const CODINGS: Readonly<Record<string, ContentCoding>> = {
  "gzip": "gzip",
  "x-gzip": "gzip",
  "deflate": "deflate",
  "br": "br",
  "zstd": "zstd",
};

/** Registered codings that no server applies to a file for the public, or that need a dictionary. */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  "aes128gcm",
  "compress",
  "dcb",
  "dcz",
  "exi",
  "pack200-gzip",
  "x-compress",
]);

/** More codings than this are an attack on the decoder. */
const MOST_CODINGS = 3;

/** Extensions of files that are compressed themselves, by the coding with the same format. */
const COMPRESSED_NAMES: Readonly<Record<ContentCoding, RegExp>> = {
  gzip: /\.(?:gz|gzip|tgz|taz|svgz|emz|wmz|cpgz|vcfz)$/i,
  br: /\.(?:br|tbr)$/i,
  zstd: /\.(?:zst|zstd|tzst)$/i,
  deflate: /\.zz$/i,
};

/** Media types of such files, in their canonical names. */
const COMPRESSED_TYPES: Readonly<Record<ContentCoding, ReadonlySet<string>>> = {
  gzip: new Set(["application/gzip", "image/svg+xml-compressed"]),
  br: new Set(["application/x-brotli", "application/brotli"]),
  zstd: new Set(["application/zstd"]),
  deflate: new Set(["application/zlib"]),
};

/**
 * Whether a `Content-Encoding` names a registered coding. Servers also send `none`, `utf-8` or
 * `binary`, which browsers ignore.
 */
export function isEncoded(headers: HeaderFields): boolean {
  const contentEncoding = headers.get("content-encoding");
  return contentEncoding !== null &&
    tokensOf(contentEncoding).some((token) =>
      Object.hasOwn(CODINGS, token) || UNSUPPORTED.has(token)
    );
}

function tokensOf(contentEncoding: string): string[] {
  return contentEncoding.toLowerCase().split(",").map((name) => name.trim());
}

/** Of nearly every response: the body is the file. */
export const NO_CODINGS: readonly ContentCoding[] = [];

/**
 * The codings to remove from a body, the outermost first.
 *
 * Servers label a stored `data.csv.gz` with `Content-Encoding: gzip`, although gzip is the format of
 * the file. So the innermost coding is kept if the key or the media type names the same format. Text
 * that is no coding is ignored.
 *
 * @param key Name of the file in the store.
 * @throws {CronfetchError} `content.coding`, for a coding that cannot be decoded.
 */
export function codingsToRemove(headers: HeaderFields, key: string): readonly ContentCoding[] {
  const contentEncoding = headers.get("content-encoding");
  if (contentEncoding === null) return NO_CODINGS;
  const applied: ContentCoding[] = [];
  for (const token of tokensOf(contentEncoding)) {
    const coding = Object.hasOwn(CODINGS, token) ? CODINGS[token] : undefined;
    if (coding !== undefined) applied.push(coding);
    else if (UNSUPPORTED.has(token)) throw unsupported(contentEncoding);
  }
  if (applied.length > MOST_CODINGS) throw unsupported(contentEncoding);
  const [innermost, ...outer] = applied;
  const isFormat = innermost !== undefined &&
    isCompressed(innermost, key, headers.get("content-type"));
  const codings = isFormat ? outer : applied;
  return codings.length === 0 ? NO_CODINGS : codings.reverse();
}

function isCompressed(coding: ContentCoding, key: string, contentType: string | null): boolean {
  if (COMPRESSED_NAMES[coding].test(key)) return true;
  const declared = mediaType(contentType);
  if (declared === null) return false;
  const type = canonicalType(declared);
  return [type, widerType(type)].some((name) =>
    name !== null && COMPRESSED_TYPES[coding].has(name)
  );
}

function unsupported(contentEncoding: string): CronfetchError {
  return new CronfetchError(
    "content.coding",
    `the server applied the content coding ${quoteServerText(contentEncoding)}, ` +
      "which cannot be decoded",
    { retry: "never" },
  );
}
