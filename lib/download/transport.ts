/** Which way a request goes: over sockets of our own, or by `fetch`. */

import type { Host } from "../core/host.ts";
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
type TransportHost = Pick<Host, "fetch" | "connect" | "timers" | "env" | "telemetry">;

/**
 * Opens the transport of a run. An http URL is asked over sockets, at a fraction of what `fetch`
 * costs. By `fetch` go https, what goes through a proxy, and everything where the host has no
 * sockets or requests are traced, which Deno does for `fetch` alone.
 */
export async function openTransport(host: TransportHost): Promise<OpenTransport> {
  const byFetch = fetchTransport(host);
  const { connect, timers } = host;
  if (connect === undefined || await host.telemetry() !== NO_TELEMETRY) {
    return { transport: byFetch, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const client = new Http1Client({ connect, timers });
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
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
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
