/** Buffers that are used again: a new one per file burdens the garbage collector. */

/** Size of a buffer for large bodies; larger ones are no faster than a bare socket. */
export const LARGE_BUFFER_BYTES: number = 512 * 1024;
/** Size of a buffer for small bodies. */
export const SMALL_BUFFER_BYTES: number = 64 * 1024;
/** Bytes that a pool keeps of each size, at most. */
const MAX_FREE_BYTES = 4 * 1024 * 1024;

/** Free buffers of the two sizes. */
export class BufferPool {
  readonly #free = new Map<number, ArrayBuffer[]>([
    [SMALL_BUFFER_BYTES, []],
    [LARGE_BUFFER_BYTES, []],
  ]);

  /** Whether buffers of a size are kept. */
  keeps(sizeBytes: number): boolean {
    return this.#free.has(sizeBytes);
  }

  /** A buffer of any size, perhaps with bytes of an earlier file. */
  take(sizeBytes: number): ArrayBuffer {
    return this.#free.get(sizeBytes)?.pop() ?? new ArrayBuffer(sizeBytes);
  }

  /** Keeps a buffer that nothing else refers to. A detached one has no size, and is dropped. */
  release(buffer: ArrayBuffer): void {
    const free = this.#free.get(buffer.byteLength);
    if (free && (free.length + 1) * buffer.byteLength <= MAX_FREE_BYTES) free.push(buffer);
  }
}
