import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { CronfetchError } from "../../lib/core/errors.ts";
import { ReadBuffer } from "../../lib/http/connection.ts";
import {
  type BodyReader,
  ChunkedReader,
  ConnectionReader,
  LengthReader,
} from "../../lib/http/body.ts";
import { toLatin1 } from "../helpers/raw_server.ts";

/** A connection that delivers these pieces, and then ends. */
function inputOf(pieces: readonly Uint8Array[]): ReadBuffer {
  const left = pieces.filter((piece) => piece.length > 0);
  return new ReadBuffer({
    read: (into) => {
      const piece = left.shift();
      if (piece === undefined) return Promise.resolve(null);
      into.set(piece.subarray(0, into.length));
      if (piece.length > into.length) left.unshift(piece.subarray(into.length));
      return Promise.resolve(Math.min(piece.length, into.length));
    },
  });
}

async function bytesOf(reader: BodyReader, bufferBytes: number): Promise<Uint8Array> {
  const read: number[] = [];
  const buffer = new Uint8Array(bufferBytes);
  for (;;) {
    const count = await reader.read(buffer);
    if (count === 0) return Uint8Array.from(read);
    read.push(...buffer.subarray(0, count));
  }
}

/** Bytes split at these positions, which may be out of range and unordered. */
function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length]
    .sort((a, b) => a - b);
  return sorted.slice(1).map((end, at) => bytes.subarray(sorted[at], end));
}

/** Chunks with extensions, and trailers. */
function inChunks(chunks: readonly Uint8Array[], extension: string, trailers: string): Uint8Array {
  const parts = chunks.filter((chunk) => chunk.length > 0).flatMap((chunk) => [
    ...toLatin1(`${chunk.length.toString(16)}${extension}\r\n`),
    ...chunk,
    ...toLatin1("\r\n"),
  ]);
  return Uint8Array.from([...parts, ...toLatin1(`0${extension}\r\n${trailers}\r\n`)]);
}

Deno.test("property: ChunkedReader returns the same body for any chunks, reads and buffers", async () => {
  await fc.assert(fc.asyncProperty(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.nat(400), { maxLength: 8 }),
    fc.array(fc.nat(1_000), { maxLength: 12 }),
    fc.integer({ min: 1, max: 400 }),
    fc.constantFrom("", ";a", " ; a=b"),
    fc.constantFrom("", "a: b\r\n", "a: b\r\nc:\r\n"),
    async (body, chunkEnds, pieceEnds, bufferBytes, extension, trailers) => {
      const framed = inChunks(cutAt(body, chunkEnds), extension, trailers);
      const pieces = cutAt(Uint8Array.from([...framed, 1, 2, 3]), pieceEnds);
      const reader = new ChunkedReader(inputOf(pieces));
      assertEquals(await bytesOf(reader, bufferBytes), Uint8Array.from(body));
      assertEquals(reader.isEnded, true);

      const sized = new LengthReader(inputOf(cutAt(body, pieceEnds)), body.length);
      assertEquals(await bytesOf(sized, bufferBytes), Uint8Array.from(body));
      const open = new ConnectionReader(inputOf(cutAt(body, pieceEnds)));
      assertEquals(await bytesOf(open, bufferBytes), Uint8Array.from(body));
    },
  ));
});

Deno.test("ChunkedReader: large chunks are read directly, and completely", async () => {
  const body = Uint8Array.from({ length: 300_000 }, (_, at) => at % 251);
  const framed = inChunks(cutAt(body, [10, 200_000, 200_001]), "", "");
  for (const bufferBytes of [1_000, 70_000, 1_000_000]) {
    const reader = new ChunkedReader(inputOf(cutAt(framed, [5, 100_000])));
    assertEquals(await bytesOf(reader, bufferBytes), body);
  }
});

Deno.test("LengthReader, ChunkedReader: bytes after the body stay in the buffer", async () => {
  for (
    const make of [
      (input: ReadBuffer) => new LengthReader(input, 3),
      (input: ReadBuffer) => new ChunkedReader(input),
    ]
  ) {
    const isChunked = make(inputOf([])) instanceof ChunkedReader;
    const input = inputOf([toLatin1(isChunked ? "3\r\nabc\r\n0\r\n\r\nrest" : "abcrest")]);
    await input.fill();
    const reader = make(input);
    assertEquals(await bytesOf(reader, 2), toLatin1("abc"));
    assertEquals(input.size, 4);
  }
});

