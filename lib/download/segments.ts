/** Fetches the rest of a large file over several connections, and returns it as one body. */

import { abortable } from "@std/async";
import { CronfetchError } from "../core/errors.ts";
import type { HeaderFields, HttpBody } from "../core/http.ts";
import type { Timeouts } from "../core/task.ts";
import { abortReason, fromBodyError } from "../http/network_error.ts";
import { type Bytes, missingBytes, type Piece, Pieces } from "./pieces.ts";
import type { HttpContext } from "./request.ts";
import { RangesRefused } from "./resume.ts";
import { type RangedFile, requestSegment } from "./segment.ts";
import { type AttemptWatch, type AttemptWatcher, createWatcher } from "./timeouts.ts";
import type { Meter } from "./transfer.ts";

/** Options of {@linkcode SegmentedBody}. */
export interface SegmentsOptions {
  readonly http: HttpContext;
  readonly file: RangedFile;
  /** The body of the first response: the rest of the file from here on. */
  readonly front: HttpBody;
  readonly startByte: number;
  /** Maximum number of connections. */
  readonly segments: number;
  /** Limits of each further request. */
  readonly timeouts: Timeouts;
  /** Observes all bytes as they arrive. Its watch is that of the first response. */
  readonly meter: Meter;
  /** Takes a slot for one more connection to the host; null if there is none. */
  readonly borrow: () => Disposable | null;
  /** Called with the number of received bytes that will be fetched again. */
  readonly onDiscard: (bytes: number) => void;
  /** Called with the response by which the last connection failed. */
  readonly onBusy: (httpStatus: number | null, headers: HeaderFields) => void;
}

/** Why a connection failed. */
interface Loss {
  readonly error: CronfetchError;
  /** Headers of a busy response, or null. */
  readonly headers: HeaderFields | null;
}

/**
 * A body that is fetched in pieces over several connections and read in order. Must be disposed.
 *
 * The first response is read as far as no other connection has started. It stays open until one
 * range has been served as requested, so that nothing is lost if the server does not support
 * ranges.
 *
 * A connection that fails, or is rejected by a busy server, is not replaced: the others fetch its
 * piece. The first response that is not the requested range ends all range requests, and the first
 * response continues alone; if it has been closed, `read` throws {@linkcode RangesRefused}.
 */
export class SegmentedBody implements HttpBody, AsyncDisposable {
  readonly #options: SegmentsOptions;
  readonly #endByte: number;
  readonly #pieces: Pieces;
  readonly #watcher: AttemptWatcher;
  /** Aborts the range requests. */
  readonly #ranges = new AbortController();
  /** Aborts everything. */
  readonly #all = new AbortController();
  readonly #working = new Set<Promise<void>>();
  /** Connections allowed; one less for each that failed. */
  #allowed: number;
  /** The task's own slot at its host is unused. */
  #isOwnSlotFree = true;
  /** At least one range was served as requested. */
  #isProven = false;
  #lastLoss: Loss | null = null;
  /** End of the piece that the first response is read for; null once that is closed. */
  #frontEndByte: number | null;
  #failure: CronfetchError | null = null;
  #change = Promise.withResolvers<void>();

