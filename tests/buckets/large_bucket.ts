// Files larger than a part: upload in parts, and removal of the parts.

import { assert, assertEquals } from "@std/assert";
import { openStore } from "../helpers/open.ts";
import type { Draft, Store } from "../../lib/store/store.ts";
import { sha256 } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { head, keys, pendingUploads, putObject } from "../helpers/s3_objects.ts";
import { type S3Server, s3Test } from "../helpers/s3_server.ts";
import { assertCode } from "../store/fixture.ts";

const MIB = 2 ** 20;
const KINDS = ["versitygw", "moto"] as const;

/** Bytes without repetition. */
function bytesOf(sizeBytes: number, seed = 7): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  let word = seed;
  for (let index = 0; index < words.length; index++) {
    word = Math.imul(word, 1_664_525) + 1_013_904_223;
    words[index] = word;
  }
  return new Uint8Array(words.buffer, 0, sizeBytes);
}

function open(server: S3Server, bucket: string): Promise<Store> {
  const location = `s3://${bucket}/files?endpoint=${server.endpoint}`;
  return openStore(location, { sync: false }, testHost({ env: server.env }));
}

/** Writes bytes as a transfer does, with several pending writes. */
async function write(draft: Draft, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const writes: Promise<unknown>[] = [];
  for (let start = 0; start < bytes.length; start += 512 * 1024) {
    writes.push(draft.write(bytes.slice(start, start + 512 * 1024)));
  }
  await Promise.all(writes);
}

const forever = new AbortController().signal;

for (const kind of KINDS) {
  for (const sizeBytes of [5 * MIB, 5 * MIB + 1, 10 * MIB, 17 * MIB + 5]) {
    for (const expectedBytes of [sizeBytes, null]) {
      const known = expectedBytes === null ? "unknown" : "known";
      s3Test(
        kind,
        `row 103: ${sizeBytes} bytes of ${known} length arrive whole`,
        async (server, bucket) => {
          await using store = await open(server, bucket);
          const bytes = bytesOf(sizeBytes);
          await using draft = await store.draft("large.bin", { expectedBytes });
          await write(draft, bytes);
          assertEquals(await keys(server, bucket), [], "nothing is visible");
          const digest = await sha256(bytes);
          assertEquals(await draft.seal(), { sizeBytes, sha256: digest });
          assertEquals(await sha256(await draft.read()), digest);
          const fetchedAt = new Date().toISOString();
          const published = await draft.publish({
            provenance: {
              source: "https://example.org/large.bin",
              contentType: "application/zip",
              etag: '"one"',
              lastModified: null,
              fetchedAt,
            },
          });
          assertEquals(await keys(server, bucket), ["files/large.bin"]);
          assertEquals(await pendingUploads(server, bucket), []);
          const found = await head(server, bucket, "files/large.bin");
          assertEquals(found?.contentType, "application/zip");
          const { md5, ...metadata } = found?.metadata ?? {};
          const isSmall = sizeBytes === 5 * MIB;
          assertEquals(
            md5 === undefined ? undefined : `"${md5}"`,
            isSmall ? found?.etag : undefined,
          );
          assertEquals(metadata, {
            "sha256": digest,
            "source": "https://example.org/large.bin",
            "source-etag": '"one"',
            "fetched-at": fetchedAt,
          });
          const file = await store.stat("large.bin");
          // Nothing binds the metadata of an upload in parts to its bytes.
          const known = isSmall ? digest : null;
          assertEquals([file?.revision, file?.sha256], [published.revision, known]);
          assertEquals(await store.digest("large.bin", forever), digest);
        },
      );
    }
  }

  s3Test(
    kind,
    "Draft.discard removes a large draft at any stage",
    async (server, bucket) => {
      await using store = await open(server, bucket);
      for (let stage = 0; stage < 4; stage++) {
        const draft = await store.draft("large.bin");
        const writing = write(draft, bytesOf(12 * MIB));
        if (stage === 0) writing.catch(() => {});
        else await writing;
        if (stage >= 2) await draft.seal();
        if (stage === 3) {
          const publishing = draft.publish();
          publishing.catch(() => {});
        }
        await draft.discard();
        const left = (await keys(server, bucket)).filter((key) => key !== "files/large.bin");
        assertEquals(left, [], `stage ${stage}`);
        assertEquals(await pendingUploads(server, bucket), [], `stage ${stage}`);
      }
    },
  );

  s3Test(kind, "Store.resume continues a large suspended draft", async (server, bucket) => {
    const bytes = bytesOf(13 * MIB);
    let name: string;
    {
      await using store = await open(server, bucket);
      await using draft = await store.draft("large.bin");
      await write(draft, bytes.slice(0, 11 * MIB));
      name = await draft.suspend();
      assertEquals(await Array.fromAsync(store.list("")), []);
    }
    await using store = await open(server, bucket);
    const resumed = await store.resume("large.bin", name, forever);
    assert(resumed);
    await using draft = resumed.draft;
    assertEquals([draft.sizeBytes, resumed.head], [11 * MIB, bytes.slice(0, 64 * 1024)]);
    await write(draft, bytes.slice(11 * MIB));
    assertEquals((await draft.seal()).sha256, await sha256(bytes));
    await draft.publish();
    assertEquals(await keys(server, bucket), ["files/large.bin"]);
    assertEquals(await store.digest("large.bin", forever), await sha256(bytes));
  });

  s3Test(
    kind,
    "Draft.publish keeps an object that was created concurrently",
    async (server, bucket) => {
      await using store = await open(server, bucket);
      await putObject(server, bucket, "files/large.bin", "seen");
      await using over = await store.draft("large.bin");
      await write(over, bytesOf(6 * MIB));
      await over.seal();
      await putObject(server, bucket, "files/large.bin", "a stranger's");
      await assertCode("store.conflict", () => over.publish());
      assertEquals((await store.stat("large.bin"))?.sizeBytes, 12);
      assertEquals(await keys(server, bucket), ["files/large.bin"]);
      assertEquals(await pendingUploads(server, bucket), []);
    },
  );
}
