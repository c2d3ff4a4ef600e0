/** The pieces of a file that comes over several connections: which is next, and what is held of each. */

import { BUFFER_BYTES } from "./transfer.ts";

/** Smaller ones would spend their time waiting for answers. */
const MIN_PIECE_BYTES = 1024 * 1024;
/** Larger ones would only take more memory. */
const MAX_PIECE_BYTES = 4 * 1024 * 1024;
/** Pieces a segment may have taken that are not delivered yet; more than one, to go on past a slow one. */
const PIECES_AHEAD = 2;

/** A stretch of a file. */
export interface ByteRange {
  readonly startByte: number;
  /** The byte after its last one. */
  readonly endByte: number;
}

/** A stretch of a file that is fetched by one request. */
export interface Piece extends ByteRange {
  /** Bytes that are here, from its start on. */
  readonly arrivedBytes: number;
}

/**
 * Size of the next piece: pieces shrink towards the end of the file, so that all
 * segments come to it at about the same time.
 *
 * @param leftBytes What nobody has taken yet.
 */
export function pieceBytes(leftBytes: number, segments: number): number {
  const share = Math.ceil(leftBytes / (4 * segments) / BUFFER_BYTES) * BUFFER_BYTES;
  const bytes = Math.min(Math.max(share, MIN_PIECE_BYTES), MAX_PIECE_BYTES);
  // A crumb is not worth a request of its own.
  return leftBytes - bytes < BUFFER_BYTES / 2 ? leftBytes : bytes;
}

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Pieces are taken in order, arrive in any, and are delivered in order. No more are
 * held than two a segment: that bounds the memory. Buffers are used again, and
 * exchanged for those of who reads, so that most bytes are never copied.
 */
export class Pieces {
  readonly #endByte: number;
  readonly #segments: number;
  /** All that were taken and are not delivered: contiguous, the first one to be delivered first. */
  #held: PieceState[] = [];
  readonly #free: ArrayBuffer[] = [];
  /** Somebody waits for whatever comes next. */
  #isAwaited = false;
  /** Up to here everything has been taken at some time. */
  #takenByte: number;
  #deliveredByte: number;

  /** What is missing of a file, for so many segments. */
  constructor({ startByte, endByte }: ByteRange, segments: number) {
    this.#endByte = endByte;
    this.#segments = segments;
    this.#takenByte = startByte;
    this.#deliveredByte = startByte;
  }

  /** Up to here everything has been delivered. */
  get deliveredByte(): number {
    return this.#deliveredByte;
  }

  /** Nothing is left to be delivered. */
  get isDelivered(): boolean {
    return this.#deliveredByte === this.#endByte;
  }

  /** Nothing is left to be taken, unless somebody gives a piece back. */
  get isAllTaken(): boolean {
    return this.#takenByte === this.#endByte && this.#held.every(({ isTaken }) => isTaken);
  }

  /** Whether {@linkcode take} would give a piece. */
  get canTake(): boolean {
    return this.#held.some(({ isTaken }) => !isTaken) || this.#hasRoom;
  }

  /** The first piece that nobody has; null if there is none, or too much is held. */
  take(): Piece | null {
    const back = this.#held.find(({ isTaken }) => !isTaken);
    if (!back) return this.#hasRoom ? this.#takeNew() : null;
    back.isTaken = true;
    return back;
  }

  /** Whether nobody has taken, or brought anything of, what comes from a byte on. */
  isUnstartedAt(startByte: number): boolean {
    return this.#takenByte === startByte || this.#untouched(startByte) !== undefined;
  }

