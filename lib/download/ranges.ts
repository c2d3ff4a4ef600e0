/** When a file may come in ranges over several connections, and when no longer. */

import { CronfetchError } from "../core/errors.ts";
import type { HeaderFields } from "../core/http.ts";

/** Less than this comes over one connection as fast. */
export const MIN_SEGMENTED_BYTES: number = 4 * 1024 * 1024;

/** The server does not hold to ranges: what is missing is to be asked for in one stream. */
export class RangesRefused extends CronfetchError {
  /** Says what the server did. */
  constructor(reason: string) {
    super("body.truncated", `the server does not hold to ranges: ${reason}`);
  }
}

/** A response that has just begun, and what it is to bring. */
export interface Begun {
  readonly status: number;
  readonly headers: HeaderFields;
  /** What is to come, or null. */
  readonly lengthBytes: number | null;
  /** A strong validator of the file; empty where there is none. */
  readonly validator: string;
}

/**
 * Whether what is to come may be fetched in ranges: it is large, the server knows
 * ranges (it says so, RFC 9110, section 14.3, or has just sent one), and a strong
 * validator can prove that all of them are of the same file (section 13.1.5).
 */
export function comesInRanges({ status, headers, lengthBytes, validator }: Begun): boolean {
  return lengthBytes !== null && lengthBytes >= MIN_SEGMENTED_BYTES && validator !== "" &&
    (status === 206 || acceptsRanges(headers));
}

function acceptsRanges(headers: HeaderFields): boolean {
  const units = headers.get("accept-ranges")?.split(",") ?? [];
  return units.some((unit) => unit.trim().toLowerCase() === "bytes");
}
