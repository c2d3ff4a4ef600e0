/** How long a body is, by the header. */

import { CronfetchError } from "../core/errors.ts";
import type { HeaderFields } from "../core/http.ts";
import { quoteServerText } from "../core/text.ts";

/**
 * Content-Length, or null without one; a list of equal values counts as one (RFC 9110, section 8.6).
 *
 * @throws {CronfetchError} `http.protocol`, where it is no length.
 */
export function contentLength(status: number, headers: HeaderFields): number | null {
  const value = headers.get("content-length");
  if (value === null) return null;
  const [first, ...others] = value.split(",").map((part) => part.trim());
  const lengthBytes = Number(first);
  if (
    !/^\d+$/.test(first ?? "") || !Number.isSafeInteger(lengthBytes) ||
    others.some((other) => other !== first)
  ) {
    throw new CronfetchError(
      "http.protocol",
      `the Content-Length ${quoteServerText(value)} is no length`,
      { httpStatus: status },
    );
  }
  return lengthBytes;
}
