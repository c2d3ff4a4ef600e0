import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import {
  type HttpBody,
  type HttpRequest,
  type HttpResponse,
  NO_COOKIES,
} from "../../lib/core/http.ts";
import type { ByteRange } from "../../lib/download/pieces.ts";
import { RangesRefused } from "../../lib/download/resume.ts";
import { SegmentedBody, type SegmentsOptions } from "../../lib/download/segments.ts";
import { type AttemptWatch, createWatcher } from "../../lib/download/timeouts.ts";
import { type TestHost, testHost } from "../helpers/host.ts";

const MIB = 1024 * 1024;
const LIMITS = { connectMs: 10_000, responseMs: 10_000, idleMs: 30_000, attemptMs: 600_000 };

/** A body of zeros, in pieces of 64 KiB. */
function zeros(range: ByteRange): HttpBody {
  let left = range.endByte - range.startByte;
  return {
    read: async (into) => {
      // As with a socket, other tasks run in between.
      await new Promise((done) => setTimeout(done, 0));
      const bytes = into.subarray(0, Math.min(left, 65_536));
      left -= bytes.byteLength;
      return bytes;
    },
    cancel: () => Promise.resolve(),
  };
}

/** A body without bytes, until the signal is aborted. */
function silence(signal?: AbortSignal): HttpBody & { isCancelled: boolean } {
  const body = {
    isCancelled: false,
    read: () =>
      new Promise<never>((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      }),
    cancel: () => {
      body.isCancelled = true;
      return Promise.resolve();
    },
  };
  return body;
}

/** A segmented body and what its connections have done. */
interface Scene extends Disposable {
  readonly host: TestHost;
  readonly run: AbortController;
  readonly watch: AttemptWatch;
  readonly body: SegmentedBody;
  /** Requested ranges. */
  readonly requested: ByteRange[];
  /** Slots that are borrowed now. */
  readonly borrowed: Set<Disposable>;
  readonly receivedBytes: () => number;
}

interface SceneOptions extends Partial<Pick<SegmentsOptions, "front" | "borrow">> {
  /** Responds to a request for a range. Default: the range. */
  readonly serve?: (range: ByteRange, signal: AbortSignal) => Promise<HttpBody | number>;
  readonly slots?: number;
}

