/** Classifies a response by its status and headers. */

import { isEncoded } from "../content/coding.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Clock } from "../core/host.ts";
import type { HeaderFields } from "../core/http.ts";
import { quoteServerText } from "../core/text.ts";
import { contentLength, transferCoding } from "../http/framing.ts";
import { statusOptions } from "./retry.ts";

/** The request, as far as its response depends on it. */
export interface RequestKind {
  /** The request was conditional: 304 is a valid response. */
  readonly conditional: boolean;
  /** First byte of the requested range: 206 and 416 are valid responses. Null without a range. */
  readonly rangeStart: number | null;
  /** For dates in Retry-After. */
  readonly clock: Pick<Clock, "now">;
}

/** How a response can be used. */
export type ResponseUse =
  /** The body is the whole file. `lengthKnown`: a truncated body would be detected. */
  | { readonly kind: "whole"; readonly lengthBytes: number | null; readonly lengthKnown: boolean }
  /** The body is a part of the file; `resume.ts` checks whether it is the requested one. */
  | { readonly kind: "part" }
  /** The published file is current. */
  | { readonly kind: "unchanged" }
  /** The range is outside the file: the partial file is as long as the file, or longer. */
  | { readonly kind: "unsatisfiable" };

/**
 * Classifies a response that is not a redirect.
 *
 * @throws {CronfetchError} `http.status`, `http.protocol`.
 */
export function classifyResponse(
  status: number,
  headers: HeaderFields,
  request: RequestKind,
): ResponseUse {
  if (status === 304) {
    if (request.conditional) return { kind: "unchanged" };
    throw protocolError("the server answered 304 to a request without a condition", status);
  }
  if (status === 416 && request.rangeStart !== null) return { kind: "unsatisfiable" };
  const isPart = status === 206 && request.rangeStart !== null;
  const rangeBytes = status === 206 ? wholeRangeBytes(headers) : null;
  if (status === 206 && !isPart && rangeBytes === null) {
    throw protocolError("the server answered 206 to a request without a range", status);
  }
  if (status !== 200 && status !== 203 && status !== 206) {
    const options = statusOptions(status, headers, request.clock.now().epochMilliseconds);
    throw new CronfetchError("http.status", describeStatus(status), options);
  }
  const coding = transferCoding(headers);
  if (coding !== null && coding !== "chunked") {
    // The body would be its raw framing (RFC 9112, section 6.1).
    const quoted = quoteServerText(coding);
    throw protocolError(`the transfer coding ${quoted} is not supported`, status);
  }
  if (isPart) {
    // A range of encoded bytes is no part of the decoded file.
    if (!isEncoded(headers)) return { kind: "part" };
    throw protocolError("the server applied a content coding to a range", status);
  }
  // A chunked body delimits itself; Content-Length is ignored then (RFC 9112, section 6.3).
  const announcedBytes = coding === null ? contentLength(status, headers) : null;
  if (rangeBytes !== null && announcedBytes !== null && rangeBytes !== announcedBytes) {
    throw protocolError("the Content-Range does not match the Content-Length", status);
  }
  const lengthBytes = announcedBytes ?? rangeBytes;
  return { kind: "whole", lengthBytes, lengthKnown: lengthBytes !== null || coding !== null };
}

/** The size of a file of which a response has all bytes (RFC 9110, section 14.4), or null. */
function wholeRangeBytes(headers: HeaderFields): number | null {
  const [, last, total] = /^bytes 0-(\d+)\/(\d+)$/i.exec(headers.get("content-range") ?? "") ?? [];
  const totalBytes = Number(total);
  return Number.isSafeInteger(totalBytes) && Number(last) === totalBytes - 1 ? totalBytes : null;
}

function protocolError(message: string, httpStatus: number): CronfetchError {
  return new CronfetchError("http.protocol", message, { httpStatus });
}

const REASON_PHRASES: Readonly<Record<number, string>> = {
  204: "No Content: there is no file in it",
  205: "Reset Content: there is no file in it",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  410: "Gone",
  425: "Too Early",
  429: "Too Many Requests",
  451: "Unavailable For Legal Reasons",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

function describeStatus(status: number): string {
  const phrase = REASON_PHRASES[status];
  return phrase === undefined ? String(status) : `${status} ${phrase}`;
}
