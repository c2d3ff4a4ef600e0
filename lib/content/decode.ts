/** Decodes the body of a response that has content codings: strictly, and in bounded memory. */

import { CronfetchError } from "../core/errors.ts";
import type { HttpBody } from "../core/http.ts";
import type { ContentCoding } from "./coding.ts";
import { decodeBrotli, decodeZlib } from "./builtin_decoders.ts";

/** Decoded bytes from which on the ratio is limited: a small file is no bomb. */
export const FREE_BYTES = 32 * 1024 * 1024;
/** Largest number of decoded bytes per encoded byte. gzip cannot exceed 1,032, text reaches 50. */
export const LARGEST_RATIO = 250;

/** Size of the pieces that are read from the encoded body. */
const PIECE_BYTES = 64 * 1024;

/** Options of {@linkcode decodedBody}. */
export interface DecodeOptions {
  /** The codings to remove, the outermost first. */
  readonly codings: readonly ContentCoding[];
  /** Announced length of the encoded body, or null. */
  readonly lengthBytes: number | null;
  /** Awaited with the size of each piece of the encoded body. */
  readonly received: (bytes: number) => Promise<void> | void;
}

/**
 * The body without its content codings.
 *
 * A stream that is truncated, has a wrong checksum, or is followed by other bytes is an error; only
 * gzip may have several members, and zeros behind the last one. At most {@linkcode LARGEST_RATIO}
 * times the encoded bytes are decoded, in addition to the first {@linkcode FREE_BYTES}; of several
 * codings, by each.
 *
 * @param encoded Cancelled with the returned body.
 * @returns A body whose `read` rejects with `content.coding` or `body.truncated`, or with what a
 * `read` of `encoded` rejects with.
 */
export function decodedBody(encoded: HttpBody, options: DecodeOptions): HttpBody {
  return new DecodedBody(encoded, options);
}

class DecodedBody implements HttpBody {
  readonly #encoded: HttpBody;
  readonly #pieces: AsyncIterator<Uint8Array>;
  #encodedBytes = 0;
  #decodedBytes = 0;
  /** Decoded bytes that did not fit the last buffer. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(encoded: HttpBody, { codings, lengthBytes, received }: DecodeOptions) {
    this.#encoded = encoded;
    const counted = piecesOf(encoded, lengthBytes, (bytes) => {
      this.#encodedBytes += bytes;
      return received(bytes);
    });
    const decoded = codings.reduce<AsyncIterable<Uint8Array>>(
      (pieces, coding, index) => decode(coding, index === 0 ? pieces : this.#bounded(pieces)),
      counted,
    );
    this.#pieces = decoded[Symbol.asyncIterator]();
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#pieces.next();
      if (done) return into.subarray(0, 0);
      this.#rest = value;
      this.#decodedBytes += value.length;
      this.#checkRatio(this.#decodedBytes);
    }
    const piece = this.#rest.subarray(0, into.length);
    into.set(piece);
    this.#rest = this.#rest.subarray(piece.length);
    return into.subarray(0, piece.length);
  }

  #checkRatio(decodedBytes: number): void {
    if (decodedBytes > FREE_BYTES + LARGEST_RATIO * this.#encodedBytes) throw bomb();
  }

  /** The pieces between two codings: the second one may make nothing of a bomb in the first. */
  async *#bounded(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    for await (const piece of pieces) {
      this.#checkRatio(bytes += piece.length);
      yield piece;
    }
  }

  async cancel(): Promise<void> {
    await this.#encoded.cancel();
    // Resolves only after a pending read.
    this.#pieces.return?.().catch(() => {});
  }
}

/** The pieces of a body. The decoders copy what they keep of a piece. */
async function* piecesOf(
  body: HttpBody,
  lengthBytes: number | null,
  received: DecodeOptions["received"],
): AsyncGenerator<Uint8Array> {
  let buffer = new ArrayBuffer(PIECE_BYTES);
  let total = 0;
  for (;;) {
    const piece = await body.read(new Uint8Array(buffer));
    if (piece.length === 0) break;
    total += piece.length;
    await received(piece.length);
    yield piece;
    buffer = piece.buffer;
  }
  if (lengthBytes !== null && total < lengthBytes) {
    throw new CronfetchError(
      "body.truncated",
      `the encoded body ended after ${total} of ${lengthBytes} bytes`,
    );
  }
}

function decode(coding: ContentCoding, encoded: AsyncIterable<Uint8Array>) {
  switch (coding) {
    case "gzip":
    case "deflate":
      return decodeZlib(coding, encoded);
    case "br":
      return decodeBrotli(encoded);
    case "zstd":
      return decodeZstd(encoded);
    default:
      return coding satisfies never;
  }
}

/** Loads its decoder on demand: few servers use this coding. */
async function* decodeZstd(encoded: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* (await import("./zstd.ts")).decodeZstd(encoded);
}

function bomb(): CronfetchError {
  return new CronfetchError(
    "content.coding",
    `the body expands to more than ${LARGEST_RATIO} times its size`,
    { retry: "never" },
  );
}
