/** One large file over several connections: a body like others, read in order, fetched in pieces. */

import { abortable } from "@std/async";
import { CronfetchError } from "../core/errors.ts";
import type { Clock, Timers } from "../core/host.ts";
import type { HeaderFields, HttpBody } from "../core/http.ts";
import type { Timeouts } from "../core/task.ts";
import { abortReason, fromBodyError } from "../http/network_error.ts";
import { type ByteRange, missingBytes, type Piece, Pieces } from "./pieces.ts";
import { RangesRefused } from "./resume.ts";
import type { SegmentResponse } from "./segment.ts";
import { type AttemptWatch, type AttemptWatcher, createWatcher } from "./timeouts.ts";

/** What {@linkcode segmented} needs. */
export interface SegmentsOptions {
  readonly host: { readonly clock: Clock; readonly timers: Timers };
  /** What is to come, all of it; the first response has it in its body. */
  readonly range: ByteRange;
  /** Connections at most. */
  readonly segments: number;
  /** Body of the first response. */
  readonly front: HttpBody;
  /** Of the attempt; the first response belongs to it. */
  readonly watch: AttemptWatch;
  /** Of each other response. */
  readonly limits: Timeouts;
  /** Asks for a range. */
  readonly ask: (range: ByteRange, watch: AttemptWatch) => Promise<SegmentResponse>;
  /** A place for one more connection to the host; null if there is none. */
  readonly borrow: () => Disposable | null;
  /** Told about every piece as it arrives, with its size. */
  readonly received: (bytes: number) => void;
  /** Told how many received bytes will be fetched again. */
  readonly forgotten: (bytes: number) => void;
  /** Told the answer by which the last connection was lost. */
  readonly busy: (httpStatus: number | null, headers: HeaderFields) => void;
  readonly throttle: ((bytes: number, signal: AbortSignal) => Promise<void>) | null;
}

/** To be read, and then disposed of. */
export type SegmentedBody = HttpBody & AsyncDisposable;

/**
 * Makes one body of several. The first response is read on as far as nobody else
 * has begun; it is kept until some range was answered as asked, so that nothing is
 * lost where ranges do not work.
 *
 * A connection that breaks off, or that the server is too busy for, is not made
 * again: the others fetch its piece. At the first answer that does not fit, all of
 * them end, and the first response goes on alone; if it is gone, `read` throws
 * {@linkcode RangesRefused}.
 */
export function segmented(options: SegmentsOptions): SegmentedBody {
  return new Segments(options);
}

/** Why a connection was lost. */
interface Loss {
  readonly error: CronfetchError;
  /** Of the answer that told so, or null. */
  readonly headers: HeaderFields | null;
}

class Segments implements SegmentedBody {
  readonly #options: SegmentsOptions;
  readonly #pieces: Pieces;
  readonly #watcher: AttemptWatcher;
  /** Ends the requests for ranges. */
  readonly #ranges = new AbortController();
  /** Ends everything. */
  readonly #all = new AbortController();
  readonly #working = new Set<Promise<void>>();
  /** Connections there may be; one less for each that was lost. */
  #wanted: number;
  /** The task's own place in its group has no connection. */
  #isOwnPlaceFree = true;
  /** Some range was answered as asked. */
  #isProven = false;
  /** Why a connection was lost last. */
  #loss: Loss | null = null;
  /** Where the piece ends that the first response brings; null once that has been given up. */
  #frontEndByte: number | null;
  #failure: CronfetchError | null = null;
  #change = Promise.withResolvers<void>();

