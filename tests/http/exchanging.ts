/** A client and a scripted server, for tests of their exchanges. */

import type { ClientConnection, Connect, TcpConnection, Timers } from "../../lib/core/host.ts";
import {
  getRequest,
  type HttpBody,
  type HttpResponse,
  type Transport,
} from "../../lib/core/http.ts";
import { Http1Client } from "../../lib/http/client.ts";
import { connectReally, type TestHost, testHost } from "../helpers/host.ts";
import {
  type RawConnection,
  type RawServer,
  rawServer,
  type RawServerOptions,
} from "../helpers/raw_server.ts";

/** A client, its server and their connections. Disposing of it closes both. */
export interface Exchanging extends AsyncDisposable {
  readonly client: Http1Client;
  /** Sends requests to the server. */
  readonly send: Transport;
  readonly server: RawServer;
  readonly host: TestHost;
  /** Connections that the client has not closed. */
  readonly open: ReadonlySet<TcpConnection>;
  /** Pending timers of the client, by their cancel functions. */
  readonly alarms: ReadonlySet<() => void>;
  /** Bytes that the client has read from its connections. */
  readonly receivedBytes: number;
  /** Waits until a condition holds; it is checked whenever the client has read or closed. */
  until(condition: () => boolean): Promise<void>;
  /** Requests a path of the server. */
  get(path?: string, signal?: AbortSignal): Promise<HttpResponse>;
}

/** Starts a server that calls `handler` for each connection, and a client for it. */
export async function exchanging(
  handler: (connection: RawConnection) => Promise<void>,
  options: RawServerOptions = {},
): Promise<Exchanging> {
  const server = await rawServer(handler, { tls: null, ...options });
  const host = testHost({ timers: "manual" });
  const open = new Set<TcpConnection>();
  const seen: Seen = { receivedBytes: 0, wake: () => {} };
  const alarms = new Set<() => void>();
  const client = new Http1Client({
    connect: counted(open, seen),
    timers: watched(host.timers, alarms),
  });
  const never = new AbortController().signal;
  const send = client.to(server.origin);
  return {
    client,
    send,
    server,
    host,
    open,
    alarms,
    get receivedBytes() {
      return seen.receivedBytes;
    },
    until: async (condition) => {
      while (!condition()) await new Promise<void>((wake) => seen.wake = wake);
    },
    get: (path = "/", signal = never) => send(getRequest(server.origin + path, signal)),
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** What the connections of a client have done. */
interface Seen {
  receivedBytes: number;
  wake: () => void;
}

/** Real connections, kept in a set until they are closed. */
function counted(open: Set<TcpConnection>, events: Seen): Connect {
  return async (hostname, port, signal) => {
    const tcp = await connectReally(hostname, port, signal);
    const seen: ClientConnection = {
      startTls: (options, signal) => tcp.startTls(options, signal),
      remoteAddr: tcp.remoteAddr,
      read: async (into) => {
        const count = await tcp.read(into);
        events.receivedBytes += count ?? 0;
        events.wake();
        return count;
      },
      write: (bytes) => tcp.write(bytes),
      close: () => {
        open.delete(seen);
        tcp.close();
        events.wake();
      },
    };
    open.add(seen);
    return seen;
  };
}

/** Timers, kept in a set until they have fired or are cancelled. */
function watched(timers: Timers, alarms: Set<() => void>): Timers {
  return {
    ...timers,
    after: (durationMs, callback) => {
      const cancel = timers.after(durationMs, () => {
        alarms.delete(cancel);
        callback();
      });
      alarms.add(cancel);
      return () => {
        alarms.delete(cancel);
        cancel();
      };
    },
  };
}

/** Answers every request on a connection with the same bytes. */
export function always(answer: string): (connection: RawConnection) => Promise<void> {
  return async (connection) => {
    for (;;) {
      await connection.readRequest();
      await connection.send(answer);
    }
  };
}

/** Reads a body to its end as Latin-1. */
export async function textOf(body: HttpBody, bufferBytes = 64 * 1024): Promise<string> {
  let text = "";
  let buffer = new ArrayBuffer(bufferBytes);
  for (;;) {
    const piece = await body.read(new Uint8Array(buffer));
    if (piece.length === 0) return text;
    for (const byte of piece) text += String.fromCharCode(byte);
    buffer = piece.buffer;
  }
}
