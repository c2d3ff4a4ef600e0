// Requests of the S3 client, and its reading of responses, with a `fetch` that is a function.

import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../../lib/core/errors.ts";
import { DEFAULT_SETTINGS } from "../../../lib/core/http.ts";
import { DriverError } from "../../../lib/store/errors.ts";
import { CopyUnavailable, NO_FACTS } from "../../../lib/store/s3/bucket.ts";
import { openBucket } from "../../../lib/store/s3/client.ts";
import { openS3 } from "../../../lib/store/s3/driver.ts";
import { EMPTY_SHA256 } from "../../../lib/store/s3/sign.ts";
import { byteResponse } from "../../helpers/byte_response.ts";
import { LOCATION, serving, xml } from "./serving.ts";

const { signal } = new AbortController();

Deno.test("list reads every page: 1,001 keys", async () => {
  const names = Array.from({ length: 1_001 }, (_, index) => `k${String(index).padStart(4, "0")}`);
  const { host, requests } = serving(({ searchParams }) => {
    const token = searchParams.get("continuation-token");
    const page = token === null ? names.slice(0, 1_000) : names.slice(Number(token));
    const contents = page.map((name) =>
      `<Contents><Key>${name}</Key><Size>1</Size><ETag>"e"</ETag></Contents>`
    );
    const more = token === null
      ? "<IsTruncated>true</IsTruncated><NextContinuationToken>1000</NextContinuationToken>"
      : "<IsTruncated>false</IsTruncated>";
    return xml(`<ListBucketResult>${more}${contents.join("")}</ListBucketResult>`);
  });
  await using bucket = await openBucket(LOCATION, () => DEFAULT_SETTINGS, host);
  const listed = await Array.fromAsync(bucket.list("", null, signal), ({ key }) => key);
  assertEquals(listed, names);
  assertEquals(requests.map(({ url }) => url.searchParams.get("continuation-token")), [
    null,
    "1000",
  ]);
});

Deno.test("uploads reads every page", async () => {
  const upload = (key: string) =>
    `<Upload><Key>${key}</Key><UploadId>id-${key}</UploadId>` +
    "<Initiated>2026-01-15T12:00:00.000Z</Initiated></Upload>";
  const { host, requests } = serving(({ searchParams }) => {
    const isFirst = !searchParams.has("key-marker");
    const more = isFirst
      ? "<IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>" +
        "<NextUploadIdMarker>id-a</NextUploadIdMarker>"
      : "<IsTruncated>false</IsTruncated>";
    const uploads = isFirst ? upload("a") : upload("b");
    return xml(`<ListMultipartUploadsResult>${more}${uploads}</ListMultipartUploadsResult>`);
  });
  await using bucket = await openBucket(LOCATION, () => DEFAULT_SETTINGS, host);
  const listed = await Array.fromAsync(bucket.uploads("", signal), ({ key, id }) => [key, id]);
  assertEquals(listed, [["a", "id-a"], ["b", "id-b"]]);
  assertEquals(requests.map(({ url }) => url.searchParams.get("upload-id-marker")), [null, "id-a"]);
});

Deno.test("uploads: without permission to list the bucket, the prefix is listed", async () => {
  const { host, requests } = serving(({ searchParams }) =>
    searchParams.has("prefix")
      ? xml(
        "<ListMultipartUploadsResult><Upload><Key>p/a</Key><UploadId>1</UploadId></Upload>" +
          "</ListMultipartUploadsResult>",
      )
      : byteResponse("<Error><Code>AccessDenied</Code></Error>", { status: 403 })
  );
  await using bucket = await openBucket(LOCATION, () => DEFAULT_SETTINGS, host);
  const listed = await Array.fromAsync(bucket.uploads("p/", signal), ({ key }) => key);
  assertEquals(listed, ["p/a"]);
  assertEquals(requests.map(({ url }) => url.searchParams.get("prefix")), [null, "p/"]);
});