  constructor(options: SegmentsOptions) {
    this.#options = options;
    this.#pieces = new Pieces(options.range, options.segments);
    this.#wanted = options.segments;
    this.#frontEndByte = options.range.startByte;
    this.#watcher = createWatcher(this.#ranges.signal, options.host);
    options.watch.signal.addEventListener("abort", this.#attemptEnds);
    this.#begin(this.#ownPlace(), () => this.#readFront());
    this.#recruit();
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    for (;;) {
      // Whatever is ahead then is asked for once more.
      if (this.#failure instanceof RangesRefused) throw this.#failure;
      const bytes = this.#pieces.deliver(into);
      if (bytes.byteLength > 0) {
        this.#changed();
        this.#recruit();
        return bytes;
      }
      if (this.#pieces.isDelivered) {
        // Connections are left in order, to be used again.
        await Promise.all(this.#working);
        return bytes;
      }
      if (this.#failure) throw this.#failure;
      await this.#change.promise;
    }
  }

  async cancel(): Promise<void> {
    this.#fail(new CronfetchError("cancelled", "the rest is not wanted"));
    await Promise.all(this.#working);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.watch.signal.removeEventListener("abort", this.#attemptEnds);
    await this.cancel();
  }

  /** Makes connections for what can be fetched, as far as there are places. */
  #recruit(): void {
    while (this.#working.size < this.#wanted && this.#pieces.canTake && this.#mayAsk) {
      const place = this.#isOwnPlaceFree ? this.#ownPlace() : this.#options.borrow();
      if (!place) return;
      this.#begin(place, () => this.#fetchPieces());
    }
  }

  /** A server that has turned one connection down has first to show that it answers another. */
  get #mayAsk(): boolean {
    return !this.#ranges.signal.aborted && (this.#isProven || this.#loss === null);
  }

  #ownPlace(): Disposable {
    this.#isOwnPlaceFree = false;
    return { [Symbol.dispose]: () => this.#isOwnPlaceFree = true };
  }

  #begin(place: Disposable, work: () => Promise<void>): void {
    const working = work().catch((bug) => {
      this.#fail(fromBodyError(bug, this.#all.signal));
    }).finally(() => {
      this.#working.delete(working);
      place[Symbol.dispose]();
      this.#recruit();
      if (this.#working.size === 0 && !this.#pieces.isAllTaken) this.#giveUp();
    });
    this.#working.add(working);
  }

  /** Reads the first response as far as it is of use; then this is a connection like others. */
  async #readFront(): Promise<void> {
    const { front, watch, range } = this.#options;
    const { signal } = this.#all;
    const source = { read: (into: Bytes) => abortable(front.read(into), signal), watch, signal };
    let piece = this.#pieces.take();
    let endByte = range.startByte;
    while (piece) {
      endByte = this.#frontEndByte = piece.endByte;
      try {
        await this.#fill(piece, source);
      } catch (error) {
        await this.#leaveFront();
        return this.#lose(piece, { error: fromBodyError(error, watch.signal), headers: null });
      }
      piece = await this.#nextOfFront(endByte);
    }
    // Its end is read, so that the connection can be used again.
    if (endByte === range.endByte) await source.read(new Uint8Array(1)).catch(() => {});
    await this.#leaveFront();
    await this.#fetchPieces();
  }

  /** The piece that the first response goes on with; null once others bring what is left. */
  async #nextOfFront(startByte: number): Promise<Piece | null> {
    const { watch, range } = this.#options;
    for (;;) {
      if (startByte === range.endByte || this.#failure) return null;
      const isUntouched = this.#pieces.isUnstartedAt(startByte);
      const piece = isUntouched ? this.#pieces.takeAt(startByte) : null;
      if (piece) return piece;
      if (!isUntouched && this.#isProven) {
        // At once: a refusal from now on must not count on it.
        this.#frontEndByte = null;
        return null;
      }
      watch.pause();
      await this.#change.promise;
      watch.progress();
    }
  }

  async #leaveFront(): Promise<void> {
    this.#frontEndByte = null;
    this.#options.watch.pause();
    await this.#options.front.cancel();
  }

  /** Fetches one piece after another, until there are no more, or the connection is lost. */
  async #fetchPieces(): Promise<void> {
    while (!this.#ranges.signal.aborted) {
      const piece = this.#pieces.take();
      if (piece) {
        if (!await this.#fetchPiece(piece)) return;
      } else if (this.#pieces.isAllTaken) return;
      else await this.#change.promise;
    }
  }

  /** Fetches what is missing of a piece. Returns whether the connection may be used on. */
  async #fetchPiece(piece: Piece): Promise<boolean> {
    const { ask, limits } = this.#options;
    using watch = this.#watcher.watch(limits);
    try {
      const { startByte, arrivedBytes, endByte } = piece;
      const answer = await ask({ startByte: startByte + arrivedBytes, endByte }, watch);
      if (answer.kind === "fits") {
        this.#isProven = true;
        this.#changed();
        return await this.#bring(piece, answer.body, watch);
      }
      if (answer.kind === "refused") this.#refuse(answer.reason);
      else this.#lose(piece, answer);
    } catch (error) {
      if (!(error instanceof CronfetchError)) throw error;
      // What broke off because all were ended is no loss.
      if (!this.#ranges.signal.aborted) this.#lose(piece, { error, headers: null });
    }
    return false;
  }

  async #bring(piece: Piece, body: HttpBody, watch: AttemptWatch): Promise<boolean> {
    try {
      await this.#fill(piece, { read: (into) => body.read(into), watch, signal: watch.signal });
      const more = await body.read(new Uint8Array(1));
      if (more.byteLength === 0) return true;
      this.#refuse("a range was longer than asked for");
      return false;
    } catch (error) {
      throw fromBodyError(error, watch.signal);
    } finally {
      await body.cancel();
    }
  }

  /** Reads what is missing of a piece. */
  async #fill(piece: Piece, { read, watch, signal }: PieceSource): Promise<void> {
    const { received, throttle } = this.#options;
    watch.progress();
    while (missingBytes(piece) > 0) {
      const bytes = await read(this.#pieces.bufferFor(piece));
      const count = bytes.byteLength;
      if (count === 0) throw new CronfetchError("body.truncated", "the body ended too soon");
      watch.progress();
      received(count);
      this.#pieces.append(piece, bytes);
      this.#changed();
      if (!throttle) continue;
      watch.pause();
      await throttle(count, signal);
      watch.progress();
    }
  }

  /** A connection has come to nothing: others are to fetch its piece. */
  #lose(piece: Piece, loss: Loss): void {
    this.#options.forgotten(this.#pieces.release(piece));
    this.#wanted--;
    this.#loss = loss;
    this.#changed();
  }

