/** An HTTP/1.1 client over TCP (RFC 9112), for http URLs without a proxy. */

import { CronfetchError } from "../core/errors.ts";
import type { HttpBody, HttpRequest, HttpResponse } from "../core/http.ts";
import { type BodyReader, ChunkedReader, ConnectionReader, LengthReader } from "./body.ts";
import type { Connection, ReadBuffer } from "./connection.ts";
import {
  announcedBytes,
  type Framing,
  framingOf,
  isIdempotent,
  keepsConnection,
  requestHead,
} from "./head.ts";
import { originOf, Pool, type PoolHost, type Server, serverAt } from "./pool.ts";

const REQUEST_TIMEOUT = 408;

/** An HTTP/1.1 client with its own pool of connections. Disposing of it closes them. */
export class Http1Client implements AsyncDisposable {
  readonly #pool: Pool;
  readonly #servers = new Map<string, Server>();

  /** Opens no connection yet. */
  constructor(host: PoolHost) {
    this.#pool = new Pool(host);
  }

  /**
   * Sends a request to an http URL; a `Transport`. A request that is not idempotent gets a new
   * connection: on a stale one it could not be repeated (RFC 9110, section 9.2.2).
   *
   * @throws {CronfetchError} `http.protocol`, `net.reset`, `net.failed`, `redirect.private`. The
   * signal's reason; the system's error.
   */
  async send(request: HttpRequest): Promise<HttpResponse> {
    const { method, url, headers, body, publicOnly, phases, signal } = request;
    signal.throwIfAborted();
    const origin = originOf(url);
    const server = this.#serverAt(origin);
    const { hostField } = server;
    const lengthBytes = announcedBytes(method, body);
    const target = url.slice(origin.length);
    const head = requestHead({ method, target, hostField, lengthBytes }, headers);
    const idle = isIdempotent(method) ? this.#pool.takeIdle(server, publicOnly) : null;
    if (idle) {
      try {
        const response = await this.#exchange(server, idle, head, request);
        if (response.status !== REQUEST_TIMEOUT) return response;
        // A server sends 408 before it closes an idle connection (RFC 9110, section 15.5.9).
        await response.body.cancel();
      } catch (error) {
        if (signal.aborted || (idle.hasReceived && !isNotHttp(error))) throw error;
        // A stale connection fails before any response byte, or has bytes of an earlier response.
        // Retry once (RFC 9112, section 9.3.1), on a new connection: other idle ones may be stale
        // too.
      }
    }
    phases?.startConnect();
    const fresh = await this.#pool.connect(server, publicOnly, signal);
    return await this.#exchange(server, fresh, head, request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }

  #serverAt(origin: string): Server {
    const known = this.#servers.get(origin);
    if (known) return known;
    const server = serverAt(origin);
    this.#servers.set(origin, server);
    return server;
  }

  async #exchange(
    server: Server,
    connection: Connection,
    requestHead: Uint8Array,
    { method, body: content, phases, signal }: HttpRequest,
  ): Promise<HttpResponse> {
    const abort = () => connection.close();
    const end = (isGood: boolean) => {
      signal.removeEventListener("abort", abort);
      this.#pool.release(server, connection, isGood);
    };
    signal.addEventListener("abort", abort);
    try {
      connection.send(requestHead, content, phases);
      const head = await connection.head();
      const framing = framingOf(head, method);
      const isKept = keepsConnection(head, framing);
      const reader = readerOf(framing, connection.input);
      const body = bodyOf(reader, signal, (isWhole) => end(isWhole && isKept));
      return { status: head.status, headers: head.headers, setCookies: head.setCookies, body };
    } catch (error) {
      end(false);
      signal.throwIfAborted();
      throw error;
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

/** A body that returns its connection as soon as it is read or cancelled. */
function bodyOf(
  reader: BodyReader,
  signal: AbortSignal,
  end: (isWhole: boolean) => void,
): HttpBody {
  let isOpen = true;
  const release = () => {
    if (!isOpen) return;
    isOpen = false;
    end(reader.isEnded);
  };
  if (reader.isEnded) release();
  return {
    read: async (into) => {
      if (!isOpen && reader.isEnded) return into.subarray(0, 0);
      try {
        signal.throwIfAborted();
        if (!isOpen) throw new CronfetchError("body.truncated", "the body was cancelled");
        const count = await reader.read(into);
        if (reader.isEnded) release();
        return into.subarray(0, count);
      } catch (error) {
        release();
        signal.throwIfAborted();
        throw error;
      }
    },
    cancel: () => {
      if (isOpen) skipBuffered(reader);
      release();
      return Promise.resolve();
    },
  };
}

/** Skips the rest of a body if it is buffered already, so that the connection can be reused. */
function skipBuffered(reader: BodyReader): void {
  try {
    reader.drain();
  } catch {
    // Malformed framing: the connection is closed.
  }
}