Deno.test("list and uploads: a truncated page without the next one, or one that is sent again, is an error", async () => {
  const more = "<IsTruncated>true</IsTruncated>";
  const table = [
    more,
    `${more}<NextContinuationToken>t</NextContinuationToken><NextKeyMarker>k</NextKeyMarker>`,
  ];
  for (const head of table) {
    const { host, requests } = serving(({ searchParams }) => {
      if (requests.length > 3) throw new Error("the page is requested again and again");
      const root = searchParams.has("uploads") ? "ListMultipartUploadsResult" : "ListBucketResult";
      return xml(`<${root}>${head}</${root}>`);
    });
    await using bucket = await openBucket(LOCATION, () => DEFAULT_SETTINGS, host);
    const listing = () => Array.fromAsync(bucket.list("", null, signal));
    await assertRejects(listing, DriverError, "the server");
    if (head === more) continue;
    requests.splice(0);
    const uploads = () => Array.fromAsync(bucket.uploads("", signal));
    await assertRejects(uploads, DriverError, "the server");
  }
});

Deno.test("put: a probe that its write did not wait for, or that failed, does not fail other writes", async () => {
  const object = { key: "a", bytes: new Uint8Array(), sha256: EMPTY_SHA256, facts: NO_FACTS };
  const condition = { kind: "revision", etag: '"e"' } as const;
  let hasKeys = false;
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { host, requests } = serving(async ({ pathname }, { signal }) => {
    if (!hasKeys) throw new DriverError("store.denied", "no credentials were found");
    if (pathname === "/b/a") return byteResponse("", { headers: { etag: '"e"' } });
    const aborted = new Promise<never>((_, reject) =>
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true })
    );
    await Promise.race([released, aborted]);
    return byteResponse("<Error><Code>PreconditionFailed</Code></Error>", { status: 412 });
  });
  await using bucket = await openBucket(LOCATION, () => DEFAULT_SETTINGS, host);
  await assertRejects(() => bucket.put(object, condition, signal), DriverError);
  hasKeys = true;
  requests.splice(0);
  const cancelled = new AbortController();
  const first = bucket.put(object, condition, cancelled.signal);
  const second = bucket.put(object, condition, signal);
  cancelled.abort(new DriverError("cancelled", "the draft was discarded"));
  await assertRejects(() => first, DriverError, "discarded");
  release();
  assertEquals(await second, '"e"');
  assertEquals(requests.map(({ url }) => url.pathname === "/b/a"), [false, true]);
});

Deno.test("sweep leaves uploads and drafts without a valid time", async () => {
  const entry = (key: string, time: string) =>
    `<Key>.cronfetch-drafts/${key}</Key><UploadId>1</UploadId><Size>1</Size>` +
    `<Initiated>${time}</Initiated><LastModified>${time}</LastModified>`;
  const entries = [["old", "2026-01-01T00:00:00Z"], ["odd", "yesterday"], ["none", ""]] as const;
  const { host, requests } = serving(({ searchParams }, { method }) => {
    if (method === "DELETE") return new Response(null, { status: 204 });
    const [root, item] = searchParams.has("uploads")
      ? ["ListMultipartUploadsResult", "Upload"]
      : ["ListBucketResult", "Contents"];
    const items = entries.map(([key, time]) => `<${item}>${entry(key, time)}</${item}>`);
    return xml(`<${root}>${items.join("")}</${root}>`);
  });
  await using store = await openS3(LOCATION, () => DEFAULT_SETTINGS, host);
  assertEquals(await store.sweep(), 2);
  const swept = requests.filter(({ url }) => url.pathname.includes("drafts/"));
  assertEquals(swept.map(({ url }) => url.pathname.split("/").at(-1)), ["old", "old"]);
});

