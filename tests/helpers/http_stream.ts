/** Splits a byte stream into HTTP/1.1 messages. */

import { Buffer } from "node:buffer";
import type { Socket } from "node:net";

/** A message's head. */
export interface Head {
  /** The request or status line. */
  readonly line: string;
  /** Values by lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Reads a head that ends with its empty line. */
export function parseHead(bytes: Uint8Array): Head {
  const [line = "", ...fields] = new TextDecoder("latin1").decode(bytes).trimEnd().split("\r\n");
  const headers = new Map<string, string>();
  for (const field of fields) {
    const colon = field.indexOf(":");
    headers.set(field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim());
  }
  return { line, headers };
}

/** The stream ended within a message. Has a code, like socket errors. */
export class CutShort extends Error {
  override readonly name = "CutShort";
  readonly code = "CUT_SHORT";
}

/** Reads bytes of a socket on demand, without reading ahead of its caller. */
export class Incoming {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #rest = Buffer.alloc(0);
  /** A pending read. */
  #next: Promise<IteratorResult<Uint8Array>> | null = null;

  constructor(socket: Socket) {
    this.#pieces = socket[Symbol.asyncIterator]();
  }

  /** Bytes up to and including a mark; null if the stream ends before it. */
  async until(mark: string): Promise<Uint8Array | null> {
    for (;;) {
      const index = this.#rest.indexOf(mark);
      if (index >= 0) return this.#take(index + mark.length);
      if (!await this.#more()) return null;
    }
  }

  /** One to `limit` bytes; null at the end of the stream. */
  async some(limit: number): Promise<Uint8Array | null> {
    if (this.#rest.length === 0 && !await this.#more()) return null;
    return this.#take(Math.min(limit, this.#rest.length));
  }

  /** Waits for more bytes or the end of the stream, without consuming them. */
  async ended(): Promise<boolean> {
    if (this.#rest.length > 0) return false;
    this.#next ??= this.#pieces.next();
    return (await this.#next).done === true;
  }

  #take(count: number): Uint8Array {
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }

  async #more(): Promise<boolean> {
    const { done, value } = await (this.#next ??= this.#pieces.next());
    this.#next = null;
    if (done === true) return false;
    this.#rest = Buffer.concat([this.#rest, value]);
    return true;
  }
}

/** The body of a response as on the wire. */
export interface WireBody {
  /** Its bytes, chunk sizes and trailers included. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Whether it ends by framing or by closing the connection. */
  readonly ends: "framed" | "by closing";
}

/** The body of a response (RFC 9112, section 6.3). */
export function wireBody(incoming: Incoming, head: Head, toHead: boolean): WireBody {
  const status = Number(head.line.split(" ")[1]);
  if (toHead || status === 204 || status === 304) {
    return { pieces: sized(incoming, 0), ends: "framed" };
  }
  if (head.headers.get("transfer-encoding")?.toLowerCase() === "chunked") {
    return { pieces: chunked(incoming), ends: "framed" };
  }
  const length = head.headers.get("content-length");
  if (length === undefined) return { pieces: sized(incoming, Infinity), ends: "by closing" };
  return { pieces: sized(incoming, Number(length)), ends: "framed" };
}

async function* sized(incoming: Incoming, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let left = sizeBytes; left > 0;) {
    const piece = await incoming.some(left);
    if (piece === null) {
      if (sizeBytes === Infinity) return;
      throw new CutShort(`${left} bytes are missing`);
    }
    left -= piece.length;
    yield piece;
  }
}

async function* chunked(incoming: Incoming): AsyncGenerator<Uint8Array> {
  for (;;) {
    const line = await incoming.until("\r\n");
    if (line === null) throw new CutShort("there is no last chunk");
    yield line;
    const sizeBytes = parseInt(new TextDecoder("latin1").decode(line), 16);
    if (sizeBytes === 0) break;
    yield* sized(incoming, sizeBytes + 2);
  }
  for (;;) {
    const trailer = await incoming.until("\r\n");
    if (trailer === null) throw new CutShort("there is no empty line");
    yield trailer;
    if (trailer.length === 2) return;
  }
}

/** Writes to a socket and waits until the kernel accepted it. */
export async function send(socket: Socket, content: string | Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.write(content, (error) => error ? reject(error) : resolve());
  await promise;
}
