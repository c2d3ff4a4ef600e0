// Retries and timeouts of requests. Delays are recorded, not waited for.

import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { CronfetchError } from "../../../lib/core/errors.ts";
import type { Fetch } from "../../../lib/core/host.ts";
import { DriverError } from "../../../lib/store/errors.ts";
import { type S3Request, S3Timeout, send } from "../../../lib/store/s3/transport.ts";
import { fetchTransport } from "../../../lib/http/fetch_transport.ts";
import { openTransport } from "../../../lib/http/transport.ts";
import { byteResponse } from "../../helpers/byte_response.ts";
import { testHost } from "../../helpers/host.ts";
import { rawServer } from "../../helpers/raw_server.ts";

const forever = new AbortController().signal;
const URL_TEXT = "https://s3.example.org/bucket/a%20b";

function request(changes: Partial<S3Request> = {}): S3Request {
  return {
    method: "PUT",
    url: URL_TEXT,
    headers: () => Promise.resolve({ authorization: "signed" }),
    body: new TextEncoder().encode("text"),
    streams: false,
    ...changes,
  };
}

/** A host whose server returns these responses, or throws these errors, one after another. */
function answering(...answers: readonly (number | string | Error)[]) {
  const asked: { readonly url: string; readonly init: RequestInit }[] = [];
  const left = [...answers];
  const fetch: Fetch = (url, init) => {
    asked.push({ url, init });
    const answer = left.shift() ?? 200;
    if (answer instanceof Error) return Promise.reject(answer);
    if (typeof answer === "string") return Promise.resolve(byteResponse(answer));
    return Promise.resolve(byteResponse(`answer ${asked.length}`, { status: answer }));
  };
  const host = testHost({ fetch, random: [0.5] });
  return { host: { ...host, transport: fetchTransport(host) }, asked };
}

