/** Servers: where the requests to an origin are sent, and how. */

import { CronfetchError } from "../core/errors.ts";
import type { ClientIdentity } from "../core/host.ts";
import type { Connection } from "./connection.ts";
import { blockedPort } from "./network_error.ts";
import type { HttpProxy } from "./proxy.ts";

/** How connections to a server are opened. */
export interface Route {
  /** The proxy that all requests are sent to, or null. */
  readonly proxy: HttpProxy | null;
  /** PEM texts of authorities that are trusted in addition to those of Deno. */
  readonly caCerts: readonly string[];
  /** The certificate of the client, or null. */
  readonly identity: ClientIdentity | null;
}

/** A direct route, with the authorities of Deno. */
export const DIRECT: Route = { proxy: null, caCerts: [], identity: null };

/** A server, identified by its origin. */
export interface Server {
  /** `https://name`, with the port if it is not that of the scheme. */
  readonly origin: string;
  readonly isTls: boolean;
  /** A name, or an address without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Value of the Host field (RFC 9110, section 7.2). */
  readonly hostField: string;
  readonly route: Route;
  /** Whether a proxy forwards each request, rather than a TLS connection (RFC 9112, 3.2.2). */
  readonly isForwarded: boolean;
  /** Value of Proxy-Authorization for forwarded requests, or null. */
  readonly authorization: string | null;
  /** Connections without a request; the most recently used one is last. */
  readonly idle: Connection[];
}

/** The origin of a URL as serialized by `URL`; the rest of the URL is the request target. */
export function originOf(url: string): string {
  return url.slice(0, url.indexOf("/", url.indexOf("//") + 2));
}

/**
 * Parses an origin.
 *
 * @throws {CronfetchError} `net.failed` for a port that `fetch` blocks as well.
 */
export function serverAt(origin: string, route: Route): Server {
  const { protocol, hostname, port: portText, host } = new URL(origin);
  const isTls = protocol === "https:";
  const port = portText === "" ? (isTls ? 443 : 80) : Number(portText);
  if (BAD_PORTS.has(port)) {
    throw new CronfetchError("net.failed", blockedPort(port), {
      retry: "never",
    });
  }
  const name = hostname.replace(/^\[|\]$/g, "");
  const isForwarded = route.proxy !== null && !isTls;
  const authorization = isForwarded ? route.proxy?.authorization ?? null : null;
  return {
    ...{ origin, isTls, hostname: name, port, hostField: host },
    ...{ route, isForwarded, authorization, idle: [] },
  };
}

/** Ports of other protocols: the "bad ports" of the Fetch standard. */
const BAD_PORTS: ReadonlySet<number> = new Set(
  (
    "0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 " +
    "111 113 115 117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 " +
    "540 548 554 556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 " +
    "5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080"
  ).split(" ").map(Number),
);
