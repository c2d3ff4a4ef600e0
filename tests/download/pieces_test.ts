import { assertEquals } from "@std/assert";
import { type Piece, pieceBytes, Pieces } from "../../lib/download/pieces.ts";
import { LARGE_BUFFER_BYTES } from "../../lib/core/allocation.ts";

const MIB = 1024 * 1024;

Deno.test("pieceBytes shrinks towards the end, and adds a small rest to the last piece", () => {
  const table: [leftBytes: number, segments: number, bytes: number][] = [
    [1024 * MIB, 4, 4 * MIB],
    [16 * MIB, 4, 4 * MIB],
    [10 * MIB, 4, 2.5 * MIB],
    [8.5 * MIB, 4, 2.5 * MIB],
    [4 * MIB, 4, MIB],
    [4 * MIB, 2, 2 * MIB],
    [6 * MIB, 16, MIB],
    [1.75 * MIB, 4, MIB],
    [1.25 * MIB, 4, MIB],
    [1.25 * MIB - 1, 4, 1.25 * MIB - 1],
    [1, 4, 1],
  ];
  for (const [leftBytes, segments, bytes] of table) {
    assertEquals(pieceBytes(leftBytes, segments), bytes, `${leftBytes} by ${segments}`);
  }
});

Deno.test("property: pieces cover a file of any size without a gap", () => {
  for (const sizeBytes of [4 * MIB, 4 * MIB + 1, 9_999_999]) {
    for (const segments of [2, 16]) {
      const pieces = new Pieces({ startByte: 77, endByte: 77 + sizeBytes }, segments);
      let next = 77;
      while (!pieces.isAllTaken) {
        const piece = pieces.take() as Piece;
        assertEquals(piece.startByte, next);
        next = piece.endByte;
        arrive(pieces, piece);
        drain(pieces);
      }
      assertEquals([next, pieces.isDelivered], [77 + sizeBytes, true]);
    }
  }
});

/** A byte that depends on its position in the file. */
const at = (place: number): number => (place * 31 + (place >> 8)) % 251;

/** Appends all bytes of a piece, or some; in other buffers, as a transport may. */
function arrive(pieces: Pieces, piece: Piece, countBytes = Infinity): void {
  for (let left = Math.min(countBytes, piece.endByte - piece.startByte); left > 0;) {
    const space = pieces.bufferFor(piece);
    if (space.byteLength === 0) return;
    const { byteOffset } = space;
    const length = Math.min(left, space.byteLength, 100_000);
    const bytes = new Uint8Array(space.buffer.transfer(), byteOffset, length);
    const from = piece.startByte + piece.arrivedBytes;
    for (let index = 0; index < length; index++) bytes[index] = at(from + index);
    pieces.append(piece, bytes);
    left -= length;
  }
}

/** Reads and checks all bytes that are available. */
function drain(pieces: Pieces, intoBytes = LARGE_BUFFER_BYTES): number {
  const before = pieces.deliveredByte;
  for (;;) {
    const from = pieces.deliveredByte;
    const bytes = pieces.deliver(new Uint8Array(intoBytes));
    if (bytes.byteLength === 0) return from - before;
    for (let index = 0; index < bytes.byteLength; index += 997) {
      if (bytes[index] !== at(from + index)) throw new Error(`another byte at ${from + index}`);
    }
  }
}

/** Bytes of the pieces of {@linkcode twelve}. */
const PIECE = 4 * MIB;

/** Twelve pieces of the same size. */
const twelve = (segments: number): Pieces =>
  new Pieces({ startByte: 0, endByte: 12 * PIECE }, segments);

const starts = (pieces: readonly (Piece | null)[]) =>
  pieces.map((piece) => piece && piece.startByte / PIECE);

Deno.test("Pieces: at most two pieces per segment are in memory", () => {
  const pieces = twelve(3);
  const taken = Array.from({ length: 8 }, () => pieces.take());
  assertEquals(starts(taken), [0, 1, 2, 3, 4, 5, null, null]);
  assertEquals([pieces.canTake, pieces.isAllTaken], [false, false]);
  arrive(pieces, taken[1] as Piece);
  assertEquals([drain(pieces), pieces.take()], [0, null], "the first piece is missing");
  arrive(pieces, taken[0] as Piece);
  assertEquals(drain(pieces), 2 * PIECE);
  assertEquals(starts([pieces.take(), pieces.take(), pieces.take()]), [6, 7, null]);
});