const LONG = "a".repeat(17_000);
const CUT = "body.truncated: the connection ended before the last chunk";
const SIZE = "a chunk size that is not a number";
const LINE = "a line of more than 16384 bytes in a chunked body";
const NO_CR = "a line without CR in a chunked body";
const LONGER = "a chunk is longer than its size";
const BETWEEN = "chunk extensions and trailers of more than 16384 bytes";

/** Malformed chunks; the outcome is a part of `code: message`. */
const BROKEN: readonly (readonly [what: string, framed: string, outcome: string])[] = [
  ["nothing", "", CUT],
  ["a size alone", "3", CUT],
  ["a size and its line", "3\r\n", CUT],
  ["half the data", "3\r\nab", CUT],
  ["data without its end", "3\r\nabc", CUT],
  ["half the end of the data", "3\r\nabc\r", CUT],
  ["no last chunk", "3\r\nabc\r\n", CUT],
  ["a last chunk without an end", "0\r\n", CUT],
  ["trailers without an end", "0\r\na: b\r\n", CUT],
  ["a size and CR", "3\r", CUT],
  ["a size and half an extension", "3 ;a=b", CUT],
  ["text without an end", "no chunk at all", SIZE],
  ["a page without an end", "<html>", SIZE],
  ["a response without an end", "3\r\nabc\r\nHTTP/1.1 200 OK", SIZE],
  ["a size ended by CR", "3\rabc\r0\r\r", SIZE],
  ["data longer than its size, without an end", "3\r\nabcd", LONGER],
  ["no size", "\r\nabc\r\n0\r\n\r\n", SIZE],
  ["an extension without a size", ";a\r\nabc\r\n0\r\n\r\n", SIZE],
  ["a size that is no number", "x\r\nabc\r\n0\r\n\r\n", SIZE],
  ["a size with a sign", "+3\r\nabc\r\n0\r\n\r\n", SIZE],
  ["a size below zero", "-3\r\nabc\r\n0\r\n\r\n", SIZE],
  ["a size as programs write it", "0x3\r\nabc\r\n0\r\n\r\n", SIZE],
  ["a space before the size", " 3\r\nabc\r\n0\r\n\r\n", SIZE],
  ["a size of two words", "3 3\r\nabc\r\n0\r\n\r\n", SIZE],
  ["a size with an underscore", "3_0\r\nabc\r\n0\r\n\r\n", SIZE],
  ["a size with a fraction", "3.0\r\nabc\r\n0\r\n\r\n", SIZE],
  ["a size in other digits", "\xb3\r\nabc\r\n0\r\n\r\n", SIZE],
  ["NUL in a size", "3\0\r\nabc\r\n0\r\n\r\n", SIZE],
  ["a size beyond all numbers", "fffffffffffffff\r\nabc\r\n0\r\n\r\n", SIZE],
  ["the first size beyond all numbers", "20000000000000\r\nabc", SIZE],
  ["the last size that is a number", "1fffffffffffff\r\nabc", CUT],
  ["a size of too many digits", "00000000000000003\r\nabc\r\n0\r\n\r\n", SIZE],
  ["a second size that is no number", "3\r\nabc\r\nzz\r\n", SIZE],
  ["a page in place of a chunk", "3\r\nabc\r\n<html>\r\n", SIZE],
  ["a response in place of a chunk", "3\r\nabc\r\nHTTP/1.1 200 OK\r\n\r\n", SIZE],
  ["a size ended by LF", "3\nabc\r\n0\r\n\r\n", NO_CR],
  ["an extension ended by LF", "3;a\nabc\r\n0\r\n\r\n", NO_CR],
  ["trailers ended by LF", "0\r\na: b\n\r\n", NO_CR],
  ["an end by LF", "3\r\nabc\r\n0\r\n\n", NO_CR],
  ["CR in an extension", "3;a\rb\r\nabc\r\n0\r\n\r\n", SIZE],
  ["data longer than its size", "3\r\nabcd\r\n0\r\n\r\n", LONGER],
  ["data ended by LF", "3\r\nabc\n0\r\n\r\n", NO_CR],
  ["an extension too long", `3;${LONG}\r\nabc\r\n0\r\n\r\n`, LINE],
  ["extensions too long together", `${`1;${LONG.slice(9_000)}\r\na\r\n`.repeat(3)}0\r\n`, BETWEEN],
  ["trailers too long", `0\r\n${`a: ${LONG.slice(9_000)}\r\n`.repeat(3)}\r\n`, BETWEEN],
  ["a line without an end", LONG, LINE],
];

