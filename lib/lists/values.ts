/** Values in list documents: digests, sizes and dates in the forms that servers use. Pure. */

import { DIGEST_DIGITS, type DigestAlgorithm } from "../core/task.ts";
import { parseHttpDate } from "../core/time.ts";

/** A digest with its algorithm in front, as in `sha256:…` (OCI) or `md5-…` (SRI). */
const NAMED_DIGEST = /^(sha-?256|sha-?512|sha-?1|md5)[:=-](.+)$/is;

/** Alphabet of base64, with either pair of last characters (RFC 4648, sections 4 and 5). */
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/** Prefixes of digests in multihash, as the file extension of STAC has them. */
const MULTIHASH: Readonly<Record<DigestAlgorithm, string>> = {
  sha256: "1220",
  sha512: "1340",
  sha1: "1114",
  md5: "d50110",
};

/**
 * Reads a digest in hexadecimal, base64 or multihash, perhaps with its algorithm in front.
 *
 * @returns Lower-case hexadecimal; null if it is no digest of the algorithm.
 *
 * @example
 * ```ts
 * import { readDigest } from "./values.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(readDigest("1B2M2Y8AsgTpgAmY7PhCfg==", "md5"), "d41d8cd98f00b204e9800998ecf8427e");
 * ```
 */
export function readDigest(text: string, algorithm: DigestAlgorithm): string | null {
  const [, named, rest = text] = NAMED_DIGEST.exec(text) ?? [];
  if (named !== undefined && named.toLowerCase().replace("-", "") !== algorithm) return null;
  const digits = DIGEST_DIGITS[algorithm];
  const prefix = MULTIHASH[algorithm];
  const hex = rest.toLowerCase();
  const digest = hex.length === digits + prefix.length && hex.startsWith(prefix)
    ? hex.slice(prefix.length)
    : hex;
  if (digest.length === digits && /^[0-9a-f]*$/.test(digest)) return digest;
  if (rest.length > digits || !BASE64.test(rest)) return null;
  try {
    const bytes = Uint8Array.fromBase64(rest.replaceAll("-", "+").replaceAll("_", "/"));
    return bytes.length * 2 === digits ? bytes.toHex() : null;
  } catch {
    return null;
  }
}

/** Digits of the largest size that a number of JavaScript holds exactly. */
const MAX_SIZE_DIGITS = 16;

/**
 * Reads an exact number of bytes.
 *
 * @param value A number, or its decimal digits.
 * @returns Null if it is none; rounded sizes such as `1.2M` are not exact.
 */
export function readSize(value: string | number): number | null {
  const isDigits = typeof value === "string" && value.length <= MAX_SIZE_DIGITS &&
    /^[0-9]+$/.test(value);
  const size = isDigits ? Number(value) : value;
  return typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? size : null;
}

/** `2026-01-15`, `20260115`, and with a time: `2026-01-15T06:00:00.5+01:00`; `T` may be a blank. */
const ISO_DATE =
  /^(?<year>\d{4})-?(?<month>\d\d)-?(?<day>\d\d)(?:[Tt ](?<time>\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?) ?(?<zone>[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?$/;

/** Larger numbers are milliseconds since the epoch, not seconds: the year 5138 in seconds. */
const MOST_SECONDS = 1e11;

/**
 * Reads a date: ISO 8601 as in RFC 3339, an HTTP-date, or seconds or milliseconds since the epoch. A
 * time without a zone is in UTC; a day is its beginning.
 *
 * @returns RFC 3339 in UTC, with milliseconds; null if it is no date.
 *
 * @example
 * ```ts
 * import { readDate } from "./values.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(readDate("2026-01-15T07:00+01:00"), "2026-01-15T06:00:00.000Z");
 * assertEquals(readDate(1768456800), "2026-01-15T06:00:00.000Z");
 * ```
 */
export function readDate(value: string | number): string | null {
  if (typeof value === "number") {
    return dateText(Math.abs(value) < MOST_SECONDS ? value * 1_000 : value);
  }
  const { year, month, day, time = "00:00", zone = "Z" } = ISO_DATE.exec(value)?.groups ?? {};
  if (year === undefined) {
    // The century of a two-digit year: lists have dates of the past.
    return dateText(parseHttpDate(value, Date.UTC(2050)) ?? NaN);
  }
  const [hourAndMinute = "", second = "00"] = time.includes(":", 3)
    ? [time.slice(0, 5), time.slice(6).replace(",", ".").slice(0, 6)]
    : [time];
  const offset = /^[+-]/.test(zone)
    ? `${zone.slice(0, 3)}:${zone.slice(3).replace(":", "") || "00"}`
    : "Z";
  // The parser of the runtime turns the 30th of February into the first of March.
  if (Number(day) > new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()) return null;
  return dateText(Date.parse(`${year}-${month}-${day}T${hourAndMinute}:${second}${offset}`));
}

function dateText(epochMs: number): string | null {
  const date = new Date(epochMs);
  const year = date.getUTCFullYear();
  // RFC 3339 has years of four digits.
  return year >= 0 && year <= 9999 ? date.toISOString() : null;
}
