/** One request of a segment: what it asks, and what its answer is worth. */

import { CronfetchError } from "../core/errors.ts";
import type { Clock } from "../core/host.ts";
import type { HeaderFields, HttpBody } from "../core/http.ts";
import { quoteServerText } from "../core/text.ts";
import { classifyResponse } from "./response.ts";
import type { ByteRange } from "./pieces.ts";
import { type RequestOptions, sendRequest } from "./request.ts";
import { isSameFile } from "./resume.ts";

/** A file of which ranges are asked for. */
export interface RangedFile {
  readonly totalBytes: number;
  /** The strong validator of the response that was there first. */
  readonly validator: string;
}

/** What an answer to a request for a range is worth. */
export type SegmentCheck =
  /** The very bytes that were asked for follow. */
  | { readonly kind: "fits" }
  /** The server has enough to do; it says nothing about ranges. */
  | { readonly kind: "busy"; readonly error: CronfetchError }
  /** The server does not hold to what it said: no more ranges. */
  | { readonly kind: "refused"; readonly reason: string };

/** Such an answer, with what belongs to it. */
export type SegmentResponse =
  | { readonly kind: "fits"; readonly body: HttpBody }
  | { readonly kind: "busy"; readonly error: CronfetchError; readonly headers: HeaderFields }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Judges the head of an answer. RFC 9110 lets a server send less than was asked for,
 * or the whole (section 14.2); here only the range as it was asked for is of use.
 */
export function checkSegment(
  status: number,
  headers: HeaderFields,
  { startByte, endByte }: ByteRange,
  { totalBytes, validator }: RangedFile,
  clock: Pick<Clock, "now">,
): SegmentCheck {
  try {
    const asked = { conditional: false, rangeStart: startByte, clock };
    const { kind } = classifyResponse(status, headers, asked);
    if (kind !== "part") return { kind: "refused", reason: `a range was answered ${status}` };
  } catch (error) {
    if (!(error instanceof CronfetchError)) throw error;
    if (error.code === "http.status" && error.retry === "later") return { kind: "busy", error };
    return { kind: "refused", reason: error.message };
  }
  const asked = `bytes ${startByte}-${endByte - 1}/${totalBytes}`;
  // Also how multipart/byteranges is told: its Content-Range stands in the body (section 14.6).
  const range = headers.get("content-range");
  if (range !== asked) {
    const found = range === null ? "without Content-Range" : `by ${quoteServerText(range)}`;
    return { kind: "refused", reason: `${asked} was answered ${found}` };
  }
  if (!isSameFile(validator, headers)) return { kind: "refused", reason: "the file has changed" };
  return { kind: "fits" };
}

/**
 * Asks for a range, if the file is still the same (RFC 9110, section 13.1.5).
 *
 * @throws {CronfetchError} The codes of `request`, but for redirects that cannot be followed.
 */
export async function requestSegment(
  range: ByteRange,
  file: RangedFile,
  options: Omit<RequestOptions, "conditions"> & { readonly clock: Pick<Clock, "now"> },
): Promise<SegmentResponse> {
  const conditions = {
    "range": `bytes=${range.startByte}-${range.endByte - 1}`,
    "if-range": file.validator,
  };
  try {
    const { status, headers, body } = await sendRequest({ ...options, conditions });
    const verdict = checkSegment(status, headers, range, file, options.clock);
    if (verdict.kind === "fits") return { kind: "fits", body };
    await body.cancel();
    return verdict.kind === "busy" ? { ...verdict, headers } : verdict;
  } catch (error) {
    if (error instanceof CronfetchError && /^(?:redirect|http)\./.test(error.code)) {
      return { kind: "refused", reason: error.message };
    }
    throw error;
  }
}
