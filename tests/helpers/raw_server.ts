/** A server that sends exactly the bytes of a test, valid HTTP or not. */

import { createConnection, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { type Identity, schemeOf, SERVER_IDENTITY } from "./transport.ts";

/** A request head as received. */
export interface RawRequest {
  /** The request line. */
  readonly line: string;
  readonly method: string;
  /** The target, with its query. */
  readonly path: string;
  /** Values by lower-case name; several of one name are joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
  /** The whole head with its line ends, the empty line included. */
  readonly raw: string;
}

/** Thrown to a handler after its client disconnected. The server ignores it. */
export class ConnectionGone extends Error {
  override readonly name = "ConnectionGone";
}

/** One connection to a {@linkcode RawServer}. Text is sent and read as Latin-1. */
export interface RawConnection {
  /** Which connection to the server this is; the first is 0. */
  readonly index: number;
  /** Bytes the kernel took over for sending so far. */
  readonly sentBytes: number;
  /** Reads the next request head; throws {@linkcode ConnectionGone} if there is none. */
  readRequest(): Promise<RawRequest>;
  /** Reads exactly so many bytes; throws {@linkcode ConnectionGone} if there are fewer. */
  readBytes(count: number): Promise<string>;
  /** Sends bytes as they are; throws {@linkcode ConnectionGone} once that is impossible. */
  send(content: string | Uint8Array): Promise<void>;
  /** Resets the connection (TCP RST). */
  reset(): void;
  /** Ends the connection after what was sent: FIN, over TLS without close_notify. */
  close(): void;
  /**
   * Ends the connection after what was sent, over TLS with close_notify (RFC 8446, section 6.1). Deno
   * leaves it out if nothing was sent.
   */
  closeNotify(): void;
  /** Waits until the client disconnects or the test ends. */
  hold(): Promise<void>;
  /** Forwards both directions between the client and a server, until either disconnects. */
  tunnel(options: TunnelOptions): Promise<void>;
}

/** Options of {@linkcode RawConnection.tunnel}. */
export interface TunnelOptions {
  /** Of the server, on this machine. */
  readonly port: number;
  /** Text the server receives first. Default: none. */
  readonly head?: string;
  /** Ends the connection after so many bytes to the client, by FIN. Default: never. */
  readonly cutAfterBytes?: number;
}

/** A server on a free port. Disposing closes every connection. */
export interface RawServer extends AsyncDisposable {
  /** `http://127.0.0.1:port`, or `https:`, without a slash at the end. */
  readonly origin: string;
  /** Method and target of each request read, in order. */
  readonly requests: readonly string[];
  /** Connections accepted so far. */
  readonly connections: number;
}

/** Options of {@linkcode rawServer}. */
export interface RawServerOptions {
  /** For TLS; null for clear text. Default: by the transport of all tests. */
  readonly tls?: Identity | null;
}

/**
 * Starts a server that calls `handler` for each connection and closes it afterwards. Errors of handlers
 * except {@linkcode ConnectionGone} are thrown on dispose.
 */
export async function rawServer(
  handler: (connection: RawConnection) => Promise<void>,
  { tls = SERVER_IDENTITY }: RawServerOptions = {},
): Promise<RawServer> {
  const requests: string[] = [];
  const failures: unknown[] = [];
  const sockets = new Set<Socket>();
  const handling = new Set<Promise<void>>();
  let connections = 0;

  async function handle(socket: Socket): Promise<void> {
    const stream = tls === null ? socket : serverSide(socket, tls);
    const connection = rawConnection({ socket, stream, index: connections++, requests });
    try {
      await handler(connection);
    } catch (error) {
      if (!(error instanceof ConnectionGone)) failures.push(error);
    }
    connection.close();
  }

  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => void sockets.delete(socket));
    const handled = handle(socket).finally(() => void handling.delete(handled));
    handling.add(handled);
  });
  const port = await listen(server);

  return {
    origin: `${schemeOf(tls)}://127.0.0.1:${port}`,
    requests,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((done) => void server.close(() => done()));
      for (const socket of sockets) socket.destroy();
      await closed;
      await Promise.all(handling);
      if (failures.length > 0) throw failures[0];
    },
  };
}

