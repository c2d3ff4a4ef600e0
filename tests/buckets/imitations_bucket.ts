// Rows 201, 202, 203, 205, 207 and 211: the store on imitations of other servers, and what `doctor` finds.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DEFAULT_SETTINGS } from "../../lib/core/http.ts";
import { openBucket } from "../../lib/store/s3/client.ts";
import type { ServerFeatures } from "../../lib/store/s3/features.ts";
import { reportOf } from "../../lib/cli/doctor/bucket.ts";
import { testHost } from "../helpers/host.ts";
import { openStore, storeLocation } from "../helpers/open.ts";
import { keys, objects, pendingUploads, putObject } from "../helpers/s3_objects.ts";
import { type S3Server, s3Test, sharedS3 } from "../helpers/s3_server.ts";
import { storeConformance } from "../store/conformance.ts";
import { assertCode, bytesOf, put, sealed } from "../store/fixture.ts";
import { BEHAVIOURS, imitate, type Imitated } from "./imitations.ts";

const LARGE_BYTES = 11 * 2 ** 20;
const now = new Date().toISOString();

/** What `doctor` has to find, and a word of its sentence. */
const FINDINGS: Readonly<Record<Imitated, [Partial<ServerFeatures>, lack: string | null]>> = {
  "If-Match without quotes only": [{ ifMatch: "unquoted", ifNoneMatch: "yes" }, null],
  "ignored conditions": [
    { ifMatch: "no", ifNoneMatch: "no", completionConditions: "no" },
    "ignores conditions, so of two concurrent writes the last one wins",
  ],
  "no UploadPartCopy": [{ copies: "objects" }, "more than 5 GiB are uploaded twice"],
  "UploadPartCopy without an ETag": [{ copies: "objects" }, "copies only whole objects"],
  "no copies": [{ copies: "no" }, "large files are uploaded twice"],
  "a % in names decoded twice": [{ copies: "parts" }, null],
  "uploads listed by key": [{ uploadLists: "key" }, "add a lifecycle rule"],
  "uploads listed without a prefix": [{ uploadLists: "bucket" }, null],
  "no lists of uploads": [{ uploadLists: "no" }, "add a lifecycle rule"],
  "lists without ETags": [{ listEtags: "no" }, "each existing file is one request"],
};

function open(endpoint: string, { env }: S3Server, bucket: string, prefix = "files") {
  const location = `s3://${bucket}/${prefix}?endpoint=${endpoint}`;
  return openStore(location, { sync: false }, testHost({ env, now }));
}

/** Publishes a large file of one byte value. */
async function putLarge(store: Awaited<ReturnType<typeof open>>, value: number): Promise<void> {
  await using draft = await store.draft("large.bin");
  await draft.write(new Uint8Array(LARGE_BYTES).fill(value));
  await draft.seal();
  await draft.publish();
}

const digestOf = async (value: number) =>
  new Uint8Array(
    await crypto.subtle.digest("SHA-256", new Uint8Array(LARGE_BYTES).fill(value)),
  ).toHex();
const forever = new AbortController().signal;

for (const name of Object.keys(BEHAVIOURS) as Imitated[]) {
  s3Test(
    "versitygw",
    `rows 201, 202, 203, 205, 207 and 211: ${name}: files are created and updated`,
    async (server, bucket) => {
      await using other = imitate(name, server);
      await using store = await open(other.endpoint, server, bucket, "100%25 sure");
      for (const value of [1, 2]) {
        await put(store, "small.txt", `${value}`);
        await putLarge(store, value);
        assertEquals(await store.digest("large.bin", forever), await digestOf(value));
      }
      await store.copy("large.bin", "copy.bin");
      assertEquals(await store.digest("copy.bin", forever), await digestOf(2));
      const { "100%25 sure/small.txt": small, ...rest } = await objects(server, bucket);
      assertEquals([small, Object.keys(rest).length], ["2", 2]);
      assertEquals(await pendingUploads(server, bucket), []);
    },
  );

  s3Test(
    "versitygw",
    `rows 201, 202, 203, 205 and 207: doctor on ${name}`,
    async (server, bucket) => {
      await using other = imitate(name, server);
      const location = storeLocation(`s3://${bucket}/files?endpoint=${other.endpoint}`);
      assert(location.kind === "s3");
      const host = testHost({ env: server.env, now });
      await using opened = await openBucket(location, () => DEFAULT_SETTINGS, host);
      await opened.probe(forever);
      const [features, lack] = FINDINGS[name];
      assertEquals({ ...opened.features, ...features }, opened.features);
      const { lacks } = reportOf(opened.features);
      assertStringIncludes(lacks.join("; "), lack ?? "");
      if (lack === null) assertEquals(lacks, []);
      assertEquals([await keys(server, bucket), await pendingUploads(server, bucket)], [[], []]);
    },
  );
}

