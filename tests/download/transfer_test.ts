import { assertEquals, assertRejects } from "@std/assert";
import { BufferPool } from "../../lib/core/allocation.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { HttpBody } from "../../lib/core/http.ts";
import { createWatcher } from "../../lib/download/timeouts.ts";
import { transfer } from "../../lib/download/transfer.ts";
import { HEAD_BYTES } from "../../lib/store/draft.ts";
import { openMemory } from "../../lib/store/memory.ts";
import type { Draft } from "../../lib/store/store.ts";
import { type TestHost, testHost } from "../helpers/host.ts";

const LIMITS = { connectMs: 10_000, responseMs: 10_000, idleMs: 30_000, attemptMs: 600_000 };
const MIB = 1024 * 1024;

/** A body that ends only by the signal, in pieces of 64 KiB, and the number of bytes read. */
function endless(signal: AbortSignal): HttpBody & { readBytes: number; cancelled: boolean } {
  const body = {
    readBytes: 0,
    cancelled: false,
    read: async (into: Uint8Array<ArrayBuffer>) => {
      // As with a socket, other tasks run in between.
      await new Promise((done) => setTimeout(done, 0));
      signal.throwIfAborted();
      const piece = into.subarray(0, 65_536);
      body.readBytes += piece.length;
      return piece;
    },
    cancel: () => {
      body.cancelled = true;
      return Promise.resolve();
    },
  };
  return body;
}

/** A draft whose writes end only after `free()`, and the buffers written to it. */
function slowDraft(): { readonly draft: Draft; readonly buffers: Set<ArrayBuffer>; free(): void } {
  const buffers = new Set<ArrayBuffer>();
  const waiting: (() => void)[] = [];
  let isFree = false;
  const write = async (bytes: Uint8Array<ArrayBuffer>) => {
    buffers.add(bytes.buffer);
    if (!isFree) await new Promise<void>((done) => waiting.push(done));
    return bytes.buffer;
  };
  return {
    draft: { write } as unknown as Draft,
    buffers,
    free: () => {
      isFree = true;
      for (const done of waiting) done();
    },
  };
}

function options(host: TestHost, signal: AbortSignal) {
  const watch = createWatcher(signal, host).watch(LIMITS);
  return {
    lengthBytes: null,
    maxBytes: null,
    signal: watch.signal,
    clock: host.clock,
    meter: { watch, received: () => {}, throttle: null },
    buffers: new BufferPool(),
  };
}

/** Waits until no more bytes are read. */
async function settled(body: { readonly readBytes: number }): Promise<void> {
  for (let before = -1; before !== body.readBytes;) {
    before = body.readBytes;
    for (let turn = 0; turn < 5; turn++) await new Promise((done) => setTimeout(done, 0));
  }
}

Deno.test("transfer: a store that stalls stops the reading, and causes no timeout.idle", async () => {
  const host = testHost({ timers: "manual" });
  const { draft, buffers, free } = slowDraft();
  const run = new AbortController();
  const settings = options(host, run.signal);
  const body = endless(settings.signal);
  const transferring = transfer(body, draft, settings);
  transferring.catch(() => {});
  await settled(body);
  const readBytes = body.readBytes;
  assertEquals(readBytes <= 2 * MIB, true, `${readBytes} bytes were read ahead`);
  assertEquals(buffers.size <= 3, true, `${buffers.size} buffers`);
  await host.advance(LIMITS.idleMs * 2);
  assertEquals(body.readBytes, readBytes, "reading stopped, without a timeout");
  run.abort(new CronfetchError("cancelled", "interrupted"));
  free();
  assertEquals((await assertRejects(() => transferring, CronfetchError)).code, "cancelled");
});

Deno.test("transfer: a store that stalls does not prolong the attempt", async () => {
  const host = testHost({ timers: "manual" });
  const { draft, free } = slowDraft();
  const settings = options(host, new AbortController().signal);
  const body = endless(settings.signal);
  const endedMs: number[] = [];
  settings.signal.addEventListener("abort", () => endedMs.push(host.clock.monotonicMs()));
  const transferring = transfer(body, draft, settings);
  transferring.catch(() => {});
  await settled(body);
  await host.advance(LIMITS.attemptMs);
  assertEquals(endedMs, [LIMITS.attemptMs]);
  free();
  const error = await assertRejects(() => transferring, CronfetchError);
  assertEquals([error.code, body.cancelled], ["timeout.attempt", true]);
});

