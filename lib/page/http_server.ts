/**
 * The HTTP server of the status page. `Deno.serve` stops for good when the process runs out of file
 * handles, keeps half-sent requests forever and does not limit connections.
 */

import type { Listener, ServerConnection, Timers } from "../core/host.ts";

/** Open connections: well below the usual limit of 1,024 handles, which downloads need too. */
export const MAX_CONNECTIONS = 256;
/** Timeout from the connection to the end of the request. */
export const REQUEST_MS = 10_000;
/** Timeout for a client to accept a chunk of a response. */
export const WRITE_MS = 60_000;
/** Pause after a failed `accept`, which usually means that no file handle is free. */
export const ACCEPT_PAUSE_MS = 500;
/** Timeout for a client to close its side after a refusal was written. */
const LINGER_MS = 1_000;

/** A listening server. */
export interface HttpServer {
  /**
   * Stops accepting and drops connections without a complete request. Resolves when all responses
   * are written.
   */
  shutdown(): Promise<void>;
  /** Closes every connection, which resolves a pending `shutdown`. */
  close(): void;
}

/**
 * Serves requests, one per connection. At the limit of connections a new one replaces the one that
 * has waited longest for its request, so idle connections cannot block the server.
 *
 * @param respond A rejection becomes status 500.
 */
export function serveHttp(
  listener: Listener,
  respond: (request: Request) => Promise<Response>,
  timers: Timers,
): HttpServer {
  /** All connections; those without a complete request are in `waiting` too, oldest first. */
  const open = new Set<ServerConnection>();
  const waiting = new Set<ServerConnection>();
  const busy = new Set<Promise<void>>();
  const closing = new AbortController();
  const closed = Promise.withResolvers<void>();

  const drop = (connection: ServerConnection) => {
    waiting.delete(connection);
    if (open.delete(connection)) end(connection);
  };
  /** Drops the connections that have waited longest for their requests. */
  const dropOldest = (count: number) => {
    for (const connection of [...waiting].slice(0, count)) drop(connection);
  };

  const handle = async (connection: ServerConnection) => {
    const cancelRequest = timers.after(REQUEST_MS, () => drop(connection));
    try {
      const request = await readRequest(connection);
      waiting.delete(connection);
      cancelRequest();
      if (request === null) return;
      if ("status" in request) {
        const refusal = new Response(null, { status: request.status });
        await writeResponse(connection, null, refusal, timers);
        return await linger(connection, timers);
      }
      const response = await respond(request.request)
        .catch(() => new Response(null, { status: 500 }));
      await writeResponse(connection, request.head, response, timers);
    } catch {
      // The client disconnected, or was dropped.
    } finally {
      cancelRequest();
      drop(connection);
    }
  };

  const accept = async () => {
    while (!closing.signal.aborted) {
      try {
        const connection = await listener.accept();
        if (open.size >= MAX_CONNECTIONS) dropOldest(1);
        if (open.size >= MAX_CONNECTIONS) {
          end(connection);
          continue;
        }
        open.add(connection);
        waiting.add(connection);
        const handling = handle(connection).finally(() => busy.delete(handling));
        busy.add(handling);
      } catch {
        if (closing.signal.aborted) return;
        // Files and downloads need the handles too.
        dropOldest(Math.ceil(waiting.size / 2));
        await timers.sleep(ACCEPT_PAUSE_MS, closing.signal).catch(() => {});
      }
    }
  };
  void accept();

  return {
    shutdown: async () => {
      if (!closing.signal.aborted) listener.close();
      closing.abort();
      for (const connection of [...waiting]) drop(connection);
      await Promise.race([Promise.all(busy), closed.promise]);
    },
    close: () => {
      if (!closing.signal.aborted) listener.close();
      closing.abort();
      for (const connection of [...open]) drop(connection);
      closed.resolve();
    },
  };
}

type Read = { readonly status: number } | {
  readonly head: RequestHead;
  readonly request: Request;
};

