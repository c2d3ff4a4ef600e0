/** A response's body into a draft. */

import { CronfetchError } from "../core/errors.ts";
import type { Clock } from "../core/host.ts";
import type { HttpBody } from "../core/http.ts";
import { extendHead } from "../store/draft.ts";
import type { Draft } from "../store/store.ts";
import { fromBodyError } from "../http/network_error.ts";
import type { AttemptWatch } from "./timeouts.ts";

/** Bytes read before they are handed to the store; the size at which a reader is as fast as a bare socket. */
export const BUFFER_BYTES: number = 512 * 1024;
/** What a body of unknown length gets first: most of them are small. */
const FIRST_BUFFER_BYTES = 64 * 1024;
/** Buffers at the store while the next one is filled. */
const WRITES_UNDER_WAY = 2;
/** After so long a buffer is handed over though it is not full, lest a broken connection cost much. */
const PATIENCE_MS = 1000;

/** What {@linkcode transfer} needs beside a body and a draft. */
export interface TransferOptions {
  /** Length of this body as announced, or null. */
  readonly lengthBytes: number | null;
  /** How many bytes may come at most, or null. */
  readonly maxBytes: number | null;
  readonly watch: AttemptWatch;
  readonly clock: Clock;
  /** Told about every piece, with its size. */
  readonly received: (bytes: number) => void;
  /** Waits until so many more bytes are within the rate limit, or null without one. */
  readonly throttle: ((bytes: number, signal: AbortSignal) => Promise<void>) | null;
  /** The beginning of the file so far, filled up to 64 KiB. */
  readonly head: Head;
}

/** The beginning of a file, for the checks that look at it. */
export interface Head {
  bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Reads a body to its end and hands it to the draft in few, large pieces: one
 * for a small body. Reading goes on while the store writes, and waits only when
 * the store is {@linkcode WRITES_UNDER_WAY} buffers behind.
 *
 * @returns How many bytes came.
 * @throws {CronfetchError} `body.truncated`, `body.too-large`, `timeout.` and `store.` codes. The
 * draft then holds a beginning of the body, and the connection is given up.
 */
export async function transfer(
  body: HttpBody,
  draft: Draft,
  options: TransferOptions,
): Promise<number> {
  const { lengthBytes, maxBytes, watch, clock, head } = options;
  const writes: Promise<ArrayBuffer>[] = [];
  let total = 0;
  // One byte more than announced, so that the end is seen without another buffer.
  let buffer = new ArrayBuffer(
    lengthBytes === null ? FIRST_BUFFER_BYTES : Math.min(lengthBytes + 1, BUFFER_BYTES),
  );
  let filled = 0;
  let handedOverMs = clock.monotonicMs();

  const handOver = () => {
    const bytes = new Uint8Array(buffer, 0, filled);
    head.bytes = extendHead(head.bytes, bytes);
    const write = draft.write(bytes);
    // It is awaited later; a failure until then is not unhandled.
    write.catch(() => {});
    writes.push(write);
    filled = 0;
    handedOverMs = clock.monotonicMs();
  };

  try {
    for (;;) {
      const piece = await read(body, new Uint8Array(buffer, filled), watch);
      buffer = piece.buffer;
      const bytes = piece.byteLength;
      if (bytes === 0) break;
      filled += bytes;
      total += bytes;
      watch.progress();
      options.received(bytes);
      if (lengthBytes !== null && total > lengthBytes) throw surplus(lengthBytes);
      if (maxBytes !== null && total > maxBytes) {
        throw new CronfetchError("body.too-large", `the body is larger than ${maxBytes} bytes`);
      }
      if (options.throttle) {
        watch.pause();
        await options.throttle(bytes, watch.signal);
        watch.progress();
      }
      if (filled < buffer.byteLength && clock.monotonicMs() - handedOverMs < PATIENCE_MS) continue;
      handOver();
      if (writes.length < WRITES_UNDER_WAY) {
        buffer = new ArrayBuffer(BUFFER_BYTES);
      } else {
        watch.pause();
        buffer = await (writes.shift() as Promise<ArrayBuffer>);
        watch.progress();
        if (buffer.byteLength < BUFFER_BYTES) buffer = new ArrayBuffer(BUFFER_BYTES);
      }
    }
    if (lengthBytes !== null && total !== lengthBytes) throw truncated(total, lengthBytes);
  } catch (error) {
    await body.cancel();
    // A failed read of fetch keeps the buffer it was given: what was in it is lost.
    if (filled > 0 && !buffer.detached) handOver();
    await Promise.allSettled(writes);
    throw error;
  }
  if (filled > 0) handOver();
  watch.pause();
  await Promise.all(writes);
  return total;
}

async function read(
  body: HttpBody,
  into: Uint8Array<ArrayBuffer>,
  watch: AttemptWatch,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await body.read(into);
  } catch (error) {
    throw fromBodyError(error, watch.signal);
  }
}

/** Another request may be answered as announced, but nothing of this body can be kept. */
function surplus(announcedBytes: number): CronfetchError {
  return new CronfetchError(
    "http.protocol",
    `the body is longer than the ${announcedBytes} bytes announced`,
    { retry: "later" },
  );
}

function truncated(receivedBytes: number, announcedBytes: number): CronfetchError {
  return new CronfetchError(
    "body.truncated",
    `the body ended after ${receivedBytes} of ${announcedBytes} bytes`,
  );
}
