import { assertEquals, assertRejects } from "@std/assert";
import type { Bucket } from "../../../lib/store/s3/bucket.ts";
import { PartBuffers, partBytesFor, PartedUpload, Slots } from "../../../lib/store/s3/upload.ts";
import { fakeBucket } from "./fake_bucket.ts";

const MIB = 2 ** 20;

Deno.test("partBytesFor: the smallest size for at most 10,000 parts", () => {
  assertEquals(partBytesFor(null), 5 * MIB);
  assertEquals(partBytesFor(0), 5 * MIB);
  assertEquals(partBytesFor(50_000 * MIB), 5 * MIB);
  assertEquals(partBytesFor(50_001 * MIB), 6 * MIB);
  assertEquals(partBytesFor(5 * MIB * MIB), 525 * MIB);
});

Deno.test("Slots.acquire: in the order of the calls, and never more than exist", async () => {
  const turns = new Slots(2);
  const order: string[] = [];
  const take = async (name: string) => {
    const free = await turns.acquire();
    order.push(name);
    return free;
  };
  const [a, _b] = await Promise.all([take("a"), take("b")]);
  const c = take("c");
  const d = take("d");
  await Promise.resolve();
  assertEquals(order, ["a", "b"]);
  a();
  const freeC = await c;
  assertEquals(order, ["a", "b", "c"]);
  freeC();
  (await d)();
  assertEquals(order, ["a", "b", "c", "d"]);
  await take("e");
});

const { signal } = new AbortController();

async function uploadTo(bucket: Bucket, pause = () => Promise.resolve()): Promise<PartedUpload> {
  const facts = { contentType: null, metadata: {} };
  return await PartedUpload.begin("a", facts, {
    bucket,
    slots: new Slots(4),
    buffers: new PartBuffers(),
    signal,
    pause,
  });
}

Deno.test("row 99: abort waits for pending parts, which would keep the upload", async () => {
  const fake = fakeBucket();
  const upload = await uploadTo(fake.bucket);
  const sent = Promise.withResolvers<void>();
  await upload.add(async (part) => {
    await sent.promise;
    fake.calls.push("part sent");
    return { number: part.number, etag: "" };
  });
  const aborting = upload.abort(signal);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  assertEquals(fake.calls, []);
  sent.resolve();
  await aborting;
  assertEquals(fake.calls, ["part sent", "abort a"]);
});

Deno.test("row 99: abort is repeated while the server still lists the upload, 4 times at most", async () => {
  for (const [ignored, aborts] of [[0, 1], [2, 3], [9, 4]] as const) {
    let left = ignored;
    const fake = fakeBucket({}, (own, fake) => ({
      // A part whose response was lost is stored after the abort, and keeps the upload.
      abortUpload: (...given) => {
        if (left-- <= 0) return own.abortUpload(...given);
        return Promise.resolve(void fake.calls.push("abort a"));
      },
    }));
    let pauses = 0;
    const upload = await uploadTo(fake.bucket, () => Promise.resolve(void pauses++));
    await upload.add(() => Promise.reject(new Error("reset")));
    await assertRejects(() => upload.complete(1, { kind: "any" }), Error, "reset");
    await upload.abort(signal);
    assertEquals(fake.calls, Array(aborts).fill("abort a"));
    assertEquals(pauses, ignored === 9 ? 4 : ignored);
    assertEquals(fake.pending.size, ignored === 9 ? 1 : 0);
  }
});
