/** Sends a request and follows its redirects. */

import manifest from "../../deno.json" with { type: "json" };
import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import type { Clock, Timers } from "../core/host.ts";
import type { HttpResponse, Transport } from "../core/http.ts";
import { quoteServerText } from "../core/text.ts";
import type { CookieJar } from "../http/cookies.ts";
import type { Admit } from "../http/egress.ts";
import { fromFetchError } from "../http/network_error.ts";
import type { AttemptWatch, AttemptWatcher } from "./timeouts.ts";

/** Default User-Agent (RFC 9110, section 10.1.5). */
export const USER_AGENT = `cronfetch/${manifest.version}`;

/** What the requests of a task need. */
export interface HttpContext {
  readonly host: { readonly clock: Clock; readonly timers: Timers };
  /** Enforces the time limits. */
  readonly watcher: AttemptWatcher;
  readonly transport: Transport;
  /** The egress rule, applied to every hop. */
  readonly admit: Admit;
  /** Cookies of the task; null until a server sets one. */
  jar: CookieJar | null;
}

/** Options of {@linkcode sendRequest}. */
export interface RequestOptions {
  /** Absolute, http or https; may contain userinfo. */
  readonly url: string;
  /** Configured headers, sent only to the origin of `url`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Headers of cronfetch itself, sent on every hop: conditions and ranges. */
  readonly conditions: Readonly<Record<string, string>>;
  readonly watch: AttemptWatch;
  /** Called with every response and its URL, redirects included. */
  readonly onResponse?: (response: HttpResponse, url: string) => void;
}

/**
 * Sends a GET request and follows redirects (RFC 9110, section 15.4) as {@linkcode decideRedirect}
 * permits. All configured headers and the credentials in the URL are dropped at the first redirect
 * to another origin, and stay dropped for the rest of the chain.
 *
 * @returns The first response that is not a redirect, its body unread.
 * @throws {CronfetchError} `net.`, `tls.`, `timeout.`, `redirect.` and `http.protocol` codes.
 */
export async function sendRequest(
  options: RequestOptions,
  http: HttpContext,
): Promise<HttpResponse> {
  const { watch } = options;
  const first = new URL(options.url);
  const authorization = basicAuthorization(first);
  // Each setter serializes and parses the URL again, even without a change.
  if (authorization !== null) {
    first.username = "";
    first.password = "";
  }
  if (first.href.includes("#")) first.hash = "";
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
      // The published file is the representation without a content coding.
      "accept-encoding": "identity",
      ...options.conditions,
    };
    if (http.jar) addCookies(headers, http.jar.header(new URL(url), nowMs(http)));
    let response: HttpResponse;
    try {
      watch.signal.throwIfAborted();
      const publicOnly = http.admit(previous ? new URL(url) : first, previous);
      response = await http.transport({
        method: "GET",
        url,
        headers,
        body: null,
        publicOnly,
        phases: watch,
        signal: watch.signal,
      });
    } catch (error) {
      throw withRedirect(previous, fromFetchError(error, watch.signal));
    }
    watch.progress();
    options.onResponse?.(response, url);
    if (response.setCookies.length > 0) {
      // Loaded on demand: most servers set no cookies.
      const { CookieJar } = await import("../http/cookies.ts");
      http.jar ??= new CookieJar();
      if (http.jar.store(response.setCookies, new URL(url), nowMs(http))) {
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

/** Adds the redirecting host to the message of a refused private address. */
function withRedirect(previous: URL | null, error: CronfetchError): CronfetchError {
  if (previous === null || error.code !== "redirect.private") return error;
  const message = `a redirect from the public host ${previous.hostname}: ${error.message}`;
  return new CronfetchError(error.code, message, { cause: error });
}

/** Appends cookies to a configured Cookie header. */
function addCookies(headers: Record<string, string>, cookies: string | null): void {
  if (cookies === null) return;
  const configured = headers["cookie"] ?? "";
  headers["cookie"] = configured === "" ? cookies : `${configured}; ${cookies}`;
}

function nowMs({ host }: HttpContext): number {
  return host.clock.now().epochMilliseconds;
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

/** The Authorization header for the userinfo of a URL (RFC 7617), or null. */
function basicAuthorization(url: URL): string | null {
  if (url.username === "" && url.password === "") return null;
  const pair = `${decodeUserinfo(url.username)}:${decodeUserinfo(url.password)}`;
  return `Basic ${new TextEncoder().encode(pair).toBase64()}`;
}

function decodeUserinfo(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A "%" that starts no escape is literal.
    return text;
  }
}

/** Maximum number of redirects in a chain. */
export const MAX_HOPS = 10;

/** Maximum length of a Location in characters, the common URL limit of servers and proxies. */
export const MAX_LOCATION_LENGTH = 8_000;

/** Result of {@linkcode decideRedirect}. */
export type RedirectDecision =
  | { readonly kind: "follow"; readonly url: string }
  | { readonly kind: "refuse"; readonly code: ErrorCode; readonly message: string };

/** Whether a response with this status redirects to its Location. */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/**
 * Decides whether to follow a redirect. A URL that was requested before is a loop, unless the
 * cookies have changed since: then the response may differ. The limit of hops applies in any case.
 *
 * @param visited URLs requested so far, in order and without fragment; the last one redirected.
 * @param location The Location header; several are joined by `", "`, as in `Headers`.
 * @param changedAt Number of URLs requested before the cookies last changed.
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
  // A URL contains no space: these are two header fields.
  if (location.includes(", ")) return refuse("http.protocol", "a redirect with several Locations");
  const from = visited[visited.length - 1];
  const to = URL.parse(location, from);
  if (!to) return refuse("http.protocol", "a redirect to an invalid URL");
  if (to.protocol !== "https:" && to.protocol !== "http:") {
    return refuse("http.protocol", `a redirect to the scheme ${quoteServerText(to.protocol)}`);
  }
  if (to.protocol === "http:" && visited.some((url) => url.startsWith("https:"))) {
    return refuse("redirect.insecure", "a redirect from https to http");
  }
  // Only the config may set credentials; a fragment is never sent.
  to.username = "";
  to.password = "";
  to.hash = "";
  if (visited.includes(to.href, changedAt)) {
    return refuse("redirect.loop", "a redirect loop");
  }
  if (visited.length > MAX_HOPS) {
    return refuse("redirect.loop", `more than ${MAX_HOPS} redirects in a row`);
  }
  return { kind: "follow", url: to.href };
}

function refuse(code: ErrorCode, message: string): RedirectDecision {
  return { kind: "refuse", code, message };
}
