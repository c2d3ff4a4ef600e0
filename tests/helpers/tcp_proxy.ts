/**
 * A proxy between a client and a real server that injects faults in a given phase of an exchange. It
 * forwards bytes unchanged, so signatures stay valid, and parses only the framing of HTTP/1.1, so
 * that each request on a kept connection can have its own fault.
 */

import { createConnection, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { type Head, Incoming, parseHead, send, wireBody } from "./http_stream.ts";

/** A request head. */
export interface ProxiedRequest {
  readonly method: string;
  /** The target, with its query. */
  readonly path: string;
  /** Values by lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** Index of its connection. */
  readonly connection: number;
  /** Number of earlier requests with the same method and target. */
  readonly earlier: number;
}

/** A fault of an exchange. */
export type Fault =
  /** The request is read and dropped, without response. */
  | { readonly at: "hold" }
  /**
   * The server receives that many bytes of the body, or all, and then FIN; the client is reset. A
   * request without a body lacks its last line end, or the server could still execute it.
   */
  | { readonly at: "request"; readonly afterBytes: number }
  /** The server receives the request and responds completely; the client is reset. */
  | { readonly at: "answer" }
  /** The client receives the head, that many bytes of the body, and then FIN. */
  | { readonly at: "answer body"; readonly afterBytes: number };

/** The fault of a request; null for none. */
export type Rule = (request: ProxiedRequest) => Fault | null;

/** A running proxy. Disposing closes every connection and throws its errors. */
export interface TcpProxy extends AsyncDisposable {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly origin: string;
  /** Called for every request; replaceable. Default: no fault. */
  rule: Rule;
  /** Whether a connection is reset after accepting it, by index. Default: none. */
  resets: (connection: number) => boolean;
  /** Connections so far, reset ones included. */
  readonly connections: number;
  /** Method and target of each request so far, in order: `PUT /bucket/key?partNumber=1`. */
  readonly requests: readonly string[];
  /** Requests with a fault. */
  readonly broken: readonly string[];
}

/** Starts a proxy to a server on this machine, such as `http://127.0.0.1:1234`. */
export async function tcpProxy(server: string): Promise<TcpProxy> {
  const { port } = new URL(server);
  const requests: string[] = [];
  const broken: string[] = [];
  const failures: unknown[] = [];
  const sockets = new Set<Socket>();
  const handling = new Set<Promise<void>>();
  let connections = 0;

  /** Records a request and returns its fault. */
  const judge = (head: Head, connection: number): Fault | null => {
    const [method = "", path = ""] = head.line.split(" ");
    const name = `${method} ${path}`;
    const earlier = requests.filter((request) => request === name).length;
    requests.push(name);
    const fault = proxy.rule({ method, path, headers: head.headers, connection, earlier });
    if (fault !== null) broken.push(name);
    return fault;
  };

  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.once("close", () => void sockets.delete(socket));
    // The pending reads and writes fail.
    socket.on("error", () => {});
    return socket;
  };

  const handle = async (client: Socket, connection: number): Promise<void> => {
    const upstream = track(createConnection(Number(port), "127.0.0.1"));
    client.once("close", () => upstream.destroy());
    try {
      await exchanges(client, upstream, (head) => judge(head, connection));
    } catch (error) {
      if (isMistake(error)) failures.push(error);
    }
    client.destroySoon();
    upstream.destroy();
  };

  const listener = createServer((client) => {
    track(client);
    const connection = connections++;
    if (proxy.resets(connection)) return void client.resetAndDestroy();
    const handled = handle(client, connection).finally(() => void handling.delete(handled));
    handling.add(handled);
  });
  await new Promise<void>((done) => void listener.listen(0, "127.0.0.1", done));

  const proxy: TcpProxy = {
    origin: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    rule: () => null,
    resets: () => false,
    requests,
    broken,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((done) => void listener.close(() => done()));
      for (const socket of sockets) socket.destroy();
      await closed;
      await Promise.all(handling);
      if (failures.length > 0) throw failures[0];
    },
  };
  return proxy;
}