  /** Ends the requests for ranges; the first response goes on alone, if it is still there. */
  #refuse(reason: string): void {
    if (this.#ranges.signal.aborted) return;
    this.#ranges.abort(new CronfetchError("cancelled", "ranges are of no use"));
    const end = this.#frontEndByte;
    if (end === null || this.#pieces.deliveredByte > end) this.#fail(new RangesRefused(reason));
    else this.#options.forgotten(this.#pieces.discardFrom(end));
    this.#changed();
  }

  /** All connections were lost. The bytes up to the first gap are good. */
  #giveUp(): void {
    if (this.#failure) return;
    const { error, headers } = this.#loss ?? NO_LOSS;
    if (headers) this.#options.busy(error.httpStatus, headers);
    const isOfNetwork = /^(?:net|tls)\./.test(error.code);
    this.#fail(
      isOfNetwork
        ? new CronfetchError("body.truncated", `the body broke off: ${error.message}`, {
          cause: error,
        })
        : error,
    );
  }

  #attemptEnds = (): void => this.#fail(abortReason(this.#options.watch.signal));

  #fail(error: CronfetchError): void {
    this.#failure ??= error;
    this.#ranges.abort(error);
    this.#all.abort(error);
    this.#changed();
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

/** It cannot be, but if it were, the reader would wait for ever. */
const NO_LOSS: Loss = {
  error: new CronfetchError("internal", "connections ended while pieces were missing"),
  headers: null,
};

type Bytes = Uint8Array<ArrayBuffer>;

/** Where the bytes of a piece come from. */
interface PieceSource {
  readonly read: HttpBody["read"];
  readonly watch: AttemptWatch;
  /** Ends the waiting for the rate limit. */
  readonly signal: AbortSignal;
}