Deno.test("transfer: the signal ends a transfer whose store stalls", async () => {
  const host = testHost({ timers: "manual" });
  const { draft, free } = slowDraft();
  const run = new AbortController();
  const settings = options(host, run.signal);
  const body = endless(settings.signal);
  const transferring = transfer(body, draft, settings);
  transferring.catch(() => {});
  await settled(body);
  run.abort(new CronfetchError("cancelled", "interrupted"));
  free();
  const error = await assertRejects(() => transferring, CronfetchError);
  assertEquals([error.code, body.cancelled], ["cancelled", true]);
});

Deno.test("row 145: a body longer than announced is refused at its first surplus byte", async () => {
  for (const [pieces, readAtMost] of [[[6], 1], [[5, 1], 2], [[3, 3, 100, 100], 2]] as const) {
    let read = 0;
    const body: HttpBody = {
      read: (into) => Promise.resolve(into.subarray(0, Math.min(into.length, pieces[read++] ?? 0))),
      cancel: () => Promise.resolve(),
    };
    await using store = openMemory();
    await using draft = await store.draft("key");
    const host = testHost({ timers: "manual" });
    const settings = { ...options(host, new AbortController().signal), lengthBytes: 5 };
    const error = await assertRejects(() => transfer(body, draft, settings), CronfetchError);
    assertEquals([error.code, error.retry], ["http.protocol", "later"]);
    assertEquals(error.message, "the body is longer than the 5 bytes announced");
    assertEquals(read, readAtMost);
  }
});

Deno.test("transfer: every byte of a body is written to the draft, however it is split", async () => {
  const whole = Uint8Array.from({ length: 3 * MIB + 17 }, (_, index) => index * 7 + (index >> 8));
  for (const pieceBytes of [1000, 65_536, MIB]) {
    let sentBytes = 0;
    const body: HttpBody = {
      read: (into) => {
        const piece = whole.subarray(sentBytes, sentBytes + Math.min(pieceBytes, into.length));
        into.set(piece);
        sentBytes += piece.length;
        return Promise.resolve(into.subarray(0, piece.length));
      },
      cancel: () => Promise.resolve(),
    };
    await using store = openMemory();
    await using draft = await store.draft("key");
    const settings = options(testHost(), new AbortController().signal);
    using _watch = settings.meter.watch;
    assertEquals(await transfer(body, draft, settings), whole.length);
    await draft.seal();
    assertEquals(await draft.read(), whole);
    assertEquals(draft.head, whole.subarray(0, HEAD_BYTES));
  }
});

Deno.test("transfer: a buffer is used again after a whole body, never after a broken one", async () => {
  for (const isBroken of [false, true]) {
    const pool = new BufferPool();
    const used: ArrayBuffer[] = [];
    const body: HttpBody = {
      read: (into) => {
        used.push(into.buffer);
        if (used.length === 1) return Promise.resolve(into.subarray(0, 3));
        return isBroken ? Promise.reject(new Error("reset")) : Promise.resolve(into.subarray(0, 0));
      },
      cancel: () => Promise.resolve(),
    };
    await using store = openMemory();
    await using draft = await store.draft("key");
    const host = testHost({ timers: "manual" });
    const settings = { ...options(host, new AbortController().signal), buffers: pool };
    const transferring = transfer(body, draft, { ...settings, lengthBytes: 3 });
    if (isBroken) await assertRejects(() => transferring);
    else await transferring;
    assertEquals(pool.take(64 * 1024) === used[0], !isBroken);
  }
});

Deno.test("transfer: a body that reports its end is not read again", async () => {
  await using store = openMemory();
  for (const [reportsEnd, expectedReads] of [[true, 1], [false, 2]] as const) {
    let reads = 0;
    const body: HttpBody = {
      get isEnded() {
        return reportsEnd && reads > 0;
      },
      read: (into) => Promise.resolve(into.subarray(0, reads++ === 0 ? 3 : 0)),
      cancel: () => Promise.resolve(),
    };
    const draft = await store.draft(`${reportsEnd}.bin`);
    const received = await transfer(body, draft, {
      ...options(testHost({ timers: "manual" }), new AbortController().signal),
      lengthBytes: 3,
    });
    const { sizeBytes } = await draft.seal();
    assertEquals([received, sizeBytes, reads], [3, 3, expectedReads]);
  }
});