function scene(totalBytes: number, options: SceneOptions = {}): Scene {
  const host = testHost({ timers: "manual" });
  const run = new AbortController();
  const watcher = createWatcher(run.signal, host);
  const watch = watcher.watch(LIMITS);
  const requested: ByteRange[] = [];
  const borrowed = new Set<Disposable>();
  let receivedBytes = 0;
  const { serve = servedZeros, slots = Infinity } = options;
  const transport = async (request: HttpRequest): Promise<HttpResponse> => {
    const [start = 0, end = 0] = request.headers["range"]?.match(/\d+/g)?.map(Number) ?? [];
    const range = { startByte: start, endByte: end + 1 };
    requested.push(range);
    const served = await serve(range, request.signal);
    const [status, body] = typeof served === "number" ? [served, silence()] : [206, served];
    const headers = new Headers({ "content-range": `bytes ${start}-${end}/${totalBytes}` });
    return { status, headers, setCookies: NO_COOKIES, remoteAddress: null, body };
  };
  const body = new SegmentedBody({
    http: { host, watcher, transport, admit: () => false, jar: null },
    file: {
      url: "http://files.example/a",
      task: { headers: {}, publicHeaders: {} },
      totalBytes,
      validator: '"1"',
    },
    front: zeros({ startByte: 0, endByte: totalBytes }),
    startByte: 0,
    segments: 4,
    timeouts: LIMITS,
    meter: {
      watch,
      throttle: null,
      received: (bytes) => {
        receivedBytes += bytes;
      },
    },
    borrow: () => {
      if (borrowed.size >= slots) return null;
      const slot = { [Symbol.dispose]: () => void borrowed.delete(slot) };
      borrowed.add(slot);
      return slot;
    },
    onDiscard: () => {},
    onBusy: () => {},
    ...(options.front && { front: options.front }),
    ...(options.borrow && { borrow: options.borrow }),
  });
  return {
    ...{ host, run, watch, body, requested, borrowed, receivedBytes: () => receivedBytes },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

const servedZeros = (range: ByteRange): Promise<HttpBody> => Promise.resolve(zeros(range));

/** Reads to the end; returns the number of bytes. */
async function drain(body: HttpBody): Promise<number> {
  let total = 0;
  let into = new Uint8Array(512 * 1024);
  for (;;) {
    const bytes = await body.read(into);
    if (bytes.byteLength === 0) return total;
    total += bytes.byteLength;
    into = new Uint8Array(bytes.buffer);
  }
}

/** Waits until no more bytes arrive. */
async function settled({ receivedBytes }: Scene): Promise<void> {
  for (let before = -1; before !== receivedBytes();) {
    before = receivedBytes();
    for (let turn = 0; turn < 5; turn++) await new Promise((done) => setTimeout(done, 0));
  }
}

Deno.test("SegmentedBody: while the first response stalls, at most two pieces per segment are fetched", async () => {
  using at = scene(200 * MIB, { front: silence() });
  await using body = at.body;
  const reading = drain(body);
  reading.catch(() => {});
  await settled(at);
  assertEquals(
    at.requested.length,
    7,
    "two pieces per segment, that of the first response included",
  );
  const aheadBytes = at.requested.reduce(
    (sum, { startByte, endByte }) => sum + endByte - startByte,
    0,
  );
  assertEquals(aheadBytes, 28 * MIB);
  assertEquals(at.receivedBytes(), aheadBytes);
});

Deno.test("SegmentedBody: a first response that stalls ends the attempt with timeout.idle", async () => {
  using at = scene(200 * MIB, { front: silence() });
  await using body = at.body;
  const reading = drain(body);
  reading.catch(() => {});
  await settled(at);
  await at.host.advance(LIMITS.idleMs);
  const error = await assertRejects(() => reading, CronfetchError);
  assertEquals(error.code, "timeout.idle");
});

Deno.test("SegmentedBody: a reader that pauses stops all connections, and causes no timeout", async () => {
  using at = scene(200 * MIB);
  await using _ = at.body;
  await settled(at);
  const receivedBytes = at.receivedBytes();
  assertEquals(receivedBytes, 32 * MIB);
  await at.host.advance(LIMITS.idleMs * 3);
  assertEquals([at.receivedBytes(), at.watch.signal.aborted], [receivedBytes, false]);
});

Deno.test("SegmentedBody: a range that stalls is aborted after its own idle time, and requested again", async () => {
  const stalled: ByteRange[] = [];
  using at = scene(20 * MIB, {
    serve: (range, signal) => {
      if (stalled.length > 0) return servedZeros(range);
      stalled.push(range);
      return Promise.resolve(silence(signal));
    },
  });
  await using body = at.body;
  const reading = drain(body);
  await settled(at);
  assert(at.receivedBytes() < 20 * MIB);
  await at.host.advance(LIMITS.idleMs);
  assertEquals(await reading, 20 * MIB);
  const again = at.requested.filter(({ startByte }) => startByte === stalled[0]?.startByte);
  assertEquals(again.length, 2);
});

/** Faulty bodies of a range. */
const BROKEN_RANGES: Record<string, (range: ByteRange) => HttpBody> = {
  "ends too soon": ({ startByte, endByte }) => zeros({ startByte, endByte: endByte - 1 }),
  "is longer than requested": ({ startByte, endByte }) =>
    zeros({ startByte, endByte: endByte + 1 }),
  "breaks off": () => ({ ...silence(), read: () => Promise.reject(new TypeError("reset")) }),
};
for (const [name, broken] of Object.entries(BROKEN_RANGES)) {
  Deno.test(`SegmentedBody: the body of a range that ${name} is cancelled`, async () => {
    const cancelled: string[] = [];
    const observed = (what: string, body: HttpBody): HttpBody => ({
      read: body.read,
      cancel: () => {
        cancelled.push(what);
        return body.cancel();
      },
    });
    let isFirst = true;
    using at = scene(20 * MIB, {
      serve: (range) => {
        const body = isFirst ? observed("broken", broken(range)) : observed("good", zeros(range));
        isFirst = false;
        return Promise.resolve(body);
      },
    });
    await using body = at.body;
    // A range that is too long ends all range requests; the first response may be closed by then.
    await drain(body).catch((error) => assertInstanceOf(error, RangesRefused));
    assertEquals(cancelled.filter((what) => what === "broken"), ["broken"]);
  });
}

Deno.test("SegmentedBody: without a free slot, the first response is read to its end", async () => {
  using at = scene(20 * MIB, { slots: 0 });
  await using body = at.body;
  assertEquals([await drain(body), at.requested], [20 * MIB, []]);
});

Deno.test("SegmentedBody: after a busy response, no range is requested until another was served", async () => {
  using at = scene(20 * MIB, { slots: 1, serve: () => Promise.resolve(429) });
  await using body = at.body;
  assertEquals([await drain(body), at.requested.length], [20 * MIB, 1]);
});

Deno.test("SegmentedBody: slots are returned once no piece is left for them", async () => {
  const last = Promise.withResolvers<void>();
  using at = scene(20 * MIB, {
    serve: async (range) => {
      if (range.endByte === 20 * MIB) await last.promise;
      return zeros(range);
    },
  });
  await using body = at.body;
  assertEquals(at.borrowed.size, 3);
  const reading = drain(body);
  await settled(at);
  assert(at.borrowed.size <= 1, `${at.borrowed.size} slots for one piece`);
  last.resolve();
  assertEquals([await reading, at.borrowed.size], [20 * MIB, 0]);
});

Deno.test("SegmentedBody: at no time are more responses open than slots taken", async () => {
  const range = { startByte: 0, endByte: 40 * MIB };
  let active = 0;
  let mostActive = 0;
  const counted = (body: HttpBody): HttpBody => {
    mostActive = Math.max(mostActive, ++active);
    let isOver = false;
    const over = () => {
      if (!isOver) active--;
      isOver = true;
    };
    return {
      read: async (into) => {
        const bytes = await body.read(into);
        if (bytes.byteLength === 0) over();
        return bytes;
      },
      cancel: async () => {
        await body.cancel();
        over();
      },
    };
  };
  using at = scene(range.endByte, {
    slots: 2,
    front: counted(zeros(range)),
    serve: (requested) => Promise.resolve(counted(zeros(requested))),
  });
  await using body = at.body;
  assertEquals([await drain(body), mostActive, active], [range.endByte, 3, 0]);
});

Deno.test("SegmentedBody: a slot that becomes free later is used", async () => {
  const free = { slots: 0 };
  using at = scene(40 * MIB, {
    borrow: () => {
      if (free.slots === 0) return null;
      free.slots--;
      return { [Symbol.dispose]: () => free.slots++ };
    },
  });
  await using body = at.body;
  await body.read(new Uint8Array(MIB));
  assertEquals(at.requested, []);
  free.slots = 2;
  assertEquals(await drain(body) > 38 * MIB, true);
  assert(at.requested.length > 2);
  assertEquals(free.slots, 2);
});

Deno.test("SegmentedBody: the first response stays open until a range was served as requested", async () => {
  const proof = Promise.withResolvers<void>();
  const range = { startByte: 0, endByte: 20 * MIB };
  let isCancelled = false;
  const front = { ...zeros(range), cancel: () => Promise.resolve(void (isCancelled = true)) };
  using at = scene(range.endByte, {
    front,
    serve: async (requested) => {
      await proof.promise;
      return zeros(requested);
    },
  });
  await using body = at.body;
  const reading = drain(body);
  await settled(at);
  assertEquals([at.receivedBytes(), isCancelled], [at.requested[0]?.startByte, false]);
  proof.resolve();
  assertEquals([await reading, isCancelled], [range.endByte, true]);
});

Deno.test("SegmentedBody: an abort rejects the read, and closes all connections", async () => {
  const front = silence();
  using at = scene(20 * MIB, {
    front,
    serve: (_, signal) => Promise.resolve(silence(signal)),
  });
  await using body = at.body;
  const reading = drain(body);
  reading.catch(() => {});
  await settled(at);
  at.run.abort(new CronfetchError("cancelled", "interrupted"));
  assertEquals((await assertRejects(() => reading, CronfetchError)).code, "cancelled");
  await body.cancel();
  assertEquals([at.borrowed.size, front.isCancelled], [0, true]);
});

Deno.test("SegmentedBody: cancel during a read returns all slots", async () => {
  const front = silence();
  using at = scene(20 * MIB, { front });
  const reading = drain(at.body);
  reading.catch(() => {});
  await settled(at);
  await at.body.cancel();
  assertEquals((await assertRejects(() => reading, CronfetchError)).code, "cancelled");
  assertEquals([at.borrowed.size, front.isCancelled], [0, true]);
});
