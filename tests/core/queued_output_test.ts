import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  type ByteSink,
  FULL_BYTES,
  MOST_BYTES,
  queuedOutput,
  STALL_MS,
} from "../../lib/core/queued_output.ts";
import { testHost } from "../helpers/host.ts";

const PIECE_BYTES = 16 * 1024;

/** An output over a reader that accepts one write at each call of `accept`. */
function scene() {
  const { timers, advance } = testHost({ timers: "manual" });
  const written: string[] = [];
  let lost = 0;
  let waiting: PromiseWithResolvers<number> | null = null;
  let lengthBytes = 0;
  const sink: ByteSink = {
    write: (bytes) => {
      waiting = Promise.withResolvers();
      written.push(new TextDecoder().decode(bytes));
      lengthBytes = bytes.length;
      return waiting.promise;
    },
    isTerminal: () => false,
  };
  const output = queuedOutput(sink, { timers, columns: () => 80, onLost: () => lost++ });
  const settled = async () => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  return {
    output,
    written,
    advance,
    settled,
    lost: () => lost,
    /** Accepts the write under way, or the first bytes of it. */
    accept: async (bytes?: number) => {
      await settled();
      waiting?.resolve(bytes ?? lengthBytes);
      await settled();
    },
    close: async () => {
      await settled();
      waiting?.reject(new Deno.errors.BrokenPipe());
      await settled();
    },
  };
}

const { signal } = new AbortController();

Deno.test("row 140: texts are written in order, those of one turn and those that wait as one write", async () => {
  const { output, written, accept } = scene();
  assertEquals([output.write("a"), output.write("b")], [true, true]);
  assertEquals(written, []);
  await accept(0);
  assertEquals(written, ["ab", "ab"]);
  output.write("c");
  output.write("");
  output.write("d");
  await accept(1);
  assertEquals(written.slice(2), ["b"]);
  await accept();
  assertEquals(written.slice(3), ["cd"]);
  await accept();
  assertEquals(await output.end(0, signal), true);
});

Deno.test("row 140: long texts are written in pieces of 16 KiB, and none of their bytes is lost", async () => {
  const { output, written, accept } = scene();
  const text = "ü".repeat(PIECE_BYTES);
  output.write(text);
  for (let count = 0; count < 2; count++) await accept();
  assertEquals(written.map((piece) => piece.length), [PIECE_BYTES / 2, PIECE_BYTES / 2]);
  assertEquals(written.join(""), text);
});

Deno.test("row 140: ready waits from a full queue to room in it", async () => {
  const { output, accept, settled } = scene();
  assertStrictEquals(output.ready(), null);
  output.write("x".repeat(FULL_BYTES - 1));
  assertStrictEquals(output.ready(), null);
  output.write("x");
  let hasRoom = false;
  void output.ready()?.then(() => hasRoom = true);
  await settled();
  assertEquals(hasRoom, false);
  await accept(1);
  assertEquals([hasRoom, output.ready()], [true, null]);
});

Deno.test("row 140: a full queue without progress for a minute is discarded, and reported once", async () => {
  const { output, accept, advance, lost, settled } = scene();
  output.write("x".repeat(FULL_BYTES + 1));
  const room = output.ready();
  await advance(STALL_MS - 1);
  // Progress begins the wait again.
  await accept(1);
  await advance(STALL_MS - 1);
  assertEquals([lost(), output.write("more")], [0, true]);
  await advance(1);
  assertEquals([lost(), output.write("more"), output.ready()], [1, false, null]);
  await room;
  await settled();
  assertEquals([await output.end(STALL_MS, signal), lost()], [false, 1]);
});

Deno.test("row 140: a queue that is not full waits for its reader without a limit", async () => {
  const { output, accept, advance, lost } = scene();
  output.write("x".repeat(FULL_BYTES - 1));
  await accept(0);
  await advance(100 * STALL_MS);
  assertEquals([lost(), output.write("y")], [0, true]);
});

Deno.test("row 140: a producer that does not wait for room cannot fill the memory", () => {
  const { output, lost } = scene();
  const text = "x".repeat(FULL_BYTES);
  for (let bytes = 0; bytes < MOST_BYTES; bytes += FULL_BYTES) {
    assertEquals(output.write(text), true);
  }
  assertEquals([output.write("x"), lost()], [false, 1]);
});

Deno.test("row 140: end waits while there is progress, and its patience begins again with each", async () => {
  const { output, accept, advance, lost } = scene();
  output.write("x".repeat(3 * PIECE_BYTES));
  let ended: boolean | null = null;
  void output.end(1_000, signal).then((isDelivered) => ended = isDelivered);
  for (let piece = 0; piece < 3; piece++) {
    await advance(999);
    assertEquals(ended, null);
    await accept();
  }
  assertEquals([ended, lost()], [true, 0]);
});

Deno.test("row 140: end gives up after its patience, or with its signal", async () => {
  const late = scene();
  late.output.write("x");
  const ending = late.output.end(1_000, signal);
  await late.advance(1_000);
  assertEquals([await ending, late.lost()], [false, 1]);

  for (const isAborted of [true, false]) {
    const stop = new AbortController();
    const hurried = scene();
    hurried.output.write("x");
    if (isAborted) stop.abort();
    const waiting = hurried.output.end(1_000, stop.signal);
    stop.abort();
    assertEquals([await waiting, hurried.lost()], [false, 1]);
  }
});

Deno.test("row 88: a closed stream discards everything silently", async () => {
  const { output, close, lost } = scene();
  output.write("x".repeat(2 * FULL_BYTES));
  const room = output.ready();
  const ending = output.end(1_000, signal);
  await close();
  await room;
  assertEquals([await ending, output.write("y"), output.ready(), lost()], [true, false, null, 0]);
});
