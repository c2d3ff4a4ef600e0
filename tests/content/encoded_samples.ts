/** Encoded samples, decoded by the program. */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { ContentCoding } from "../../lib/content/coding.ts";
import { decodedBody } from "../../lib/content/decode.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { HttpBody } from "../../lib/core/http.ts";

/** Bytes of a buffer. */
export type Bytes = Uint8Array<ArrayBuffer>;

const checksummed = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

/** Encodes a file. */
export const ENCODERS: Readonly<Record<ContentCoding, (bytes: Bytes) => Bytes>> = {
  gzip: (bytes) => new Uint8Array(gzipSync(bytes)),
  deflate: (bytes) => new Uint8Array(deflateSync(bytes)),
  br: (bytes) => new Uint8Array(brotliCompressSync(bytes)),
  zstd: (bytes) => new Uint8Array(zstdCompressSync(bytes, checksummed)),
};

/** All codings. */
export const CODINGS = Object.keys(ENCODERS) as ContentCoding[];

/** A body in pieces of `pieceBytes`, that fails after its last one if there is an `error`. */
export function bodyOf(
  bytes: Bytes,
  pieceBytes: number,
  error?: Error,
): HttpBody & { cancels: number } {
  let at = 0;
  return {
    cancels: 0,
    read: (into) => {
      const piece = bytes.subarray(at, at + Math.min(pieceBytes, into.length));
      if (piece.length === 0 && error) return Promise.reject(error);
      into.set(piece);
      at += piece.length;
      return Promise.resolve(into.subarray(0, piece.length));
    },
    cancel() {
      this.cancels++;
      return Promise.resolve();
    },
  };
}

/** Decodes everything. Cancels the body after an error, as a transfer does. */
export async function decodeAll(
  codings: readonly ContentCoding[],
  encoded: HttpBody,
  lengthBytes: number | null = null,
): Promise<Bytes> {
  const body = decodedBody(encoded, { codings, lengthBytes, received: () => {} });
  const parts: Uint8Array[] = [];
  try {
    for (;;) {
      const piece = await body.read(new Uint8Array(10_000));
      if (piece.length === 0) return new Uint8Array(Buffer.concat(parts));
      parts.push(piece.slice());
    }
  } catch (error) {
    await body.cancel();
    throw error;
  }
}

/** Joins bytes. */
export function join(...parts: readonly Uint8Array[]): Bytes {
  return new Uint8Array(Buffer.concat(parts));
}

/** A reproducible sequence of numbers from 0 to below 1 (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

/** Text of different density: rows of numbers. */
export function sample(rows: number, seed = 1): Bytes {
  const next = random(seed);
  const lines = Array.from({ length: rows }, () => `row ${Math.floor(next() * 1_000)},${next()}\n`);
  return new TextEncoder().encode(lines.join(""));
}

/**
 * Decodes a sample after random changes, and fails if other bytes are decoded. br has no checksum: some
 * changed streams are valid, and there are few of them.
 */
export async function decodeChanged(
  coding: ContentCoding,
  { rounds, seed }: { readonly rounds: number; readonly seed: number },
): Promise<void> {
  const next = random(seed);
  const below = (end: number) => Math.floor(next() * end);
  const whole = sample(60);
  const encoded = ENCODERS[coding](whole);
  let undetected = 0;
  for (let round = 0; round < rounds; round++) {
    const at = below(encoded.length);
    const changed = [
      () => encoded.with(at, (encoded[at] ?? 0) ^ 1 << below(8)),
      () => encoded.slice(0, at),
      () => join(encoded, Uint8Array.of(1 + below(255))),
      () => join(encoded.subarray(0, at), encoded.subarray(at + 1)),
      () => join(encoded.subarray(0, at), Uint8Array.of(below(256)), encoded.subarray(at)),
    ][below(5)]?.() ?? encoded;
    try {
      const decoded = await decodeAll([coding], bodyOf(changed, 1 + below(2_000)));
      const isWhole = Buffer.compare(decoded, whole) === 0;
      if (coding === "br" && !isWhole) undetected++;
      else assert(isWhole, `${coding}, round ${round}: other bytes were decoded`);
    } catch (error) {
      if (!(error instanceof CronfetchError)) throw error;
      assertEquals(error.code, "content.coding", `${coding}, round ${round}`);
    }
  }
  assert(undetected < rounds / 5, `${undetected} of ${rounds} changed streams were decoded`);
}
