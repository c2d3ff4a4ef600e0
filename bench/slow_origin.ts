/**
 * A server that limits the rate of each connection, so that several connections are faster.
 *
 *     deno run -A bench/slow_origin.ts FOLDER BYTES_PER_SECOND
 *
 * Prints its port on loopback. nginx limits requests instead of connections and allows bursts, hence
 * this server. It supports GET and HEAD, ETags, single ranges and If-Range. `/-/traffic` returns the
 * traffic since the last call.
 */

import { delay } from "@std/async";
import { join } from "@std/path";

/** Interval of writes to a connection. */
const TICK_MS = 100;

/** A byte range; `end` is exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Parses a Range header.
 *
 * @returns Null for the whole file (no, several or unsupported ranges), and `unsatisfiable` for a
 * range behind the end.
 */
export function rangeOf(
  header: string | undefined,
  sizeBytes: number,
): Range | null | "unsatisfiable" {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined || first + last === "") return null;
  if (first === "") {
    const start = Math.max(0, sizeBytes - Number(last));
    return start === sizeBytes ? "unsatisfiable" : { start, end: sizeBytes };
  }
  const start = Number(first);
  if (start >= sizeBytes) return "unsatisfiable";
  if (last !== "" && Number(last) < start) return null;
  return { start, end: last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes) };
}

/** A request without body; header names are in lower case. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** The head of a response and the range of the file in its body, or null. */
export interface Answer {
  readonly head: string;
  readonly body: Range | null;
}

/** The response to a request for a file of `sizeBytes`; null for a missing file. */
export function answerTo(request: Request, sizeBytes: number | null, etag: string): Answer {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return { head: head("405 Method Not Allowed", { "content-length": 0 }), body: null };
  }
  if (sizeBytes === null) {
    return { head: head("404 Not Found", { "content-length": 0 }), body: null };
  }
  const about = { etag, "accept-ranges": "bytes" };
  if (request.headers.get("if-none-match") === etag) {
    return { head: head("304 Not Modified", about), body: null };
  }
  const isSame = (request.headers.get("if-range") ?? etag) === etag;
  const range = isSame ? rangeOf(request.headers.get("range"), sizeBytes) : null;
  if (range === "unsatisfiable") {
    const size = { "content-range": `bytes */${sizeBytes}`, "content-length": 0 };
    return { head: head("416 Range Not Satisfiable", { ...about, ...size }), body: null };
  }
  const body = range ?? { start: 0, end: sizeBytes };
  const part = range === null
    ? {}
    : { "content-range": `bytes ${body.start}-${body.end - 1}/${sizeBytes}` };
  const lines = {
    ...about,
    ...part,
    "content-length": body.end - body.start,
    "content-type": "application/octet-stream",
  };
  return {
    head: head(range === null ? "200 OK" : "206 Partial Content", lines),
    body: request.method === "HEAD" ? null : body,
  };
}

function head(status: string, headers: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`;
}

/** Parses a request head, up to the empty line. */
export function parseRequest(text: string): Request {
  const [first = "", ...lines] = text.split("\r\n");
  const [method = "", path = ""] = first.split(" ");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { method, path, headers: new Map(headers) };
}

/** Lets a connection have its bytes no sooner than they would have come at its rate. */
class Pace {
  readonly #bytesPerSecond: number;
  /** When all that was let through so far would have come; of the monotonic clock. */
  #flowedAtMs = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Bytes of one write. */
  get pieceBytes(): number {
    return Math.ceil(this.#bytesPerSecond * TICK_MS / 1000);
  }

  /** Waits until `bytes` more may be sent. An idle period gives no credit. */
  async wait(bytes: number): Promise<void> {
    const now = performance.now();
    this.#flowedAtMs = Math.max(now, this.#flowedAtMs) + bytes / this.#bytesPerSecond * 1000;
    await delay(this.#flowedAtMs - now);
  }
}

/** Serves a folder and counts the traffic. */
class SlowServer {
  readonly #folder: string;
  readonly #bytesPerSecond: number;
  #requests = 0;
  #sentBytes = 0;
  /** Active responses. */
  #active = 0;

  constructor(folder: string, bytesPerSecond: number) {
    this.#folder = folder;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Serves the requests of a connection sequentially until it ends. */
  async serve(connection: Deno.TcpConn): Promise<void> {
    using _ = connection;
    const pace = new Pace(this.#bytesPerSecond);
    try {
      for await (const request of requestsOf(connection)) {
        if (request.path === "/-/traffic") await this.#sendTraffic(connection);
        else await this.#count(() => this.#answer(connection, request, pace));
      }
    } catch (error) {
      // Clients may disconnect at any time.
      if (!isGone(error)) throw error;
    }
  }

  async #count(answer: () => Promise<void>): Promise<void> {
    this.#requests++;
    this.#active++;
    try {
      await answer();
    } finally {
      this.#active--;
    }
  }

  /** Waits for active responses: a disconnected client is still sent its last chunk. */
  async #sendTraffic(connection: Deno.TcpConn): Promise<void> {
    while (this.#active > 0) await delay(TICK_MS / 10);
    const body = JSON.stringify({ requests: this.#requests, sentBytes: this.#sentBytes });
    this.#requests = 0;
    this.#sentBytes = 0;
    await writeAll(connection, encode(head("200 OK", { "content-length": body.length }) + body));
  }

  async #answer(connection: Deno.TcpConn, request: Request, pace: Pace): Promise<void> {
    const path = join(this.#folder, decodeURIComponent(request.path));
    const info = await Deno.stat(path).catch(() => null);
    const etag = `"${info?.mtime?.getTime()}-${info?.size}"`;
    const { head, body } = answerTo(request, info?.size ?? null, etag);
    await writeAll(connection, encode(head));
    if (body !== null) await this.#send(connection, path, body, pace);
  }

  async #send(connection: Deno.TcpConn, path: string, body: Range, pace: Pace): Promise<void> {
    using file = await Deno.open(path);
    await file.seek(body.start, Deno.SeekMode.Start);
    const piece = new Uint8Array(pace.pieceBytes);
    for (let leftBytes = body.end - body.start; leftBytes > 0;) {
      const read = await file.read(piece.subarray(0, leftBytes));
      if (read === null) throw new Error(`${path} was truncated`);
      await pace.wait(read);
      await writeAll(connection, piece.subarray(0, read));
      this.#sentBytes += read;
      leftBytes -= read;
    }
  }
}

/** The requests of a connection. They have no bodies. */
async function* requestsOf(connection: Deno.TcpConn): AsyncGenerator<Request> {
  let text = "";
  for await (const part of connection.readable.pipeThrough(new TextDecoderStream())) {
    const complete = (text + part).split("\r\n\r\n");
    text = complete.pop() ?? "";
    for (const one of complete) yield parseRequest(one);
  }
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await connection.write(bytes.subarray(written));
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.BadResource;
}

if (import.meta.main) {
  const [folder = ".", bytesPerSecond = "10000000"] = Deno.args;
  const server = new SlowServer(folder, Number(bytesPerSecond));
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await Deno.stdout.write(encode(`${listener.addr.port}\n`));
  for await (const connection of listener) void server.serve(connection);
}
