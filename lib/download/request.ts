/** One request: its headers, and the redirects it is led through, followed by hand. */

import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import type { Clock } from "../core/host.ts";
import type { HttpResponse, Transport } from "../core/http.ts";
import manifest from "../../deno.json" with { type: "json" };
import type { CookieJar } from "../http/cookies.ts";
import type { Admit } from "../http/egress.ts";
import { fromFetchError } from "../http/network_error.ts";
import type { AttemptWatch } from "./timeouts.ts";
import { quoteServerText } from "../core/text.ts";

/** How cronfetch names itself to servers (RFC 9110, section 10.1.5). */
export const USER_AGENT = `cronfetch/${manifest.version}`;

/** What the requests of one task share. */
export interface CookieHolder {
  /** Null until a server has set a cookie. */
  jar: CookieJar | null;
}

/** What to ask for. */
export interface RequestOptions {
  /** Absolute, http or https; may hold userinfo. */
  readonly url: string;
  /** The config's, for the origin of `url` alone. */
  readonly headers: Readonly<Record<string, string>>;
  /** cronfetch's own, for whichever server answers: conditions and ranges. */
  readonly conditions: Readonly<Record<string, string>>;
  readonly watch: AttemptWatch;
  readonly transport: Transport;
  /** The egress rule, applied before every hop. */
  readonly admit: Admit;
  /** Keeps the cookies of the task. */
  readonly cookies: CookieHolder;
  readonly clock: Clock;
  /** Told about every answer and the URL that gave it, redirects included. */
  readonly onResponse?: (response: HttpResponse, url: string) => void;
}

/**
 * Asks, and follows redirects (RFC 9110, section 15.4) as `redirect.ts` permits.
 * Every configured header, and the credentials in the URL, are left out once a
 * redirect leads to another origin, and stay out for the rest of the chain.
 *
 * @returns The last answer, which is no redirect; its body has not been touched.
 * @throws {CronfetchError} `net.`, `tls.`, `timeout.`, `redirect.` and `http.protocol` codes.
 */
export async function sendRequest(options: RequestOptions): Promise<HttpResponse> {
  const { watch } = options;
  const first = new URL(options.url);
  const authorization = basicAuthorization(first);
  first.username = "";
  first.password = "";
  first.hash = "";
  const visited = [first.href];
  let changedAt = 0;
  let configured: Readonly<Record<string, string>> = {
    ...(authorization === null ? {} : { authorization }),
    ...lowerCased(options.headers),
  };
  let previous: URL | null = null;
  for (;;) {
    const url = visited[visited.length - 1] as string;
    const headers: Record<string, string> = {
      "user-agent": USER_AGENT,
      accept: "*/*",
      ...configured,
      // A published file is the bytes of the resource, not of one of its codings.
      "accept-encoding": "identity",
      ...options.conditions,
    };
    const { jar } = options.cookies;
    if (jar) addCookies(headers, jar.header(new URL(url), nowMs(options.clock)));
    watch.startResponse();
    let response: HttpResponse;
    try {
      watch.signal.throwIfAborted();
      const publicOnly = options.admit(previous ? new URL(url) : first, previous);
      response = await options.transport({ url, headers, publicOnly, signal: watch.signal });
    } catch (error) {
      throw redirected(previous, fromFetchError(error, watch.signal));
    }
    watch.progress();
    options.onResponse?.(response, url);
    if (response.setCookies.length > 0) {
      // Most runs do without cookies, and without their parser.
      const { CookieJar } = await import("../http/cookies.ts");
      const jar = options.cookies.jar ??= new CookieJar();
      if (jar.store(response.setCookies, new URL(url), nowMs(options.clock))) {
        changedAt = visited.length;
      }
    }
    if (!isRedirect(response.status)) return response;
    await response.body.cancel();
    const decision = decideRedirect(visited, response.headers.get("location"), changedAt);
    if (decision.kind === "refuse") {
      throw new CronfetchError(decision.code, decision.message, { httpStatus: response.status });
    }
    if (new URL(decision.url).origin !== first.origin) configured = {};
    previous = new URL(url);
    visited.push(decision.url);
  }
}

/** Names the public host that led into a private network. */
function redirected(previous: URL | null, error: CronfetchError): CronfetchError {
  if (previous === null || error.code !== "redirect.private") return error;
  const message = `a redirect from the public host ${previous.hostname}: ${error.message}`;
  return new CronfetchError(error.code, message, { cause: error });
}

/** Adds cookies behind the configured ones, which are sent to the first origin alone. */
function addCookies(headers: Record<string, string>, cookies: string | null): void {
  if (cookies === null) return;
  const configured = headers["cookie"] ?? "";
  headers["cookie"] = configured === "" ? cookies : `${configured}; ${cookies}`;
}

function nowMs(clock: Clock): number {
  return clock.now().epochMilliseconds;
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

/** The Authorization that userinfo in a URL stands for (RFC 7617), or null. */
function basicAuthorization(url: URL): string | null {
  if (url.username === "" && url.password === "") return null;
  const pair = `${decodeUserinfo(url.username)}:${decodeUserinfo(url.password)}`;
  return `Basic ${new TextEncoder().encode(pair).toBase64()}`;
}

function decodeUserinfo(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone "%" stands for itself.
    return text;
  }
}

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
