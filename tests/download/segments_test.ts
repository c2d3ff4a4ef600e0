import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { HttpBody } from "../../lib/core/http.ts";
import type { ByteRange } from "../../lib/download/pieces.ts";
import { RangesRefused } from "../../lib/download/resume.ts";
import type { SegmentResponse } from "../../lib/download/segment.ts";
import {
  segmented,
  type SegmentedBody,
  type SegmentsOptions,
} from "../../lib/download/segments.ts";
import { type AttemptWatch, createWatcher } from "../../lib/download/timeouts.ts";
import { type TestHost, testHost } from "../helpers/host.ts";

const MIB = 1024 * 1024;
const LIMITS = { responseMs: 10_000, idleMs: 30_000, attemptMs: 600_000 };

/** Zeros up to an end, as fast as they are read, in pieces of 64 KiB. */
function zeros(range: ByteRange): HttpBody {
  let left = range.endByte - range.startByte;
  return {
    read: async (into) => {
      // As from a socket: others have their turn in between.
      await new Promise((done) => setTimeout(done, 0));
      const bytes = into.subarray(0, Math.min(left, 65_536));
      left -= bytes.byteLength;
      return bytes;
    },
    cancel: () => Promise.resolve(),
  };
}

/** Nothing comes, until it is cancelled or the signal is aborted. */
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

/** What is under way in a test. */
interface Scene extends Disposable {
  readonly host: TestHost;
  readonly run: AbortController;
  readonly watch: AttemptWatch;
  readonly body: SegmentedBody;
  /** Ranges that were asked for. */
  readonly asked: ByteRange[];
  /** Places that are borrowed now. */
  readonly borrowed: Set<Disposable>;
  /** Bytes that came. */
  readonly receivedBytes: () => number;
}

type SceneOptions = Partial<SegmentsOptions> & { readonly places?: number };

function scene(sizeBytes: number, options: SceneOptions = {}): Scene {
  const host = testHost({ timers: "manual" });
  const run = new AbortController();
  const watch = createWatcher(run.signal, host).watch(LIMITS);
  const asked: ByteRange[] = [];
  const borrowed = new Set<Disposable>();
  let receivedBytes = 0;
  const range = { startByte: 0, endByte: sizeBytes };
  const { ask = fitting, places = Infinity } = options;
  const body = segmented({
    host,
    range,
    segments: 4,
    front: zeros(range),
    watch,
    limits: LIMITS,
    borrow: () => {
      if (borrowed.size >= places) return null;
      const place = { [Symbol.dispose]: () => void borrowed.delete(place) };
      borrowed.add(place);
      return place;
    },
    received: (bytes) => {
      receivedBytes += bytes;
    },
    forgotten: () => {},
    busy: () => {},
    throttle: null,
    ...options,
    ask: (wanted, own) => {
      asked.push(wanted);
      return ask(wanted, own);
    },
  });
  return {
    ...{ host, run, watch, body, asked, borrowed, receivedBytes: () => receivedBytes },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

const fitting = (range: ByteRange): Promise<SegmentResponse> =>
  Promise.resolve({ kind: "fits", body: zeros(range) });

/** Reads to the end; gives how many bytes came. */
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

/** Lets everything happen that can. */
async function settled({ receivedBytes }: Scene): Promise<void> {
  for (let before = -1; before !== receivedBytes();) {
    before = receivedBytes();
    for (let turn = 0; turn < 5; turn++) await new Promise((done) => setTimeout(done, 0));
  }
}

Deno.test("while the front stalls, no more is fetched than the window holds", async () => {
  using at = scene(200 * MIB, { front: silence() });
  await using body = at.body;
  const reading = drain(body);
  reading.catch(() => {});
  await settled(at);
  assertEquals(at.asked.length, 7, "two pieces a segment, that of the front included");
  const aheadBytes = at.asked.reduce((sum, { startByte, endByte }) => sum + endByte - startByte, 0);
  assertEquals(aheadBytes, 28 * MIB);
  assertEquals(at.receivedBytes(), aheadBytes);
});

Deno.test("a front that stalls ends the attempt, as it would alone", async () => {
  using at = scene(200 * MIB, { front: silence() });
  await using body = at.body;
  const reading = drain(body);
  reading.catch(() => {});
  await settled(at);
  await at.host.advance(LIMITS.idleMs);
  const error = await assertRejects(() => reading, CronfetchError);
  assertEquals(error.code, "timeout.idle");
});

Deno.test("a reader that stands still stops all connections, and it is nobody's idleness", async () => {
  using at = scene(200 * MIB);
  await using _ = at.body;
  await settled(at);
  const receivedBytes = at.receivedBytes();
  assertEquals(receivedBytes, 32 * MIB);
  await at.host.advance(LIMITS.idleMs * 3);
  assertEquals([at.receivedBytes(), at.watch.signal.aborted], [receivedBytes, false]);
});

Deno.test("a range that stalls is given up after its own idle time, and fetched again", async () => {
  const stalled: ByteRange[] = [];
  using at = scene(20 * MIB, {
    ask: (range, watch) => {
      if (stalled.length > 0) return fitting(range);
      stalled.push(range);
      return Promise.resolve({ kind: "fits", body: silence(watch.signal) });
    },
  });
  await using body = at.body;
  const reading = drain(body);
  await settled(at);
  assert(at.receivedBytes() < 20 * MIB);
  await at.host.advance(LIMITS.idleMs);
  assertEquals(await reading, 20 * MIB);
  const again = at.asked.filter(({ startByte }) => startByte === stalled[0]?.startByte);
  assertEquals(again.length, 2);
});

/** What may go wrong with the body of a range. */
const BROKEN_RANGES: Record<string, (range: ByteRange) => HttpBody> = {
  "ends too soon": ({ startByte, endByte }) => zeros({ startByte, endByte: endByte - 1 }),
  "is longer than requested": ({ startByte, endByte }) =>
    zeros({ startByte, endByte: endByte + 1 }),
  "breaks off": () => ({ ...silence(), read: () => Promise.reject(new TypeError("reset")) }),
};
for (const [name, broken] of Object.entries(BROKEN_RANGES)) {
  Deno.test(`segmented: the body of a range that ${name} is cancelled`, async () => {
    const cancelled: string[] = [];
    const watched = (what: string, body: HttpBody): HttpBody => ({
      read: body.read,
      cancel: () => {
        cancelled.push(what);
        return body.cancel();
      },
    });
    let isFirst = true;
    using at = scene(20 * MIB, {
      ask: (range) => {
        const body = isFirst ? watched("broken", broken(range)) : watched("good", zeros(range));
        isFirst = false;
        return Promise.resolve({ kind: "fits", body });
      },
    });
    await using body = at.body;
    // A range that is too long ends all ranges, and the first response may be gone.
    await drain(body).catch((error) => assertInstanceOf(error, RangesRefused));
    assertEquals(cancelled.filter((what) => what === "broken"), ["broken"]);
  });
}

Deno.test("a host without free places has one connection, which reads all of it", async () => {
  using at = scene(20 * MIB, { places: 0 });
  await using body = at.body;
  assertEquals([await drain(body), at.asked], [20 * MIB, []]);
});

Deno.test("a server that turned a connection down is not asked again before it has answered one", async () => {
  const error = new CronfetchError("http.status", "429", { httpStatus: 429 });
  using at = scene(20 * MIB, {
    places: 1,
    ask: () => Promise.resolve({ kind: "busy", error, headers: new Headers() }),
  });
  await using body = at.body;
  assertEquals([await drain(body), at.asked.length], [20 * MIB, 1]);
});

Deno.test("places are given back as soon as nothing is left for them", async () => {
  const last = Promise.withResolvers<void>();
  using at = scene(20 * MIB, {
    ask: async (range) => {
      if (range.endByte === 20 * MIB) await last.promise;
      return await fitting(range);
    },
  });
  await using body = at.body;
  assertEquals(at.borrowed.size, 3);
  const reading = drain(body);
  await settled(at);
  assert(at.borrowed.size <= 1, `${at.borrowed.size} places for one piece`);
  last.resolve();
  assertEquals([await reading, at.borrowed.size], [20 * MIB, 0]);
});

Deno.test("no more responses are under way at any time than there are places", async () => {
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
    places: 2,
    front: counted(zeros(range)),
    ask: (wanted) => Promise.resolve({ kind: "fits", body: counted(zeros(wanted)) }),
  });
  await using body = at.body;
  assertEquals([await drain(body), mostActive, active], [range.endByte, 3, 0]);
});

