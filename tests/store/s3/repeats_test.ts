// What happens to a request, and to an object that is read, after a lost response or connection.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DEFAULT_SETTINGS } from "../../../lib/core/http.ts";
import { DriverError } from "../../../lib/store/errors.ts";
import {
  type Bucket,
  ConditionFailed,
  CopyUnavailable,
  NO_FACTS,
  type ObjectFacts,
} from "../../../lib/store/s3/bucket.ts";
import { openBucket } from "../../../lib/store/s3/client.ts";
import { EMPTY_SHA256 } from "../../../lib/store/s3/sign.ts";
import { byteResponse } from "../../helpers/byte_response.ts";
import { type Answer, LOCATION, type Received, serving, xml } from "./serving.ts";

const { signal } = new AbortController();

/** A bucket of a server that is a function, and the requests it received. */
async function withBucket(
  answer: Answer,
  use: (bucket: Bucket, requests: Received[]) => Promise<void>,
): Promise<void> {
  const { host, requests } = serving(answer);
  await using bucket = await openBucket(LOCATION, () => DEFAULT_SETTINGS, host);
  await use(bucket, requests);
}

const methods = (requests: readonly Received[]) => requests.map(({ method }) => method).join(" ");

const failure = (status: number, code: string) =>
  byteResponse(`<Error><Code>${code}</Code></Error>`, { status });

/** A response to HEAD. */
const described = (etag: string, metadata: Readonly<Record<string, string>> = {}) =>
  new Response(null, { headers: { etag, "content-length": "9", ...metadata } });

Deno.test("completeUpload: the object of a lost response is found before the request is repeated", async () => {
  const facts: ObjectFacts = { contentType: null, metadata: { "fetched-at": "now" } };
  const own = { "x-amz-meta-fetched-at": "now" };
  const older = { "x-amz-meta-fetched-at": "before" };
  const completed = () =>
    xml('<CompleteMultipartUploadResult><ETag>"new"</ETag></CompleteMultipartUploadResult>');
  const draft = ".cronfetch-drafts/one";
  const table: [name: string, key: string, head: () => Response, etag: string, sent: string][] = [
    ["it exists", "a", () => described('"made"', own), '"made"', "POST HEAD"],
    ["it is of another upload", "a", () => described('"old"', older), '"new"', "POST HEAD POST"],
    ["it is missing", "a", () => new Response(null, { status: 404 }), '"new"', "POST HEAD POST"],
    ["it has no metadata", "a", () => described('"old"'), '"new"', "POST HEAD POST"],
    ["it is a draft's", draft, () => described('"made"'), '"made"', "POST HEAD"],
  ];
  for (const [name, key, head, etag, sent] of table) {
    for (
      const lost of [() => failure(503, "SlowDown"), () => Promise.reject(new TypeError("lost"))]
    ) {
      let posts = 0;
      await withBucket((_url, { method }) => {
        if (method === "HEAD") return head();
        return ++posts === 1 ? lost() : completed();
      }, async (bucket, requests) => {
        const upload = { key, id: "1", sizeBytes: 9, facts: key === "a" ? facts : NO_FACTS };
        const parts = [{ number: 1, etag: '"part"' }];
        const result = await bucket.completeUpload(upload, parts, { kind: "any" }, signal);
        assertEquals([result, methods(requests)], [etag, sent], name);
      });
    }
  }
});

Deno.test("completeUpload: an upload that is gone has its object, or none", async () => {
  const facts: ObjectFacts = { contentType: null, metadata: { sha256: "1" } };
  for (const [isMade, etag] of [[true, '"made"'], [false, null]] as const) {
    await withBucket((_url, { method }) => {
      if (method === "POST") return failure(404, "NoSuchUpload");
      return isMade
        ? described('"made"', { "x-amz-meta-sha256": "1" })
        : new Response(null, { status: 404 });
    }, async (bucket) => {
      const upload = { key: "a", id: "1", sizeBytes: 9, facts };
      assertEquals(await bucket.completeUpload(upload, [], { kind: "any" }, signal), etag);
      // The object that is to be replaced is not the new one.
      const condition = { kind: "revision", etag: '"made"' } as const;
      const replacing = bucket.completeUpload(upload, [], condition, signal);
      if (isMade) assertEquals(await replacing, null);
      else await assertRejects(() => replacing, ConditionFailed);
    });
  }
});

Deno.test("put: without conditions, the object is looked up before each attempt", async () => {
  const object = { key: "a", bytes: new Uint8Array(), sha256: EMPTY_SHA256, facts: NO_FACTS };
  let writes = 0;
  await withBucket(({ pathname }, { method }) => {
    // The server ignores conditions, as the probe finds out.
    if (pathname !== "/b/a") return byteResponse("", { headers: { etag: '"probe"' } });
    if (method === "PUT") return ++writes === 1 ? failure(503, "SlowDown") : byteResponse("");
    // Another process creates it meanwhile.
    return writes === 0 ? new Response(null, { status: 404 }) : described('"theirs"');
  }, async (bucket) => {
    const putting = () => bucket.put(object, { kind: "absent" }, signal);
    await assertRejects(putting, ConditionFailed);
    assertEquals(writes, 1);
  });
});

