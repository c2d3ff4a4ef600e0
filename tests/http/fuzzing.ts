/** Random heads and chunked bodies, read by a client. */

import { assert } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { getRequest, type HttpResponse } from "../../lib/core/http.ts";
import { Http1Client } from "../../lib/http/client.ts";
import { testHost, withoutTls } from "../helpers/host.ts";
import { toLatin1 } from "../helpers/raw_server.ts";

/** Parts of responses: valid, and nearly valid. */
const STATUS_LINES = [
  ...["HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 \r\n", "HTTP/1.0 200 OK\r\n", "HTTP/1.1 200\r\n"],
  ...["HTTP/1.1 204 No\r\n", "HTTP/1.1 304 N\r\n", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\n"],
  ...["HTTP/1.1 101 S\r\n", "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 20 OK\r\n", "HTTP/2 200\r\n"],
  ...["http/1.1 200 OK\r\n", "\r\nHTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\n", "HTTP/1.1\t200\r\n"],
];
const FIELDS = [
  ...["Content-Length: 5\r\n", "Content-Length: 0\r\n", "Content-Length: 5, 5\r\n"],
  ...["Content-Length: -1\r\n", "Content-Length: 99999999999999999999\r\n"],
  ...["Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n"],
  ...["Transfer-Encoding: x\r\n", "Connection: close\r\n", "Connection: keep-alive\r\n"],
  ...["A: b\r\n", "A: b\n", "A:\r\n", " folded\r\n", "A : b\r\n", ": b\r\n", "A\r\n"],
  ...["Set-Cookie: a=b\r\n", "A: \0\r\n", "A: \r b\r\n", "\xe9: b\r\n", "Location: /\r\n"],
];
const FRAMING = ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "A: b\r\n"];
const BODIES = [
  ...["hello", "hell", "hello world", "", "5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n"],
  ...["5;a=b\r\nhello\r\n0\r\na: b\r\n\r\n", "5\nhello\n0\n\n", "z\r\n", "-1\r\n", "0\r\n\r\n"],
  ...["ffffffffffffffff\r\n", "5\r\nhello!\r\n0\r\n\r\n", "0\r\n", "5", "5 5\r\nhello\r\n"],
];

/** A number in [0, below). */
type Chance = (below: number) => number;

function pick(list: readonly string[], chance: Chance): string {
  return list[chance(list.length)] ?? "";
}

/** A response of such parts, with a few bytes changed, removed or inserted. */
function fuzzed(chance: Chance): Uint8Array {
  let text = chance(4) > 0 ? "HTTP/1.1 200 OK\r\n" : pick(STATUS_LINES, chance);
  for (let count = chance(4); count > 0; count--) {
    text += pick(chance(3) > 0 ? FRAMING : FIELDS, chance);
  }
  text += `${chance(20) === 0 ? "" : "\r\n"}${pick(BODIES, chance)}`;
  for (let count = chance(2) * chance(4); count > 0; count--) {
    const at = chance(text.length + 1);
    const change = [text.charAt(at) === "" ? "" : String.fromCharCode(chance(256)), "", "\r\n"];
    text = text.slice(0, at) + pick(change, chance) + text.slice(at + chance(2));
  }
  return toLatin1(text);
}

/** Bytes in pieces of 1 to 40 bytes, and then the end. */
function inPieces(bytes: Uint8Array, chance: Chance) {
  let read = 0;
  return {
    get leftBytes() {
      return bytes.length - read;
    },
    tcp: {
      remoteAddr: { hostname: "127.0.0.1" },
      read: (into: Uint8Array) => {
        if (read === bytes.length) return Promise.resolve(null);
        const size = Math.min(1 + chance(40), into.length, bytes.length - read);
        into.set(bytes.subarray(read, read + size));
        read += size;
        return Promise.resolve(size);
      },
      write: ({ length }: Uint8Array) => Promise.resolve(length),
      close: () => {},
    },
  };
}

async function sizeOf({ body }: HttpResponse): Promise<number> {
  let total = 0;
  for (;;) {
    const { length } = await body.read(new Uint8Array(7));
    if (length === 0) return total;
    total += length;
  }
}

/** Number of responses read completely, and refused by code. */
export type Counts = Record<string, number>;

/**
 * Reads random responses, each with its own client. A response is read or refused with a
 * `CronfetchError` other than `internal`, and no body is longer than its framing announces.
 */
export async function fuzz(count: number, seed: number): Promise<Counts> {
  const host = testHost({ timers: "manual", random: seed });
  const chance: Chance = (below) => Math.floor(host.random.fraction() * below);
  const { signal } = new AbortController();
  const request = getRequest("http://127.0.0.1/", signal);
  const counts: Counts = {};
  for (let made = 0; made < count; made++) {
    const bytes = fuzzed(chance);
    const pieces = inPieces(bytes, chance);
    const connect = () => Promise.resolve(withoutTls(pieces.tcp));
    await using client = new Http1Client({ connect, timers: host.timers });
    const send = client.to("http://127.0.0.1");
    let outcome: string;
    try {
      const response = await send(request);
      const lengthBytes = Number(response.headers.get("content-length") ?? NaN);
      const isChunked = response.headers.get("transfer-encoding") !== null;
      const sizeBytes = await sizeOf(response);
      const isFramed = !isChunked && response.status !== 204 && response.status !== 304;
      if (isFramed && lengthBytes >= 0) assert(sizeBytes === lengthBytes, shown(bytes));
      assert(sizeBytes <= bytes.length, shown(bytes));
      outcome = "read";
    } catch (error) {
      assert(error instanceof CronfetchError, `${error} at ${shown(bytes)}`);
      assert(error.code !== "internal", shown(bytes));
      outcome = error.code;
    }
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

function shown(bytes: Uint8Array): string {
  return JSON.stringify(String.fromCharCode(...bytes));
}