  /** Starts to read the first response, and to request ranges. */
  constructor(options: SegmentsOptions) {
    const { startByte, segments, file: { totalBytes } } = options;
    this.#options = options;
    this.#endByte = totalBytes;
    this.#pieces = new Pieces({ startByte, endByte: totalBytes }, segments);
    this.#allowed = segments;
    this.#frontEndByte = startByte;
    this.#watcher = createWatcher(this.#ranges.signal, options.http.host);
    options.meter.watch.signal.addEventListener("abort", this.#onAbort);
    this.#start(this.#takeOwnSlot(), () => this.#readFront());
    this.#addConnections();
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    for (;;) {
      // Pieces fetched ahead are requested again.
      if (this.#failure instanceof RangesRefused) throw this.#failure;
      const bytes = this.#pieces.deliver(into);
      if (bytes.byteLength > 0) {
        this.#notify();
        this.#addConnections();
        return bytes;
      }
      if (this.#pieces.isDelivered) {
        // Read all responses to their end, so that the connections can be reused.
        await Promise.all(this.#working);
        return bytes;
      }
      if (this.#failure) throw this.#failure;
      await this.#change.promise;
    }
  }

  async cancel(): Promise<void> {
    this.#fail(new CronfetchError("cancelled", "the rest of the body was cancelled"));
    await Promise.all(this.#working);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.meter.watch.signal.removeEventListener("abort", this.#onAbort);
    await this.cancel();
  }

  /** Adds connections while pieces and slots are available. */
  #addConnections(): void {
    while (this.#working.size < this.#allowed && this.#pieces.canTake && this.#mayRequest) {
      const slot = this.#isOwnSlotFree ? this.#takeOwnSlot() : this.#options.borrow();
      if (!slot) return;
      this.#start(slot, () => this.#fetchPieces());
    }
  }

  /** After a failed connection, no other is added until a range has been served. */
  get #mayRequest(): boolean {
    return !this.#ranges.signal.aborted && (this.#isProven || this.#lastLoss === null);
  }

  #takeOwnSlot(): Disposable {
    this.#isOwnSlotFree = false;
    return { [Symbol.dispose]: () => this.#isOwnSlotFree = true };
  }

  #start(slot: Disposable, work: () => Promise<void>): void {
    const working = work().catch((bug) => {
      this.#fail(fromBodyError(bug, this.#all.signal));
    }).finally(() => {
      this.#working.delete(working);
      slot[Symbol.dispose]();
      this.#addConnections();
      if (this.#working.size === 0 && !this.#pieces.isAllTaken) this.#failAll();
    });
    this.#working.add(working);
  }

  /** Reads the first response as far as it is useful, and then fetches ranges. */
  async #readFront(): Promise<void> {
    const { front, meter: { watch }, startByte } = this.#options;
    const { signal } = this.#all;
    const source = { read: (into: Bytes) => abortable(front.read(into), signal), watch, signal };
    let piece = this.#pieces.take();
    let endByte = startByte;
    while (piece) {
      endByte = this.#frontEndByte = piece.endByte;
      try {
        await this.#fill(piece, source);
      } catch (error) {
        await this.#closeFront();
        return this.#lose(piece, { error: fromBodyError(error, watch.signal), headers: null });
      }
      piece = await this.#nextFrontPiece(endByte);
    }
    // Read the end of the body, so that the connection can be reused.
    if (endByte === this.#endByte) await source.read(new Uint8Array(1)).catch(() => {});
    await this.#closeFront();
    await this.#fetchPieces();
  }

  /** The next piece for the first response; null once other connections fetch the rest. */
  async #nextFrontPiece(startByte: number): Promise<Piece | null> {
    const { watch } = this.#options.meter;
    for (;;) {
      if (startByte === this.#endByte || this.#failure) return null;
      const isUnstarted = this.#pieces.isUnstartedAt(startByte);
      const piece = isUnstarted ? this.#pieces.takeAt(startByte) : null;
      if (piece) return piece;
      if (!isUnstarted && this.#isProven) {
        // Synchronously: a later refusal must not rely on the first response.
        this.#frontEndByte = null;
        return null;
      }
      watch.pause();
      await this.#change.promise;
      watch.progress();
    }
  }

  async #closeFront(): Promise<void> {
    this.#frontEndByte = null;
    this.#options.meter.watch.pause();
    await this.#options.front.cancel();
  }

  /** Fetches one piece after another, until none is left or the connection fails. */
  async #fetchPieces(): Promise<void> {
    while (!this.#ranges.signal.aborted) {
      const piece = this.#pieces.take();
      if (piece) {
        if (!await this.#fetchPiece(piece)) return;
      } else if (this.#pieces.isAllTaken) return;
      else await this.#change.promise;
    }
  }

  /** Fetches the missing bytes of a piece. Returns whether the connection can be used further. */
  async #fetchPiece(piece: Piece): Promise<boolean> {
    const { http, file, timeouts } = this.#options;
    using watch = this.#watcher.watch(timeouts);
    try {
      const { startByte, arrivedBytes, endByte } = piece;
      const range = { startByte: startByte + arrivedBytes, endByte };
      const response = await requestSegment(range, file, watch, http);
      if (response.kind === "fits") {
        this.#isProven = true;
        this.#notify();
        return await this.#receivePiece(piece, response.body, watch);
      }
      if (response.kind === "refused") this.#refuse(response.reason);
      else this.#lose(piece, response);
    } catch (error) {
      if (!(error instanceof CronfetchError)) throw error;
      // A request that was aborted with all others is no failed connection.
      if (!this.#ranges.signal.aborted) this.#lose(piece, { error, headers: null });
    }
    return false;
  }

  async #receivePiece(piece: Piece, body: HttpBody, watch: AttemptWatch): Promise<boolean> {
    try {
      await this.#fill(piece, { read: (into) => body.read(into), watch, signal: watch.signal });
      const more = await body.read(new Uint8Array(1));
      if (more.byteLength === 0) return true;
      this.#refuse("a range was longer than requested");
      return false;
    } catch (error) {
      throw fromBodyError(error, watch.signal);
    } finally {
      await body.cancel();
    }
  }

  /** Reads the missing bytes of a piece. */
  async #fill(piece: Piece, { read, watch, signal }: PieceSource): Promise<void> {
    const { received, throttle } = this.#options.meter;
    watch.progress();
    while (missingBytes(piece) > 0) {
      const bytes = await read(this.#pieces.bufferFor(piece));
      const count = bytes.byteLength;
      if (count === 0) throw new CronfetchError("body.truncated", "the body ended too soon");
      watch.progress();
      received(count);
      this.#pieces.append(piece, bytes);
      this.#notify();
      if (!throttle) continue;
      watch.pause();
      await throttle(count, signal);
      watch.progress();
    }
  }

  /** Removes a failed connection and releases its piece to the others. */
  #lose(piece: Piece, loss: Loss): void {
    this.#options.onDiscard(this.#pieces.release(piece));
    this.#allowed--;
    this.#lastLoss = loss;
    this.#notify();
  }

  /** Ends all range requests; the first response continues alone if it is still open. */
  #refuse(reason: string): void {
    if (this.#ranges.signal.aborted) return;
    this.#ranges.abort(new CronfetchError("cancelled", "the server does not support ranges"));
    const end = this.#frontEndByte;
    if (end === null || this.#pieces.deliveredByte > end) this.#fail(new RangesRefused(reason));
    else this.#options.onDiscard(this.#pieces.discardFrom(end));
    this.#notify();
  }

  /** Fails because no connection is left. The bytes up to the first gap can be resumed. */
  #failAll(): void {
    if (this.#failure) return;
    const { error, headers } = this.#lastLoss ?? NO_LOSS;
    if (headers) this.#options.onBusy(error.httpStatus, headers);
    const isNetworkError = /^(?:net|tls)\./.test(error.code);
    this.#fail(
      isNetworkError
        ? new CronfetchError("body.truncated", `the connection failed: ${error.message}`, {
          cause: error,
        })
        : error,
    );
  }

  #onAbort = (): void => this.#fail(abortReason(this.#options.meter.watch.signal));

  #fail(error: CronfetchError): void {
    this.#failure ??= error;
    this.#ranges.abort(error);
    this.#all.abort(error);
    this.#notify();
  }

  #notify(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

/** Unreachable; fail instead of hanging. */
const NO_LOSS: Loss = {
  error: new CronfetchError("internal", "connections ended while pieces were missing"),
  headers: null,
};

/** Where the bytes of a piece are read from. */
interface PieceSource {
  readonly read: HttpBody["read"];
  readonly watch: AttemptWatch;
  /** Aborts the wait for the rate limit. */
  readonly signal: AbortSignal;
}