  /** The piece that begins at a byte where nothing has been touched; null if too much is held. */
  takeAt(startByte: number): Piece | null {
    const back = this.#untouched(startByte);
    if (back) back.isTaken = true;
    else if (this.#takenByte === startByte && this.#hasRoom) return this.#takeNew();
    return back ?? null;
  }

  /**
   * Lets another segment fetch what is missing of a piece. What is in a buffer that is
   * not full yet counts as missing: a read that failed may have kept the buffer.
   *
   * @returns How many bytes were lost so.
   */
  release(piece: Piece): number {
    const held = this.#held.find((one) => one === piece);
    if (!held) return 0;
    const lostBytes = held.openBytes;
    held.arrivedBytes -= lostBytes;
    held.openBytes = 0;
    held.open = null;
    held.isTaken = missingBytes(held) === 0;
    return lostBytes;
  }

  /** Where the next bytes of a piece are to be read to; not more than is missing. */
  bufferFor(piece: Piece): Bytes {
    const held = piece as PieceState;
    held.open ??= this.#free.pop() ?? new ArrayBuffer(BUFFER_BYTES);
    return new Uint8Array(held.open, held.openBytes).subarray(0, missingBytes(piece));
  }

  /** Takes what was read to the place that {@linkcode bufferFor} gave, perhaps in another buffer. */
  append(piece: Piece, bytes: Bytes): void {
    const held = piece as PieceState;
    held.arrivedBytes += bytes.byteLength;
    held.openBytes += bytes.byteLength;
    held.open = bytes.buffer;
    const isFull = held.openBytes === BUFFER_BYTES || missingBytes(held) === 0;
    if (!isFull && (held !== this.#held[0] || !this.#isAwaited)) return;
    held.chunks.push(new Uint8Array(held.open, 0, held.openBytes));
    held.openBytes = 0;
    held.open = null;
    if (held === this.#held[0]) this.#isAwaited = false;
  }

  /** What comes next, at the place of `into`, whose buffer is taken over; empty if it is not here. */
  deliver(into: Bytes): Bytes {
    const [first] = this.#held;
    const chunk = first?.chunks[0];
    if (!first || !chunk) {
      this.#isAwaited = true;
      return into.subarray(0, 0);
    }
    const isExchanged = isWhole(chunk) && isWhole(into);
    const bytes = isExchanged ? chunk : into.subarray(0, chunk.byteLength);
    if (!isExchanged) bytes.set(chunk.subarray(0, bytes.byteLength));
    if (bytes.byteLength < chunk.byteLength) first.chunks[0] = chunk.subarray(bytes.byteLength);
    else {
      first.chunks.shift();
      this.#free.push(isExchanged ? into.buffer : chunk.buffer);
    }
    this.#deliveredByte += bytes.byteLength;
    if (this.#deliveredByte === first.endByte) this.#held.shift();
    return bytes;
  }

  /**
   * Forgets everything from a byte on that begins a piece, or ends the last one.
   *
   * @returns How many bytes had arrived of it.
   */
  discardFrom(startByte: number): number {
    const forgotten = this.#held.filter((piece) => piece.startByte >= startByte);
    this.#held = this.#held.filter((piece) => piece.startByte < startByte);
    this.#takenByte = startByte;
    return forgotten.reduce((sum, { arrivedBytes }) => sum + arrivedBytes, 0);
  }

  get #hasRoom(): boolean {
    return this.#takenByte < this.#endByte && this.#held.length < PIECES_AHEAD * this.#segments;
  }

  #untouched(startByte: number): PieceState | undefined {
    return this.#held.find((piece) =>
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
    this.#held.push(piece);
    return piece;
  }
}

interface PieceState extends Piece {
  arrivedBytes: number;
  /** Some segment is fetching it, or all of it is here. */
  isTaken: boolean;
  /** Bytes to be delivered, in order. */
  readonly chunks: Bytes[];
  /** A buffer that is being filled, and how many bytes are in it. */
  open: ArrayBuffer | null;
  openBytes: number;
}

/** Whether it is a whole buffer of the size that is exchanged. */
function isWhole({ byteLength, buffer }: Bytes): boolean {
  return byteLength === BUFFER_BYTES && buffer.byteLength === BUFFER_BYTES;
}

/** What is to come of a piece. */
export function missingBytes({ startByte, endByte, arrivedBytes }: Piece): number {
  return endByte - startByte - arrivedBytes;
}