/** A host with the sockets of the tests. */
async function connected() {
  const host = testHost();
  const opened = await openTransport(host);
  return {
    host: { ...host, transport: opened.transport },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

Deno.test("send: as signed, signed again for each attempt, without following redirects", async () => {
  const { host, asked } = answering(503, 200);
  let signatures = 0;
  const headers = () => Promise.resolve({ authorization: `signature ${++signatures}` });
  const response = await send(request({ headers }), forever, host);
  assertEquals(response.text, "answer 2");
  for (const [index, { url, init }] of asked.entries()) {
    assertEquals(url, URL_TEXT);
    assertEquals(init.headers, {
      "authorization": `signature ${index + 1}`,
      "accept-encoding": "identity",
    });
    assertEquals([init.method, init.redirect], ["PUT", "manual"]);
  }
});

Deno.test("rows 97 and 98: send repeats a request whose failure is in the body", async () => {
  for (const code of ["InternalError", "SlowDown", "RequestTimeout"]) {
    const { host, asked } = answering(`<Error><Code>${code}</Code></Error>`, 200);
    const { text } = await send(request(), forever, host);
    assertEquals([text, asked.length], ["answer 2", 2]);
  }
  const { host, asked } = answering("<Error><Code>NoSuchUpload</Code></Error>", 200);
  await send(request(), forever, host);
  assertEquals(asked.length, 1);
});

Deno.test("row 97: send retries a busy server with growing delays", async () => {
  const { host, asked } = answering(503, 500, 429, 504, 503);
  const { status } = await send(request(), forever, host);
  assertEquals([status, asked.length], [503, 5]);
  assertEquals(host.slept, [125, 250, 500, 1000]);
});

Deno.test("send retries a lost connection", async () => {
  const { host, asked } = answering(new TypeError("connection reset"), 200);
  const response = await send(request(), forever, host);
  assertEquals(response.text, "answer 2");
  assertEquals(asked.map(({ init }) => init.body), [request().body, request().body]);
});

Deno.test("send throws after the last attempt", async () => {
  const failures = Array.from({ length: 5 }, (_, index) => new TypeError(`failure ${index}`));
  const { host, asked } = answering(...failures);
  assertEquals(await assertRejects(() => send(request(), forever, host)), failures[4]);
  assertEquals(asked.length, 5);
});

Deno.test("send does not repeat a request without keys, or one that will always fail", async () => {
  const errors = [
    new DriverError("store.denied", "no credentials were found"),
    new CronfetchError("net.failed", "requests to port 9 are blocked", { retry: "never" }),
  ];
  for (const error of errors) {
    const { host, asked } = answering(error);
    assertEquals(await assertRejects(() => send(request(), forever, host)), error);
    assertEquals([asked.length, host.slept], [1, []]);
  }
});

for (const status of [301, 307, 400, 403, 404, 409, 412, 501]) {
  Deno.test(`rows 96, 100, 101, 104: send does not retry ${status}`, async () => {
    const { host, asked } = answering(status);
    assertEquals((await send(request(), forever, host)).status, status);
    assertEquals([asked.length, host.slept], [1, []]);
  });
}

Deno.test("send does not send, or repeat, a request whose headers cannot be made", async () => {
  const unsigned = new Error("the object has changed");
  for (const failing of [1, 2]) {
    const { host, asked } = answering(503, 503);
    const headers = (attempt: number) =>
      attempt === failing ? Promise.reject(unsigned) : Promise.resolve({});
    const error = await assertRejects(() => send(request({ headers }), forever, host));
    assertEquals([error, asked.length], [unsigned, failing - 1]);
  }
});

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
  await using opened = await connected();
  const { host } = opened;
  let watches = 0;
  const timers = {
    ...host.timers,
    // The first timer is for the response, the second for its first piece, the third for the rest.
    after: (durationMs: number, callback: () => void) => {
      assertEquals(durationMs, 30_000 + (watches === 0 ? 4 / 64 : 0));
      return host.timers.after(++watches === 3 ? 1 : durationMs, callback);
    },
  };
  const asked = request({ url: `${server.origin}/`, streams: true });
  const { pieces } = await send(asked, forever, { ...host, timers });
  const error = await assertRejects(() => Array.fromAsync(pieces ?? []), S3Timeout);
  assertEquals(error.message, "the response stalled");
});

Deno.test("send: a response does not stall while its reader is busy", async () => {
  await using server = await rawServer(async (connection) => {
    await connection.readRequest();
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
    await connection.send("half");
  });
  await using opened = await connected();
  const { host } = opened;
  const pending = new Set<() => void>();
  const timers = {
    ...host.timers,
    after: (_durationMs: number, callback: () => void) => {
      pending.add(callback);
      return () => void pending.delete(callback);
    },
  };
  const asked = request({ url: `${server.origin}/`, streams: true });
  const { pieces } = await send(asked, forever, { ...host, timers });
  let readBytes = 0;
  for await (const piece of pieces ?? []) {
    readBytes += piece.length;
    for (const expire of [...pending]) expire();
  }
  assertEquals([readBytes, pending.size], [8, 0]);
});

Deno.test("send: a server without a response times out, later for a larger body", async () => {
  let expire = () => {};
  await using server = await rawServer(async (connection) => {
    await connection.readRequest();
    expire();
    await connection.hold();
  });
  const allowed: number[] = [];
  await using opened = await connected();
  const { host } = opened;
  const timers = {
    ...host.timers,
    after: (durationMs: number, callback: () => void) => {
      allowed.push(durationMs);
      expire = callback;
      return () => {};
    },
  };
  const held = request({ url: `${server.origin}/` });
  const error = await assertRejects(() => send(held, forever, { ...host, timers }));
  assertInstanceOf(error, S3Timeout);
  assertEquals(error.message, "no response within 30 seconds");
  assertEquals(allowed, Array(5).fill(30_000 + 4 / 64));
});
