/** What spares the garbage collector: buffers that are used again, and sets that free their members. */

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

/**
 * A small set that objects enter and leave all the time. A `Set` would keep them from being
 * collected early: when V8 replaces the table of a set, the old table still refers to its elements,
 * and to the next table. Once one of them is in the old generation, so are all that follow, with
 * everything they refer to, until the next full collection.
 */
export class ActiveSet<T extends object> {
  readonly #members: T[] = [];

  /** Number of members. */
  get size(): number {
    return this.#members.length;
  }

  /** Adds a member, which must not be in the set. */
  add(member: T): void {
    this.#members.push(member);
  }

  /** Removes a member, if it is in the set. Takes time in proportion to the size. */
  delete(member: T): void {
    const index = this.#members.indexOf(member);
    if (index < 0) return;
    const last = this.#members.pop();
    if (last !== undefined && last !== member) this.#members[index] = last;
  }

  /** The members in any order; those of the time of the call, whatever happens to the set. */
  all(): T[] {
    return [...this.#members];
  }
}
