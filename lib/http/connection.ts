/** A connection to a server, used for one exchange after another. */

import { CronfetchError } from "../core/errors.ts";
import type { TcpConnection } from "../core/host.ts";
import type { RequestPhases } from "../core/http.ts";
import { isPrivateAddress } from "./address.ts";
import {
  decodeLatin1,
  emptyLineBytes,
  endOfHead,
  invalidHttp,
  MAX_HEAD_BYTES,
  mayBeResponse,
  parseHead,
  type ResponseHead,
} from "./head.ts";

/** An HTTP/1.1 connection over an open TCP connection. */
export class Connection {
  readonly #tcp: TcpConnection;
  /** Bytes from the server. */
  readonly input: ReadBuffer;
  /** Whether a byte arrived since the last request. */
  hasReceived = false;
  isClosed = false;
  /** Null until {@linkcode isPrivate} is read. */
  #isPrivate: boolean | null = null;
  /** Whether no response has arrived yet. */
  #isNew = true;
  /** Whether the last request was sent completely. */
  #isSent = true;
  /** Whether no request awaits a response. */
  #isIdle = false;
  /** The read that observes an idle connection; the next exchange continues with it. */
  #idleRead: Promise<boolean> | null = null;
  readonly #onUnusable: () => void;

  /**
   * Takes ownership of `tcp`.
   *
   * @param onUnusable Called if bytes, the end or an error arrive while the connection is idle.
   */
  constructor(tcp: TcpConnection, onUnusable: () => void) {
    this.#tcp = tcp;
    this.input = new ReadBuffer(tcp, () => {
      if (this.#isIdle) this.#onUnusable();
    });
    this.#onUnusable = onUnusable;
  }

  /** Whether another exchange may follow: the last one is complete, without surplus bytes. */
  get isReusable(): boolean {
    return !this.isClosed && this.#isSent && this.input.size === 0;
  }

  /** Address of the server. */
  get remoteAddress(): string {
    return this.#tcp.remoteAddr.hostname;
  }

  /** Whether the server has a private address. */
  get isPrivate(): boolean {
    return this.#isPrivate ??= isPrivateAddress(this.remoteAddress);
  }

  /**
   * Sends a request without waiting; a failure to write shows as a failure to read. A server may
   * respond before it has received the whole body.
   */
  send(head: Uint8Array, body: Uint8Array | null, phases: RequestPhases | null): void {
    this.hasReceived = false;
    this.#isSent = false;
    this.#isIdle = false;
    phases?.startResponse();
    void this.#write(head, body, phases);
  }

  /**
   * Waits for the head of the response; skips interim responses (1xx).
   *
   * @throws {CronfetchError} `http.protocol`, `net.reset`. The system's error if a read fails.
   */
  async head(): Promise<ResponseHead> {
    let searchedBytes = 0;
    for (;;) {
      // Empty lines before a later response may be the end of an earlier one.
      if (this.#isNew) this.input.skip(emptyLineBytes(this.input.waiting));
      const bytes = this.input.waiting;
      if (!mayBeResponse(bytes)) invalidHttp("it does not begin with HTTP/1");
      const end = endOfHead(bytes, searchedBytes);
      if (Math.max(end, bytes.length) > MAX_HEAD_BYTES) invalidHttp("its head is too large");
      if (end < 0) {
        // The last two bytes may be the start of the empty line.
        searchedBytes = Math.max(0, bytes.length - 2);
        const reading = this.#idleRead ?? this.input.fill();
        this.#idleRead = null;
        if (!await reading) throw this.input.error ?? closedEarly();
        this.hasReceived = true;
        continue;
      }
      const head = parseHead(bytes.subarray(0, end));
      this.#isNew = false;
      this.input.skip(end);
      if (head.status >= 200) return head;
      // No upgrade was requested (RFC 9110, section 15.2.2).
      if (head.status === 101) invalidHttp("101 to a request without Upgrade");
      searchedBytes = 0;
    }
  }

  /** Observes the connection until the next request is sent. */
  watchIdle(): void {
    this.#isIdle = true;
    this.#idleRead = this.input.fill();
  }

  /** Closes the connection; a pending read is rejected. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#tcp.close();
  }

  /** Closes the connection, and waits for the pending read. */
  async end(): Promise<void> {
    this.close();
    await this.#idleRead;
  }

  /** Never rejects. */
  async #write(
    head: Uint8Array,
    body: Uint8Array | null,
    phases: RequestPhases | null,
  ): Promise<void> {
    // A small body is sent with its head: a PUT of a small file is one write, not two.
    const isSmall = body !== null && body.length <= SMALL_BODY_BYTES;
    let rest = isSmall ? concat(head, body) : head;
    try {
      while (rest.length > 0) rest = rest.subarray(await this.#tcp.write(rest));
      if (isSmall && !this.hasReceived) phases?.startResponse();
      for (let at = isSmall ? body.length : 0; body !== null && at < body.length;) {
        at += await this.#tcp.write(body.subarray(at, at + WRITE_BYTES));
        // Once a response has arrived, its time limits apply.
        if (!this.hasReceived) phases?.startResponse();
      }
      this.#isSent = true;
    } catch {
      // The read of the response fails too, and reports the error.
    }
  }
}

/**
 * Whether a TLS connection has ended without close_notify. Many servers close so; the framing of
 * the response shows whether bytes are missing, as without TLS.
 */
function isEndOfTls(error: unknown): boolean {
  return error instanceof Deno.errors.UnexpectedEof;
}

/** Largest body that is sent together with its head. */
const SMALL_BODY_BYTES = 64 * 1024;

function concat(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

/** Size of a write of a request's body. */
const WRITE_BYTES = 256 * 1024;

function closedEarly(): CronfetchError {
  return new CronfetchError("net.reset", "the connection was closed before a response");
}

/** Initial size of the buffer. */
const BUFFER_BYTES = 64 * 1024;
/** Size of a read for a large body. */
const LARGE_BYTES = 256 * 1024;
const LF = 0x0a;
const CR = 0x0d;

/** Bytes that were read from a connection but not consumed. One read at a time. */
export class ReadBuffer {
  readonly #tcp: Pick<TcpConnection, "read">;
  readonly #onFilled: () => void;
  /** Why {@linkcode fill} has failed, or null. */
  error: unknown = null;
  #bytes = new Uint8Array(BUFFER_BYTES);
  /** Allocated for the first large read. */
  #large: Uint8Array<ArrayBuffer> | null = null;
  #start = 0;
  #end = 0;

  /**
   * Reads nothing yet.
   *
   * @param onFilled Called at the end of each {@linkcode fill}.
   */
  constructor(tcp: Pick<TcpConnection, "read">, onFilled: () => void = () => {}) {
    this.#tcp = tcp;
    this.#onFilled = onFilled;
  }

  /** Number of unconsumed bytes. */
  get size(): number {
    return this.#end - this.#start;
  }

  /** The unconsumed bytes; valid until the next call. */
  get waiting(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /**
   * Reads more bytes into the buffer. Never rejects, so that a read of an idle connection needs no
   * handler.
   *
   * @returns False at the end of the connection, and after an error, which is in `error`.
   */
  async fill(): Promise<boolean> {
    this.#makeRoom();
    let count: number | null = null;
    try {
      count = await this.#tcp.read(this.#bytes.subarray(this.#end));
      this.#end += count ?? 0;
    } catch (error) {
      if (!isEndOfTls(error)) this.error = error;
    }
    this.#onFilled();
    return count !== null;
  }

  /**
   * Reads directly into a buffer of the caller; no unconsumed bytes may be left.
   *
   * The read goes through a buffer that stays in the cache of the processor: a copy by the kernel
   * into memory last used by another processor takes longer than copying twice.
   *
   * @returns Number of bytes; null at the end of the connection.
   */
  async readInto(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const isSmall = into.length <= this.#bytes.length;
    const by = isSmall ? this.#bytes : this.#large ??= new Uint8Array(LARGE_BYTES);
    try {
      const count = await this.#tcp.read(by.subarray(0, into.length));
      if (count !== null) into.set(by.subarray(0, count));
      return count;
    } catch (error) {
      if (isEndOfTls(error)) return null;
      throw error;
    }
  }

  /** Discards `count` bytes. */
  skip(count: number): void {
    this.#start += count;
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }

  /** Moves as many bytes as are available and fit. Returns their number. */
  take(into: Uint8Array<ArrayBuffer>): number {
    const count = Math.min(this.size, into.length);
    if (count === 0) return 0;
    into.set(this.#bytes.subarray(this.#start, this.#start + count));
    this.skip(count);
    return count;
  }

  /**
   * Consumes a line and returns it without its CR LF; null if it is not complete yet.
   *
   * @throws {CronfetchError} `http.protocol` if it is longer than `maxBytes`, or ends without CR.
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
    // Little space would make many small reads.
    const isHalfFull = this.size > this.#bytes.length / 2;
    const roomy = isHalfFull ? new Uint8Array(2 * this.#bytes.length) : this.#bytes;
    roomy.set(this.waiting);
    this.#bytes = roomy;
    this.#end -= this.#start;
    this.#start = 0;
  }
}
