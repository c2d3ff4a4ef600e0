/** Requests one range of a file and checks that the response is that range. */

import { CronfetchError } from "../core/errors.ts";
import type { Clock } from "../core/host.ts";
import type { HeaderFields, HttpBody } from "../core/http.ts";
import type { Task } from "../core/task.ts";
import { quoteServerText } from "../core/text.ts";
import type { ByteRange } from "./pieces.ts";
import { type HttpContext, sendRequest } from "./request.ts";
import { classifyResponse } from "./response.ts";
import { isSameFile } from "./resume.ts";
import type { AttemptWatch } from "./timeouts.ts";

/** A file on a server that supports ranges. */
export interface RangedFile {
  readonly url: string;
  /** Its configured headers are sent. */
  readonly task: Pick<Task, "headers" | "publicHeaders">;
  readonly totalBytes: number;
  /** Strong validator of the first response. */
  readonly validator: string;
}

/** Result of checking a response to a range request. */
export type SegmentCheck =
  /** The body is exactly the requested range. */
  | { readonly kind: "fits" }
  /** A temporary rejection, which does not mean that ranges are unsupported. */
  | { readonly kind: "busy"; readonly error: CronfetchError }
  /** The server does not serve ranges as requested: no further range is requested. */
  | { readonly kind: "refused"; readonly reason: string };

/** A checked response. */
export type SegmentResponse =
  | { readonly kind: "fits"; readonly body: HttpBody }
  | { readonly kind: "busy"; readonly error: CronfetchError; readonly headers: HeaderFields }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Checks the head of a response to a range request. RFC 9110, section 14.2, permits a server to
 * send a shorter range or the whole file; only the requested range is accepted here.
 */
export function checkSegment(
  status: number,
  headers: HeaderFields,
  { startByte, endByte }: ByteRange,
  { totalBytes, validator }: Pick<RangedFile, "totalBytes" | "validator">,
  clock: Pick<Clock, "now">,
): SegmentCheck {
  try {
    const request = { conditional: false, rangeStart: startByte, clock };
    const { kind } = classifyResponse(status, headers, request);
    if (kind !== "part") return { kind: "refused", reason: `a range was answered ${status}` };
  } catch (error) {
    if (!(error instanceof CronfetchError)) throw error;
    if (error.code === "http.status" && error.retry === "later") return { kind: "busy", error };
    return { kind: "refused", reason: error.message };
  }
  const expected = `bytes ${startByte}-${endByte - 1}/${totalBytes}`;
  // Missing in multipart/byteranges, which has one in each part of the body (section 14.6).
  const range = headers.get("content-range");
  if (range !== expected) {
    const found = range === null ? "without Content-Range" : `by ${quoteServerText(range)}`;
    return { kind: "refused", reason: `${expected} was answered ${found}` };
  }
  if (!isSameFile(validator, headers)) return { kind: "refused", reason: "the file has changed" };
  return { kind: "fits" };
}

/**
 * Requests a range on condition that the file is unchanged (RFC 9110, section 13.1.5).
 *
 * @throws {CronfetchError} The codes of {@linkcode sendRequest} except `redirect.` and `http.`,
 * which are returned as `refused`.
 */
export async function requestSegment(
  range: ByteRange,
  file: RangedFile,
  watch: AttemptWatch,
  http: HttpContext,
): Promise<SegmentResponse> {
  const { url, task: { headers: configured, publicHeaders } } = file;
  const conditions = {
    "range": `bytes=${range.startByte}-${range.endByte - 1}`,
    "if-range": file.validator,
  };
  try {
    const request = { url, headers: configured, publicHeaders, conditions, watch };
    const { status, headers, body } = await sendRequest(request, http);
    const check = checkSegment(status, headers, range, file, http.host.clock);
    if (check.kind === "fits") return { kind: "fits", body };
    await body.cancel();
    return check.kind === "busy" ? { ...check, headers } : check;
  } catch (error) {
    if (error instanceof CronfetchError && /^(?:redirect|http)\./.test(error.code)) {
      return { kind: "refused", reason: error.message };
    }
    throw error;
  }
}
