/** The bytes of a body, taken out of what comes over a connection. */

import { CronfetchError } from "../core/errors.ts";
import type { ReadBuffer } from "./connection.ts";
import { quoteServerText } from "../core/text.ts";
import { decodeLatin1, invalidHttp } from "./head.ts";

/** Reads one body to its end, and no byte beyond it. */
export interface BodyReader {
  /** Whether nothing is left of the body. */
  readonly isEnded: boolean;
  /**
   * Puts what comes next at the beginning of `into`.
   *
   * @returns How many bytes; 0 only at the end.
   * @throws {CronfetchError} `body.truncated` where the connection ended, `http.protocol` where the
   * framing is malformed.
   */
  read(into: Uint8Array<ArrayBuffer>): Promise<number>;
  /** Drops what is here already, if that is all. */
  drain(): void;
}

/** A body of a known length (RFC 9112, section 6.2). */
export class LengthReader implements BodyReader {
  readonly #input: ReadBuffer;
  #leftBytes: number;

  /** A body of so many bytes. */
  constructor(input: ReadBuffer, lengthBytes: number) {
    this.#input = input;
    this.#leftBytes = lengthBytes;
  }

  get isEnded(): boolean {
    return this.#leftBytes === 0;
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    if (this.#leftBytes === 0) return 0;
    // What follows the body is not its reader's.
    const room = into.length > this.#leftBytes ? into.subarray(0, this.#leftBytes) : into;
    const count = this.#input.take(room) || await this.#input.readInto(room);
    if (count === null) {
      throw new CronfetchError(
        "body.truncated",
        `the connection ended ${this.#leftBytes} bytes too early`,
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
}

/** A body that ends with the connection (RFC 9112, section 6.3, the last rule). */
export class ConnectionReader implements BodyReader {
  readonly #input: ReadBuffer;
  isEnded = false;

  /** A body of all that comes. */
  constructor(input: ReadBuffer) {
    this.#input = input;
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    const count = this.#input.take(into) || await this.#input.readInto(into);
    this.isEnded = count === null;
    return count ?? 0;
  }

  drain(): void {
    // Nobody knows what is still to come.
  }
}

/** Chunks from this size on are read past the buffer. */
const LARGE_CHUNK_BYTES = 64 * 1024;
/** How much may come that nobody wants: chunk extensions and trailers, also those of one line. */
const MAX_SKIPPED_BYTES = 16 * 1024;

const SIZE_LINE = /^([0-9a-fA-F]{1,16})[\t ]*(;[\t\x20-\x7e\x80-\xff]*)?$/;
/** What a line of {@linkcode SIZE_LINE} can begin with. */
const SIZE_BEGINNING = /^[0-9a-fA-F]{1,16}[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r?$/;

/** Takes the chunks of a body apart. Extensions and trailers are skipped. */
export class ChunkedReader implements BodyReader {
  readonly #input: ReadBuffer;
  /** What comes next: a line before the data, data, the line behind it, or a line of trailers. */
  #next: "size" | "data" | "end of data" | "trailer" = "size";
  /** Of the chunk at hand. */
  #leftBytes = 0;
  #skippedBytes = 0;
  isEnded = false;

  /** A body that begins with its first chunk. */
  constructor(input: ReadBuffer) {
    this.#input = input;
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    for (;;) {
      const count = this.#takeWhatIsHere(into);
      if (count > 0 || this.isEnded) return count;
      if (this.#leftBytes >= LARGE_CHUNK_BYTES) return await this.#readPastBuffer(into);
      if (this.#input.size > 0) this.#checkBeginning();
      if (!await this.#input.fill()) throw cut();
    }
  }

  drain(): void {
    const nowhere = new Uint8Array(this.#input.size);
    this.#takeWhatIsHere(nowhere);
  }

  /** The data of all chunks, and parts of chunks, that are here and fit. */
  #takeWhatIsHere(into: Uint8Array<ArrayBuffer>): number {
    let filled = 0;
    while (!this.isEnded) {
      if (this.#next === "data") {
        const count = this.#input.take(into.subarray(filled, filled + this.#leftBytes));
        if (count === 0) break;
        filled += count;
        this.#came(count);
      } else {
        const line = this.#input.line(MAX_SKIPPED_BYTES);
        if (line === null) break;
        this.#accept(line);
      }
    }
    return filled;
  }

  async #readPastBuffer(into: Uint8Array<ArrayBuffer>): Promise<number> {
    const count = await this.#input.readInto(into.subarray(0, this.#leftBytes));
    if (count === null) throw cut();
    this.#came(count);
    return count;
  }

  #came(dataBytes: number): void {
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
    if (this.#next === "size" && !SIZE_BEGINNING.test(text)) {
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
    if (this.#skippedBytes > MAX_SKIPPED_BYTES) invalidHttp("too much between the chunks");
  }
}

function cut(): Error {
  return new CronfetchError("body.truncated", "the connection ended before the last chunk");
}
