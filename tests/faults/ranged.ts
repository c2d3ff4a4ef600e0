/** A server with one large file that supports ranges; every response can be replaced. */

import { type RawConnection, rawServer } from "../helpers/raw_server.ts";
import { type AskedFor, text } from "./broken_bodies.ts";

const MIB = 1024 * 1024;

/** Length of {@linkcode LARGE}: five pieces of 1 to 1.5 MiB for four segments. */
export const LARGE_SIZE: number = 6 * MIB;
/** A large file. */
export const LARGE: Bytes = new TextEncoder().encode(text("large file", LARGE_SIZE));
/** Another one of its length. */
export const NEWER_LARGE: Bytes = new TextEncoder().encode(text("newer large file", LARGE_SIZE));

type Bytes = Uint8Array<ArrayBuffer>;

/** One request, and functions to respond correctly. */
export interface Exchange {
  readonly connection: RawConnection;
  /** Range and If-Range. */
  readonly asked: AskedFor;
  /** The requested bytes; the whole file without a range. */
  readonly start: number;
  readonly end: number;
  /** Number of earlier requests for a range with an end. */
  readonly pieces: number;
  /** Open requests, this one included. */
  readonly active: number;
  /** Responds correctly, except for these changes. */
  answer(changes?: Changes): Promise<void>;
}

/** Changes to a correct response. */
export interface Changes {
  /** Default: `ETag: "1"`. */
  readonly lines?: readonly string[];
  /** Default {@linkcode LARGE}. */
  readonly file?: Bytes;
  /** Default: all of it. */
  readonly sentBytes?: number;
  /** Default: the requested range. */
  readonly contentRange?: string;
}

/** Such a server. */
export interface Ranged extends AsyncDisposable {
  /** Of its one file. */
  readonly url: string;
  /** Range and If-Range of each request, in order. */
  readonly asked: readonly AskedFor[];
  /** Maximum number of open requests. */
  readonly mostActive: number;
  /** Resolves once the first connection is closed. */
  readonly firstGone: Promise<void>;
}

/** Starts the server. By default it responds correctly, and keeps connections open. */
export async function ranged(
  reply: (exchange: Exchange) => Promise<void> = ({ answer }) => answer(),
): Promise<Ranged> {
  const asked: AskedFor[] = [];
  const firstGone = Promise.withResolvers<void>();
  let active = 0;
  let mostActive = 0;
  let pieces = 0;

  const serve = async (connection: RawConnection) => {
    const { headers } = await connection.readRequest();
    const range = headers.get("range");
    const mine: AskedFor = range === undefined ? null : [range, headers.get("if-range") ?? ""];
    asked.push(mine);
    const [, first = "0", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
    const [start, end] = [Number(first), last === "" ? LARGE_SIZE : Number(last) + 1];
    const answer = async (changes: Changes = {}) => {
      const { lines = ['ETag: "1"'], file = LARGE } = changes;
      const { contentRange = `bytes ${start}-${end - 1}/${file.length}` } = changes;
      const isPart = range !== undefined;
      const head = [
        "Accept-Ranges: bytes",
        ...lines,
        ...(isPart ? [`Content-Range: ${contentRange}`] : []),
      ];
      const body = file.subarray(start, end);
      const status = isPart ? "206 Partial Content" : "200 OK";
      await respond(connection, status, head, body, changes.sentBytes);
    };
    mostActive = Math.max(mostActive, ++active);
    try {
      const before = last === "" ? pieces : pieces++;
      await reply({ connection, asked: mine, start, end, pieces: before, active, answer });
    } finally {
      active--;
    }
  };

  const server = await rawServer(async (connection) => {
    if (connection.index === 0) connection.hold().then(firstGone.resolve);
    for (;;) await serve(connection);
  });
  return {
    url: `${server.origin}/large.bin`,
    asked,
    get mostActive() {
      return mostActive;
    },
    firstGone: firstGone.promise,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Closes a connection after a response. */
export async function closing({ connection }: Exchange): Promise<void> {
  connection.close();
  await connection.hold();
}

/** Sends a response, or a prefix of its body. */
export async function respond(
  connection: RawConnection,
  status: string,
  lines: readonly string[] = [],
  body: Bytes = new Uint8Array(),
  sentBytes: number = body.length,
): Promise<void> {
  const head = [`HTTP/1.1 ${status}`, ...lines, `Content-Length: ${body.length}`, "", ""];
  await connection.send(head.join("\r\n"));
  await connection.send(body.subarray(0, sentBytes));
}
