/** Chooses how a request is sent: by {@linkcode Http1Client} or by `fetch`. */

import { abortable } from "@std/async";
import type { FetchClient, Host } from "../core/host.ts";
import {
  DEFAULT_SETTINGS,
  type HttpBody,
  type HttpRequest,
  type HttpResponse,
  NO_COOKIES,
  proxyVariable,
  type SettingsOf,
  type Transport,
} from "../core/http.ts";
import { NO_TELEMETRY } from "../core/telemetry.ts";
import { createLookup } from "./egress.ts";
import { Http1Client } from "./client.ts";
import { originOf } from "./server.ts";

/** A transport and its connections. Disposing of it closes them. */
export interface OpenTransport extends AsyncDisposable {
  readonly transport: Transport;
}

/** The host functions that a transport uses. */
type TransportHost = Pick<
  Host,
  "fetch" | "openHttp1" | "connect" | "connectTls" | "timers" | "env" | "telemetry" | "resolve"
>;

/**
 * Opens a transport with connections of its own. Requests are sent by our own client, at half the
 * cost of `fetch` over TLS. `fetch` is used for proxies, and for everything if the host has no
 * sockets or if requests are traced, since Deno traces only `fetch`.
 *
 * @param settingsOf How to connect to the servers. Default: as the environment says.
 */
export async function openTransport(
  host: TransportHost,
  settingsOf: SettingsOf = () => DEFAULT_SETTINGS,
): Promise<OpenTransport> {
  const opened = new AsyncDisposableStack();
  const byFetch = lazyFetch(host, opened);
  const byCheckedFetch = checkedFetch(host, byFetch);
  const { connect, connectTls, timers } = host;
  const hasSockets = connect !== undefined && await host.telemetry() === NO_TELEMETRY;
  const client = hasSockets
    ? opened.use(new Http1Client({ connect, ...(connectTls ? { connectTls } : {}), timers }))
    : null;
  const choose = (origin: string): Transport => {
    const { caCerts, identity } = settingsOf(origin);
    const proxy = proxyOf(new URL(origin), host);
    if (proxy === "used") return byFetch;
    return client !== null && proxy === "none"
      ? client.to(origin, { caCerts, identity })
      : byCheckedFetch;
  };
  const chosen = new Map<string, Transport>();
  return {
    transport: (request: HttpRequest): Promise<HttpResponse> => {
      const origin = originOf(request.url);
      let send = chosen.get(origin);
      if (send === undefined) chosen.set(origin, send = choose(origin));
      return send(request);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Resolves names that must be public: `fetch` does not expose the address it connects to. */
function checkedFetch(host: Pick<Host, "resolve">, byFetch: Transport): Transport {
  const lookup = createLookup((hostname) => host.resolve(hostname));
  return async (request) => {
    // The system's resolver accepts no signal.
    const { url, publicOnly, phases, signal } = request;
    if (publicOnly) {
      phases?.startConnect();
      await abortable(lookup(new URL(url).hostname), signal);
    }
    return await byFetch(request);
  };
}

/** Opens the HTTP/1.1 client of `fetch` at the first request. */
function lazyFetch(host: TransportHost, owner: AsyncDisposableStack): Transport {
  let transport: Transport | null = null;
  return (request) => (transport ??= fetchTransport(open()))(request);

  function open(): Pick<FetchClient, "fetch"> {
    return host.openHttp1
      ? owner.use(host.openHttp1({ proxy: null, caCerts: [], identity: null }))
      : host;
  }
}

/** Whether requests for a URL go through a proxy. */
function proxyOf(url: URL, host: Pick<Host, "env">): "used" | "none" | "unknown" {
  try {
    return proxyVariable(url, (name) => host.env(name)) === null ? "none" : "used";
  } catch (error) {
    // Without permission to read the variables; Deno's fetch reads them nevertheless.
    if (error instanceof Deno.errors.NotCapable) return "unknown";
    throw error;
  }
}

/** Creates a transport from `fetch`. Redirects are not followed. */
export function fetchTransport(host: Pick<Host, "fetch">): Transport {
  return async ({ method, url, headers, body: content, phases, signal }) => {
    phases?.startResponse();
    const init = { method, headers, body: content, redirect: "manual", signal } as const;
    const response = await host.fetch(url, init);
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
  // Deno does not abort the body once the internal Request object was garbage-collected.
  signal.addEventListener("abort", cancel, { once: true });
  return {
    read: async (into) => {
      reader ??= stream.getReader({ mode: "byob" });
      const { value } = await reader.read(into);
      signal.throwIfAborted();
      // At the end, `value` is an empty view of the buffer.
      return value as Uint8Array<ArrayBuffer>;
    },
    cancel,
  };
}
