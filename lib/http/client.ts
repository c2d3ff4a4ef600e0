/** An HTTP/1.1 client over TCP and TLS (RFC 9112). */

import { CronfetchError } from "../core/errors.ts";
import type { HttpBody, HttpMethod, HttpRequest, HttpResponse, Transport } from "../core/http.ts";
import { type BodyReader, ChunkedReader, ConnectionReader, LengthReader } from "./body.ts";
import { unauthorizedByProxy } from "./connect.ts";
import type { Connection, ReadBuffer } from "./connection.ts";
import { type Framing, framingOf, keepsConnection } from "./framing.ts";
import type { ResponseHead } from "./head.ts";
import { Pool, type PoolHost } from "./pool.ts";
import { announcedBytes, isIdempotent, requestHead } from "./request_head.ts";
import { DIRECT, type Route, type Server, serverAt } from "./server.ts";

const REQUEST_TIMEOUT = 408;

/** An HTTP/1.1 client with its own pool of connections. Disposing of it closes them. */
export class Http1Client implements AsyncDisposable {
  readonly #pool: Pool;

  /** Opens no connection yet. */
  constructor(host: PoolHost) {
    this.#pool = new Pool(host);
  }

  /**
   * Creates the transport of an origin, to which all its requests are sent. A request that is neither
   * idempotent nor declared a read gets a new connection: on a stale one it could not be repeated
   * (RFC 9110, section 9.2.2).
   *
   * @param origin `https://name`, with the port if it is not that of the scheme.
   * @returns It throws `http.protocol`, `net.reset`, `net.failed` and `redirect.private`; the
   * signal's reason; the error of the host.
   * @throws {CronfetchError} `net.failed` for a port that `fetch` blocks as well.
   */
  to(origin: string, route: Route = DIRECT): Transport {
    const server = serverAt(origin, route);
    return (request) => this.#send(server, request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }

  async #send(server: Server, request: HttpRequest): Promise<HttpResponse> {
    const { method, url, headers, body, isRead = false, publicOnly, phases, signal } = request;
    signal.throwIfAborted();
    const { origin, hostField, authorization } = server;
    const lengthBytes = announcedBytes(method, body);
    const target = server.isForwarded ? url : url.slice(origin.length);
    const fields = authorization === null
      ? headers
      : { ...headers, "proxy-authorization": authorization };
    const head = requestHead({ method, target, hostField, lengthBytes }, fields);
    let idle = isRead || isIdempotent(method) ? this.#pool.takeIdle(server, publicOnly) : null;
    for (;;) {
      if (idle === null) phases?.startConnect();
      const connection = idle ?? await this.#pool.connect(server, publicOnly, signal);
      const exchange = new ConnectionBody(this.#pool, server, connection, signal);
      try {
        // Aborted before the body listened: the connection would stay open.
        signal.throwIfAborted();
        connection.send(head, body, phases);
        const response = exchange.begin(await connection.head(), method);
        if (idle === null || response.status !== REQUEST_TIMEOUT) return response;
        // A server sends 408 before it closes an idle connection (RFC 9110, section 15.5.9).
        await exchange.cancel();
      } catch (error) {
        exchange.release(false);
        signal.throwIfAborted();
        // A stale connection fails before any response byte, or has bytes of an earlier response.
        // Retry once (RFC 9112, section 9.3.1), on a new connection: other idle ones may be stale
        // too.
        if (idle === null || (idle.hasReceived && !isNotHttp(error))) throw error;
      }
      idle = null;
    }
  }
}

function isNotHttp(error: unknown): boolean {
  return error instanceof CronfetchError && error.code === "http.protocol";
}

function readerOf(framing: Framing, input: ReadBuffer): BodyReader {
  switch (framing.kind) {
    case "length":
      return new LengthReader(input, framing.lengthBytes);
    case "chunked":
      return new ChunkedReader(input);
    case "connection":
      return new ConnectionReader(input);
    default:
      return framing satisfies never;
  }
}

/**
 * The use of a connection for one exchange, and the body of its response. The connection is
 * released as soon as the body is read or cancelled, and closed if the signal is aborted before.
 */
class ConnectionBody implements HttpBody {
  readonly #pool: Pool;
  readonly #server: Server;
  readonly #connection: Connection;
  readonly #signal: AbortSignal;
  /** Null before the head of the response has arrived. */
  #reader: BodyReader | null = null;
  /** Whether the connection can be reused after the body. */
  #isKept = false;
  #isOpen = true;

  /** Uses the connection until {@linkcode release}. */
  constructor(pool: Pool, server: Server, connection: Connection, signal: AbortSignal) {
    this.#pool = pool;
    this.#server = server;
    this.#connection = connection;
    this.#signal = signal;
    signal.addEventListener("abort", this);
  }

  /** An `EventListener`, which needs no closure per request. */
  handleEvent(): void {
    this.#connection.close();
  }

  /** Makes the response of its head, which has arrived. */
  begin(head: ResponseHead, method: HttpMethod): HttpResponse {
    const { proxy } = this.#server.route;
    if (head.status === 407 && proxy !== null) throw unauthorizedByProxy(proxy);
    const framing = framingOf(head, method);
    const reader = readerOf(framing, this.#connection.input);
    this.#reader = reader;
    this.#isKept = keepsConnection(head, framing);
    if (reader.isEnded) this.release(true);
    const { status, headers, setCookies } = head;
    const { remoteAddress } = this.#connection;
    return { status, headers, setCookies, remoteAddress, body: this };
  }

  /** Ends the use of the connection. */
  release(isWhole: boolean): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#signal.removeEventListener("abort", this);
    this.#pool.release(this.#server, this.#connection, isWhole && this.#isKept);
  }

  get isEnded(): boolean {
    return this.#reader?.isEnded ?? false;
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const reader = this.#reader;
    if (reader === null || (!this.#isOpen && reader.isEnded)) return into.subarray(0, 0);
    try {
      this.#signal.throwIfAborted();
      if (!this.#isOpen) throw new CronfetchError("body.truncated", "the body was cancelled");
      const count = reader.take(into) || await reader.read(into);
      if (reader.isEnded) this.release(true);
      return into.subarray(0, count);
    } catch (error) {
      this.release(false);
      this.#signal.throwIfAborted();
      throw error;
    }
  }

  cancel(): Promise<void> {
    if (this.#isOpen && this.#reader !== null) {
      skipBuffered(this.#reader);
      this.release(this.#reader.isEnded);
    }
    return Promise.resolve();
  }
}

/** Skips the rest of a body if it is buffered already, so that the connection can be reused. */
function skipBuffered(reader: BodyReader): void {
  try {
    reader.drain();
  } catch {
    // Malformed framing: the connection is closed.
  }
}