/** Reads a request, the body included; null at the end of the connection. */
async function readRequest(connection: ServerConnection): Promise<Read | null> {
  let buffer = new Uint8Array(4 * 1024);
  let size = 0;
  /** Reads more. False at the end of the connection. */
  const more = async (): Promise<boolean> => {
    if (size === buffer.length) {
      const larger = new Uint8Array(2 * buffer.length);
      larger.set(buffer);
      buffer = larger;
    }
    const count = await connection.read(buffer.subarray(size));
    size += count ?? 0;
    return count !== null;
  };
  let end = -1;
  while ((end = headEnd(buffer.subarray(0, size))) < 0) {
    if (size >= MAX_HEAD_BYTES) return { status: 431 };
    if (!await more()) return null;
  }
  const head = parseRequestHead(latin1.decode(buffer.subarray(0, end)));
  if ("status" in head) return head;
  if (head.bodyBytes > 0 && /^100-continue$/i.test(head.headers.get("expect") ?? "")) {
    await writeAll(connection, encoder.encode("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  while (size - end < head.bodyBytes) if (!await more()) return null;
  const { method, headers, url } = head;
  const body = buffer.slice(end, end + head.bodyBytes);
  try {
    const isBodiless = method === "GET" || method === "HEAD";
    const request = new Request(url, { method, headers, body: isBodiless ? null : body });
    return { head, request };
  } catch {
    // `Request` rejects some methods, such as CONNECT and TRACE.
    return { status: 400 };
  }
}

/** @param head Null for a request that could not be read. */
async function writeResponse(
  connection: ServerConnection,
  head: RequestHead | null,
  response: Response,
  timers: Timers,
): Promise<void> {
  const { status, headers } = response;
  const hasBody = status !== 204 && status !== 304 && head?.method !== "HEAD";
  const isSized = headers.has("content-length");
  const isChunked = hasBody && response.body !== null && !isSized && head?.isChunkable === true;
  const lines = [`HTTP/1.1 ${status} ${response.statusText}`];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (isChunked) lines.push("transfer-encoding: chunked");
  if (hasBody && response.body === null && !isSized) lines.push("content-length: 0");
  lines.push("connection: close", "", "");
  const send = (bytes: Uint8Array) => {
    const cancel = timers.after(WRITE_MS, () => end(connection));
    return writeAll(connection, bytes).finally(cancel);
  };
  const body = response.body?.getReader();
  try {
    await send(encoder.encode(lines.join("\r\n")));
    // An idle event stream has no writes that would fail after a disconnect.
    if (headers.get("content-type") === "text/event-stream") {
      void drained(connection).then(() => body?.cancel()).catch(() => {});
    }
    while (hasBody && body !== undefined) {
      const { value, done } = await body.read();
      if (done) break;
      if (value.length > 0) await send(isChunked ? chunk(value) : value);
    }
    if (isChunked) await send(encoder.encode("0\r\n\r\n"));
  } finally {
    await body?.cancel().catch(() => {});
  }
}

function chunk(bytes: Uint8Array): Uint8Array {
  const size = encoder.encode(`${bytes.length.toString(16)}\r\n`);
  const framed = new Uint8Array(size.length + bytes.length + 2);
  framed.set(size);
  framed.set(bytes, size.length);
  framed.set([0x0d, 0x0a], size.length + bytes.length);
  return framed;
}

/** Closing with unread input resets the connection, and the client could lose the response. */
async function linger(connection: ServerConnection, timers: Timers): Promise<void> {
  await connection.closeWrite();
  const cancel = timers.after(LINGER_MS, () => end(connection));
  await drained(connection).finally(cancel);
}

/** Reads and discards until the client has closed its side. */
async function drained(connection: ServerConnection): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  while (await connection.read(buffer) !== null);
}

/** Closes a connection; no error if it is closed already. */
function end(connection: ServerConnection): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

async function writeAll(connection: ServerConnection, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
}

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");

/** The parts of a request head that the page uses. */
export interface RequestHead {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  readonly headers: Headers;
  /** Size of the body; 0 without one. */
  readonly bodyBytes: number;
  /** Whether the client accepts chunked responses: HTTP/1.1. */
  readonly isChunkable: boolean;
}

/** Statuses of rejected requests. */
export type HeadStatus = 400 | 411 | 413 | 431 | 505;

/** Why a request is rejected. */
export interface HeadError {
  readonly status: HeadStatus;
}

/** The longest head, request line included. */
export const MAX_HEAD_BYTES = 32 * 1024;
/** The longest body. Forms have a lower limit of their own. */
export const MAX_BODY_BYTES = 1024 * 1024;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Index behind the empty line that ends a head, or -1. Lines may end with a bare LF. */
export function headEnd(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    if (bytes[at + 1] === 0x0a) return at + 2;
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === 0x0a) return at + 3;
  }
  return -1;
}

/**
 * Parses a head (RFC 9112, sections 3 and 5). Ambiguous heads, as used for request smuggling, are
 * rejected: a fold, a space before a colon, several lengths or hosts, a transfer coding.
 *
 * @param text The head as Latin-1, with or without its empty line.
 */
export function parseRequestHead(text: string): RequestHead | HeadError {
  const [requestLine = "", ...fields] = text.trimEnd().split("\n")
    .map((line) => line.endsWith("\r") ? line.slice(0, -1) : line);
  const [method = "", target = "", version = "", ...rest] = requestLine.split(" ");
  if (!TOKEN.test(method) || rest.length > 0) return { status: 400 };
  if (!/^HTTP\/\d\.\d$/.test(version)) return { status: 400 };
  if (!version.startsWith("HTTP/1.")) return { status: 505 };
  const isChunkable = version !== "HTTP/1.0";
  const headers = new Headers();
  const lengths: string[] = [];
  const hosts: string[] = [];
  for (const field of fields) {
    const colon = field.indexOf(":");
    const name = field.slice(0, colon).toLowerCase();
    const content = field.slice(colon + 1);
    const value = content.trim();
    if (colon < 1 || !TOKEN.test(name) || /[\0\r]/.test(value)) return { status: 400 };
    if (name === "transfer-encoding") return { status: 411 };
    // `trim` also removes what is no white space in HTTP, such as a no-break space.
    if (name === "content-length") lengths.push(content);
    if (name === "host") hosts.push(value);
    headers.append(name, value);
  }
  const [length = "0"] = lengths;
  if (lengths.length > 1 || !/^[ \t]*\d{1,15}[ \t]*$/.test(length)) return { status: 400 };
  if (Number(length) > MAX_BODY_BYTES) return { status: 413 };
  const [host = ""] = hosts;
  if (hosts.length > 1 || (isChunkable && hosts.length === 0)) return { status: 400 };
  const url = requestUrl(target, host === "" ? "localhost" : host);
  return url === null
    ? { status: 400 }
    : { method, url, headers, bodyBytes: Number(length), isChunkable };
}

/** The URL of a target in origin form, or in absolute form as proxies send it. */
function requestUrl(target: string, host: string): string | null {
  if (/^http:\/\//i.test(target)) return URL.canParse(target) ? target : null;
  // Other characters in the host would end up in another component of the URL.
  if (!target.startsWith("/") || !/^[\w.~%:[\]-]+$/.test(host)) return null;
  const url = `http://${host}${target}`;
  return URL.canParse(url) ? url : null;
}
