/** Copies the body of a response into a draft. */

import { CronfetchError } from "../core/errors.ts";
import { type BufferPool, LARGE_BUFFER_BYTES, SMALL_BUFFER_BYTES } from "../core/allocation.ts";
import type { Clock } from "../core/host.ts";
import type { HttpBody } from "../core/http.ts";
import { fromBodyError } from "../http/network_error.ts";
import type { Throttle } from "../schedule/rate.ts";
import type { Draft } from "../store/store.ts";
import type { AttemptWatch } from "./timeouts.ts";

/** Writes in progress while the next buffer is filled. */
const MAX_PENDING_WRITES = 2;
/**
 * A buffer is written after this time even if it is not full, so a broken connection loses little.
 */
const MAX_BUFFER_AGE_MS = 1000;

/** Accounts for the bytes of a body as they arrive. */
export interface Meter {
  /** The time limits of the request. */
  readonly watch: AttemptWatch;
  /** Called with the size of each piece. */
  readonly received: (bytes: number) => void;
  /** The rate limit, or null. */
  readonly throttle: Throttle | null;
}

/** Options of {@linkcode transfer}. */
export interface TransferOptions {
  /** Announced length of the body, or null. */
  readonly lengthBytes: number | null;
  /** Maximum length of the body, or null. */
  readonly maxBytes: number | null;
  /** Signal of the attempt. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Null if the body has accounted for its bytes already. */
  readonly meter: Meter | null;
  /** The buffers of the run. */
  readonly buffers: BufferPool;
}

/**
 * Reads a body to its end and writes it to a draft in few, large pieces: one for a small body.
 * Reading continues while the store writes, and waits only for
 * {@linkcode MAX_PENDING_WRITES} pending writes.
 *
 * @returns Number of bytes received.
 * @throws {CronfetchError} `http.protocol`, `body.truncated`, `body.too-large`, `timeout.` and
 * `store.` codes. The draft then holds a prefix of the body, and the body is cancelled.
 */
export async function transfer(
  body: HttpBody,
  draft: Draft,
  options: TransferOptions,
): Promise<number> {
  const { lengthBytes, maxBytes, signal, clock, meter, buffers } = options;
  const writes: Promise<ArrayBuffer>[] = [];
  let total = 0;
  // One byte more than announced, so that the end is read without another buffer.
  const neededBytes = lengthBytes === null ? 0 : lengthBytes + 1;
  let buffer = buffers.take(
    Math.max(SMALL_BUFFER_BYTES, Math.min(neededBytes, LARGE_BUFFER_BYTES)),
  );
  let filled = 0;
  let isReading = false;
  let writtenMs = clock.monotonicMs();

  const write = () => {
    const bytes = new Uint8Array(buffer, 0, filled);
    writes.push(draft.write(bytes));
    filled = 0;
    writtenMs = clock.monotonicMs();
  };

  try {
    for (;;) {
      isReading = true;
      const piece = await body.read(new Uint8Array(buffer, filled));
      isReading = false;
      buffer = piece.buffer;
      const bytes = piece.byteLength;
      if (bytes === 0) break;
      filled += bytes;
      total += bytes;
      meter?.watch.progress();
      meter?.received(bytes);
      if (lengthBytes !== null && total > lengthBytes) throw tooLong(lengthBytes);
      if (maxBytes !== null && total > maxBytes) {
        throw new CronfetchError("body.too-large", `the body is larger than ${maxBytes} bytes`);
      }
      if (meter?.throttle) {
        meter.watch.pause();
        await meter.throttle(bytes, signal);
        meter.watch.progress();
      }
      if (body.isEnded) break;
      const isFull = filled === buffer.byteLength;
      if (!isFull && clock.monotonicMs() - writtenMs < MAX_BUFFER_AGE_MS) continue;
      write();
      if (writes.length < MAX_PENDING_WRITES) {
        buffer = buffers.take(LARGE_BUFFER_BYTES);
      } else {
        meter?.watch.pause();
        buffer = await (writes.shift() as Promise<ArrayBuffer>);
        meter?.watch.progress();
        if (buffer.byteLength < LARGE_BUFFER_BYTES) buffer = buffers.take(LARGE_BUFFER_BYTES);
      }
    }
    if (lengthBytes !== null && total !== lengthBytes) throw truncated(total, lengthBytes);
  } catch (thrown) {
    const error = isReading ? fromBodyError(thrown, signal) : thrown;
    await body.cancel();
    // A failed read of fetch detaches the buffer it was given, and its bytes are lost.
    if (filled > 0 && !buffer.detached) write();
    await Promise.allSettled(writes);
    throw error;
  }
  if (filled > 0) write();
  else buffers.release(buffer);
  meter?.watch.pause();
  for (const writing of writes) buffers.release(await writing);
  return total;
}

/** Temporary: the next response may be correct, but no byte of this one can be trusted. */
function tooLong(announcedBytes: number): CronfetchError {
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
