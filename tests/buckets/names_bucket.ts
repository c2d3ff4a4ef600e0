// Names of objects that clients encode differently: in paths, queries, copy sources and lists.

import { assertEquals } from "@std/assert";
import { DEFAULT_SETTINGS } from "../../lib/core/http.ts";
import { openBucket } from "../../lib/store/s3/client.ts";
import { testHost } from "../helpers/host.ts";
import { openStore, storeLocation } from "../helpers/open.ts";
import { sha256 } from "../helpers/folder.ts";
import { getObject, keys } from "../helpers/s3_objects.ts";
import { s3Test } from "../helpers/s3_server.ts";
import { bytesOf, digestOf, put } from "../store/fixture.ts";

const NAMES = [
  "a b",
  "a+b",
  "ü\u{1f4be}",
  "100%",
  "%41",
  "a%2Fb",
  "a&b=c;d",
  "a#b?c",
  "(!*'),:@$~",
  "<x>&amp;",
  // With the prefix, 1,000 bytes.
  `${"n".repeat(199)}/`.repeat(4) + "n".repeat(193),
];
const forever = new AbortController().signal;
const now = new Date().toISOString();

for (const kind of ["versitygw", "moto"] as const) {
  s3Test(
    kind,
    "odd names are written, read, listed, copied and removed",
    async (server, bucket) => {
      const location = `s3://${bucket}/p+ü q?endpoint=${server.endpoint}`;
      const host = testHost({ env: server.env, now });
      await using store = await openStore(location, { sync: false }, host);
      for (const name of NAMES) await put(store, name, name);
      const listed = (await Array.fromAsync(store.list(""))).map(({ key }) => key);
      assertEquals(listed.toSorted(), NAMES.toSorted());
      const cache = store.statCache(NAMES, forever);
      for (const name of NAMES) {
        assertEquals((await cache.get(name))?.sizeBytes, bytesOf(name).length, name);
        assertEquals(await store.digest(name, forever), await digestOf(name));
        assertEquals(await getObject(server, bucket, `p+ü q/${name}`), bytesOf(name));
      }
      const [first = ""] = NAMES;
      for (const name of NAMES.slice(1)) {
        await store.copy(first, name);
        assertEquals(await store.digest(name, forever), await digestOf(first));
        await store.remove(name);
      }
      assertEquals(await keys(server, bucket), [`p+ü q/${first}`]);
    },
  );

  s3Test(kind, "a large file of an odd name is published", async (server, bucket) => {
    const location = `s3://${bucket}/p% +ü?endpoint=${server.endpoint}`;
    const host = testHost({ env: server.env, now });
    await using store = await openStore(location, { sync: false }, host);
    const bytes = new Uint8Array(6 * 2 ** 20).map((_, index) => index >> 12);
    await using draft = await store.draft("100% +ü(1).bin");
    await draft.write(bytes.slice());
    await draft.seal();
    await draft.publish();
    assertEquals(await store.digest("100% +ü(1).bin", forever), await sha256(bytes));
  });
}

s3Test("moto", "empty segments of a name are signed as they are", async (server, bucket) => {
  const location = storeLocation(`s3://${bucket}?endpoint=${server.endpoint}`);
  if (location.kind !== "s3") throw new Error("not a bucket");
  const host = testHost({ env: server.env, now });
  await using opened = await openBucket(location, () => DEFAULT_SETTINGS, host);
  const bytes = bytesOf("text");
  const facts = { contentType: null, metadata: {} };
  const object = { key: "a//b/", bytes, sha256: await sha256(bytes), facts };
  await opened.put(object, { kind: "any" }, forever);
  assertEquals((await opened.head("a//b/", forever))?.sizeBytes, 4);
  assertEquals(await keys(server, bucket), ["a//b/"]);
});
