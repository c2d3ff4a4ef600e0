// Broken connections in each phase of each request of a publication: once, and always.

import { assert, assertEquals, assertGreater } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { openStore } from "../helpers/open.ts";
import type { Store } from "../../lib/store/store.ts";
import { sha256 } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { keys, pendingUploads } from "../helpers/s3_objects.ts";
import { type S3Server, s3Test } from "../helpers/s3_server.ts";
import { type Fault, type ProxiedRequest, type TcpProxy, tcpProxy } from "../helpers/tcp_proxy.ts";

const MIB = 2 ** 20;
const LARGE_BYTES = 11 * MIB;

/** The requests of publishing a file. */
const REQUESTS: Readonly<Record<string, (request: ProxiedRequest) => boolean>> = {
  "HEAD of the target": ({ method, path }) => method === "HEAD" && !path.includes(".cronfetch-"),
  "PUT": ({ method, path, headers }) =>
    method === "PUT" && !path.includes("uploadId") && !headers.has("x-amz-copy-source"),
  "CreateMultipartUpload": ({ method, path }) => method === "POST" && /\?.*uploads/.test(path),
  "UploadPart": ({ method, path, headers }) =>
    method === "PUT" && path.includes("partNumber=1") && !headers.has("x-amz-copy-source"),
  "UploadPartCopy": ({ headers }) => headers.has("x-amz-copy-source"),
  "CompleteMultipartUpload of the draft": ({ method, path }) =>
    method === "POST" && path.includes("uploadId") && path.includes(".cronfetch-"),
  "CompleteMultipartUpload of the target": ({ method, path }) =>
    method === "POST" && path.includes("uploadId") && !path.includes(".cronfetch-"),
  "DELETE of the draft": ({ method, path }) => method === "DELETE" && !path.includes("uploadId"),
};

const SMALL = ["HEAD of the target", "PUT"];

const FAULTS: readonly (readonly [phase: string, fault: Fault])[] = [
  ["before its body", { at: "request", afterBytes: 0 }],
  // The body of a completion has 193 bytes. If it is received whole, twice, versitygw may handle
  // both at once, respond 200, and have no object.
  ["in mid-body", { at: "request", afterBytes: 100 }],
  ["when it was done, and its answer lost", { at: "answer" }],
  ["in mid-answer", { at: "answer body", afterBytes: 10 }],
];

function open(proxy: TcpProxy, { env }: S3Server, bucket: string): Promise<Store> {
  const location = `s3://${bucket}/files?endpoint=${proxy.origin}`;
  return openStore(location, { sync: false }, testHost({ env }));
}

function content(name: string): Uint8Array<ArrayBuffer> {
  if (SMALL.includes(name)) return new Uint8Array(5_000).fill(7);
  return new Uint8Array(LARGE_BYTES).map((_, index) => index >> 10);
}

/** Publishes a file, as a download does. */
async function publish(store: Store, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  await using draft = await store.draft("file.bin");
  for (let start = 0; start < bytes.length; start += MIB) {
    await draft.write(bytes.slice(start, start + MIB));
  }
  await draft.seal();
  await draft.publish();
}

for (const [name, matches] of Object.entries(REQUESTS)) {
  for (const [phase, fault] of FAULTS) {
    s3Test(
      "versitygw",
      `${name} broken ${phase}, once: the file is complete`,
      async (server, bucket) => {
        await using proxy = await tcpProxy(server.endpoint);
        await using store = await open(proxy, server, bucket);
        let met = 0;
        proxy.rule = (request) => matches(request) && met++ === 0 ? fault : null;
        const bytes = content(name);
        await publish(store, bytes);
        assertGreater(met, 0, "the fault was met");
        assertEquals(
          await store.digest("file.bin", new AbortController().signal),
          await sha256(bytes),
        );
        assertEquals(await keys(server, bucket), ["files/file.bin"]);
      },
    );
  }

  // If cleanup fails, the file is published, and a sweep removes the rest.
  if (name === "DELETE of the draft") continue;

  s3Test(
    "versitygw",
    `${name} cut always: nothing is published, nothing left`,
    async (server, bucket) => {
      await using proxy = await tcpProxy(server.endpoint);
      let error: unknown;
      {
        await using store = await open(proxy, server, bucket);
        proxy.rule = (request) => matches(request) ? { at: "request", afterBytes: 0 } : null;
        error = await publish(store, content(name)).catch((error) => error);
      }
      assert(error instanceof CronfetchError);
      assertEquals([error.code, error.retry], ["store.failed", "later"]);
      assert(
        error.message.startsWith('storing "file.bin": the server cannot be reached: '),
        error.message,
      );
      // In addition, fetch itself retries on a stale connection.
      assertGreater(proxy.broken.length, 4);
      assertEquals(await keys(server, bucket), []);
      assertEquals(await pendingUploads(server, bucket), []);
    },
  );
}

s3Test(
  "versitygw",
  "Draft.discard does not wait for a server that does not respond",
  async (server, bucket) => {
    await using proxy = await tcpProxy(server.endpoint);
    await using store = await open(proxy, server, bucket);
    const held = Promise.withResolvers<void>();
    proxy.rule = (request) => {
      if (!REQUESTS["UploadPart"]?.(request)) return null;
      held.resolve();
      return { at: "hold" };
    };
    const draft = await store.draft("file.bin");
    const writing = draft.write(new Uint8Array(LARGE_BYTES));
    writing.catch(() => {});
    const sealing = draft.seal();
    sealing.catch(() => {});
    await held.promise;
    await draft.discard();
    assertEquals((await Promise.allSettled([sealing])).map(({ status }) => status), ["rejected"]);
    assertEquals(await keys(server, bucket), []);
    assertEquals(await pendingUploads(server, bucket), []);
  },
);

s3Test("versitygw", "a connection that is reset immediately is retried", async (server, bucket) => {
  await using proxy = await tcpProxy(server.endpoint);
  await using store = await open(proxy, server, bucket);
  proxy.resets = (connection) => connection < 2;
  await publish(store, content("PUT"));
  assertEquals(await keys(server, bucket), ["files/file.bin"]);
});
