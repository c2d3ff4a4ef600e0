/** What comes over a connection, as it comes. */

import type { TcpConnection } from "../../core/host.ts";
import { latin1, refuse } from "./response_head.ts";

/** Bytes asked for at once where nobody brings a buffer. */
const BUFFER_BYTES = 64 * 1024;
/** Bytes asked for at once of a large body. */
const LARGE_BYTES = 256 * 1024;
const LF = 0x0a;
const CR = 0x0d;

/** Bytes that came and have not been taken yet. One read at a time. */
export class Input {
  readonly #tcp: Pick<TcpConnection, "read">;
  #bytes = new Uint8Array(BUFFER_BYTES);
  /** Where large bodies come by. */
  #large: Uint8Array<ArrayBuffer> | null = null;
  #start = 0;
  #end = 0;

  /** Nothing is read yet. */
  constructor(tcp: Pick<TcpConnection, "read">) {
    this.#tcp = tcp;
  }

  /** How many bytes wait to be taken. */
  get size(): number {
    return this.#end - this.#start;
  }

  /** What waits to be taken; good until the next call. */
  get waiting(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** Waits for more, which is added. False at the end of the connection. */
  async more(): Promise<boolean> {
    this.#makeRoom();
    const count = await this.#tcp.read(this.#bytes.subarray(this.#end));
    this.#end += count ?? 0;
    return count !== null;
  }

  /**
   * Reads what comes next to a place of the caller's; nothing may be waiting. Null at the end
   * of the connection.
   *
   * It comes by way of a buffer that stays in the cache: the kernel takes longer to copy into one
   * that another processor has just had than it takes to copy twice.
   */
  async moreInto(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const isSmall = into.length <= this.#bytes.length;
    const by = isSmall ? this.#bytes : this.#large ??= new Uint8Array(LARGE_BYTES);
    const count = await this.#tcp.read(by.subarray(0, into.length));
    if (count !== null) into.set(by.subarray(0, count));
    return count;
  }

  /** Takes so many bytes and drops them. */
  skip(count: number): void {
    this.#start += count;
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }

  /** Takes as many bytes as are here and fit, and gives how many. */
  take(into: Uint8Array<ArrayBuffer>): number {
    const count = Math.min(this.size, into.length);
    if (count === 0) return 0;
    into.set(this.#bytes.subarray(this.#start, this.#start + count));
    this.skip(count);
    return count;
  }

  /**
   * Takes a line, and gives it without its CR LF; null if its end is not here yet.
   *
   * @throws {CronfetchError} `http.protocol` where it is longer than that, or ends otherwise.
   */
  line(maxBytes: number): string | null {
    const length = this.waiting.indexOf(LF);
    if (length > maxBytes || (length < 0 && this.size > maxBytes)) {
      refuse(`a line of more than ${maxBytes} bytes in a chunked body`);
    }
    if (length < 0) return null;
    if (this.waiting[length - 1] !== CR) refuse("a line without CR in a chunked body");
    const line = latin1(this.waiting.subarray(0, length - 1));
    this.skip(length + 1);
    return line;
  }

  #makeRoom(): void {
    if (this.#end < this.#bytes.length) return;
    // Room for a few bytes would make many reads.
    const isCrowded = this.size > this.#bytes.length / 2;
    const roomy = isCrowded ? new Uint8Array(2 * this.#bytes.length) : this.#bytes;
    roomy.set(this.waiting);
    this.#bytes = roomy;
    this.#end -= this.#start;
    this.#start = 0;
  }
}