Deno.test("put: concurrent writes to a server that compares ETags without quotes keep their conditions", async () => {
  const object = { key: "a", bytes: new Uint8Array(), sha256: EMPTY_SHA256, facts: NO_FACTS };
  const { host, requests } = serving((_url, { method, headers }) => {
    const condition = new Headers(headers).get("if-match");
    const isGood = method === "HEAD" || condition === null || condition === "e";
    return new Response(null, { status: isGood ? 200 : 412, headers: { etag: '"e"' } });
  });
  await using bucket = await openBucket(LOCATION, () => DEFAULT_SETTINGS, host);
  const put = () => bucket.put(object, { kind: "revision", etag: '"e"' }, signal);
  await Promise.all([put(), put()]);
  assertEquals(bucket.features.ifMatch, "unquoted");
  const sent = requests.filter(({ url }) => url.pathname === "/b/a")
    .map(({ headers }) => headers.get("if-match")).filter((condition) => condition !== null);
  assertEquals(sent.toSorted(), ['"e"', '"e"', "e", "e"]);
});

Deno.test("copy of a whole object shows nothing about copies of parts", async () => {
  let isImplemented = true;
  const { host } = serving(({ searchParams }) => {
    if (searchParams.has("partNumber")) {
      return xml("<CopyPartResult><ETag>1</ETag></CopyPartResult>");
    }
    if (!isImplemented) return new Response(null, { status: 501 });
    return xml("<CopyObjectResult><ETag>1</ETag></CopyObjectResult>");
  });
  await using bucket = await openBucket(LOCATION, () => DEFAULT_SETTINGS, host);
  const source = { key: "from", etag: "", sizeBytes: 1, first: 0, last: 0 };
  const copy = () => bucket.copy({ source, key: "to", facts: null }, { kind: "any" }, signal);
  await copy();
  assertEquals(bucket.features.copies, "unknown");
  await bucket.copyPart({ key: "to", id: "1", number: 1 }, source, signal);
  isImplemented = false;
  await assertRejects(copy, CopyUnavailable);
  assertEquals(bucket.features.copies, "parts");
});

Deno.test("copyPart copies only from the object with the given ETag", async () => {
  const { host, requests } = serving(() =>
    xml(`<CopyPartResult><ETag>"part"</ETag></CopyPartResult>`)
  );
  await using bucket = await openBucket(LOCATION, () => DEFAULT_SETTINGS, host);
  const source = { key: "from", etag: '"staged"', sizeBytes: 20, first: 0, last: 9 };
  const part = await bucket.copyPart({ key: "to", id: "1", number: 1 }, source, signal);
  assertEquals(part, { number: 1, etag: '"part"' });
  const headers = requests[0]?.headers;
  assertEquals(headers?.get("x-amz-copy-source-if-match"), '"staged"');
  assertEquals(headers?.get("x-amz-copy-source-range"), "bytes=0-9");
  // S3 copies ranges of large objects only.
  await bucket.copyPart({ key: "to", id: "1", number: 1 }, { ...source, sizeBytes: 10 }, signal);
  assertEquals(requests[1]?.headers.has("x-amz-copy-source-range"), false);
});

Deno.test("abortOn aborts pending requests 5 s after the signal, also after an aborted one", async () => {
  for (const isAbortedBefore of [true, false]) {
    const { host } = serving((_url, { signal }) =>
      new Promise((_, reject) =>
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true })
      )
    );
    await using store = await openS3(LOCATION, () => DEFAULT_SETTINGS, host);
    const stop = new AbortController();
    if (isAbortedBefore) stop.abort();
    using _stopping = store.abortOn(stop.signal);
    stop.abort();
    let isOver = false;
    const looking = store.stat("a").finally(() => isOver = true);
    looking.catch(() => {});
    await host.advance(4_999);
    assertEquals(isOver, false);
    await host.advance(1);
    assertEquals((await assertRejects(() => looking, CronfetchError)).code, "cancelled");
  }
});
