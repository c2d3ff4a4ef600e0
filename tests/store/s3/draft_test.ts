// Drafts in a bucket in memory, with responses that a real server does not give on demand.

import { assertEquals, assertRejects } from "@std/assert";
import type { PublishRequest } from "../../../lib/store/draft.ts";
import { DriverError } from "../../../lib/store/errors.ts";
import type { Provenance } from "../../../lib/store/store.ts";
import { beginS3Draft, type S3Context, type S3Draft } from "../../../lib/store/s3/draft.ts";
import { objectNames } from "../../../lib/store/s3/objects.ts";
import { CONCURRENT_PARTS, PartBuffers, Slots } from "../../../lib/store/s3/upload.ts";
import { sha256 } from "../../helpers/folder.ts";
import { type FakeBucket, fakeBucket } from "./fake_bucket.ts";

const NAME = "0123456789abcdef".repeat(2);
const STAGED = `.cronfetch-drafts/${NAME}`;
const PART_BYTES = 5 * 2 ** 20;

function contextOf({ bucket }: FakeBucket): S3Context {
  return {
    bucket,
    names: objectNames({ prefix: "" }),
    slots: new Slots(CONCURRENT_PARTS),
    buffers: new PartBuffers(),
    newName: () => NAME,
    pause: () => Promise.resolve(),
    signal: new AbortController().signal,
  };
}

function begin(fake: FakeBucket, key = "a"): Promise<S3Draft> {
  return beginS3Draft(key, { existing: undefined, expectedBytes: null }, contextOf(fake));
}

async function publication(bytes: Uint8Array<ArrayBuffer>, key = "a"): Promise<PublishRequest> {
  const digest = await sha256(bytes);
  const sizeBytes = bytes.length;
  return {
    key,
    sizeBytes,
    sha256: digest,
    ifUnchanged: true,
    exclusive: false,
    provenance: null,
    modifiedMs: null,
  };
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("row 100: publish: an object created concurrently is store.conflict unless its digest is equal", async () => {
  const table = [["same size", "same sizE"], ["same size", "another size"], ["text", "text"]];
  for (const [drafted = "", appeared = ""] of table) {
    const fake = fakeBucket();
    const draft = await begin(fake);
    await draft.append(bytesOf(drafted));
    const other = await begin(fake);
    await other.append(bytesOf(appeared));
    await other.publish(await publication(bytesOf(appeared)));
    const publishing = draft.publish(await publication(bytesOf(drafted)));
    if (drafted === appeared) {
      assertEquals((await publishing).sizeBytes, drafted.length);
    } else {
      assertEquals((await assertRejects(() => publishing, DriverError)).code, "store.conflict");
    }
    assertEquals(fake.objects.get("a")?.bytes, bytesOf(appeared));
  }
});

Deno.test("row 112: publish, exclusive: accepts only its own object after a lost response", async () => {
  const bytes = bytesOf("text");
  const provenance = (fetchedAt: string): Provenance => ({
    ...{ source: "https://example.org/a", contentType: null, etag: null, lastModified: null },
    fetchedAt,
  });
  const exclusive = async (fetchedAt: string): Promise<PublishRequest> => ({
    ...await publication(bytes),
    exclusive: true,
    provenance: provenance(fetchedAt),
  });
  for (
    const [first, accepted] of [["2026-01-15T12:00:00Z", true], [
      "2026-01-15T11:00:00Z",
      false,
    ]] as const
  ) {
    const fake = fakeBucket();
    const draft = await begin(fake);
    await draft.append(bytes);
    const written = await begin(fake);
    await written.append(bytes);
    await written.publish(await exclusive(first));
    const publishing = draft.publish(await exclusive("2026-01-15T12:00:00Z"));
    if (accepted) assertEquals((await publishing).sizeBytes, bytes.length);
    else assertEquals((await assertRejects(() => publishing, DriverError)).code, "store.conflict");
  }
});

Deno.test("publish: a large object that the server reports as written, and does not have, is store.failed", async () => {
  // As versitygw does if it receives a completion again while it handles the first one.
  const fake = fakeBucket({}, (own, { objects }) => ({
    completeUpload: async (upload, ...rest) => {
      const etag = await own.completeUpload(upload, ...rest);
      if (upload.key === "a") objects.delete("a");
      return etag;
    },
  }));
  const bytes = new Uint8Array(PART_BYTES + 1);
  const draft = await begin(fake);
  await draft.append(bytes);
  await draft.seal(bytes.length);
  const request = await publication(bytes);
  const error = await assertRejects(() => draft.publish(request), DriverError);
  assertEquals([error.code, error.retry], ["store.failed", "later"]);
});

Deno.test("publish copies a staged draft only if its ETag is unchanged", async () => {
  const fake = fakeBucket();
  const draft = await begin(fake);
  const bytes = new Uint8Array(PART_BYTES + 1).fill(7);
  await draft.append(bytes);
  await draft.seal(bytes.length);
  const staged = fake.objects.get(STAGED)?.etag ?? "";
  await draft.publish(await publication(bytes));
  assertEquals(fake.copiedEtags, [staged]);
  assertEquals(fake.objects.get("a")?.bytes, bytes);
  assertEquals([[...fake.objects.keys()], fake.pending.size], [["a"], 0]);
});

Deno.test("row 99: an upload is aborted if the response to creating it was lost", async () => {
  const lost = new DriverError("store.failed", "the server cannot be reached");
  const fake = fakeBucket({}, (own) => ({
    createUpload: async (...given) => {
      await own.createUpload(...given);
      throw lost;
    },
  }));
  // The upload of another draft is kept.
  fake.pending.set("upload-of-another", ".cronfetch-drafts/another");
  const draft = await begin(fake);
  await draft.append(new Uint8Array(PART_BYTES));
  assertEquals(await assertRejects(() => draft.append(new Uint8Array(1)), DriverError), lost);
  assertEquals([...fake.pending.keys()], ["upload-of-another"]);
  assertEquals(fake.calls, [`abort ${STAGED}`]);
});
