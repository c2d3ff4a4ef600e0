/** Reads a given number of bytes from a stream of pieces. */

/** A position in a stream. Calls must not overlap. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #truncated: () => Error;
  /** Bytes that were received and not read; a copy, since the source reuses its buffer. */
  #rest: Uint8Array = new Uint8Array(0);

  /**
   * @param source Its pieces are valid until the next one is requested.
   * @param truncated Creates the error of a stream that ends too early.
   */
  constructor(source: AsyncIterable<Uint8Array>, truncated: () => Error) {
    this.#source = source[Symbol.asyncIterator]();
    this.#truncated = truncated;
  }

  async isAtEnd(): Promise<boolean> {
    return this.#rest.length === 0 && !await this.#receive();
  }

  /** Reads `count` bytes. The result is valid until the next call. */
  async read(count: number): Promise<Uint8Array> {
    if (count === 0) return this.#rest.subarray(0, 0);
    const parts: Uint8Array[] = [];
    let missing = count;
    for (;;) {
      const part = this.#take(missing);
      missing -= part.length;
      if (missing === 0 && parts.length === 0) return part;
      if (part.length > 0) parts.push(part);
      if (missing === 0) return joinBytes(parts);
      if (!await this.#receive()) throw this.#truncated();
    }
  }

  /** Reads `count` bytes piece by piece, each valid until the next one is requested. */
  async *pieces(count: number): AsyncGenerator<Uint8Array> {
    for (let missing = count; missing > 0;) {
      const part = this.#take(missing);
      missing -= part.length;
      if (part.length > 0) yield part;
      if (missing > 0 && !await this.#receive()) throw this.#truncated();
    }
  }

  async skip(count: number): Promise<void> {
    for (let missing = count; missing > 0;) {
      missing -= this.#take(missing).length;
      if (missing > 0 && !await this.#receive()) throw this.#truncated();
    }
  }

  /** Reads all that follows. */
  async skipAll(): Promise<void> {
    while (!await this.isAtEnd()) this.#take(this.#rest.length);
  }

  async close(): Promise<void> {
    await this.#source.return?.(undefined);
  }

  /** At most `count` of the received bytes. */
  #take(count: number): Uint8Array {
    const part = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }

  /** Receives the next piece, once the last one is read. False at the end. */
  async #receive(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    if (done) return false;
    this.#rest = value.slice();
    return true;
  }
}

/** The bytes of several pieces in one. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}
