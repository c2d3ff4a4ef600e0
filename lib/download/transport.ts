/** Which way a request goes: over sockets of our own, or by `fetch`. */

import type { FetchClient, Host } from "../core/host.ts";
import type { HttpRequest, HttpResponse, Transport } from "../core/http.ts";
import { proxyVariable } from "../core/proxy.ts";
import { NO_TELEMETRY } from "../core/telemetry.ts";
import { fetchTransport } from "./fetch_transport.ts";
import { Http1Client } from "./http1/client.ts";
import { originOf } from "./http1/server.ts";

/** A transport with what it keeps open. Disposing of it closes that. */
export interface OpenTransport extends AsyncDisposable {
  /** Sends requests until then. */
  readonly transport: Transport;
}

/** What a transport needs of the world. */
type TransportHost = Pick<
  Host,
  "fetch" | "openHttp1" | "connect" | "timers" | "env" | "telemetry"
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
  const close = { [Symbol.asyncDispose]: () => opened.disposeAsync() };
  const byFetch = lazyFetch(host, opened);
  const { connect, timers } = host;
  if (connect === undefined || await host.telemetry() !== NO_TELEMETRY) {
    return { transport: byFetch, ...close };
  }
  const client = opened.use(new Http1Client({ connect, timers }));
  const bySockets: Transport = (request) => client.send(request);
  const ways = new Map<string, Transport>();
  const wayOf = (origin: string): Transport => {
    const known = ways.get(origin);
    if (known) return known;
    const way = isAskedDirectly(new URL(origin), host) ? bySockets : byFetch;
    ways.set(origin, way);
    return way;
  };
  return {
    transport: (request: HttpRequest): Promise<HttpResponse> =>
      (request.url.startsWith("http:") ? wayOf(originOf(request.url)) : byFetch)(request),
    ...close,
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

function isAskedDirectly(url: URL, host: Pick<Host, "env">): boolean {
  try {
    return proxyVariable(url, (name) => host.env(name)) === null;
  } catch (error) {
    // What this program may not read, fetch reads all the same.
    if (error instanceof Deno.errors.NotCapable) return false;
    throw error;
  }
}
