/** One request: its headers, and the redirects it is led through, followed by hand. */

import { abortable } from "@std/async";
import { CronfetchError } from "../core/errors.ts";
import type { Fetch } from "../core/host.ts";
import manifest from "../../deno.json" with { type: "json" };
import { fromFetchError } from "./network_error.ts";
import { decideRedirect, isRedirect } from "./redirect.ts";
import type { AttemptWatch } from "./timeouts.ts";

/** How cronfetch names itself to servers (RFC 9110, section 10.1.5). */
export const USER_AGENT = `cronfetch/${manifest.version}`;

/** What to ask for. */
export interface RequestOptions {
  /** Absolute, http or https; may hold userinfo. */
  readonly url: string;
  /** The config's, for the origin of `url` alone. */
  readonly headers: Readonly<Record<string, string>>;
  /** cronfetch's own, for whichever server answers: conditions and ranges. */
  readonly conditions: Readonly<Record<string, string>>;
  readonly watch: AttemptWatch;
  readonly fetch: Fetch;
  /** Throws where a URL must not be asked. Called before every hop, with the one it came from. */
  readonly admit: (url: URL, previous: URL | null) => Promise<void>;
  /** Told about every answer and the URL that gave it, redirects included. */
  readonly answered?: (response: Response, url: string) => void;
}

/**
 * Asks, and follows redirects (RFC 9110, section 15.4) as `redirect.ts` permits.
 * Every configured header, and the credentials in the URL, are left out once a
 * redirect leads to another origin, and stay out for the rest of the chain.
 *
 * @returns The last answer, which is no redirect; its body has not been touched.
 * @throws {CronfetchError} `net.`, `tls.`, `timeout.`, `redirect.` and `http.protocol` codes.
 */
export async function request(options: RequestOptions): Promise<Response> {
  const { watch } = options;
  const first = new URL(options.url);
  const authorization = basicAuthorization(first);
  first.username = "";
  first.password = "";
  first.hash = "";
  const visited = [first.href];
  let configured = new Headers(options.headers);
  if (authorization !== null && !configured.has("authorization")) {
    configured.set("authorization", authorization);
  }
  let previous: URL | null = null;
  for (;;) {
    const url = visited[visited.length - 1] as string;
    const headers = new Headers(configured);
    if (!headers.has("user-agent")) headers.set("user-agent", USER_AGENT);
    if (!headers.has("accept")) headers.set("accept", "*/*");
    // A published file is the bytes of the resource, not of one of its codings.
    headers.set("accept-encoding", "identity");
    for (const [name, value] of Object.entries(options.conditions)) headers.set(name, value);
    watch.asked();
    let response: Response;
    try {
      watch.signal.throwIfAborted();
      // The system's resolver takes its time, and no signal.
      await abortable(options.admit(new URL(url), previous), watch.signal);
      response = await options.fetch(url, { headers, redirect: "manual", signal: watch.signal });
    } catch (error) {
      throw fromFetchError(error, watch.signal);
    }
    watch.received();
    options.answered?.(response, url);
    if (!isRedirect(response.status)) return response;
    await letGo(response);
    const decision = decideRedirect(visited, response.headers.get("location"));
    if (decision.kind === "refuse") {
      throw new CronfetchError(decision.code, decision.message, { httpStatus: response.status });
    }
    if (new URL(decision.url).origin !== first.origin) configured = new Headers();
    previous = new URL(url);
    visited.push(decision.url);
  }
}

/** Ends a response whose body nobody wants, so that its connection is closed or free again. */
export async function letGo(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
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
