// Retries and timeouts of requests. Delays are recorded, not waited for.

import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import type { Fetch } from "../../../lib/core/host.ts";
import { type S3Request, S3Timeout, send } from "../../../lib/store/s3/transport.ts";
import { testHost } from "../../helpers/host.ts";
import { rawServer } from "../../helpers/raw_server.ts";

const forever = new AbortController().signal;

function request(changes: Partial<S3Request> = {}): S3Request {
  return {
    method: "PUT",
    protocol: "https:",
    hostname: "s3.example.org",
    path: "/bucket/a%20b",
    query: {},
    headers: { host: "s3.example.org", "content-length": "4", authorization: "signed" },
    body: new TextEncoder().encode("text"),
    ...changes,
  };
}

/** A host whose `fetch` returns these responses, or throws these errors, one after another. */
function answering(...answers: readonly (number | Error)[]) {
  const asked: { readonly url: string; readonly init: RequestInit }[] = [];
  const left = [...answers];
  const fetch: Fetch = (url, init) => {
    asked.push({ url, init });
    const answer = left.shift() ?? 200;
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve(new Response(`answer ${asked.length}`, { status: answer }));
  };
  return { host: testHost({ fetch, random: [0.5] }), asked };
}

Deno.test("send: as signed, without following redirects", async () => {
  const { host, asked } = answering(200);
  const query = { partNumber: "1", uploadId: "a/b!*", acl: null, tag: ["x", "y"] };
  const response = await send(request({ query, port: 9000 }), forever, host);
  assertEquals(await new Response(response.body).text(), "answer 1");
  const [{ url, init }] = asked as [typeof asked[0]];
  assertEquals(
    url,
    "https://s3.example.org:9000/bucket/a%20b?partNumber=1&uploadId=a%2Fb%21%2A&acl&tag=x&tag=y",
  );
  assertEquals(init.headers, { authorization: "signed", "accept-encoding": "identity" });
  assertEquals([init.method, init.redirect], ["PUT", "manual"]);
});

Deno.test("row 97: send retries a busy server with growing delays", async () => {
  const { host, asked } = answering(503, 500, 429, 504, 503);
  const { statusCode } = await send(request(), forever, host);
  assertEquals([statusCode, asked.length], [503, 5]);
  assertEquals(host.slept, [125, 250, 500, 1000]);
});

Deno.test("send retries a lost connection", async () => {
  const { host, asked } = answering(new TypeError("connection reset"), 200);
  const response = await send(request(), forever, host);
  assertEquals(await new Response(response.body).text(), "answer 2");
  assertEquals(asked.map(({ init }) => init.body), [request().body, request().body]);
});

Deno.test("send throws after the last attempt", async () => {
  const failures = Array.from({ length: 5 }, (_, index) => new TypeError(`failure ${index}`));
  const { host, asked } = answering(...failures);
  assertEquals(await assertRejects(() => send(request(), forever, host)), failures[4]);
  assertEquals(asked.length, 5);
});

for (const status of [301, 307, 400, 403, 404, 409, 412, 501]) {
  Deno.test(`rows 96, 100, 101, 104: send does not retry ${status}`, async () => {
    const { host, asked } = answering(status);
    assertEquals((await send(request(), forever, host)).statusCode, status);
    assertEquals([asked.length, host.slept], [1, []]);
  });
}

Deno.test("send aborts with the signal, also between two attempts", async () => {
  const controller = new AbortController();
  const reason = new Error("interrupted");
  const { asked, host } = answering(503, 503);
  const sleep = () => {
    controller.abort(reason);
    return Promise.reject(reason);
  };
  const timers = { ...host.timers, sleep };
  const sending = send(request(), controller.signal, { ...host, timers });
  assertEquals(await assertRejects(() => sending), reason);
  assertEquals(asked.length, 1);
});

Deno.test("send: a stalled response body times out", async () => {
  await using server = await rawServer(async (connection) => {
    await connection.readRequest();
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    await connection.hold();
  });
  const { hostname, port } = new URL(server.origin);
  const host = testHost();
  let watches = 0;
  const timers = {
    ...host.timers,
    // The first timer is for the response, the second for its first piece, the third for the rest.
    after: (durationMs: number, callback: () => void) => {
      assertEquals(durationMs, 30_000 + (watches === 0 ? 4 / 64 : 0));
      return host.timers.after(++watches === 3 ? 1 : durationMs, callback);
    },
  };
  const query = { "x-id": "GetObject" };
  const asked = request({ protocol: "http:", hostname, port: Number(port), query });
  const { body } = await send(asked, forever, { ...host, timers });
  const error = await assertRejects(() => new Response(body).text(), S3Timeout);
  assertEquals(error.message, "the response stalled");
});

Deno.test("send: a server without a response times out, later for a larger body", async () => {
  await using server = await rawServer(async (connection) => {
    await connection.readRequest();
    await connection.hold();
  });
  const { hostname, port } = new URL(server.origin);
  const allowed: number[] = [];
  const host = testHost();
  const timers = {
    ...host.timers,
    after: (durationMs: number, callback: () => void) => {
      allowed.push(durationMs);
      return host.timers.after(1, callback);
    },
  };
  const held = request({ protocol: "http:", hostname, port: Number(port) });
  const error = await assertRejects(() => send(held, forever, { ...host, timers }));
  assertInstanceOf(error, S3Timeout);
  assertEquals(error.message, "no response within 30 seconds");
  assertEquals(allowed, Array(5).fill(30_000 + 4 / 64));
});
