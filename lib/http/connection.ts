/** A connection to a server: one exchange after the other. */

import { CronfetchError } from "../core/errors.ts";
import type { TcpConnection } from "../core/host.ts";
import { isPrivateAddress } from "./egress.ts";
import {
  decodeLatin1,
  endOfHead,
  invalidHttp,
  MAX_HEAD_BYTES,
  mayBeResponse,
  parseHead,
  type ResponseHead,
} from "./head.ts";

/** A connection, from when it stands until it is closed. */
export class Connection {
  readonly #tcp: TcpConnection;
  /** What the server says. */
  readonly input: ReadBuffer;
  /** Whether it has been through an exchange before. */
  isReused = false;
  /** Whether a byte came in answer to the last request. */
  hasReceived = false;
  isClosed = false;
  /** Whether that is outside the public internet, once it was asked. */
  #isPrivate: boolean | null = null;
  /** Whether nothing is left of the last request. */
  #isSent = true;
  /** What the server says next, asked for before anybody needs it. */
  #coming: Promise<boolean> | null = null;

  /** Takes a connection over. */
  constructor(tcp: TcpConnection) {
    this.#tcp = tcp;
    this.input = new ReadBuffer(tcp);
  }

  /** Whether another exchange may follow: all is said, and no byte too many came. */
  get isReusable(): boolean {
    return !this.isClosed && this.#isSent && this.input.size === 0;
  }

  /** Of the other end. */
  get remoteAddress(): string {
    return this.#tcp.remoteAddr.hostname;
  }

  /** Whether the other end is outside the public internet. Judged once. */
  get isPrivate(): boolean {
    return this.#isPrivate ??= isPrivateAddress(this.remoteAddress);
  }

  /** Sends a request. Whether that succeeds is seen by what comes back. */
  send(head: Uint8Array): void {
    this.hasReceived = false;
    this.#isSent = false;
    this.#write(head).catch(() => {});
  }

  /**
   * Waits for the head of the answer.
   *
   * @throws {CronfetchError} `http.protocol`, `net.reset`, or what the system says.
   */
  async head(): Promise<ResponseHead> {
    let seenBytes = 0;
    for (;;) {
      const bytes = this.input.waiting;
      if (!mayBeResponse(bytes)) invalidHttp("it does not begin with HTTP/1");
      const end = endOfHead(bytes, seenBytes);
      if (Math.max(end, bytes.length) > MAX_HEAD_BYTES) invalidHttp("its head is too large");
      if (end < 0) {
        // The end may have begun: LF, CR.
        seenBytes = Math.max(0, bytes.length - 2);
        if (!await this.#more()) throw closedEarly();
        continue;
      }
      const head = parseHead(bytes.subarray(0, end));
      this.input.skip(end);
      if (head.status >= 200) return head;
      // It was not asked to speak anything else (RFC 9110, section 15.2.2).
      if (head.status === 101) invalidHttp("101 to a request without Upgrade");
      seenBytes = 0;
    }
  }

  /** Listens between two exchanges: whatever comes now, be it the end, makes it useless. */
  watchIdle(useless: () => void): void {
    this.isReused = true;
    const coming = this.input.fill();
    this.#coming = coming;
    const came = () => {
      // Once the next request is sent, somebody waits for it.
      if (this.#coming === coming) useless();
    };
    coming.then(came, came);
  }

  /** Ends it. Whoever reads is told so by an error. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#tcp.close();
  }

  /** Closes it, and waits until nothing is under way. */
  async end(): Promise<void> {
    this.close();
    await this.#coming?.catch(() => false);
  }

  async #more(): Promise<boolean> {
    const coming = this.#coming ?? this.input.fill();
    this.#coming = null;
    const isMore = await coming;
    if (isMore) this.hasReceived = true;
    return isMore;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await this.#tcp.write(rest));
    }
    this.#isSent = true;
  }
}

function closedEarly(): CronfetchError {
  return new CronfetchError("net.reset", "the connection was closed before an answer");
}

/** Bytes asked for at once where nobody brings a buffer. */
const BUFFER_BYTES = 64 * 1024;
/** Bytes asked for at once of a large body. */
const LARGE_BYTES = 256 * 1024;
const LF = 0x0a;
const CR = 0x0d;

/** Bytes that came and have not been taken yet. One read at a time. */
export class ReadBuffer {
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
  async fill(): Promise<boolean> {
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
  async readInto(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
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
      invalidHttp(`a line of more than ${maxBytes} bytes in a chunked body`);
    }
    if (length < 0) return null;
    if (this.waiting[length - 1] !== CR) invalidHttp("a line without CR in a chunked body");
    const line = decodeLatin1(this.waiting.subarray(0, length - 1));
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