Deno.test("a place that becomes free later is used", async () => {
  const free = { places: 0 };
  using at = scene(40 * MIB, {
    borrow: () => {
      if (free.places === 0) return null;
      free.places--;
      return { [Symbol.dispose]: () => free.places++ };
    },
  });
  await using body = at.body;
  await body.read(new Uint8Array(MIB));
  assertEquals(at.asked, []);
  free.places = 2;
  assertEquals(await drain(body) > 38 * MIB, true);
  assert(at.asked.length > 2);
  assertEquals(free.places, 2);
});

Deno.test("the first response is kept until a range has come as asked", async () => {
  const proof = Promise.withResolvers<void>();
  const range = { startByte: 0, endByte: 20 * MIB };
  let isCancelled = false;
  const front = { ...zeros(range), cancel: () => Promise.resolve(void (isCancelled = true)) };
  using at = scene(range.endByte, {
    front,
    ask: async (wanted) => {
      await proof.promise;
      return await fitting(wanted);
    },
  });
  await using body = at.body;
  const reading = drain(body);
  await settled(at);
  assertEquals([at.receivedBytes(), isCancelled], [at.asked[0]?.startByte, false]);
  proof.resolve();
  assertEquals([await reading, isCancelled], [range.endByte, true]);
});

Deno.test("an interrupted reading is given what is in order, and leaves nothing under way", async () => {
  const front = silence();
  using at = scene(20 * MIB, {
    front,
    ask: (_, { signal }) => Promise.resolve({ kind: "fits", body: silence(signal) }),
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

Deno.test("a body that is cancelled in the middle of a read gives everything back", async () => {
  const front = silence();
  using at = scene(20 * MIB, { front });
  const reading = drain(at.body);
  reading.catch(() => {});
  await settled(at);
  await at.body.cancel();
  assertEquals((await assertRejects(() => reading, CronfetchError)).code, "cancelled");
  assertEquals([at.borrowed.size, front.isCancelled], [0, true]);
});
