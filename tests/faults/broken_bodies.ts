/** Truncated bodies, and responses to requests for the rest. */

import { testHost } from "../helpers/host.ts";
import type { TestHost } from "../helpers/host.ts";
import { rawServer } from "../helpers/raw_server.ts";
import { response } from "./scenario.ts";

/** Length of {@linkcode FILE}, in bytes. */
export const SIZE = 200_000;
/** Where the body is truncated: enough for a partial file to be kept between runs. */
export const CUT = 100_000;

/** Text without repetitions. */
export function text(name: string, size: number): string {
  let lines = "";
  for (let line = 0; lines.length < size; line++) lines += `line ${line} of the ${name}\n`;
  return lines.slice(0, size);
}

/** A file. */
export const FILE = text("file", SIZE);
/** Another file of its length. */
export const NEWER = text("newer file", SIZE);

/** Range and If-Range of a request. */
export type AskedFor = readonly [range: string, ifRange: string] | null;

/** A server that sends one reply per connection, in order, and then repeats the last one. */
export interface Scripted extends AsyncDisposable {
  /** Of its one file. */
  readonly url: string;
  /** Of each request, in order. */
  readonly asked: readonly AskedFor[];
}

/** Starts a server with these replies. */
export async function scripted(replies: readonly string[]): Promise<Scripted> {
  const asked: AskedFor[] = [];
  const server = await rawServer(async (connection) => {
    const { headers } = await connection.readRequest();
    const range = headers.get("range");
    asked.push(range === undefined ? null : [range, headers.get("if-range") ?? "missing"]);
    await connection.send(replies[Math.min(asked.length, replies.length) - 1] ?? "");
  });
  return {
    url: `${server.origin}/file.bin`,
    asked,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A 200 with the whole file, or with a prefix under the length of the whole. */
export function whole(body: string, lines: readonly string[], sentBytes = body.length): string {
  return response([...lines, `Content-Length: ${body.length}`], body.slice(0, sentBytes));
}

/** A 206 from `start`, of which `sentBytes` are sent. */
export function part(
  body: string,
  start: number,
  lines: readonly string[],
  sentBytes?: number,
): string {
  const rest = body.slice(start);
  return response([
    "HTTP/1.1 206 Partial Content",
    ...lines,
    `Content-Range: bytes ${start}-${body.length - 1}/${body.length}`,
    `Content-Length: ${rest.length}`,
  ], rest.slice(0, sentBytes));
}

/** A response with these header lines. */
export function odd(status: string, lines: readonly string[], body = ""): string {
  return response([`HTTP/1.1 ${status}`, ...lines, `Content-Length: ${body.length}`], body);
}

/**
 * A host whose monotonic clock advances by more than a second at each reading, and by each sleep.
 * So every piece of a body is written to the store as it arrives, and none is lost in a buffer. No
 * timeout fires.
 */
export function unhurriedHost(): TestHost {
  const host = testHost({ timers: "manual" });
  let readMs = 0;
  const monotonicMs = (): number => host.clock.monotonicMs() + (readMs += 1_001);
  return { ...host, clock: { ...host.clock, monotonicMs } };
}