async function outcomeOf(reading: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => reading, CronfetchError);
  return `${error.code}: ${error.message}`;
}

Deno.test("row 145: ChunkedReader: malformed chunks are http.protocol, a truncated body is body.truncated", async (t) => {
  for (const [what, framed, expected] of BROKEN) {
    await t.step(what, async () => {
      for (const pieces of [[toLatin1(framed)], cutAt(toLatin1(framed), [1, 5, 8])]) {
        const outcome = await outcomeOf(bytesOf(new ChunkedReader(inputOf(pieces)), 1_000));
        assertStringIncludes(outcome, expected);
        if (expected !== CUT) assertStringIncludes(outcome, "http.protocol: ");
      }
    });
  }
});

Deno.test("row 145: ChunkedReader refuses an invalid start of a chunk without reading more", async () => {
  for (const sent of ["no chunk", "<", "3\r\nabcd", "3\r\nabc\r\n{", "3\rx"]) {
    let reads = 0;
    const stalled = new ReadBuffer({
      read: (into) => {
        assertEquals(reads++, 0, sent);
        into.set(toLatin1(sent));
        return Promise.resolve(sent.length);
      },
    });
    const outcome = await outcomeOf(bytesOf(new ChunkedReader(stalled), 1_000));
    assertStringIncludes(outcome, "http.protocol: ");
  }
});

Deno.test("row 145: ChunkedReader refuses a line over the limit before its end arrives", async () => {
  let reads = 0;
  const endless = new ReadBuffer({
    read: (into) => {
      reads++;
      into.fill(0x61);
      return Promise.resolve(into.length);
    },
  });
  const outcome = await outcomeOf(new ChunkedReader(endless).read(new Uint8Array(10)));
  assertStringIncludes(outcome, `http.protocol: the response is not valid HTTP: ${LINE}`);
  assertEquals(reads, 1);
});

Deno.test("ChunkedReader: a truncated large chunk is body.truncated, not the end", async () => {
  for (const sizeBytes of [65_536, 100_000, 1_000_000]) {
    for (const sentBytes of [0, 1, 10, 65_535, 65_536].filter((sent) => sent < sizeBytes)) {
      const framed = toLatin1(`${sizeBytes.toString(16)}\r\n${"x".repeat(sentBytes)}`);
      for (const bufferBytes of [1_000, 300_000]) {
        const reader = new ChunkedReader(inputOf([framed.subarray(0, 7), framed.subarray(7)]));
        assertEquals(await outcomeOf(bytesOf(reader, bufferBytes)), CUT);
        assertEquals(reader.isEnded, false);
      }
    }
  }
});

Deno.test("LengthReader: a body shorter than its length is body.truncated", async () => {
  const reader = new LengthReader(inputOf([toLatin1("abc")]), 4);
  assertEquals(
    await outcomeOf(bytesOf(reader, 10)),
    "body.truncated: the connection ended with 1 bytes missing",
  );
});

Deno.test("ReadBuffer keeps the order of bytes, whatever its free space", async () => {
  const all = Uint8Array.from({ length: 400_000 }, (_, at) => at % 251);
  const input = inputOf(cutAt(all, [40_000, 100_000, 300_000]));
  let taken = 0;
  while (await input.fill()) {
    const { waiting } = input;
    const seen = [waiting[0], waiting.at(-1)];
    assertEquals(seen, [all[taken], all[taken + waiting.length - 1]]);
    const count = Math.min(input.size, 10_000);
    input.skip(count);
    taken += count;
  }
  assertEquals(taken + input.size, all.length);
  assertEquals(input.waiting.every((byte, at) => byte === all[taken + at]), true);
});
