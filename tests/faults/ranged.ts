/** A server of one large file in ranges, whose every answer can be another one. */

import { type RawConnection, rawServer } from "../helpers/raw_server.ts";
import { type AskedFor, text } from "./broken_bodies.ts";

const MIB = 1024 * 1024;

/** Length of {@linkcode LARGE}: six pieces of a MiB each for four segments. */
export const LARGE_SIZE: number = 6 * MIB;
/** A large file. */
export const LARGE: Bytes = new TextEncoder().encode(text("large file", LARGE_SIZE));
/** Another one of its length. */
export const NEWER_LARGE: Bytes = new TextEncoder().encode(text("newer large file", LARGE_SIZE));

type Bytes = Uint8Array<ArrayBuffer>;

/** One request, and how to answer it as one should. */
export interface Exchange {
  readonly connection: RawConnection;
  /** What was asked for, Range and If-Range. */
  readonly asked: AskedFor;
  /** The bytes that were asked for; all of them without a range. */
  readonly start: number;
  readonly end: number;
  /** How many ranges with an end were asked for before. */
  readonly pieces: number;
  /** Requests being answered, this one included. */
  readonly active: number;
  /** Answers as one should, but by these header lines, another body, or with `sentBytes` of it. */
  answer(changes?: Changes): Promise<void>;
}

/** What is different about an answer. */
export interface Changes {
  /** Default: `ETag: "1"`. */
  readonly lines?: readonly string[];
  /** Default {@linkcode LARGE}. */
  readonly file?: Bytes;
  /** Default: all of it. */
  readonly sentBytes?: number;
  /** Default: what was asked for. */
  readonly contentRange?: string;
}

/** Such a server. */
export interface Ranged extends AsyncDisposable {
  /** Of its one file. */
  readonly url: string;
  /** Of each request, in order. */
  readonly asked: readonly AskedFor[];
  /** The most requests that were being answered at any time. */
  readonly mostActive: number;
  /** Fulfilled once the first connection is closed. */
  readonly firstGone: Promise<void>;
}

/** Starts one. By default it answers as one should; connections are kept. */
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

/** Closes a connection after what was sent, and answers nothing more on it. */
export async function closing({ connection }: Exchange): Promise<void> {
  connection.close();
  await connection.hold();
}

/** Sends an answer, or so many bytes of its body. */
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
