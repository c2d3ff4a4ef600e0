/** Tests of the servers that the store is tested with: start, objects, end. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  beginUpload,
  deleteObject,
  getObject,
  head,
  keys,
  objects,
  pendingUploads,
  putObject,
} from "../helpers/s3_objects.ts";
import { s3Test, startS3 } from "../helpers/s3_server.ts";
import { type Fault, tcpProxy } from "../helpers/tcp_proxy.ts";

for (const kind of ["versitygw", "moto"] as const) {
  s3Test(kind, "an object exists after a put, and not after a delete", async (server, bucket) => {
    assertEquals(await objects(server, bucket), {});
    const etag = await putObject(server, bucket, "a/one.txt", "one\n", {
      contentType: "text/plain",
      metadata: { source: "https://example.org/one.txt" },
    });
    await putObject(server, bucket, "b.bin", Uint8Array.of(0xff, 0xfe));
    assertEquals(await objects(server, bucket), {
      "a/one.txt": "one\n",
      "b.bin": "sha256:b3d510ef04275ca8e698e5b3cbb0ece3949ef9252f0cdc839e9ee347409a2209",
    });
    assertEquals(await objects(server, bucket, "a/"), { "a/one.txt": "one\n" });
    assertEquals(await getObject(server, bucket, "b.bin"), Uint8Array.of(0xff, 0xfe));

    const found = await head(server, bucket, "a/one.txt");
    assertEquals(
      [found?.sizeBytes, found?.etag, found?.contentType, found?.metadata],
      [4, etag, "text/plain", { source: "https://example.org/one.txt" }],
    );

    await deleteObject(server, bucket, "a/one.txt");
    assertEquals(await head(server, bucket, "a/one.txt"), null);
    assertEquals(await keys(server, bucket), ["b.bin"]);
  });

  s3Test(kind, "a new bucket is empty", async (server, bucket) => {
    await putObject(server, bucket, "a", "text");
    const other = await server.makeBucket();
    assert(other !== bucket);
    assertEquals(await objects(server, other), {});
  });

  s3Test(kind, "a pending upload is listed", async (server, bucket) => {
    assertEquals(await pendingUploads(server, bucket), []);
    const uploadId = await beginUpload(server, bucket, "a");
    assertEquals(await pendingUploads(server, bucket), [{ key: "a", uploadId }]);
    assertEquals(await objects(server, bucket), {});
  });

  s3Test(kind, "a list of several pages is complete", async (server, bucket) => {
    const names = Array.from({ length: 1_001 }, (_, index) => `${index}`.padStart(4, "0"));
    for (const name of names) await putObject(server, bucket, name, "");
    assertEquals(await keys(server, bucket), names);
  });

  s3Test(
    kind,
    "a proxy breaks only the configured upload",
    async (server, bucket) => {
      await using proxy = await tcpProxy(server.endpoint);
      const place = { env: { ...server.env, AWS_ENDPOINT_URL_S3: proxy.origin } };
      const large = new Uint8Array(3_000_000);
      const faults: Fault[] = [{ at: "request", afterBytes: 1_000_000 }, { at: "answer" }];
      // The client makes three attempts, the last of which succeeds.
      proxy.rule = ({ path, earlier }) =>
        path.startsWith(`/${bucket}/large`) && faults[earlier] || null;
      await putObject(place, bucket, "small", "text");
      await putObject(place, bucket, "large", large);
      assertEquals(proxy.requests, [
        `PUT /${bucket}/small`,
        ...Array(3).fill(`PUT /${bucket}/large`),
      ]);
      assertEquals(proxy.broken.length, 2);
      assertEquals(await getObject(place, bucket, "large"), large);
    },
  );

  s3Test(kind, "another server has its own data, which are removed with it", async (server) => {
    let endpoint = "";
    {
      await using other = await startS3(kind);
      endpoint = other.endpoint;
      assert(endpoint !== server.endpoint);
      assertMatch(endpoint, /^http:\/\/127\.0\.0\.1:\d+$/);
      await putObject(other, await other.makeBucket(), "a", "text");
    }
    await assertRejects(() => fetch(endpoint), TypeError);
  });
}
