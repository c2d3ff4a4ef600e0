/** Reads the body of a response from a connection, by its framing. */

import { CronfetchError } from "../core/errors.ts";
import type { ReadBuffer } from "./connection.ts";
import { quoteServerText } from "../core/text.ts";
import { decodeLatin1, invalidHttp } from "./head.ts";

/** Reads one body, and no byte beyond its end. */
export interface BodyReader {
  /** Whether the whole body was read. */
  readonly isEnded: boolean;
  /**
   * Moves buffered bytes to the start of `into`.
   *
   * @returns Number of bytes; 0 if none is buffered, or at the end.
   * @throws {CronfetchError} `http.protocol` if the framing is malformed.
   */
  take(into: Uint8Array<ArrayBuffer>): number;
  /**
   * Reads the next bytes to the start of `into`; buffered ones first.
   *
   * @returns Number of bytes; 0 only at the end.
   * @throws {CronfetchError} `body.truncated` if the connection ends, `http.protocol` if the
   * framing is malformed.
   */
  read(into: Uint8Array<ArrayBuffer>): Promise<number>;
  /** Skips the rest of the body if it is buffered completely. */
  drain(): void;
}

/** A body of a known length (RFC 9112, section 6.2). */
export class LengthReader implements BodyReader {
  readonly #input: ReadBuffer;
  #leftBytes: number;

  /** A body of `lengthBytes`. */
  constructor(input: ReadBuffer, lengthBytes: number) {
    this.#input = input;
    this.#leftBytes = lengthBytes;
  }

  get isEnded(): boolean {
    return this.#leftBytes === 0;
  }

  take(into: Uint8Array<ArrayBuffer>): number {
    const count = this.#input.take(this.#room(into));
    this.#leftBytes -= count;
    return count;
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    const buffered = this.take(into);
    if (buffered > 0 || this.#leftBytes === 0) return buffered;
    const count = await this.#input.readInto(this.#room(into));
    if (count === null) {
      throw new CronfetchError(
        "body.truncated",
        `the connection ended with ${this.#leftBytes} bytes missing`,
      );
    }
    this.#leftBytes -= count;
    return count;
  }

  drain(): void {
    if (this.#input.size < this.#leftBytes) return;
    this.#input.skip(this.#leftBytes);
    this.#leftBytes = 0;
  }

  /** Bytes after the body belong to the connection. */
  #room(into: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return into.length > this.#leftBytes ? into.subarray(0, this.#leftBytes) : into;
  }
}

/** A body that ends with the connection (RFC 9112, section 6.3, the last rule). */
export class ConnectionReader implements BodyReader {
  readonly #input: ReadBuffer;
  isEnded = false;

  /** A body until the connection ends. */
  constructor(input: ReadBuffer) {
    this.#input = input;
  }

  take(into: Uint8Array<ArrayBuffer>): number {
    return this.#input.take(into);
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    const count = this.take(into) || await this.#input.readInto(into);
    this.isEnded = count === null;
    return count ?? 0;
  }

  drain(): void {
    // The end of the body is unknown.
  }
}

/** Chunks of at least this size are read directly into the caller's buffer. */
const LARGE_CHUNK_BYTES = 64 * 1024;
/** Limit of the total size of chunk extensions and trailers. */
const MAX_SKIPPED_BYTES = 16 * 1024;

const SIZE_LINE = /^([0-9a-fA-F]{1,16})[\t ]*(;[\t\x20-\x7e\x80-\xff]*)?$/;
/** A prefix of a line that may become a {@linkcode SIZE_LINE}. */
const SIZE_PREFIX = /^[0-9a-fA-F]{1,16}[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r?$/;

/** A chunked body (RFC 9112, section 7.1). Extensions and trailers are skipped. */
export class ChunkedReader implements BodyReader {
  readonly #input: ReadBuffer;
  /** Next element: the line before the data, the data, the line after it, or a trailer line. */
  #next: "size" | "data" | "end of data" | "trailer" = "size";
  /** Unread bytes of the current chunk. */
  #leftBytes = 0;
  #skippedBytes = 0;
  isEnded = false;

  /** A body of chunks. */
  constructor(input: ReadBuffer) {
    this.#input = input;
  }

  take(into: Uint8Array<ArrayBuffer>): number {
    let filled = 0;
    while (!this.isEnded) {
      if (this.#next === "data") {
        const count = this.#input.take(into.subarray(filled, filled + this.#leftBytes));
        if (count === 0) break;
        filled += count;
        this.#consume(count);
      } else {
        const line = this.#input.line(MAX_SKIPPED_BYTES);
        if (line === null) break;
        this.#accept(line);
      }
    }
    return filled;
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    for (;;) {
      const count = this.take(into);
      if (count > 0 || this.isEnded) return count;
      if (this.#leftBytes >= LARGE_CHUNK_BYTES) return await this.#readDirectly(into);
      if (this.#input.size > 0) this.#checkBeginning();
      if (!await this.#input.fill()) throw this.#input.error ?? truncated();
    }
  }

  drain(): void {
    this.take(new Uint8Array(this.#input.size));
  }

  async #readDirectly(into: Uint8Array<ArrayBuffer>): Promise<number> {
    const count = await this.#input.readInto(into.subarray(0, this.#leftBytes));
    if (count === null) throw truncated();
    this.#consume(count);
    return count;
  }

  #consume(dataBytes: number): void {
    this.#leftBytes -= dataBytes;
    if (this.#leftBytes === 0) this.#next = "end of data";
  }

  #accept(line: string): void {
    switch (this.#next) {
      case "size":
        return this.#begin(line);
      case "end of data":
        if (line !== "") invalidHttp("a chunk is longer than its size");
        this.#next = "size";
        return;
      default:
        this.isEnded = line === "";
        this.#skip(line.length);
    }
  }

  /** Refuses the beginning of a line that can become no valid one, whatever follows. */
  #checkBeginning(): void {
    const text = decodeLatin1(this.#input.waiting);
    if (this.#next === "end of data" && text !== "\r") {
      invalidHttp("a chunk is longer than its size");
    }
    if (this.#next === "size" && !SIZE_PREFIX.test(text)) {
      invalidHttp(`a chunk size that is not a number: ${quoteServerText(text)}`);
    }
  }

  #begin(line: string): void {
    const [, digits, extension = ""] = SIZE_LINE.exec(line) ?? [];
    const sizeBytes = digits === undefined ? NaN : parseInt(digits, 16);
    if (!Number.isSafeInteger(sizeBytes)) {
      invalidHttp(`a chunk size that is not a number: ${quoteServerText(line)}`);
    }
    this.#skip(extension.length);
    this.#leftBytes = sizeBytes;
    this.#next = sizeBytes === 0 ? "trailer" : "data";
  }

  #skip(bytes: number): void {
    this.#skippedBytes += bytes;
    if (this.#skippedBytes > MAX_SKIPPED_BYTES) {
      invalidHttp(`chunk extensions and trailers of more than ${MAX_SKIPPED_BYTES} bytes`);
    }
  }
}

function truncated(): Error {
  return new CronfetchError("body.truncated", "the connection ended before the last chunk");
}
