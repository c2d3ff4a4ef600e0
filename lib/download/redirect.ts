/** Redirect policy: may this answer be followed, and where to (RFC 9110, section 15.4). */

import type { ErrorCode } from "../core/errors.ts";
import { quoteServerText } from "../core/text.ts";

/** Hops after which a chain is given up. */
export const MAX_HOPS = 10;

/** Longest Location that is followed, in characters: what servers and proxies take as a URL. */
export const MAX_LOCATION_LENGTH = 8_000;

/** What to do about a redirect. */
export type RedirectDecision =
  | { readonly kind: "follow"; readonly url: string }
  | { readonly kind: "refuse"; readonly code: ErrorCode; readonly message: string };

/** Whether a status asks to look elsewhere by its Location. */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/**
 * Decides about one hop. A URL that was requested before is a loop, unless the cookies have changed
 * since: then the response may be another one. The limit of hops holds all the same.
 *
 * @param visited The URLs asked so far, in order, the last one being what answered; without fragment.
 * @param location The Location header; where a server sent several, joined by `", "` as
 * `Headers` does.
 * @param changedAt How many URLs had been requested when the cookies last changed.
 */
export function decideRedirect(
  visited: readonly string[],
  location: string | null,
  changedAt = 0,
): RedirectDecision {
  if (!location) return refuse("http.protocol", "a redirect without a Location");
  if (location.length > MAX_LOCATION_LENGTH) {
    return refuse(
      "http.protocol",
      `a redirect with a Location of ${location.length} characters, over the limit of ` +
        `${MAX_LOCATION_LENGTH}: ${quoteServerText(location)}`,
    );
  }
  // No URL holds a bare space: this is two header lines.
  if (location.includes(", ")) return refuse("http.protocol", "a redirect with several Locations");
  const from = visited[visited.length - 1];
  const to = URL.parse(location, from);
  if (!to) return refuse("http.protocol", "a redirect to something that is no URL");
  if (to.protocol !== "https:" && to.protocol !== "http:") {
    return refuse("http.protocol", `a redirect to the scheme ${quoteServerText(to.protocol)}`);
  }
  if (to.protocol === "http:" && visited.some((url) => url.startsWith("https:"))) {
    return refuse("redirect.insecure", "a redirect from https to http");
  }
  // Credentials are the config's to give; a fragment is never sent.
  to.username = "";
  to.password = "";
  to.hash = "";
  if (visited.includes(to.href, changedAt)) {
    return refuse("redirect.loop", "a redirect in a circle");
  }
  if (visited.length > MAX_HOPS) {
    return refuse("redirect.loop", `more than ${MAX_HOPS} redirects in a row`);
  }
  return { kind: "follow", url: to.href };
}

function refuse(code: ErrorCode, message: string): RedirectDecision {
  return { kind: "refuse", code, message };
}
