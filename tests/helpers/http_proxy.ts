/** A forward proxy: CONNECT (RFC 9110, section 9.3.6) and requests in absolute form. */

import { type RawConnection, type RawRequest, type RawServer, rawServer } from "./raw_server.ts";
import type { Identity } from "./transport.ts";

/** A running proxy. */
export interface HttpProxy extends RawServer {
  /** Values of Proxy-Authorization, in the order of requests; null without. */
  readonly authorizations: readonly (string | null)[];
}

/** Options of {@linkcode httpProxy}. */
export interface HttpProxyOptions {
  /** Origin of the server behind all names and ports. */
  readonly server: string;
  /** `name:password` that is required. Default: none. */
  readonly credentials?: string;
  /** Ends each connection to a client after so many bytes of the server. Default: never. */
  readonly cutAfterBytes?: number;
  /** Replies to requests instead; resolves to false to have them handled. Default: false. */
  readonly fault?: (connection: RawConnection, request: RawRequest) => Promise<boolean>;
  /** For TLS between client and proxy. Default: clear text. */
  readonly tls?: Identity;
}

/** Starts a proxy on a free port. All names lead to one server. */
export async function httpProxy(options: HttpProxyOptions): Promise<HttpProxy> {
  const { credentials, fault = () => Promise.resolve(false), cutAfterBytes = Infinity } = options;
  const authorizations: (string | null)[] = [];
  const port = Number(new URL(options.server).port);

  const handle = async (connection: RawConnection): Promise<void> => {
    const request = await connection.readRequest();
    const authorization = request.headers.get("proxy-authorization") ?? null;
    authorizations.push(authorization);
    if (await fault(connection, request)) return;
    if (credentials !== undefined && authorization !== `Basic ${btoa(credentials)}`) {
      return await connection.send(REFUSAL);
    }
    if (request.method !== "CONNECT") {
      // A server accepts the absolute form, too (RFC 9112, section 3.2.2).
      return await connection.tunnel({ port, head: request.raw, cutAfterBytes });
    }
    await connection.send("HTTP/1.1 200 Connection established\r\n\r\n");
    await connection.tunnel({ port, cutAfterBytes });
  };

  const proxy = await rawServer(handle, { tls: options.tls ?? null });
  return Object.assign(proxy, { authorizations });
}

const REFUSAL = [
  "HTTP/1.1 407 Proxy Authentication Required",
  'Proxy-Authenticate: Basic realm="proxy"',
  "Content-Length: 0",
  "Connection: close",
  "",
  "",
].join("\r\n");