async function listen(server: Server): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

/** Starts TLS on an accepted connection. A failed handshake is an error of the returned stream. */
function serverSide(socket: Socket, { cert, key }: Identity): Socket {
  return new TLSSocket(socket, { isServer: true, cert, key, ALPNProtocols: ["http/1.1"] });
}

/** A connection: `stream` is the socket in clear text, or TLS over it. */
function rawConnection({ socket, stream, index, requests }: {
  readonly socket: Socket;
  readonly stream: Socket;
  readonly index: number;
  readonly requests: string[];
}): RawConnection {
  let received = "";
  let sentBytes = 0;
  let ended = false;
  let isNotifying = false;
  let wake = (): void => {};
  const gone = new Promise<void>((done) => void socket.once("close", () => done()));
  const receive = (bytes: Uint8Array) => {
    received += fromLatin1(bytes);
    wake();
  };
  stream.on("data", receive);
  for (const event of ["end", "close", "error"]) {
    for (const one of new Set([socket, stream])) {
      one.on(event, () => {
        ended = true;
        wake();
      });
    }
  }

  /** Waits until `sizeOf` returns the size of what is received, and takes that. */
  async function take(sizeOf: () => number | null): Promise<string> {
    for (;;) {
      const size = sizeOf();
      if (size !== null) {
        const taken = received.slice(0, size);
        received = received.slice(size);
        return taken;
      }
      if (ended) throw new ConnectionGone("the client closed the connection");
      await new Promise<void>((done) => wake = done);
    }
  }

  function headSize(): number | null {
    const end = received.indexOf("\r\n\r\n");
    return end < 0 ? null : end + 4;
  }

  return {
    index,
    get sentBytes() {
      return sentBytes;
    },
    async readRequest() {
      const request = parseHead(await take(headSize));
      requests.push(`${request.method} ${request.path}`);
      return request;
    },
    readBytes: (count) => take(() => received.length < count ? null : count),
    async send(content) {
      const bytes = typeof content === "string" ? toLatin1(content) : content;
      if (!socket.writable || !stream.writable) {
        throw new ConnectionGone("the connection is closed");
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      stream.write(bytes, (error) => {
        if (error) reject(new ConnectionGone(error.message));
        else resolve();
      });
      await promise;
      sentBytes += bytes.length;
    },
    reset: () => void socket.resetAndDestroy(),
    close: () => {
      // Ending the socket could cut the close_notify.
      if (!isNotifying) socket.destroySoon();
    },
    closeNotify: () => {
      isNotifying = true;
      stream.end(() => void socket.destroySoon());
    },
    hold: () => gone,
    tunnel: async ({ port, head = "", cutAfterBytes = Infinity }) => {
      const server = createConnection({ port, host: "127.0.0.1", noDelay: true });
      server.write(toLatin1(head + await take(() => received.length)));
      stream.off("data", receive);
      stream.on("data", (bytes: Uint8Array) => void server.write(bytes));
      let left = cutAfterBytes;
      server.on("data", (bytes: Uint8Array) => {
        if (left > 0) stream.write(bytes.subarray(0, left));
        left -= bytes.length;
        if (left <= 0) server.destroy();
      });
      const isReset = new Promise<boolean>((done) => {
        server.once("error", () => done(true));
        server.once("close", () => done(false));
      });
      gone.then(() => void server.destroy());
      if (await isReset) socket.resetAndDestroy();
      else socket.destroySoon();
      await gone;
    },
  };
}

function parseHead(raw: string): RawRequest {
  const [line = "", ...fields] = raw.trimEnd().split("\r\n");
  const [method = "", path = ""] = line.split(" ");
  const headers = new Map<string, string>();
  for (const field of fields) {
    const colon = field.indexOf(":");
    const name = field.slice(0, colon).toLowerCase();
    const value = field.slice(colon + 1).trim();
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return { line, method, path, headers, raw };
}

/** Decodes Latin-1. */
function fromLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Encodes Latin-1. */
export function toLatin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => {
    const byte = character.charCodeAt(0);
    if (byte > 0xff) throw new RangeError(`${JSON.stringify(character)} is not Latin-1`);
    return byte;
  });
}
