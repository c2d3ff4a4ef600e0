/** Opens connections: TCP by name, the egress rule, proxies, and TLS. */

import { abortable } from "@std/async";
import { CronfetchError } from "../core/errors.ts";
import type { ClientConnection, Connect, ConnectTls, TcpConnection } from "../core/host.ts";
import { Connection } from "./connection.ts";
import { isPrivateAddress } from "./address.ts";
import { privateAddress } from "./egress.ts";
import { abortReason, fromFetchError } from "./network_error.ts";
import type { HttpProxy } from "./proxy.ts";
import { connectHead } from "./request_head.ts";
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
 * handshake comes first. A proxy connects by itself, and its address is not judged.
 *
 * @param publicOnly Whether the server must have a public address.
 * @throws {CronfetchError} `redirect.private`; any code for a failure of the proxy. The signal's
 * reason; the error of the host.
 */
export async function openConnection(
  host: ConnectHost,
  server: Server,
  publicOnly: boolean,
  signal: AbortSignal,
): Promise<TcpConnection> {
  const { hostname, port, isTls, route: { proxy, caCerts, identity } } = server;
  if (proxy !== null) {
    const tcp = await connectToProxy(host, proxy, signal);
    if (!isTls) return tcp;
    await openTunnel(tcp, proxy, server, signal);
    return await tcp.startTls({ hostname, caCerts }, signal);
  }
  if (isTls && identity !== null && host.connectTls !== undefined) {
    const options = { hostname, caCerts, ...identity };
    const tls = await orClosed(host.connectTls(port, options, signal), signal);
    return requirePublic(tls, hostname, publicOnly);
  }
  const tcp: ClientConnection = await orClosed(host.connect(hostname, port, signal), signal);
  requirePublic(tcp, hostname, publicOnly);
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
function requirePublic<T extends TcpConnection>(
  connection: T,
  hostname: string,
  publicOnly: boolean,
): T {
  const address = connection.remoteAddr.hostname;
  if (!publicOnly || !isPrivateAddress(address)) return connection;
  connection.close();
  throw privateAddress(hostname, address);
}

async function connectToProxy(
  { connect }: ConnectHost,
  proxy: HttpProxy,
  signal: AbortSignal,
): Promise<ClientConnection> {
  try {
    return await orClosed(connect(proxy.hostname, proxy.port, signal), signal);
  } catch (error) {
    throw proxyError(proxy, error, signal);
  }
}

/** Has the proxy connect to the server (RFC 9110, section 9.3.6). Closes `tcp` on failure. */
async function openTunnel(
  tcp: ClientConnection,
  proxy: HttpProxy,
  { hostname, port }: Server,
  signal: AbortSignal,
): Promise<void> {
  const connection = new Connection(tcp, () => {});
  const target = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  const abort = () => connection.close();
  signal.addEventListener("abort", abort);
  try {
    signal.throwIfAborted();
    connection.send(connectHead(target, proxy.authorization), null, null);
    const { status } = await connection.head();
    if (status < 200 || status > 299) throw tunnelRefused(proxy, target, status);
    if (!connection.isReusable) {
      throw new CronfetchError("http.protocol", "bytes before the TLS handshake");
    }
  } catch (error) {
    connection.close();
    throw error instanceof CronfetchError && error.code === "http.status"
      ? error
      : proxyError(proxy, error, signal);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** The error for a response of a proxy to CONNECT. */
function tunnelRefused(proxy: HttpProxy, target: string, status: number): CronfetchError {
  if (status === 407) return unauthorizedByProxy(proxy);
  const message = `did not connect to ${target}: it answered ${status}`;
  const isTemporary = status >= 500 || status === 408 || status === 429;
  return new CronfetchError("net.failed", message, { retry: isTemporary ? "later" : "never" });
}

/** The error for a response with the status 407. */
export function unauthorizedByProxy({ name, authorization }: HttpProxy): CronfetchError {
  const reason = authorization === null
    ? "requires a user name and a password"
    : "refused the user name and password";
  return new CronfetchError("http.status", `the proxy ${name} ${reason}`, {
    httpStatus: 407,
    retry: "never",
  });
}

/** Names the proxy in the message of an error. */
function proxyError({ name }: HttpProxy, error: unknown, signal: AbortSignal): unknown {
  // Without the permission, the caller uses another way.
  if (error instanceof Deno.errors.NotCapable) return error;
  const { code, message, retry } = signal.aborted
    ? abortReason(signal)
    : fromFetchError(error, signal);
  if (signal.aborted && code !== "timeout.connect") return error;
  return new CronfetchError(code, `the proxy ${name}: ${message}`, { cause: error, retry });
}
