/** Sockets for tests with host names, with simulated addresses. */

import type { ClientConnection, Connect } from "../../lib/core/host.ts";
import { connectReally } from "./host.ts";

/** A `Connect` that records its use. */
export interface NamedConnect {
  readonly connect: Connect;
  /** `name:port` of each connection, in order. */
  readonly names: readonly string[];
  /** Addresses that received bytes, in the order of connections. */
  readonly written: readonly string[];
}

/**
 * Connects every name to a port of this machine. Other ports of 127.0.0.1, such as that of the server
 * of a bucket, are connected to without being recorded.
 *
 * @param origin `http://127.0.0.1:port` of the server behind all names.
 * @param addresses Addresses of successive connections by name; the last one repeats. `null` is a
 * failed lookup.
 */
export function namedConnect(
  origin: string,
  addresses: Readonly<Record<string, readonly (string | null)[]>>,
): NamedConnect {
  const port = Number(new URL(origin).port);
  const names: string[] = [];
  const written: string[] = [];
  const counts = new Map<string, number>();
  return {
    names,
    written,
    connect: async (hostname, askedPort, signal) => {
      if (hostname === "127.0.0.1" && askedPort !== port) {
        return await connectReally(hostname, askedPort, signal);
      }
      const known = addresses[hostname] ?? [hostname];
      const count = counts.get(hostname) ?? 0;
      counts.set(hostname, count + 1);
      const address = known[Math.min(count, known.length - 1)] ?? null;
      names.push(`${hostname}:${askedPort}`);
      if (address === null) {
        throw new Error("failed to lookup address information: Name or service not known");
      }
      const tcp = await connectReally("127.0.0.1", port, signal);
      return {
        remoteAddr: { hostname: address },
        read: (into) => tcp.read(into),
        write: (bytes) => {
          written.push(address);
          return tcp.write(bytes);
        },
        startTls: (options, signal) => {
          written.push(address);
          return tcp.startTls(options, signal);
        },
        close: () => tcp.close(),
      } satisfies ClientConnection;
    },
  };
}
