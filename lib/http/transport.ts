/** Chooses how a request is sent: by {@linkcode Http1Client} or by `fetch`. */

import { CronfetchError } from "../core/errors.ts";
import type { FetchOptions, Host } from "../core/host.ts";
import {
  DEFAULT_SETTINGS,
  type HttpRequest,
  type HttpResponse,
  type SettingsOf,
  type Transport,
} from "../core/http.ts";
import { NO_TELEMETRY } from "../core/telemetry.ts";
import { Http1Client } from "./client.ts";
import { fromFetchError } from "./network_error.ts";
import { chooseProxy, isExemptByFetch, type ProxyChoice } from "./proxy.ts";
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
 * cost of `fetch` over TLS. `fetch` is used for SOCKS and https proxies, and for everything if the
 * host has no sockets.
 *
 * @param settingsOf How to connect to the servers. Default: as the environment says.
 * @param redact Removes secrets from a URL, for traces. Default: removes the query.
 */
export async function openTransport(
  host: TransportHost,
  settingsOf: SettingsOf = () => DEFAULT_SETTINGS,
  redact: (url: string) => string = withoutQuery,
): Promise<OpenTransport> {
  const opened = new AsyncDisposableStack();
  const { connect, connectTls, timers } = host;
  const telemetry = await host.telemetry();
  const client = connect === undefined
    ? null
    : opened.use(new Http1Client({ connect, ...(connectTls ? { connectTls } : {}), timers }));
  // Loaded on demand: most runs are not traced.
  const observe: (transport: Transport) => Transport = telemetry === NO_TELEMETRY
    ? (transport) => transport
    : await import("./traced.ts").then(({ traced }) => (transport) =>
      traced(transport, telemetry, redact)
    );
  const clients = new Map<string, Transport>();
  const byFetch = (options: FetchOptions, isChecked: boolean): Transport => {
    const key = JSON.stringify({ options, isChecked });
    let transport = clients.get(key);
    if (transport === undefined) {
      transport = loadedOnDemand(async () => {
        const { checkedFetch, fetchTransport } = await import("./fetch_transport.ts");
        const client = host.openHttp1 ? opened.use(host.openHttp1(options)) : host;
        return isChecked ? checkedFetch(host, fetchTransport(client)) : fetchTransport(client);
      });
      clients.set(key, transport);
    }
    return transport;
  };
  const choose = (origin: string): Transport => {
    const { proxy: setting, caCerts, identity } = settingsOf(origin);
    const choice = proxyOf(origin, setting, host);
    const route = { proxy: choice?.kind === "http" ? choice.proxy : null, caCerts, identity };
    // Deno.startTls, which follows CONNECT, takes no certificate of a client.
    const canTunnel = identity === null || !origin.startsWith("https:");
    const byProxyOfFetch = (url: string, name: string): Transport => {
      if (isExemptByFetch(new URL(origin), (name) => host.env(name))) {
        throw exemptByFetch(origin, name);
      }
      const given = byFetch({ proxy: url, caCerts, identity }, false);
      if (setting !== null) return withProxyErrors(name, given);
      // For the proxy of a variable that it reads by itself, fetch needs no permission.
      const own = byFetch({ proxy: null, caCerts, identity }, false);
      return withProxyErrors(name, withFallback(given, () => own));
    };
    switch (choice?.kind) {
      case "fetch":
        return byProxyOfFetch(choice.url, choice.name);
      case "http": {
        const { url, proxy: { name } } = choice;
        if (client === null || !canTunnel) return byProxyOfFetch(url, name);
        return withFallback(observe(client.to(origin, route)), () => {
          const transport = byProxyOfFetch(url, name);
          chosen.set(origin, transport);
          return transport;
        });
      }
      case "direct":
        if (client !== null) return observe(client.to(origin, route));
        return byFetch({ proxy: null, caCerts, identity }, true);
      case undefined:
        return byFetch({ proxy: null, caCerts, identity }, true);
      default:
        return choice satisfies never;
    }
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

/**
 * The proxy of a server; null if the variables may not be read. `fetch` reads them nevertheless.
 */
function proxyOf(
  origin: string,
  setting: string | null,
  host: Pick<Host, "env">,
): ProxyChoice | null {
  try {
    return chooseProxy(origin, setting, (name) => host.env(name));
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return null;
    throw error;
  }
}

/** The error instead of a direct request, which the proxy is to prevent. */
function exemptByFetch(origin: string, proxy: string): CronfetchError {
  const { hostname } = new URL(origin);
  return new CronfetchError(
    "net.failed",
    `Deno would not use the proxy ${proxy}, since NO_PROXY exempts ${hostname}: ` +
      "remove it from the variable",
    { retry: "never" },
  );
}

function withoutQuery(url: string): string {
  const end = url.indexOf("?");
  return end < 0 ? url : url.slice(0, end);
}

/** A transport that is loaded at its first request: most runs use no `fetch`. */
function loadedOnDemand(load: () => Promise<Transport>): Transport {
  let loading: Promise<Transport> | null = null;
  return async (request) => await (await (loading ??= load()))(request);
}

/** Names the proxy in errors of the network: `fetch` does not report which connection failed. */
function withProxyErrors(proxy: string, transport: Transport): Transport {
  return async (request) => {
    try {
      return await transport(request);
    } catch (error) {
      const { code, message, retry } = fromFetchError(error, request.signal);
      if (request.signal.aborted) throw error;
      throw new CronfetchError(code, `through the proxy ${proxy}: ${message}`, {
        cause: error,
        retry,
      });
    }
  };
}

/** Uses another transport if Deno does not permit to connect to the proxy. */
function withFallback(transport: Transport, other: () => Transport): Transport {
  return async (request) => {
    try {
      return await transport(request);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
      return await other()(request);
    }
  };
}
