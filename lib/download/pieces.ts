/** The pieces of a file that is fetched over several connections. */

import { LARGE_BUFFER_BYTES } from "../core/allocation.ts";

/** Smaller pieces would mostly wait for responses. */
const MIN_PIECE_BYTES = 1024 * 1024;
/** Larger pieces would only use more memory. */
const MAX_PIECE_BYTES = 4 * 1024 * 1024;
/**
 * Undelivered pieces per segment; more than one, so that a slow piece does not block the others.
 */
const PIECES_AHEAD = 2;

/** A range of bytes of a file. */
export interface ByteRange {
  readonly startByte: number;
  /** Exclusive. */
  readonly endByte: number;
}

/** A range that is fetched by one request. */
export interface Piece extends ByteRange {
  /** Bytes received, from the start of the piece. */
  readonly arrivedBytes: number;
}

/**
 * Size of the next piece. Pieces shrink towards the end of the file, so that all segments finish at
 * about the same time.
 *
 * @param leftBytes Bytes that are not taken yet.
 */
export function pieceBytes(leftBytes: number, segments: number): number {
  const share = Math.ceil(leftBytes / segments / LARGE_BUFFER_BYTES) * LARGE_BUFFER_BYTES;
  const bytes = Math.min(Math.max(share, MIN_PIECE_BYTES), MAX_PIECE_BYTES);
  // A small rest is added to the last piece.
  return leftBytes - bytes < LARGE_BUFFER_BYTES / 2 ? leftBytes : bytes;
}

export type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Pieces are taken in order, filled in any order, and delivered in order. Memory is bounded by two
 * pieces per segment. Buffers are reused, and swapped with the reader's buffers, so most bytes are
 * never copied.
 */
export class Pieces {
  readonly #endByte: number;
  readonly #segments: number;
  /** Pieces that were taken and are not delivered: contiguous, in order. */
  #pending: PieceState[] = [];
  readonly #free: ArrayBuffer[] = [];
  /** The reader waits for the next bytes. */
  #isAwaited = false;
  /** All bytes before this one have been taken. */
  #takenByte: number;
  #deliveredByte: number;

  /** @param range The missing bytes of a file. */
  constructor({ startByte, endByte }: ByteRange, segments: number) {
    this.#endByte = endByte;
    this.#segments = segments;
    this.#takenByte = startByte;
    this.#deliveredByte = startByte;
  }

  /** All bytes before this one have been delivered. */
  get deliveredByte(): number {
    return this.#deliveredByte;
  }

  /** Whether all bytes are delivered. */
  get isDelivered(): boolean {
    return this.#deliveredByte === this.#endByte;
  }

  /** Whether all pieces are taken; one may be released again. */
  get isAllTaken(): boolean {
    return this.#takenByte === this.#endByte && this.#pending.every(({ isTaken }) => isTaken);
  }

  /** Whether {@linkcode take} would return a piece. */
  get canTake(): boolean {
    return this.#pending.some(({ isTaken }) => !isTaken) || this.#hasRoom;
  }

  /** Takes the first free piece; null if there is none, or the memory limit is reached. */
  take(): Piece | null {
    const released = this.#pending.find(({ isTaken }) => !isTaken);
    if (!released) return this.#hasRoom ? this.#takeNew() : null;
    released.isTaken = true;
    return released;
  }

  /** Whether no connection has started to fetch the bytes from here on. */
  isUnstartedAt(startByte: number): boolean {
    return this.#takenByte === startByte || this.#unstarted(startByte) !== undefined;
  }

