/** Which way a request goes: over sockets of our own, or by `fetch`. */

import { abortable } from "@std/async";
import type { FetchClient, Host } from "../core/host.ts";
import {
  type HttpBody,
  type HttpRequest,
  type HttpResponse,
  NO_COOKIES,
  type Transport,
} from "../core/http.ts";
import { proxyVariable } from "../core/proxy.ts";
import { NO_TELEMETRY } from "../core/telemetry.ts";
import { createLookup } from "./egress.ts";
import { Http1Client } from "./client.ts";
import { originOf } from "./pool.ts";

/** A transport with what it keeps open. Disposing of it closes that. */
export interface OpenTransport extends AsyncDisposable {
  /** Sends requests until then. */
  readonly transport: Transport;
}

/** What a transport needs of the world. */
type TransportHost = Pick<
  Host,
  "fetch" | "openHttp1" | "connect" | "timers" | "env" | "telemetry" | "resolve"
>;

/**
 * Opens the transport of a run. An http URL is asked over sockets, at a fraction of what `fetch`
 * costs. By `fetch` go https, what goes through a proxy, and everything where the host has no
 * sockets or requests are traced, which Deno does for `fetch` alone. That speaks HTTP/1.1 where it
 * can be had so: over one connection of HTTP/2 many small files take Deno twice as long, and the
 * segments of a large one gain nothing.
 */
export async function openTransport(host: TransportHost): Promise<OpenTransport> {
  const opened = new AsyncDisposableStack();
  const byFetch = lazyFetch(host, opened);
  const byJudgedFetch = judgedFetch(host, byFetch);
  const { connect, timers } = host;
  const hasSockets = connect !== undefined && await host.telemetry() === NO_TELEMETRY;
  const client = hasSockets ? opened.use(new Http1Client({ connect, timers })) : null;
  const chooseWay = (origin: string): Transport => {
    const proxy = proxyOf(new URL(origin), host);
    if (proxy === "used") return byFetch;
    const isForSockets = proxy === "none" && origin.startsWith("http:");
    return client !== null && isForSockets ? (request) => client.send(request) : byJudgedFetch;
  };
  const ways = new Map<string, Transport>();
  return {
    transport: (request: HttpRequest): Promise<HttpResponse> => {
      const origin = originOf(request.url);
      let way = ways.get(origin);
      if (way === undefined) ways.set(origin, way = chooseWay(origin));
      return way(request);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Looks up a name that must be public; `fetch` does not show the address it connects to. */
function judgedFetch(host: Pick<Host, "resolve">, byFetch: Transport): Transport {
  const lookup = createLookup((hostname) => host.resolve(hostname));
  return async (request) => {
    // The system's resolver takes its time, and no signal.
    const { url, publicOnly, signal } = request;
    if (publicOnly) await abortable(lookup(new URL(url).hostname), signal);
    return await byFetch(request);
  };
}

/** Opens a client of HTTP/1.1 for the first request. */
function lazyFetch(host: TransportHost, owner: AsyncDisposableStack): Transport {
  let transport: Transport | null = null;
  return (request) => (transport ??= fetchTransport(open()))(request);

  function open(): Pick<FetchClient, "fetch"> {
    return host.openHttp1 ? owner.use(host.openHttp1()) : host;
  }
}

/** Whether requests for a URL go through a proxy. */
function proxyOf(url: URL, host: Pick<Host, "env">): "used" | "none" | "unknown" {
  try {
    return proxyVariable(url, (name) => host.env(name)) === null ? "none" : "used";
  } catch (error) {
    // Deno's fetch reads variables that the program may not read.
    if (error instanceof Deno.errors.NotCapable) return "unknown";
    throw error;
  }
}

/** Makes a transport of the host's `fetch`. */
export function fetchTransport(host: Pick<Host, "fetch">): Transport {
  return async ({ url, headers, signal }) => {
    const response = await host.fetch(url, { headers, redirect: "manual", signal });
    const body = response.body === null ? NO_BODY : bodyOf(response.body, signal);
    const setCookies = response.headers.has("set-cookie")
      ? response.headers.getSetCookie()
      : NO_COOKIES;
    return { status: response.status, headers: response.headers, setCookies, body };
  };
}

const NO_BODY: HttpBody = {
  read: (into) => Promise.resolve(into.subarray(0, 0)),
  cancel: () => Promise.resolve(),
};

function bodyOf(stream: ReadableStream<Uint8Array>, signal: AbortSignal): HttpBody {
  let reader: ReadableStreamBYOBReader | null = null;
  const cancel = () => (reader ?? stream).cancel().catch(() => {});
  // Deno forgets to tell the body of its signal once the Request that stood between is collected.
  signal.addEventListener("abort", cancel, { once: true });
  return {
    read: async (into) => {
      reader ??= stream.getReader({ mode: "byob" });
      const { value } = await reader.read(into);
      signal.throwIfAborted();
      // At the end there is an empty view, and the buffer behind it.
      return value as Uint8Array<ArrayBuffer>;
    },
    cancel,
  };
}
