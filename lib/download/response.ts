/** What a response is worth, by its head alone. */

import { CronfetchError } from "../core/errors.ts";
import type { Clock } from "../core/host.ts";
import type { HeaderFields } from "../core/http.ts";
import { quoteServerText } from "../core/text.ts";
import { contentLength } from "../http/head.ts";
import { statusOptions } from "./retry.ts";

/** What was asked for, as far as an answer must fit to it. */
export interface RequestKind {
  /** The request was conditional: 304 is an answer to it. */
  readonly conditional: boolean;
  /** The request was for the bytes from here on: 206 is an answer to it. */
  readonly rangeStart: number | null;
  /** For the dates of Retry-After. */
  readonly clock: Pick<Clock, "now">;
}

/** An answer that can be worked with. */
export type ResponseUse =
  /** The whole file follows. */
  | { readonly kind: "whole"; readonly lengthBytes: number | null; readonly lengthKnown: boolean }
  /** A part of the file follows; whether it is the right one is for `resume.ts` to say. */
  | { readonly kind: "part" }
  /** The published file is the newest. */
  | { readonly kind: "unchanged" }
  /** There is no part to send: the part held is as long as the file, or longer. */
  | { readonly kind: "unsatisfiable" };

/**
 * Judges a response that is no redirect.
 *
 * @throws {CronfetchError} `http.status`, `http.protocol`.
 */
export function classifyResponse(
  status: number,
  headers: HeaderFields,
  asked: RequestKind,
): ResponseUse {
  if (status === 304) {
    if (asked.conditional) return { kind: "unchanged" };
    throw new CronfetchError("http.protocol", "the server answered 304 to a plain request", {
      httpStatus: status,
    });
  }
  if (status === 416 && asked.rangeStart !== null) return { kind: "unsatisfiable" };
  if (status === 206 && asked.rangeStart === null) {
    throw new CronfetchError("http.protocol", "the server sent a part nobody asked for", {
      httpStatus: status,
    });
  }
  if (status !== 200 && status !== 206) {
    const options = statusOptions(status, headers, asked.clock.now().epochMilliseconds);
    const message = `the server answered ${describeStatus(status)}`;
    throw new CronfetchError("http.status", message, options);
  }
  const transferCoding = headers.get("transfer-encoding");
  if (transferCoding !== null && transferCoding.trim().toLowerCase() !== "chunked") {
    // fetch would hand out the raw framing of what it does not know (RFC 9112, section 6.1).
    throw new CronfetchError(
      "http.protocol",
      `the transfer coding ${quoteServerText(transferCoding)} is not understood`,
      { httpStatus: status },
    );
  }
  const contentCoding = headers.get("content-encoding");
  if (contentCoding !== null && !/^(identity)?$/i.test(contentCoding.trim())) {
    throw new CronfetchError(
      "http.protocol",
      `the content coding ${quoteServerText(contentCoding)} was not asked for`,
      { httpStatus: status },
    );
  }
  if (status === 206) return { kind: "part" };
  // Chunks bear their own end; a length beside them does not count (RFC 9112, section 6.3).
  const lengthBytes = transferCoding === null ? contentLength(status, headers) : null;
  return {
    kind: "whole",
    lengthBytes,
    lengthKnown: lengthBytes !== null || transferCoding !== null,
  };
}

/** A status as people know it, where the number alone says too little. */
function describeStatus(status: number): string {
  const words: Readonly<Record<number, string>> = {
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
  const word = words[status];
  return word === undefined ? String(status) : `${status} ${word}`;
}