Deno.test("row 99: createUpload aborts the uploads of its earlier attempts", async () => {
  const mine = ".cronfetch-drafts/one";
  const entry = (key: string, id: string) =>
    `<Upload><Key>${key}</Key><UploadId>${id}</UploadId></Upload>`;
  // Uploads of a file may be of other runs.
  for (const [key, aborted] of [[mine, ["first"]], ["a", []]] as const) {
    let creations = 0;
    await withBucket(({ searchParams }, { method }) => {
      if (method === "DELETE") return new Response(null, { status: 204 });
      if (method === "GET") {
        const uploads = [entry(key, "first"), entry(key, "second"), entry(`${key}-other`, "third")];
        return xml(`<ListMultipartUploadsResult>${uploads.join("")}</ListMultipartUploadsResult>`);
      }
      assertEquals(searchParams.has("uploads"), true);
      if (++creations === 1) throw new TypeError("the connection was closed");
      const result = "InitiateMultipartUploadResult";
      return xml(`<${result}><UploadId>second</UploadId></${result}>`);
    }, async (bucket, requests) => {
      assertEquals(await bucket.createUpload(key, NO_FACTS, signal), "second");
      const ids = requests.filter(({ method }) => method === "DELETE")
        .map(({ url }) => url.searchParams.get("uploadId"));
      assertEquals(ids, [...aborted]);
    });
  }
});

Deno.test("copy: a removed source shows nothing about copies, one that is not found does", async () => {
  const source = { key: "from", etag: '"1"', sizeBytes: 9, first: 0, last: 8 };
  for (const isRemoved of [true, false]) {
    await withBucket((_url, { method }) => {
      if (method === "PUT") return failure(404, "NoSuchKey");
      return isRemoved ? new Response(null, { status: 404 }) : described('"1"');
    }, async (bucket) => {
      const copying = () => bucket.copyPart({ key: "to", id: "1", number: 1 }, source, signal);
      if (isRemoved) {
        const error = await assertRejects(copying, DriverError, "has removed the object to copy");
        assertEquals([error.code, bucket.features.copies], ["store.failed", "unknown"]);
      } else {
        await assertRejects(copying, CopyUnavailable);
        assertEquals(bucket.features.copies, "objects");
      }
    });
  }
});

Deno.test("probe: its own error is thrown, not that of the removal of its objects", async () => {
  await withBucket(
    (_url, { method }) => failure(403, method === "DELETE" ? "AccountProblem" : "AccessDenied"),
    async (bucket, requests) => {
      const error = await assertRejects(() => bucket.probe(signal), DriverError);
      assertStringIncludes(error.message, "access denied; s3:GetObject is needed");
      assertEquals(requests.filter(({ method }) => method === "DELETE").length, 2);
    },
  );
});

const TEXT = "0123456789";

/** A response with the text from one byte to another, after which the connection breaks. */
function broken(first: number, end: number, init: ResponseInit): Response {
  const bytes = new TextEncoder().encode(TEXT.slice(first, end));
  const body = new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (bytes.length > 0) controller.enqueue(bytes.slice());
      controller.error(new TypeError("the connection was closed"));
    },
  });
  return new Response(end < TEXT.length ? body : byteResponse(TEXT.slice(first)).body, init);
}

/** The text of an object that is read. */
async function readText(bucket: Bucket): Promise<string> {
  let text = "";
  for await (const piece of await bucket.get("a", signal) ?? []) {
    text += new TextDecoder().decode(piece);
  }
  return text;
}

Deno.test("get: after a break, the rest of the same object is requested", async () => {
  const ends = [4, 4, 7, 10];
  await withBucket((_url, { headers }) => {
    const range = new Headers(headers).get("range");
    const first = range === null ? 0 : Number(/^bytes=(\d+)-$/.exec(range)?.[1]);
    const content: HeadersInit = range === null
      ? { "content-length": "10" }
      : { "content-range": `bytes ${first}-9/10` };
    const init = { status: range === null ? 200 : 206, headers: { etag: '"1"', ...content } };
    return broken(first, ends.shift() ?? 10, init);
  }, async (bucket, requests) => {
    assertEquals(await readText(bucket), TEXT);
    assertEquals(requests.map(({ headers }) => [headers.get("range"), headers.get("if-match")]), [
      [null, null],
      ["bytes=4-", '"1"'],
      ["bytes=4-", '"1"'],
      ["bytes=7-", '"1"'],
    ]);
  });
});

Deno.test("get: the rest of another object, or without an ETag, is not used", async () => {
  const table: [
    name: string,
    first: HeadersInit,
    rest: () => Response,
    message: string,
    count: number,
  ][] = [
    ["replaced", { etag: '"1"' }, () => failure(412, "PreconditionFailed"), "has changed it", 2],
    ["removed", { etag: '"1"' }, () => failure(404, "NoSuchKey"), "has changed it", 2],
    [
      "replaced, and the condition is ignored",
      { etag: '"1"' },
      () =>
        byteResponse("456789", {
          status: 206,
          headers: { "etag": '"2"', "content-range": "bytes 4-9/10" },
        }),
      "has changed it",
      2,
    ],
    [
      "sent from its start",
      { etag: '"1"' },
      () => byteResponse(TEXT, { headers: { etag: '"1"' } }),
      "sends no ranges",
      2,
    ],
    ["without an ETag", {}, () => byteResponse(TEXT), "", 1],
    [
      "always broken",
      { etag: '"1"' },
      () =>
        broken(4, 4, {
          status: 206,
          headers: { "etag": '"1"', "content-range": "bytes 4-9/10" },
        }),
      "",
      5,
    ],
  ];
  for (const [name, headers, rest, message, count] of table) {
    await withBucket(
      (_url, init) => new Headers(init.headers).has("range") ? rest() : broken(0, 4, { headers }),
      async (bucket, requests) => {
        const error = await assertRejects(() => readText(bucket), Error);
        assertStringIncludes(error.message, message, name);
        assertEquals(requests.length, count, name);
      },
    );
  }
});
