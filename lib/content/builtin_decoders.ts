/** The content codings gzip, deflate and br (RFC 1952, RFC 1950, RFC 7932), by the runtime. */

import { once } from "node:events";
import { createGunzip, createInflate, createInflateRaw } from "node:zlib";
import { CronfetchError } from "../core/errors.ts";
import type { ContentCoding } from "./coding.ts";

/** Size of the decoded pieces of gzip and deflate. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Encoded bytes of br that are decoded at a time, into one piece: 13 bytes can expand to 16 MiB, so a
 * bomb is noticed after 80 MiB.
 */
const BROTLI_BYTES = 64;

/** Behind the encoded bytes of deflate: bytes that follow its end are not used by the decoder. */
const SENTINEL = new Uint8Array([0xff]);

/**
 * Decodes gzip with all its members, which zeros may follow (the padding of tapes); or deflate, with
 * the zlib format or without, as some servers send it (RFC 9110, section 8.4.1.2).
 *
 * The inflate decoder ignores bytes behind its end. So a byte is appended, and it must be the first one
 * that is not used.
 *
 * @throws {CronfetchError} `content.coding`; what `encoded` throws.
 */
export async function* decodeZlib(
  coding: "gzip" | "deflate",
  encoded: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const input = encoded[Symbol.asyncIterator]();
  const first = await input.next();
  if (first.done) throw damaged(coding, "it is empty");
  const options = { chunkSize: CHUNK_BYTES };
  const decoder = coding === "gzip"
    ? createGunzip(options)
    : hasZlibHeader(first.value)
    ? createInflate(options)
    : createInflateRaw(options);
  let fedBytes = 0;
  /** Position behind the last byte that is not zero. */
  let paddingStart = 0;
  let isComplete = false;
  /** An error of the input; the one that it causes in the decoder is not reported. */
  let inputError: { readonly error: unknown } | null = null;

  const feed = async () => {
    try {
      for (let next: IteratorResult<Uint8Array> = first; !next.done; next = await input.next()) {
        const end = next.value.findLastIndex((byte) => byte !== 0) + 1;
        if (end > 0) paddingStart = fedBytes + end;
        fedBytes += next.value.length;
        // The decoder may use a piece after the buffer of the piece is filled again.
        if (!decoder.write(next.value.slice())) await once(decoder, "drain");
      }
      decoder.end(coding === "deflate" ? SENTINEL : undefined);
    } catch (error) {
      if (decoder.destroyed) return;
      inputError = { error };
      decoder.destroy();
    }
  };

  void feed();
  try {
    for await (const piece of decoder) yield piece;
    isComplete = true;
  } catch (error) {
    const fault = inputError as { readonly error: unknown } | null;
    throw fault === null ? damaged(coding, reasonOf(error), error) : fault.error;
  } finally {
    decoder.destroy();
    if (!isComplete) input.return?.(undefined)?.catch(() => {});
  }
  // The decoder ignores all bytes behind a zero that follows a member.
  if (coding === "gzip" && decoder.bytesWritten < paddingStart) throw damaged(coding, TRAILING);
  if (coding === "deflate" && decoder.bytesWritten !== fedBytes) {
    throw damaged(coding, decoder.bytesWritten > fedBytes ? "it is truncated" : TRAILING);
  }
}

/**
 * Decodes br. `node:zlib` accepts truncated input here, and may write to standard output when it fails.
 *
 * @throws {CronfetchError} `content.coding`; what `encoded` throws.
 */
export async function* decodeBrotli(
  encoded: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new DecompressionStream("brotli");
  const writer = writable.getWriter();
  const reader = readable.getReader();
  let inputError: { readonly error: unknown } | null = null;

  const input = encoded[Symbol.asyncIterator]();
  const feed = async () => {
    for (;;) {
      let next: IteratorResult<Uint8Array>;
      try {
        next = await input.next();
      } catch (error) {
        inputError = { error };
        return await writer.abort(error);
      }
      if (next.done) return await writer.close();
      for (let start = 0; start < next.value.length; start += BROTLI_BYTES) {
        await writer.write(next.value.slice(start, start + BROTLI_BYTES));
      }
    }
  };

  // A failed decoder rejects these, and the read that reports it.
  writer.closed.catch(() => {});
  feed().catch(() => {});
  let isComplete = false;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      yield value;
    }
    isComplete = true;
  } catch (error) {
    const fault = inputError as { readonly error: unknown } | null;
    throw fault === null ? damaged("br", "it is damaged or truncated", error) : fault.error;
  } finally {
    await reader.cancel().catch(() => {});
    if (!isComplete) input.return?.(undefined)?.catch(() => {});
  }
}

/** Whether data begins with a zlib header (RFC 1950, section 2.2). */
function hasZlibHeader([method = 0, flags]: Uint8Array): boolean {
  if ((method & 0x0f) !== 8) return false;
  return flags === undefined || (method * 256 + flags) % 31 === 0;
}

const TRAILING = "other bytes follow its end";

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return code === "Z_BUF_ERROR" ? "it is truncated" : "its data is damaged";
}

function damaged(coding: ContentCoding, reason: string, cause?: unknown): CronfetchError {
  return new CronfetchError(
    "content.coding",
    `the body cannot be decoded as ${coding}: ${reason}`,
    { cause },
  );
}
