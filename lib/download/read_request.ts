/** Requests other than GET: what is sent, and what a redirect makes of it (RFC 9110, 15.4). */

import { CronfetchError } from "../core/errors.ts";
import type { HttpRequest } from "../core/http.ts";
import type { ReadRequest } from "../core/task.ts";

/** The parts of a request that a redirect may change. */
export type Message = Pick<HttpRequest, "method" | "body">;

/** A request without content. */
export const GET: Message = Object.freeze({ method: "GET", body: null });

/** The method and the content of a request. */
export function messageOf({ method, body }: ReadRequest): Message {
  return { method, body: body === null ? null : new TextEncoder().encode(body) };
}

/**
 * The header field that describes the content.
 *
 * @param configured Headers of the task by lower-case name, which take precedence.
 */
export function contentFields(
  { contentType }: ReadRequest,
  configured: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return contentType === null || configured["content-type"] !== undefined
    ? {}
    : { "content-type": contentType };
}

/**
 * The request that follows a redirect: a GET after 303, and after 301 or 302 of a POST, as browsers
 * and curl send it; otherwise the same request.
 */
export function redirectedMessage(message: Message, status: number): Message {
  const becomesGet = status === 303 || (message.method === "POST" && status <= 302);
  return becomesGet ? GET : message;
}

/** Removes the fields that describe content (RFC 9110, section 8.3 and following). */
export function withoutContentFields(
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !name.startsWith("content-")),
  );
}

/**
 * Checks that a redirect stays at its origin if it repeats content, which is meant for the origin
 * in the config.
 *
 * @throws {CronfetchError} `redirect.body`.
 */
export function checkContentOrigin(message: Message, from: URL, to: URL, status: number): void {
  if (message.body === null || from.origin === to.origin) return;
  throw new CronfetchError(
    "redirect.body",
    `a redirect to ${to.origin}, another origin, which would receive the body of the request`,
    { httpStatus: status },
  );
}
