/**
 * The content coding zstd (RFC 8878). This module reads the frames and checks them; fzstd decodes
 * their blocks. `node:zlib` of Deno 2.9.6 accepts truncated frames, and ends the process if a checksum
 * is wrong.
 */

import { Decompress } from "fzstd";
import createXxhash from "xxhash-wasm";
import { CronfetchError } from "../core/errors.ts";
import { ByteReader, joinBytes } from "./byte_reader.ts";

/** The largest window of the content coding (RFC 9659), which a decoder must keep in memory. */
const LARGEST_WINDOW_BYTES = 8 * 1024 * 1024;

/** Largest content of a block, unless the window is smaller (RFC 8878, section 3.1.1.2.4). */
const LARGEST_BLOCK_BYTES = 128 * 1024;

/** `Magic_Number` of a frame (RFC 8878, section 3.1.1). */
const FRAME = 0xfd2fb528;
/** The first of 16 numbers of frames to skip (section 3.1.2). */
const SKIPPABLE = 0x184d2a50;

/** Header of a frame (RFC 8878, section 3.1.1.1). */
interface FrameHeader {
  /** The header, including the magic number, of a frame without a checksum. */
  readonly bytes: Uint8Array;
  /** Largest content of a block. */
  readonly blockBytes: number;
  /** `Frame_Content_Size`, or null. */
  readonly contentBytes: bigint | null;
  readonly hasChecksum: boolean;
}

/**
 * Decodes a stream of frames, in memory of twice its window and one block.
 *
 * @throws {CronfetchError} `content.coding`: a frame is damaged or truncated, is followed by other
 * bytes, requires a dictionary, or has a window of over 8 MiB. What `encoded` throws.
 */
export async function* decodeZstd(
  encoded: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const input = new ByteReader(encoded, () => damaged("it is truncated"));
  const xxhash = await createXxhash();
  try {
    let frames = 0;
    for (; !await input.isAtEnd(); frames++) {
      const magic = await input.read(4);
      const number = littleEndian(magic);
      if (number - number % 16n === BigInt(SKIPPABLE)) {
        await input.skip(Number(littleEndian(await input.read(4))));
      } else if (number === BigInt(FRAME)) {
        yield* decodeFrame(await readHeader(magic, input), input, xxhash.create64());
      } else {
        throw damaged(frames === 0 ? "it is no zstd frame" : "other bytes follow its end");
      }
    }
    if (frames === 0) throw damaged("it is empty");
  } finally {
    await input.close();
  }
}

async function* decodeFrame(
  header: FrameHeader,
  input: ByteReader,
  hash: ReturnType<Awaited<ReturnType<typeof createXxhash>>["create64"]>,
): AsyncGenerator<Uint8Array> {
  let decoded: Uint8Array[] = [];
  const decompress = new Decompress((piece) => {
    if (piece.length > 0) decoded.push(piece);
  });
  /** Passes bytes to the decoder. */
  const push = (bytes: Uint8Array, isLast: boolean): Uint8Array[] => {
    decoded = [];
    try {
      // Without the end, it waits for 18 bytes, which a short frame does not have.
      decompress.push(bytes, isLast);
    } catch (error) {
      throw damaged("its data is damaged", error);
    }
    return decoded;
  };
  let size = 0n;
  push(header.bytes, false);
  for (let isLast = false; !isLast;) {
    const start = await input.read(3);
    // Block header (RFC 8878, section 3.1.1.2).
    const fields = Number(littleEndian(start));
    isLast = (fields & 1) === 1;
    const type = fields >> 1 & 3;
    const sizeBytes = fields >> 3;
    if (type === 3 || sizeBytes > header.blockBytes) throw damaged("its data is damaged");
    const rest = await input.read(type === 1 ? 1 : sizeBytes);
    const block = new Uint8Array(3 + rest.length);
    block.set(start);
    block.set(rest, 3);
    for (const piece of push(block, isLast)) {
      size += BigInt(piece.length);
      hash.update(piece);
      yield piece;
    }
  }
  if (header.contentBytes !== null && header.contentBytes !== size) {
    throw damaged("its size is not the announced one");
  }
  if (header.hasChecksum) {
    const checksum = littleEndian(await input.read(4));
    if (checksum !== (hash.digest() & 0xffffffffn)) throw damaged("its checksum is wrong");
  }
}

async function readHeader(magic: Uint8Array, input: ByteReader): Promise<FrameHeader> {
  const start = await input.read(1);
  const [descriptor = 0] = start;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const hasChecksum = (descriptor & 0x04) !== 0;
  if ((descriptor & 0x08) !== 0) throw damaged("a reserved bit is set");
  const window = isSingleSegment ? null : await input.read(1);
  const dictionary = await input.read([0, 1, 2, 4][descriptor & 0x03] ?? 0);
  const sizeField = descriptor >> 6;
  const sizeBytes = sizeField === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeField;
  const size = await input.read(sizeBytes);
  const contentBytes = sizeBytes === 0 ? null : littleEndian(size) + (sizeBytes === 2 ? 256n : 0n);
  if (littleEndian(dictionary) !== 0n) throw damaged("it requires a dictionary");
  const windowBytes = window === null ? contentBytes ?? 0n : BigInt(windowSize(window[0] ?? 0));
  if (windowBytes > LARGEST_WINDOW_BYTES) {
    throw damaged("its window is larger than the 8 MiB of the coding (RFC 9659)", null, "never");
  }
  // The checksum is checked here, and not passed to the decoder.
  const frame = new Uint8Array([descriptor & ~0x04]);
  return {
    bytes: joinBytes([magic, frame, window ?? new Uint8Array(0), dictionary, size]),
    blockBytes: Math.min(Number(windowBytes), LARGEST_BLOCK_BYTES),
    contentBytes,
    hasChecksum,
  };
}

/** `Window_Size` of a `Window_Descriptor` (RFC 8878, section 3.1.1.1.2). */
function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + base / 8 * (descriptor & 0x07);
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => value << 8n | BigInt(byte), 0n);
}

function damaged(
  reason: string,
  cause?: unknown,
  retry: "never" | "later" = "later",
): CronfetchError {
  return new CronfetchError("content.coding", `the body cannot be decoded as zstd: ${reason}`, {
    cause,
    retry,
  });
}