Deno.test("property: Pieces delivers bytes in order for any order of arrival and any buffers", () => {
  for (const intoBytes of [LARGE_BUFFER_BYTES, LARGE_BUFFER_BYTES + 1, 100_001, 70]) {
    const pieces = twelve(3);
    const taken = [pieces.take(), pieces.take(), pieces.take()] as Piece[];
    for (const index of [2, 0, 1]) arrive(pieces, taken[index] as Piece);
    assertEquals(drain(pieces, intoBytes), 3 * PIECE);
  }
});

Deno.test("Pieces delivers part of a buffer only to a waiting reader, and only of the first piece", () => {
  const pieces = twelve(3);
  const [first, second] = [pieces.take(), pieces.take()] as [Piece, Piece];
  arrive(pieces, first, 10);
  assertEquals(drain(pieces), 0);
  arrive(pieces, first, 10);
  arrive(pieces, second, 10);
  assertEquals(drain(pieces), 20);
  arrive(pieces, first, LARGE_BUFFER_BYTES);
  assertEquals(pieces.deliver(new Uint8Array(LARGE_BUFFER_BYTES)).byteLength > 0, true);
});

Deno.test("Pieces: a released piece is taken first, for its missing bytes only", () => {
  const pieces = twelve(3);
  const [first, second, third] = [pieces.take(), pieces.take(), pieces.take()] as Piece[];
  arrive(pieces, second as Piece, LARGE_BUFFER_BYTES + 10);
  assertEquals(pieces.release(second as Piece), 10);
  assertEquals((second as Piece).arrivedBytes, LARGE_BUFFER_BYTES);
  assertEquals([pieces.canTake, pieces.take()], [true, second as Piece]);
  arrive(pieces, second as Piece);
  assertEquals(pieces.release(second as Piece), 0);
  assertEquals(starts([pieces.take()]), [3], "a complete piece is not taken again");
  arrive(pieces, third as Piece);
  arrive(pieces, first as Piece);
  assertEquals(drain(pieces), 3 * PIECE);
});

Deno.test("Pieces.takeAt takes an unstarted piece only", () => {
  const pieces = twelve(3);
  const first = pieces.take() as Piece;
  assertEquals(pieces.isUnstartedAt(PIECE), true);
  const second = pieces.take() as Piece;
  assertEquals([pieces.isUnstartedAt(PIECE), pieces.takeAt(PIECE)], [false, null], "taken");
  pieces.release(second);
  assertEquals(pieces.isUnstartedAt(PIECE), true);
  assertEquals(pieces.takeAt(PIECE), second, "released unstarted");
  arrive(pieces, second, LARGE_BUFFER_BYTES);
  pieces.release(second);
  assertEquals([pieces.isUnstartedAt(PIECE), pieces.takeAt(PIECE)], [false, null], "started");
  assertEquals(starts([pieces.take(), pieces.takeAt(2 * PIECE), pieces.take()]), [1, 2, 3]);
  assertEquals(starts([pieces.take(), pieces.take()]), [4, 5]);
  assertEquals(
    [pieces.isUnstartedAt(6 * PIECE), pieces.takeAt(6 * PIECE)],
    [true, null],
    "no room",
  );
  arrive(pieces, first);
  drain(pieces);
  assertEquals(starts([pieces.takeAt(6 * PIECE)]), [6]);
});

Deno.test("Pieces.discardFrom keeps the piece of the first response, and discards those after it", () => {
  const pieces = twelve(3);
  const [first, second, third] = [pieces.take(), pieces.take(), pieces.take()] as Piece[];
  arrive(pieces, first as Piece, 1000);
  arrive(pieces, second as Piece);
  arrive(pieces, third as Piece, 10);
  assertEquals(pieces.discardFrom(PIECE), PIECE + 10);
  arrive(pieces, third as Piece, 10);
  assertEquals(pieces.release(third as Piece), 0, "a discarded piece has no bytes to lose");
  arrive(pieces, first as Piece);
  assertEquals(drain(pieces), PIECE);
  assertEquals(starts([pieces.takeAt(PIECE), pieces.take()]), [1, 2]);
});
