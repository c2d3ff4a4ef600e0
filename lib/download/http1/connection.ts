/** A connection to a server: one exchange after the other. */

import { CronfetchError } from "../../core/errors.ts";
import type { TcpConnection } from "../../core/host.ts";
import { isPrivateAddress } from "../egress.ts";
import { Input } from "./input.ts";
import {
  endOfHead,
  MAX_HEAD_BYTES,
  mayBeResponse,
  parseHead,
  refuse,
  type ResponseHead,
} from "./response_head.ts";

/** A connection, from when it stands until it is closed. */
export class Connection {
  readonly #tcp: TcpConnection;
  /** What the server says. */
  readonly input: Input;
  /** Whether it has been through an exchange before. */
  isReused = false;
  /** Whether a byte came in answer to the last request. */
  isAnswered = false;
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
    this.input = new Input(tcp);
  }

  /** Whether another exchange may follow: all is said, and no byte too many came. */
  get isDone(): boolean {
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
    this.isAnswered = false;
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
      if (!mayBeResponse(bytes)) refuse("it does not begin with HTTP/1");
      const end = endOfHead(bytes, seenBytes);
      if (Math.max(end, bytes.length) > MAX_HEAD_BYTES) refuse("its head is too large");
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
      if (head.status === 101) refuse("101 to a request without Upgrade");
      seenBytes = 0;
    }
  }

  /** Listens between two exchanges: whatever comes now, be it the end, makes it useless. */
  rest(useless: () => void): void {
    this.isReused = true;
    const coming = this.input.more();
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
    const coming = this.#coming ?? this.input.more();
    this.#coming = null;
    const isMore = await coming;
    if (isMore) this.isAnswered = true;
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
