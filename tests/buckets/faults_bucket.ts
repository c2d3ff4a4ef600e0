// Rows 96 to 104 of the fault table, in runs: responses of servers and results of tasks.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ErrorCode } from "../../lib/core/errors.ts";
import type { Fetch } from "../../lib/core/host.ts";
import type { TaskResult } from "../../lib/core/result.ts";
import { run } from "../../lib/mod.ts";
import { DEFAULT_SETTINGS } from "../../lib/core/http.ts";
import { openBucket } from "../../lib/store/s3/client.ts";
import { openState, openStore, storeLocation } from "../helpers/open.ts";
import { byteResponse } from "../helpers/byte_response.ts";
import { sha256 } from "../helpers/folder.ts";
import { type TestHost, testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { rawServer } from "../helpers/raw_server.ts";
import { head, keys, objects, pendingUploads, putObject } from "../helpers/s3_objects.ts";
import { type S3Server, s3Test } from "../helpers/s3_server.ts";
import { tcpProxy } from "../helpers/tcp_proxy.ts";
import { assertCode, bytesOf, sealed } from "../store/fixture.ts";

const SMALL = "a small file\n";
const LARGE = "0123456789".repeat(600_000);

/** Number of requests for files in the last run. */
let asked = 0;

/** The results of a run of two tasks, a small file and a large one. */
async function runInto(location: string, host: TestHost): Promise<readonly TaskResult[]> {
  await using server = origin({
    "/small.txt": { body: SMALL, etag: '"small-1"', type: "text/plain" },
    "/large.txt": { body: LARGE, etag: '"large-1"', type: "text/plain" },
  });
  const { results } = await run({
    store: location,
    state: "memory:",
    defaults: { retry: { attempts: 1 } },
    tasks: [`${server.origin}/small.txt`, `${server.origin}/large.txt`],
  }, { host });
  asked = server.hits();
  return results.toSorted((one, other) => one.task < other.task ? 1 : -1);
}

function place(endpoint: string, bucket: string): string {
  return `s3://${bucket}/files?endpoint=${endpoint}&region=us-east-1`;
}

async function assertFailed(
  results: readonly TaskResult[],
  code: ErrorCode,
  sentence: string,
): Promise<void> {
  assertEquals(results.map((result) => [result.status, result.code]), [
    ["failed", code],
    ["failed", code],
  ], results[0]?.message);
  for (const { message } of results) assertStringIncludes(message ?? "", sentence);
  await Promise.resolve();
}

/** A host whose `fetch` replaces some responses by those of other S3 servers. */
function interrupting(
  server: S3Server,
  answer: (url: string, init: RequestInit) => Response | null,
): TestHost {
  const fetch: Fetch = (url, init) => {
    const replaced = url.startsWith(server.endpoint) ? answer(url, init) : null;
    return replaced ? Promise.resolve(replaced) : globalThis.fetch(url, init);
  };
  return testHost({ fetch, env: server.env });
}

function saying(status: number, code: string, message = "it is so"): Response {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n` +
    `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return byteResponse(body, { status, headers: { "content-type": "application/xml" } });
}

s3Test(
  "versitygw",
  "an object has digest and provenance as metadata",
  async (server, bucket) => {
    const host = testHost({ env: server.env });
    const results = await runInto(place(server.endpoint, bucket), host);
    assertEquals(results.map(({ status }) => status), ["created", "created"]);
    for (const [name, content] of [["small.txt", SMALL], ["large.txt", LARGE]] as const) {
      const found = await head(server, bucket, `files/${name}`);
      assertEquals(found?.contentType, "text/plain");
      const { source = "", md5, "fetched-at": fetchedAt = "", ...metadata } = found?.metadata ?? {};
      assertEquals(md5 === undefined, name === "large.txt");
      assertEquals(metadata, {
        "sha256": await sha256(bytesOf(content)),
        "source-etag": name === "small.txt" ? '"small-1"' : '"large-1"',
      });
      assert(source.endsWith(`/${name}`));
      assertEquals(fetchedAt.slice(0, 16), "2026-01-15T12:00");
    }
    const { sizeBytes } = await head(server, bucket, "files/large.txt") ?? {};
    assertEquals(sizeBytes, LARGE.length);
    assertEquals(await pendingUploads(server, bucket), []);
  },
);

s3Test(
  "versitygw",
  "row 96: a wrong secret key is reported, without a retry",
  async (server, bucket) => {
    await using proxy = await tcpProxy(server.endpoint);
    const env = { ...server.env, AWS_SECRET_ACCESS_KEY: "wrong" };
    const host = testHost({ env, now: new Date().toISOString() });
    const results = await runInto(place(proxy.origin, bucket), host);
    await assertFailed(results, "store.denied", "the secret key is wrong; check AWS_ACCESS_KEY_ID");
    assertEquals(proxy.requests.length, new Set(proxy.requests).size);
    assertEquals(host.slept, []);
    assertEquals(asked, 0, "no file is requested if none can be stored");
    for (const { message } of results) assert(!message?.includes("wrong,"), message);
  },
);

s3Test(
  "versitygw",
  "row 96: missing keys, and an unknown key",
  async (server, bucket) => {
    const unknown = testHost({ env: { ...server.env, AWS_ACCESS_KEY_ID: "unknown" } });
    const results = await runInto(place(server.endpoint, bucket), unknown);
    await assertFailed(results, "store.denied", "the server does not know the access key");
  },
);

s3Test(
  "versitygw",
  "row 96: a wrong clock is reported, without a retry",
  async (server, bucket) => {
    let asked = 0;
    const host = interrupting(server, () => {
      asked++;
      return saying(403, "RequestTimeTooSkewed");
    });
    const results = await runInto(place(server.endpoint, bucket), host);
    await assertFailed(
      results,
      "store.denied",
      "the clocks of this machine and the server differ too much",
    );
    assertEquals(host.slept, []);
    assert(asked > 0);
  },
);

s3Test("versitygw", "row 97: requests to a busy server are retried", async (server, bucket) => {
  let busy = 3;
  const host = interrupting(server, (_url, { method }) => {
    return method === "PUT" && busy-- > 0 ? saying(503, "SlowDown") : null;
  });
  const results = await runInto(place(server.endpoint, bucket), host);
  assertEquals(results.map(({ status }) => status), ["created", "created"]);
  assertEquals(host.slept.length, 3);
});

s3Test(
  "versitygw",
  "row 97: a server that remains busy fails the tasks temporarily",
  async (server, bucket) => {
    const host = interrupting(server, (_url, { method }) => {
      return method === "PUT" ? saying(503, "SlowDown") : null;
    });
    const results = await runInto(place(server.endpoint, bucket), host);
    await assertFailed(results, "store.busy", "the server is busy");
    assertEquals(await keys(server, bucket), []);
    assertEquals(await pendingUploads(server, bucket), []);
  },
);

s3Test(
  "versitygw",
  "row 98: an error in a response of status 200 to a completion is an error",
  async (server, bucket) => {
    await putObject(server, bucket, "files/large.txt", "old");
    const host = interrupting(server, (url, { method }) => {
      const completes = method === "POST" && url.includes("uploadId") &&
        !url.includes(".cronfetch-");
      return completes ? saying(200, "InternalError") : null;
    });
    const [, large] = await runInto(place(server.endpoint, bucket), host);
    assertEquals([large?.task, large?.status, large?.code], [
      "large.txt",
      "failed",
      "store.failed",
    ]);
    assertStringIncludes(large?.message ?? "", "InternalError");
    assertEquals(await objects(server, bucket), {
      "files/large.txt": "old",
      "files/small.txt": SMALL,
    });
    assertEquals(await pendingUploads(server, bucket), []);
  },
);

s3Test(
  "versitygw",
  "row 100: a file published concurrently is kept",
  async (server, bucket) => {
    await putObject(server, bucket, "files/small.txt", "seen");
    let once = true;
    const host = testHost({
      env: server.env,
      fetch: async (url, init) => {
        // After the run has listed the files, and before it publishes.
        if (init.method === "PUT" && url.includes("/small.txt") && once) {
          once = false;
          await putObject(server, bucket, "files/small.txt", "a stranger's");
        }
        return await fetch(url, init);
      },
    });
    const [small, large] = await runInto(place(server.endpoint, bucket), host);
    assertEquals([small?.status, small?.code], ["failed", "store.conflict"]);
    assertStringIncludes(small?.message ?? "", "another process has changed it since");
    assertEquals(large?.status, "created");
    assertEquals((await objects(server, bucket))["files/small.txt"], "a stranger's");
  },
);

s3Test(
  "versitygw",
  "row 101: an object with fewer bytes than were sent is not published",
  async (server, bucket) => {
    const host = testHost({
      env: server.env,
      fetch: async (url, init) => {
        const answer = await fetch(url, init);
        if (init.method !== "HEAD" || !url.includes(".cronfetch-drafts")) return answer;
        const headers = new Headers(answer.headers);
        headers.set("content-length", `${LARGE.length - 1}`);
        return new Response(null, { status: answer.status, headers });
      },
    });
    const [small, large] = await runInto(place(server.endpoint, bucket), host);
    assertEquals([small?.status, large?.status, large?.code], [
      "created",
      "failed",
      "store.failed",
    ]);
    assertStringIncludes(large?.message ?? "", `wrote ${LARGE.length} bytes, the bucket has`);
    assertEquals(await objects(server, bucket), { "files/small.txt": SMALL });
  },
);

s3Test("versitygw", "row 101: corrupted bytes are refused", async (server, bucket) => {
  const location = storeLocation(place(server.endpoint, bucket));
  assert(location.kind === "s3");
  await using opened = await openBucket(
    location,
    () => DEFAULT_SETTINGS,
    testHost({ env: server.env }),
  );
  const object = {
    key: "a",
    bytes: bytesOf("these"),
    sha256: await sha256(bytesOf("those")),
    facts: { contentType: null, metadata: {} },
  };
  const signal = new AbortController().signal;
  const error = await opened.put(object, { kind: "any" }, signal).catch((error) => error);
  assertEquals(error.code, "store.failed");
  assertStringIncludes(error.message, "the bytes were corrupted on the way to the server");
  assertEquals(await keys(server, bucket), []);
});

for (const status of [301, 307]) {
  s3Test(
    "versitygw",
    `row 104: ${status} to another region is not followed with the credentials`,
    async (server, bucket) => {
      await using other = await rawServer(async (connection) => {
        await connection.readRequest();
        await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
      const host = interrupting(server, (url) => {
        const answer = saying(status, status === 301 ? "PermanentRedirect" : "TemporaryRedirect");
        answer.headers.set("location", url.replace(server.endpoint, other.origin));
        answer.headers.set("x-amz-bucket-region", "eu-west-1");
        return answer;
      });
      const results = await runInto(place(server.endpoint, bucket), host);
      await assertFailed(
        results,
        "store.failed",
        "is in the region eu-west-1; set AWS_REGION=eu-west-1",
      );
      assertEquals(other.requests, []);
    },
  );
}

s3Test("versitygw", "a missing bucket is reported", async (server) => {
  const results = await runInto(place(server.endpoint, "nowhere"), testHost({ env: server.env }));
  await assertFailed(
    results,
    "store.failed",
    'the bucket "nowhere" does not exist; create it first',
  );
});

s3Test("versitygw", "an unreachable server is reported", async () => {
  const results = await runInto(place("http://127.0.0.1:1", "files"), testHost({ env: ENV }));
  await assertFailed(results, "store.failed", "the server cannot be reached: ");
});

const ENV = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };

s3Test(
  "versitygw",
  "a server without conditions or checksums is used without them",
  async (server, bucket) => {
    await putObject(server, bucket, "files/small.txt", "seen");
    const turnedDown: string[] = [];
    const host = interrupting(server, (_url, { headers, method }) => {
      if (method === "HEAD") return null;
      const sent = new Headers(headers);
      const unknown = ["if-match", "if-none-match", "x-amz-checksum-sha256"].find((name) =>
        sent.has(name)
      );
      if (unknown === undefined) return null;
      turnedDown.push(unknown);
      return unknown.startsWith("if-") ? saying(501, "NotImplemented") : saying(
        400,
        "InvalidArgument",
        "Unsupported header 'x-amz-checksum-sha256'",
      );
    });
    await using store = await openStore(place(server.endpoint, bucket), { sync: false }, host);
    for (const key of ["small.txt", "new.txt"]) {
      await using draft = await sealed(store, key, key);
      await draft.publish();
    }
    assertEquals(turnedDown.toSorted(), ["if-match", "if-none-match", "x-amz-checksum-sha256"]);
    // A check before the request replaces the condition.
    await using late = await sealed(store, "new.txt", "late");
    await putObject(server, bucket, "files/new.txt", "a stranger's");
    await assertCode("store.conflict", () => late.publish());
    assertEquals(await objects(server, bucket), {
      "files/new.txt": "a stranger's",
      "files/small.txt": "small.txt",
    });
  },
);

s3Test(
  "versitygw",
  "row 99: sweep removes uploads and drafts of crashed runs only after a day and a week",
  async (server, bucket) => {
    const host = testHost({ env: server.env, now: new Date().toISOString() });
    await using store = await openStore(place(server.endpoint, bucket), { sync: false }, host);
    const abandoned = await store.draft("large.bin");
    await abandoned.write(new Uint8Array(6 * 2 ** 20));
    await abandoned.write(new Uint8Array(6 * 2 ** 20));
    const suspended = await store.draft("part.bin");
    await suspended.write(new Uint8Array(100_000));
    const name = await suspended.suspend();
    assertEquals((await pendingUploads(server, bucket)).length, 1);
    assertEquals(await Array.fromAsync(store.list("")), []);
    assertEquals(await store.sweep(), 0);
    host.jump(25 * 60 * 60 * 1000);
    assertEquals(await store.sweep(), 1);
    assertEquals(await pendingUploads(server, bucket), []);
    assertEquals(await keys(server, bucket), [`files/.cronfetch-drafts/${name}`]);
    host.jump(7 * 24 * 60 * 60 * 1000);
    assertEquals(await store.sweep(), 1);
    assertEquals(await keys(server, bucket), []);
  },
);

s3Test(
  "versitygw",
  "an object replaced by another program is fetched again, although it has the old metadata",
  async (server, bucket) => {
    const host = testHost({ env: server.env, now: new Date().toISOString() });
    const location = place(server.endpoint, bucket);
    await using origins = origin({ "/a.txt": "ours" });
    await using state = await openState("memory:", host);
    const config = { store: location, state: "memory:", tasks: [`${origins.origin}/a.txt`] };
    await run(config, { host, state });
    const { metadata } = await head(server, bucket, "files/a.txt") ?? {};
    await putObject(server, bucket, "files/a.txt", "hers", { metadata: { ...metadata } });
    const { results } = await run(config, { host, state });
    assertEquals(results.map(({ status }) => status), ["updated"]);
    await putObject(server, bucket, "files/a.txt", "hers", { metadata: { ...metadata } });
    // Also without a record of it.
    const again = await run(config, { host });
    assertEquals(again.results.map(({ status }) => status), ["updated"]);
    assertEquals(await objects(server, bucket), { "files/a.txt": "ours" });
  },
);

s3Test(
  "versitygw",
  "sweep removes drafts even if access to uploads is denied, and vice versa",
  async (server, bucket) => {
    const host = interrupting(
      server,
      (url) => url.includes("uploads") ? saying(403, "AccessDenied") : null,
    );
    await using store = await openStore(place(server.endpoint, bucket), { sync: false }, host);
    await putObject(server, bucket, "files/.cronfetch-drafts/old", "old");
    host.jump(400 * 24 * 60 * 60 * 1000);
    await assertCode("store.denied", () => store.sweep());
    assertEquals(await keys(server, bucket), []);
  },
);

for (
  const [what, held] of [
    ["lists", /list-type/],
    ["puts", /^PUT .*small/],
    ["uploads", /partNumber=1/],
    ["completes", /^POST .*uploadId/],
  ] as const
) {
  s3Test(
    "versitygw",
    `an aborted run waits 5 s for a server that does not respond when it ${what}`,
    async (server, bucket) => {
      await using proxy = await tcpProxy(server.endpoint);
      const stop = new AbortController();
      const real = testHost({ env: server.env });
      const graces: number[] = [];
      const timers = {
        ...real.timers,
        after: (durationMs: number, callback: () => void) => {
          if (durationMs !== 5_000) return real.timers.after(durationMs, callback);
          graces.push(durationMs);
          return real.timers.after(10, callback);
        },
      };
      proxy.rule = ({ method, path }) => {
        if (!held.test(`${method} ${path}`)) return null;
        stop.abort();
        return { at: "hold" };
      };
      await using files = origin({ "/small.txt": SMALL, "/large.txt": LARGE });
      const { results, summary } = await run({
        store: place(proxy.origin, bucket),
        state: "memory:",
        tasks: [`${files.origin}/small.txt`, `${files.origin}/large.txt`],
      }, { host: { ...real, timers }, signal: stop.signal });
      assertEquals(summary.exitCode, 130);
      assertEquals(results.length, 2);
      for (const { status } of results) assert(["cancelled", "created"].includes(status), status);
      assertEquals(graces, [5_000]);
    },
  );
}
