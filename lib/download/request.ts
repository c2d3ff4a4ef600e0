/** Sends a request and follows its redirects. */

import manifest from "../../deno.json" with { type: "json" };
import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import type { Clock, Timers } from "../core/host.ts";
import type { HttpRequest, HttpResponse, Transport } from "../core/http.ts";
import type { ReadRequest } from "../core/task.ts";
import { quoteServerText } from "../core/text.ts";
import type { CookieJar } from "../http/cookies.ts";
import type { Admit } from "../http/egress.ts";
import { fromFetchError } from "../http/network_error.ts";
import { basicAuthorization } from "../http/proxy.ts";
import { NO_CONDITIONS } from "./conditional.ts";
import type { AttemptWatch, AttemptWatcher } from "./timeouts.ts";

/** Default User-Agent (RFC 9110, section 10.1.5). */
const USER_AGENT = `cronfetch/${manifest.version}`;

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

/** Values by lower-case name. */
type RequestHeaders = Readonly<Record<string, string>>;

/** Options of {@linkcode sendRequest}. */
export interface RequestOptions {
  /** Absolute, http or https; may contain userinfo. */
  readonly url: string;
  /** Configured headers by lower-case name, sent only to the origin of `url`. */
  readonly headers: RequestHeaders;
  /** Those of them that are no credentials, sent to every origin. */
  readonly publicHeaders: RequestHeaders;
  /** Headers of cronfetch itself, sent on every hop: conditions and ranges. */
  readonly conditions: RequestHeaders;
  /** What is sent instead of a GET, without `conditions`; null or absent for a GET. */
  readonly request?: ReadRequest | null;
  readonly watch: AttemptWatch;
  /**
   * Called with every response, redirects included.
   *
   * @param url Of the request.
   * @param dropped Names of configured headers that it did not have, since its origin is another.
   */
  readonly onResponse?: (
    response: HttpResponse,
    url: string,
    dropped: readonly string[],
  ) => void;
}

/** All configured headers were sent. */
export const NOTHING_DROPPED: readonly string[] = [];

/** The method and the content of most requests. */
const GET = { method: "GET", body: null } as const;

/**
 * Sends a request and follows redirects (RFC 9110, section 15.4) as {@linkcode decideRedirect}
 * permits. Configured credentials, in headers and in the URL, are dropped at the first redirect to
 * another origin, and stay dropped for the rest of the chain. Content is sent to one origin only.
 *
 * @returns The first response that is not a redirect, its body unread.
 * @throws {CronfetchError} `net.`, `tls.`, `timeout.`, `redirect.` and `http.protocol` codes.
 */