  /** Takes the unstarted piece at a byte; null if the memory limit is reached. */
  takeAt(startByte: number): Piece | null {
    const released = this.#unstarted(startByte);
    if (released) released.isTaken = true;
    else if (this.#takenByte === startByte && this.#hasRoom) return this.#takeNew();
    return released ?? null;
  }

  /**
   * Releases a piece, so that another segment fetches the missing bytes. Those in a buffer that is
   * not full count as missing: a failed read may have detached the buffer.
   *
   * @returns Number of received bytes that are lost.
   */
  release(piece: Piece): number {
    const state = this.#pending.find((one) => one === piece);
    if (!state) return 0;
    const lostBytes = state.openBytes;
    state.arrivedBytes -= lostBytes;
    state.openBytes = 0;
    state.open = null;
    state.isTaken = missingBytes(state) === 0;
    return lostBytes;
  }

  /** The buffer for the next bytes of a piece, at most as long as the missing bytes. */
  bufferFor(piece: Piece): Bytes {
    const state = piece as PieceState;
    state.open ??= this.#free.pop() ?? new ArrayBuffer(LARGE_BUFFER_BYTES);
    return new Uint8Array(state.open, state.openBytes).subarray(0, missingBytes(piece));
  }

  /** Appends bytes that were read into {@linkcode bufferFor}; their buffer may be another one. */
  append(piece: Piece, bytes: Bytes): void {
    const state = piece as PieceState;
    state.arrivedBytes += bytes.byteLength;
    state.openBytes += bytes.byteLength;
    state.open = bytes.buffer;
    const isFull = state.openBytes === LARGE_BUFFER_BYTES || missingBytes(state) === 0;
    if (!isFull && (state !== this.#pending[0] || !this.#isAwaited)) return;
    state.chunks.push(new Uint8Array(state.open, 0, state.openBytes));
    state.openBytes = 0;
    state.open = null;
    if (state === this.#pending[0]) this.#isAwaited = false;
  }

  /** Delivers the next bytes, if received, and takes ownership of the buffer of `into`. */
  deliver(into: Bytes): Bytes {
    const [first] = this.#pending;
    const chunk = first?.chunks[0];
    if (!first || !chunk) {
      this.#isAwaited = true;
      return into.subarray(0, 0);
    }
    const isSwapped = isWhole(chunk) && isWhole(into);
    const bytes = isSwapped ? chunk : into.subarray(0, chunk.byteLength);
    if (!isSwapped) bytes.set(chunk.subarray(0, bytes.byteLength));
    if (bytes.byteLength < chunk.byteLength) first.chunks[0] = chunk.subarray(bytes.byteLength);
    else {
      first.chunks.shift();
      this.#free.push(isSwapped ? into.buffer : chunk.buffer);
    }
    this.#deliveredByte += bytes.byteLength;
    if (this.#deliveredByte === first.endByte) this.#pending.shift();
    return bytes;
  }

  /**
   * Discards all pieces from a byte on, which must be a boundary of pieces.
   *
   * @returns Number of received bytes that are discarded.
   */
  discardFrom(startByte: number): number {
    const discarded = this.#pending.filter((piece) => piece.startByte >= startByte);
    this.#pending = this.#pending.filter((piece) => piece.startByte < startByte);
    this.#takenByte = startByte;
    return discarded.reduce((sum, { arrivedBytes }) => sum + arrivedBytes, 0);
  }

  get #hasRoom(): boolean {
    return this.#takenByte < this.#endByte && this.#pending.length < PIECES_AHEAD * this.#segments;
  }

  #unstarted(startByte: number): PieceState | undefined {
    return this.#pending.find((piece) =>
      piece.startByte === startByte && !piece.isTaken && piece.arrivedBytes === 0
    );
  }

  #takeNew(): Piece {
    const startByte = this.#takenByte;
    const sizeBytes = pieceBytes(this.#endByte - startByte, this.#segments);
    this.#takenByte += sizeBytes;
    const piece = {
      startByte,
      endByte: this.#takenByte,
      arrivedBytes: 0,
      isTaken: true,
      chunks: [],
      openBytes: 0,
      open: null,
    };
    this.#pending.push(piece);
    return piece;
  }
}

interface PieceState extends Piece {
  arrivedBytes: number;
  /** A segment is fetching it, or it is complete. */
  isTaken: boolean;
  /** Full buffers to be delivered, in order. */
  readonly chunks: Bytes[];
  /** The buffer that is being filled. */
  open: ArrayBuffer | null;
  openBytes: number;
}

/** Whether it is a complete buffer of the size that is swapped. */
function isWhole({ byteLength, buffer }: Bytes): boolean {
  return byteLength === LARGE_BUFFER_BYTES && buffer.byteLength === LARGE_BUFFER_BYTES;
}

/** Number of bytes of a piece that are not received. */
export function missingBytes({ startByte, endByte, arrivedBytes }: Piece): number {
  return endByte - startByte - arrivedBytes;
}
