/** The bytes of a body, taken out of what comes over a connection. */

import { CronfetchError } from "../../core/errors.ts";
import type { Input } from "./input.ts";

/** Reads one body to its end, and no byte beyond it. */
export interface BodyReader {
  /** Whether nothing is left of the body. */
  readonly ended: boolean;
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
  readonly #input: Input;
  #leftBytes: number;

  /** A body of so many bytes. */
  constructor(input: Input, lengthBytes: number) {
    this.#input = input;
    this.#leftBytes = lengthBytes;
  }

  get ended(): boolean {
    return this.#leftBytes === 0;
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    if (this.#leftBytes === 0) return 0;
    // What follows the body is not its reader's.
    const room = into.length > this.#leftBytes ? into.subarray(0, this.#leftBytes) : into;
    const count = this.#input.take(room) || await this.#input.moreInto(room);
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
  readonly #input: Input;
  ended = false;

  /** A body of all that comes. */
  constructor(input: Input) {
    this.#input = input;
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    const count = this.#input.take(into) || await this.#input.moreInto(into);
    this.ended = count === null;
    return count ?? 0;
  }

  drain(): void {
    // Nobody knows what is still to come.
  }
}
