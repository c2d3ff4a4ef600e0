/** Requests by HTTP/1.1 over plain TCP (RFC 9112): for http URLs that are asked without a proxy. */

import { CronfetchError } from "../core/errors.ts";
import type { HttpBody, HttpRequest, HttpResponse } from "../core/http.ts";
import { type BodyReader, ChunkedReader, ConnectionReader, LengthReader } from "./body.ts";
import type { Connection, ReadBuffer } from "./connection.ts";
import { type Framing, framingOf, keepsConnection, requestHead } from "./head.ts";
import { originOf, Pool, type PoolHost, type Server, serverAt } from "./pool.ts";

const REQUEST_TIMEOUT = 408;

/** A client with connections of its own. Disposing of it closes them. */
export class Http1Client implements AsyncDisposable {
  readonly #pool: Pool;
  readonly #servers = new Map<string, Server>();

  /** Connects to nobody yet. */
  constructor(host: PoolHost) {
    this.#pool = new Pool(host);
  }

  /** Sends a request for an http URL: a `Transport`. */
  async send({ url, headers, publicOnly, signal }: HttpRequest): Promise<HttpResponse> {
    signal.throwIfAborted();
    const origin = originOf(url);
    const server = this.#serverAt(origin);
    const head = requestHead(url.slice(origin.length), server.hostField, headers);
    const idle = this.#pool.takeIdle(server, publicOnly);
    if (idle) {
      try {
        const response = await this.#exchange(server, idle, head, signal);
        if (response.status !== REQUEST_TIMEOUT) return response;
        // What a server sends before it closes an idle connection (RFC 9110, section 15.5.9).
        await response.body.cancel();
      } catch (error) {
        if (signal.aborted || (idle.hasReceived && !isNotHttp(error))) throw error;
        // The server closed the connection while the request was on its way, as it may at any time,
        // or what arrived belongs to an earlier response. A GET is sent once more (RFC 9112,
        // section 9.3.1), over a new connection: other idle ones may be in the same state.
      }
    }
    const fresh = await this.#pool.connect(server, publicOnly, signal);
    return await this.#exchange(server, fresh, head, signal);
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
    request: Uint8Array,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const stop = () => connection.close();
    const end = (isGood: boolean) => {
      signal.removeEventListener("abort", stop);
      this.#pool.release(server, connection, isGood);
    };
    signal.addEventListener("abort", stop);
    try {
      connection.send(request);
      const head = await connection.head();
      const framing = framingOf(head);
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

/** A body, whose connection is let go as soon as nothing more is wanted of it. */
function bodyOf(
  reader: BodyReader,
  signal: AbortSignal,
  end: (isWhole: boolean) => void,
): HttpBody {
  let isOpen = true;
  const letGo = () => {
    if (!isOpen) return;
    isOpen = false;
    end(reader.isEnded);
  };
  if (reader.isEnded) letGo();
  return {
    read: async (into) => {
      if (!isOpen && reader.isEnded) return into.subarray(0, 0);
      try {
        signal.throwIfAborted();
        if (!isOpen) throw new CronfetchError("body.truncated", "the body was given up");
        const count = await reader.read(into);
        if (reader.isEnded) letGo();
        return into.subarray(0, count);
      } catch (error) {
        letGo();
        signal.throwIfAborted();
        throw error;
      }
    },
    cancel: () => {
      if (isOpen) drain(reader);
      letGo();
      return Promise.resolve();
    },
  };
}

/** Spares the connection where the rest of a body is here already. */
function drain(reader: BodyReader): void {
  try {
    reader.drain();
  } catch {
    // The rest is no good, and not wanted either.
  }
}