s3Test(
  "versitygw",
  "row 201: the form of If-Match is learned once, and a change by another program is found",
  async (server, bucket) => {
    await using other = imitate("If-Match without quotes only", server);
    await using store = await open(other.endpoint, server, bucket);
    for (const key of ["a", "b", "c"]) await put(store, key, "old");
    const before = other.requests.length;
    await put(store, "a", "new");
    const first = other.requests.length - before;
    await put(store, "b", "new");
    assertEquals(other.requests.length - before - first, 2, "a look-up and a PUT");
    await using draft = await sealed(store, "c", "new");
    await putObject(server, bucket, "files/c", "a stranger's");
    await assertCode("store.conflict", () => draft.publish());
    assertEquals(await objects(server, bucket), {
      "files/a": "new",
      "files/b": "new",
      "files/c": "a stranger's",
    });
  },
);

s3Test(
  "versitygw",
  "row 202: where conditions are ignored, a foreign object is not overwritten",
  async (server, bucket) => {
    await using other = imitate("ignored conditions", server);
    await using store = await open(other.endpoint, server, bucket);
    await put(store, "changed", "old");
    for (const key of ["new", "changed", "large"]) {
      await using draft = key === "large"
        ? await store.draft("large")
        : await sealed(store, key, "ours");
      if (key === "large") {
        await draft.write(new Uint8Array(LARGE_BYTES));
        await draft.seal();
      }
      await putObject(server, bucket, `files/${key}`, "a stranger's");
      await assertCode("store.conflict", () => draft.publish());
    }
    const all = Object.values(await objects(server, bucket));
    assertEquals(all, Array(3).fill("a stranger's"));
    const probes = other.requests.filter((request) =>
      /^PUT .*\.cronfetch-drafts\/[^?]*$/.test(request)
    );
    assertEquals(probes.length, 3, "one If-Match, two If-None-Match, once per run");
  },
);

s3Test(
  "versitygw",
  "row 205: uploads of crashed runs are aborted where they can be listed",
  async (server, bucket) => {
    for (
      const [name, left] of [
        ["uploads listed without a prefix", 0],
        ["uploads listed by key", 1],
        ["no lists of uploads", 2],
      ] as const
    ) {
      await using other = imitate(name, server);
      const host = testHost({ env: server.env, now });
      const location = `s3://${bucket}/files?endpoint=${other.endpoint}`;
      await using store = await openStore(location, { sync: false }, host);
      const crashed = await store.draft("large.bin");
      await crashed.write(new Uint8Array(6 * 2 ** 20));
      await crashed.write(new Uint8Array(6 * 2 ** 20));
      host.jump(25 * 60 * 60 * 1000);
      await store.sweep();
      assertEquals((await pendingUploads(server, bucket)).length, Math.min(left, 1), name);
    }
  },
);

s3Test(
  "versitygw",
  "row 207: lists without ETags: one request per existing file, and its condition holds",
  async (server, bucket) => {
    await using other = imitate("lists without ETags", server);
    await using store = await open(other.endpoint, server, bucket);
    const { revision } = await put(store, "a", "old");
    await putObject(server, bucket, "files/b", "foreign");
    const cache = store.statCache(["a", "c"], forever);
    assertEquals((await cache.get("a"))?.revision, revision);
    assertEquals(await cache.get("c"), null);
    await using draft = await store.draft("a", { statCache: cache });
    await draft.write(bytesOf("new"));
    await draft.seal();
    await putObject(server, bucket, "files/a", "a stranger's");
    await assertCode("store.conflict", () => draft.publish());
  },
);

const { name: prefix, ignore, server } = sharedS3("versitygw");
for (const name of ignore ? [] : Object.keys(BEHAVIOURS) as Imitated[]) {
  storeConformance(`${prefix}, ${name}`, async () => {
    const other = imitate(name, server());
    const bucket = await server().makeBucket();
    const reopen = () => open(other.endpoint, server(), bucket);
    const store = await reopen();
    return {
      store,
      refusesChanged: true,
      // A look-up before the write leaves one.
      leavesGap: name === "ignored conditions",
      reopen,
      [Symbol.asyncDispose]: async () => {
        await store[Symbol.asyncDispose]();
        await other[Symbol.asyncDispose]();
      },
    };
  });
}
