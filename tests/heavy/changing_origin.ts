/** A server whose files change, and contain their own name and version. */

import { assert } from "@std/assert";
import { delay } from "@std/async";
import { Buffer } from "node:buffer";

/** A file of a {@linkcode ChangingOrigin}. */
export interface ChangingFile {
  readonly name: string;
  /** Size of version 0; later ones are up to an eighth larger. */
  readonly sizeBytes: number;
  /** Number of pieces of the body, with a pause after each. Default: 1, without a pause. */
  readonly pieces?: number;
  /** Whether it has an ETag. */
  readonly validators: boolean;
}

/** A server on a port of its own. */
export interface ChangingOrigin extends AsyncDisposable {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly origin: string;
  /** Body bytes sent so far. */
  readonly sentBytes: number;
  /** Resolves when so many body bytes have been sent in total. */
  reached(bytes: number): Promise<void>;
  /** The current version of a file, from 0. */
  newest(name: string): number;
  /** Changes a file to its next version. */
  change(name: string): void;
}

const PAUSE_MS = 25;

/** Starts a server. */
export function changingOrigin(files: readonly ChangingFile[]): ChangingOrigin {
  const table = new Map(files.map((file) => [file.name, file]));
  const versions = new Map<string, number>();
  const waiting = new Set<{ readonly bytes: number; readonly done: () => void }>();
  const stop = new AbortController();
  let sentBytes = 0;

  const newest = (name: string) => versions.get(name) ?? 0;

  const count = (bytes: number) => {
    sentBytes += bytes;
    for (const wait of waiting) {
      if (wait.bytes > sentBytes) continue;
      waiting.delete(wait);
      wait.done();
    }
  };

  async function* inPieces(
    content: Uint8Array<ArrayBuffer>,
    pieces: number,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const pieceBytes = Math.ceil(content.length / pieces);
    for (let start = 0; start < content.length; start += pieceBytes) {
      const piece = content.subarray(start, start + pieceBytes);
      yield piece;
      count(piece.length);
      if (pieces > 1) await delay(PAUSE_MS, { signal: stop.signal });
    }
  }

  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    signal: stop.signal,
    onListen() {},
  }, (request) => {
    const file = table.get(new URL(request.url).pathname.slice(1));
    if (file === undefined) return new Response(null, { status: 404 });
    const version = newest(file.name);
    const headers = new Headers(file.validators ? { etag: `"${file.name}-${version}"` } : {});
    if (file.validators && request.headers.get("if-none-match") === headers.get("etag")) {
      return new Response(null, { status: 304, headers });
    }
    const content = contentOf(file, version);
    headers.set("content-length", `${content.length}`);
    return new Response(ReadableStream.from(inPieces(content, file.pieces ?? 1)), { headers });
  });

  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    get sentBytes() {
      return sentBytes;
    },
    reached: (bytes) => new Promise((done) => void waiting.add({ bytes, done })),
    newest,
    change: (name) => void versions.set(name, newest(name) + 1),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await server.finished;
    },
  };
}

/**
 * Finds the version of a published file.
 *
 * @throws {AssertionError} The bytes are no complete version.
 */
export function versionOf(
  file: ChangingFile,
  bytes: Uint8Array<ArrayBuffer>,
  origin: ChangingOrigin,
): number {
  const [line = ""] = new TextDecoder().decode(bytes.subarray(0, 100)).split("\n");
  const version = Array.from({ length: origin.newest(file.name) + 1 }, (_, version) => version)
    .find((version) => line === firstLine(file, version));
  assert(version !== undefined, `${file.name} begins with ${JSON.stringify(line)}`);
  const isWhole = Buffer.compare(bytes, contentOf(file, version)) === 0;
  assert(isWhole, `${bytes.length} bytes that begin like ${line} are not all of it`);
  return version;
}

function firstLine({ name }: ChangingFile, version: number): string {
  return `${name} ${version}`;
}

/** The current content of each file. */
const made = new WeakMap<ChangingFile, { version: number; content: Uint8Array<ArrayBuffer> }>();

function contentOf(file: ChangingFile, version: number): Uint8Array<ArrayBuffer> {
  const last = made.get(file);
  if (last?.version === version) return last.content;
  const content = makeContent(file, version);
  made.set(file, { version, content });
  return content;
}

/** A first line with name and version, and bytes that no other version has. */
function makeContent(file: ChangingFile, version: number): Uint8Array<ArrayBuffer> {
  const line = new TextEncoder().encode(`${firstLine(file, version)}\n`);
  const random = seeded(line.reduce((hash, byte) => Math.imul(hash, 31) + byte, version));
  const growth = version === 0 ? 0 : random() * file.sizeBytes / 8;
  const words = Uint32Array.from(
    { length: Math.ceil((file.sizeBytes + growth) / 4) },
    () => random() * 2 ** 32,
  );
  const content = new Uint8Array(words.buffer);
  content.set(line);
  return content;
}

/** A generator of fractions in [0, 1), the same for a seed on every machine (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