/** Whether an error is something else than a closed connection. */
function isMistake(error: unknown): boolean {
  return !(error instanceof Error && "code" in error);
}

/** Forwards exchanges until either side or a fault ends the connection. */
async function exchanges(
  client: Socket,
  upstream: Socket,
  judge: (head: Head) => Fault | null,
): Promise<void> {
  const asked = new Incoming(client);
  const answered = new Incoming(upstream);
  for (;;) {
    let idle = true;
    const whenEnded = (over: boolean) => {
      if (over && idle) client.destroySoon();
    };
    answered.ended().then(whenEnded, () => whenEnded(true));
    const bytes = await asked.until("\r\n\r\n");
    idle = false;
    if (bytes === null) return;
    const head = parseHead(bytes);
    if (head.headers.has("transfer-encoding")) {
      throw new Error(`${head.line}: the proxy cannot pass a request body in chunks`);
    }
    const fault = judge(head);
    if (fault?.at === "hold") return await swallow(client, asked, head);

    const bodyBytes = Number(head.headers.get("content-length") ?? 0);
    const isCutHead = fault?.at === "request" && bodyBytes === 0;
    await send(upstream, isCutHead ? bytes.subarray(0, -2) : bytes);
    if (fault?.at === "request") {
      // Without 100 Continue the client may not send a body.
      const interim = finalHead(answered, client).catch(() => null);
      await passBody(asked, upstream, Math.min(bodyBytes, fault.afterBytes));
      upstream.destroySoon();
      client.resetAndDestroy();
      await interim;
      return;
    }
    const [, kept] = await Promise.all([
      passBody(asked, upstream, bodyBytes),
      answer(answered, client, head.line.startsWith("HEAD "), fault),
    ]);
    if (!kept) return;
  }
}

/** Reads and drops everything until the client disconnects. */
async function swallow(client: Socket, asked: Incoming, head: Head): Promise<void> {
  if (head.headers.has("expect")) await send(client, "HTTP/1.1 100 Continue\r\n\r\n");
  while (await asked.some(Infinity) !== null);
}

/** Forwards a request body; drops it if the server has closed. */
async function passBody(asked: Incoming, upstream: Socket, sizeBytes: number): Promise<void> {
  for (let left = sizeBytes; left > 0;) {
    const piece = await asked.some(left);
    if (piece === null) return void upstream.end();
    left -= piece.length;
    if (upstream.writable) await send(upstream, piece).catch(() => {});
  }
}

/** Forwards interim responses and returns the head of the final one; null if there is none. */
async function finalHead(answered: Incoming, client: Socket): Promise<Uint8Array | null> {
  for (;;) {
    const head = await answered.until("\r\n\r\n");
    if (head === null || !/^HTTP\/1\.1 1/.test(parseHead(head).line)) return head;
    await send(client, head);
  }
}

/** Forwards a response or breaks it. False if the connection is unusable afterwards. */
async function answer(
  answered: Incoming,
  client: Socket,
  toHead: boolean,
  fault: Fault | null,
): Promise<boolean> {
  const bytes = await finalHead(answered, client);
  if (bytes === null) return false;
  const head = parseHead(bytes);
  const body = wireBody(answered, head, toHead);
  switch (fault?.at) {
    case undefined:
      await send(client, bytes);
      for await (const piece of body.pieces) await send(client, piece);
      return body.ends === "framed" && head.headers.get("connection")?.toLowerCase() !== "close";
    case "answer":
      for await (const _ of body.pieces);
      client.resetAndDestroy();
      return false;
    case "answer body": {
      await send(client, bytes);
      let left = fault.afterBytes;
      for await (const piece of body.pieces) {
        await send(client, piece.subarray(0, left));
        left -= piece.length;
        if (left <= 0) break;
      }
      client.destroySoon();
      return false;
    }
    case "hold":
    case "request":
      throw new Error(`a request that is broken at "${fault.at}" has no answer`);
    default:
      fault satisfies never;
      return false;
  }
}
