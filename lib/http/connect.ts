/** Opens connections: TCP by name, the egress rule, and TLS. */

import { abortable } from "@std/async";
import type { ClientConnection, Connect, ConnectTls, TcpConnection } from "../core/host.ts";
import { isPrivateAddress, privateAddress } from "./egress.ts";
import type { Server } from "./server.ts";

/** The host functions that connections are opened with. */
export interface ConnectHost {
  readonly connect: Connect;
  /** Required for routes with a client certificate. */
  readonly connectTls?: ConnectTls;
}

/**
 * Opens a connection by name: the system resolves it and tries its addresses, so the egress rule is
 * applied to the connected address, before a byte is sent. Only with a client certificate the TLS
 * handshake comes first.
 *
 * @param publicOnly Whether the server must have a public address.
 * @throws {CronfetchError} `redirect.private`. The signal's reason; the error of the host.
 */
export async function openConnection(
  host: ConnectHost,
  server: Server,
  publicOnly: boolean,
  signal: AbortSignal,
): Promise<TcpConnection> {
  const { hostname, port, isTls, route: { caCerts, identity } } = server;
  if (isTls && identity !== null && host.connectTls !== undefined) {
    const options = { hostname, caCerts, ...identity };
    const tls = await orClosed(host.connectTls(port, options, signal), signal);
    return judged(tls, hostname, publicOnly);
  }
  const tcp: ClientConnection = await orClosed(host.connect(hostname, port, signal), signal);
  judged(tcp, hostname, publicOnly);
  return isTls ? await tcp.startTls({ hostname, caCerts }, signal) : tcp;
}

/** Waits for a connection. If the signal is aborted first, it is closed as soon as it opens. */
async function orClosed<T extends TcpConnection>(
  connecting: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  try {
    return await abortable(connecting, signal);
  } catch (error) {
    connecting.then((unused) => unused.close(), () => {});
    throw error;
  }
}

/** Applies the egress rule; closes a connection that it forbids. */
function judged<T extends TcpConnection>(connection: T, hostname: string, publicOnly: boolean): T {
  const address = connection.remoteAddr.hostname;
  if (!publicOnly || !isPrivateAddress(address)) return connection;
  connection.close();
  throw privateAddress(hostname, address);
}