export async function sendRequest(
  options: RequestOptions,
  http: HttpContext,
): Promise<HttpResponse> {
  const { watch, request = null } = options;
  // Loaded on demand: most requests are a GET.
  const reads = request === null ? null : await import("./read_request.ts");
  let message: Pick<HttpRequest, "method" | "body"> = GET;
  let { conditions } = options;
  if (reads !== null && request !== null) {
    message = reads.messageOf(request);
    conditions = reads.contentFields(request, options.headers);
  }
  const first = new URL(options.url);
  let base = baseHeaders(options.headers);
  if (hasUserinfo(first)) base = withAuthorization(base, first);
  // Each setter serializes and parses the URL again, even without a change.
  if (first.href.includes("#")) first.hash = "";
  const visited = [first.href];
  let changedAt = 0;
  let dropped = NOTHING_DROPPED;
  let current = first;
  let previous: URL | null = null;
  for (;;) {
    const url = current.href;
    const headers = headersOf(base, conditions, cookiesFor(current, http));
    let response: HttpResponse;
    try {
      watch.signal.throwIfAborted();
      const publicOnly = http.admit(current, previous);
      response = await http.transport({
        method: message.method,
        url,
        headers,
        body: message.body,
        isRead: true,
        publicOnly,
        phases: watch,
        signal: watch.signal,
      });
    } catch (error) {
      throw withRedirect(previous, fromFetchError(error, watch.signal));
    }
    watch.progress();
    options.onResponse?.(response, url, dropped);
    if (response.setCookies.length > 0) {
      // Loaded on demand: most servers set no cookies.
      const { CookieJar } = await import("../http/cookies.ts");
      http.jar ??= new CookieJar();
      if (http.jar.store(response.setCookies, current, nowMs(http))) {
        changedAt = visited.length;
      }
    }
    if (!isRedirect(response.status)) return response;
    await response.body.cancel();
    const next = reads === null ? message : reads.redirectedMessage(message, response.status);
    // Another request for the same URL may have another response.
    if (next !== message) changedAt = visited.length;
    const decision = decideRedirect(visited, response.headers.get("location"), changedAt);
    if (decision.kind === "refuse") {
      throw new CronfetchError(decision.code, decision.message, { httpStatus: response.status });
    }
    previous = current;
    current = new URL(decision.url);
    if (dropped === NOTHING_DROPPED && current.origin !== first.origin) {
      const kept = baseHeaders(options.publicHeaders);
      dropped = Object.keys(base).filter((name) => base[name] !== kept[name]);
      base = kept;
    }
    if (reads !== null) {
      reads.checkContentOrigin(next, previous, current, response.status);
      if (next !== message) {
        base = reads.withoutContentFields(base);
        conditions = NO_CONDITIONS;
        message = next;
      }
    }
    visited.push(decision.url);
  }
}

/** The headers of every request with the same configured ones, which many tasks share. */
const bases = new WeakMap<RequestHeaders, RequestHeaders>();

function baseHeaders(configured: RequestHeaders): RequestHeaders {
  const known = bases.get(configured);
  if (known !== undefined) return known;
  const base = Object.freeze({
    "user-agent": USER_AGENT,
    accept: "*/*",
    ...configured,
    // The published file is the representation without a content coding.
    "accept-encoding": "identity",
  });
  bases.set(configured, base);
  return base;
}

/** The headers of one request; the base itself if there is nothing to add. */
function headersOf(
  base: RequestHeaders,
  conditions: RequestHeaders,
  cookies: string | null,
): RequestHeaders {
  if (cookies === null) return conditions === NO_CONDITIONS ? base : { ...base, ...conditions };
  const configured = base["cookie"] ?? "";
  const cookie = configured === "" ? cookies : `${configured}; ${cookies}`;
  return { ...base, cookie, ...conditions };
}

function cookiesFor(url: URL, http: HttpContext): string | null {
  return http.jar === null ? null : http.jar.header(url, nowMs(http));
}

/** Adds the redirecting host to the message of a refused private address. */
function withRedirect(previous: URL | null, error: CronfetchError): CronfetchError {
  if (previous === null || error.code !== "redirect.private") return error;
  const message = `a redirect from the public host ${previous.hostname}: ${error.message}`;
  return new CronfetchError(error.code, message, { cause: error });
}

function nowMs({ host }: HttpContext): number {
  return host.clock.now().epochMilliseconds;
}

function hasUserinfo({ username, password }: URL): boolean {
  return username !== "" || password !== "";
}

/** Moves the userinfo of a URL to the Authorization header (RFC 7617), unless that is configured. */
function withAuthorization(base: RequestHeaders, url: URL): RequestHeaders {
  const authorization = basicAuthorization(url);
  url.username = "";
  url.password = "";
  return { authorization, ...base };
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
 * @param location The Location header, one character per byte; see `HeaderFields`.
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
  if (location.includes("\n")) return refuse("http.protocol", "a redirect with several Locations");
  const from = visited[visited.length - 1];
  const to = URL.parse(location.replace(RAW_BYTE, encodeByte), from);
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

/** A byte outside ASCII. `URL` would encode the character, and so the byte twice. */
const RAW_BYTE = /[\x80-\xff]/g;

function encodeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

function refuse(code: ErrorCode, message: string): RedirectDecision {
  return { kind: "refuse", code, message };
}
