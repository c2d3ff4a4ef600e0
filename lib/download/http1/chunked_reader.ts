/** A body in chunks (RFC 9112, section 7.1). */

import { CronfetchError } from "../../core/errors.ts";
import { quoteServerText } from "../../core/text.ts";
import type { BodyReader } from "./body_reader.ts";
import type { Input } from "./input.ts";
import { refuse } from "./response_head.ts";

/** Chunks from this size on are read past the buffer. */
const LARGE_CHUNK_BYTES = 64 * 1024;
/** How much may come that nobody wants: chunk extensions and trailers, also those of one line. */
const MAX_SKIPPED_BYTES = 16 * 1024;

const SIZE_LINE = /^([0-9a-fA-F]{1,16})[\t ]*(;[\t\x20-\x7e\x80-\xff]*)?$/;

/** Takes the chunks of a body apart. Extensions and trailers are skipped. */
export class ChunkedReader implements BodyReader {
  readonly #input: Input;
  /** What comes next: a line before the data, data, the line behind it, or a line of trailers. */
  #next: "size" | "data" | "end of data" | "trailer" = "size";
  /** Of the chunk at hand. */
  #leftBytes = 0;
  #skippedBytes = 0;
  ended = false;

  /** A body that begins with its first chunk. */
  constructor(input: Input) {
    this.#input = input;
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    for (;;) {
      const count = this.#takeWhatIsHere(into);
      if (count > 0 || this.ended) return count;
      if (this.#leftBytes >= LARGE_CHUNK_BYTES) return await this.#readPastBuffer(into);
      if (!await this.#input.more()) throw cut();
    }
  }

  drain(): void {
    const nowhere = new Uint8Array(this.#input.size);
    this.#takeWhatIsHere(nowhere);
  }

  /** The data of all chunks, and parts of chunks, that are here and fit. */
  #takeWhatIsHere(into: Uint8Array<ArrayBuffer>): number {
    let filled = 0;
    while (!this.ended) {
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
    const count = await this.#input.moreInto(into.subarray(0, this.#leftBytes));
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
        if (line !== "") refuse("a chunk is longer than its size");
        this.#next = "size";
        return;
      default:
        this.ended = line === "";
        this.#skip(line.length);
    }
  }

  #begin(line: string): void {
    const [, digits, extension = ""] = SIZE_LINE.exec(line) ?? [];
    const sizeBytes = digits === undefined ? NaN : parseInt(digits, 16);
    if (!Number.isSafeInteger(sizeBytes)) {
      refuse(`a chunk size that is not a number: ${quoteServerText(line)}`);
    }
    this.#skip(extension.length);
    this.#leftBytes = sizeBytes;
    this.#next = sizeBytes === 0 ? "trailer" : "data";
  }

  #skip(bytes: number): void {
    this.#skippedBytes += bytes;
    if (this.#skippedBytes > MAX_SKIPPED_BYTES) refuse("too much between the chunks");
  }
}

function cut(): Error {
  return new CronfetchError("body.truncated", "the connection ended before the last chunk");
}
