import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { getRequest } from "../../lib/core/http.ts";
import { always, type Exchanging, exchanging, textOf } from "./exchanging.ts";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
  "1;x\r\na\r\n2\r\nbc\r\n0\r\nx: y\r\n\r\n";

for (const [name, answer] of [["a length", ANSWER], ["chunks", CHUNKED]] as const) {
  Deno.test(`Http1Client: a response with ${name} is the same wherever it is split`, async () => {
    let at = 0;
    let exchanges = 0;
    await using pair: Exchanging = await exchanging(async (connection) => {
      for (;;) {
        await connection.readRequest();
        await connection.send(answer.slice(0, at));
        const firstHalf = exchanges++ * answer.length + at;
        await pair.until(() => pair.receivedBytes === firstHalf);
        await connection.send(answer.slice(at));
      }
    });
    for (at = 1; at < answer.length; at++) {
      const { status, body } = await pair.get();
      assertEquals([status, await textOf(body, 2)], [200, "abc"], `cut at ${at}`);
    }
    assertEquals(pair.server.connections, 1);
  });
}

Deno.test("Http1Client sends a request line and the fields", async () => {
  let raw = "";
  await using pair = await exchanging(async (connection) => {
    ({ raw } = await connection.readRequest());
    await connection.send(ANSWER);
  });
  const { signal } = new AbortController();
  const url = `${pair.server.origin}/a%20b?c`;
  const headers = { accept: "*/*" };
  const { body } = await pair.send({ ...getRequest(url, signal), headers });
  await body.cancel();
  const host = pair.server.origin.slice("http://".length);
  assertEquals(raw, `GET /a%20b?c HTTP/1.1\r\nhost: ${host}\r\naccept: */*\r\n\r\n`);
});

/** Responses, and whether the next request reuses the connection. */
const REUSE: readonly (readonly [what: string, answer: string, isReused: boolean])[] = [
  ["a length", ANSWER, true],
  ["chunks", CHUNKED, true],
  ["no body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", true],
  [
    "1xx before it",
    `HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 100 C\r\n\r\n${ANSWER}`,
    true,
  ],
  ["Connection: close", ANSWER.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"), false],
  ["chunks in HTTP/1.0", CHUNKED.replace("1.1", "1.0"), false],
  [
    "the transfer coding identity",
    ANSWER.replace("\r\n", "\r\nTransfer-Encoding: identity\r\n"),
    true,
  ],
  ["HTTP/1.0", ANSWER.replace("1.1", "1.0"), false],
  ["bytes beyond the length", `${ANSWER}HTTP/1.1 200 OK\r\n`, false],
  ["bytes beyond the chunks", `${CHUNKED}\r\n`, false],
  ["bytes beyond no body", "HTTP/1.1 204 No Content\r\n\r\nabc", false],
];

for (const [what, answer, isReused] of REUSE) {
  Deno.test(`Http1Client: reuse after ${what}`, async () => {
    await using pair = await exchanging(always(answer));
    for (const path of ["/1", "/2", "/3"]) await textOf((await pair.get(path)).body);
    assertEquals(pair.server.requests, ["GET /1", "GET /2", "GET /3"]);
    assertEquals(pair.server.connections, isReused ? 1 : 3);
    assertEquals(pair.open.size, isReused ? 1 : 0);
  });
}

Deno.test("Http1Client: empty lines before the first response of a connection are skipped", async () => {
  for (const before of ["\r\n", "\n\r\n\r\n", "\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"]) {
    await using pair = await exchanging(async (connection) => {
      await connection.readRequest();
      for (const byte of before + ANSWER) await connection.send(byte);
      await connection.readRequest();
      await connection.send(ANSWER);
    });
    for (const path of ["/1", "/2"]) {
      assertEquals(await textOf((await pair.get(path)).body), "abc");
    }
    assertEquals(pair.server.connections, 1);
  }
});

Deno.test("Http1Client: reuse: unsolicited bytes are not the response to the next request", async () => {
  const idle = Promise.withResolvers<void>();
  await using pair = await exchanging(async (connection) => {
    await connection.readRequest();
    await connection.send(ANSWER);
    await idle.promise;
    await connection.send(ANSWER.replace("abc", "bad"));
    await connection.hold();
  });
  await textOf((await pair.get()).body);
  assertEquals(pair.open.size, 1);
  idle.resolve();
  await pair.until(() => pair.open.size === 0);
  assertEquals(await textOf((await pair.get()).body), "abc");
});

Deno.test("Http1Client: reuse: the most recently used connection is taken, the others are closed when idle", async () => {
  await using pair = await exchanging(always(ANSWER));
  const responses = await Promise.all([pair.get(), pair.get(), pair.get()]);
  for (const { body } of responses) await textOf(body);
  assertEquals([pair.server.connections, pair.open.size], [3, 3]);
  await pair.host.advance(9_000);
  await textOf((await pair.get()).body);
  assertEquals(pair.server.connections, 3);
  // They are idle for one interval now, and the timer is set again.
  await pair.host.advance(1_000);
  await textOf((await pair.get()).body);
  await pair.host.advance(10_000);
  assertEquals(pair.open.size, 1);
  await pair.host.advance(10_000);
  assertEquals([pair.server.connections, pair.open.size], [3, 0]);
});

Deno.test("Http1Client: a stale connection is replaced by one new connection", async () => {
  let isOver = false;
  await using pair = await exchanging(async (connection) => {
    for (;;) {
      await connection.readRequest();
      if (isOver && connection.index < 2) return;
      await connection.send(ANSWER);
    }
  });
  const responses = await Promise.all([pair.get("/1"), pair.get("/2")]);
  for (const { body } of responses) await textOf(body);
  isOver = true;
  assertEquals(await textOf((await pair.get("/3")).body), "abc");
  assertEquals(pair.server.requests.slice(2), ["GET /3", "GET /3"]);
  assertEquals(pair.server.connections, 3);
});

Deno.test("Http1Client: no retry on a new connection, or after response bytes", async () => {
  for (const answers of [[ANSWER, "HTTP/1.1 200 O"], ["HTTP/1.1 200 O"], [""]]) {
    await using pair = await exchanging(async (connection) => {
      for (const answer of answers) {
        await connection.readRequest();
        await connection.send(answer);
      }
    });
    for (const _ of answers.slice(1)) await textOf((await pair.get()).body);
    const error = await assertRejects(() => pair.get(), CronfetchError);
    assertEquals(error.code, "net.reset");
    assertEquals([pair.server.requests.length, pair.server.connections], [answers.length, 1]);
    assertEquals(pair.open.size, 0);
  }
});

Deno.test("Http1Client: a cancelled body that is buffered keeps its connection, another closes it", async () => {
  const half = ANSWER.replace("3", "4");
  for (const [answer, isKept] of [[ANSWER, true], [CHUNKED, true], [half, false]] as const) {
    await using pair = await exchanging(always(answer));
    const { body } = await pair.get();
    assertEquals(pair.receivedBytes, answer.length);
    await body.cancel();
    await body.cancel();
    assertEquals(pair.open.size, isKept ? 1 : 0);
    if (!isKept) await assertRejects(() => textOf(body));
  }
});

Deno.test("Http1Client: cancelling an incomplete body closes its connection", async () => {
  await using pair = await exchanging(always(ANSWER.replace("3", "4")));
  const { body } = await pair.get();
  assertEquals((await body.read(new Uint8Array(10))).length, 3);
  await body.cancel();
  assertEquals(pair.open.size, 0);
});

Deno.test("Http1Client: reads after the end of a body return no bytes", async () => {
  await using pair = await exchanging(always(ANSWER));
  const { body } = await pair.get();
  assertEquals(body.isEnded, false);
  assertEquals([await textOf(body), await textOf(body), await textOf(body)], ["abc", "", ""]);
  assertEquals(body.isEnded, true);
  await body.cancel();
  assertEquals(pair.open.size, 1);
});

Deno.test("Http1Client: 101 is http.protocol, since no upgrade was requested", async () => {
  await using pair = await exchanging(
    always("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
  );
  const error = await assertRejects(() => pair.get(), CronfetchError);
  assertEquals([error.code, pair.open.size], ["http.protocol", 0]);
});

Deno.test("Http1Client: a head of 400 KiB is accepted, a larger one is http.protocol", async () => {
  for (const [bytes, isRead] of [[390_000, true], [420_000, false]] as const) {
    await using pair = await exchanging(
      always(ANSWER.replace("\r\n\r\n", `\r\nA: ${"a".repeat(bytes)}\r\n\r\n`)),
    );
    const said = await pair.get().then(({ body }) => textOf(body), ({ code }) => code);
    assertEquals(said, isRead ? "abc" : "http.protocol");
  }
});

Deno.test("Http1Client: bytes that are not HTTP are refused without reading more", async () => {
  await using pair = await exchanging(async (connection) => {
    await connection.send("SSH-2.0-OpenSSH\r\n");
    await connection.hold();
  });
  const error = await assertRejects(() => pair.get(), CronfetchError);
  assertEquals([error.code, pair.open.size], ["http.protocol", 0]);
});

const STAGES: readonly (readonly [stage: string, sent: string])[] = [
  ["before the head", ""],
  ["within the head", "HTTP/1.1 200 OK\r\nA: "],
  ["among 1xx", "HTTP/1.1 100 Continue\r\n\r\n"],
  ["within a body of a length", ANSWER.slice(0, -1)],
  ["within chunks", CHUNKED.slice(0, -4)],
  ["within a body that the connection ends", "HTTP/1.1 200 OK\r\n\r\nabc"],
];

for (const [stage, sent] of STAGES) {
  Deno.test(`Http1Client: the signal aborts the exchange ${stage}`, async () => {
    const answered = Promise.withResolvers<void>();
    await using pair = await exchanging(async (connection) => {
      await connection.readRequest();
      await connection.send(sent);
      answered.resolve();
      await connection.hold();
    });
    const controller = new AbortController();
    const reason = new Error("enough");
    const read = (async () => textOf((await pair.get("/", controller.signal)).body))();
    await answered.promise;
    await pair.until(() => pair.receivedBytes === sent.length);
    controller.abort(reason);
    assertEquals(await read.catch((error) => error), reason);
    assertEquals(pair.open.size, 0);
  });
}

Deno.test("Http1Client: a signal aborted between two reads rejects the next read", async () => {
  await using pair = await exchanging(always(ANSWER));
  const controller = new AbortController();
  const { body } = await pair.get("/", controller.signal);
  await body.read(new Uint8Array(1));
  const reason = new Error("enough");
  controller.abort(reason);
  assertEquals(await textOf(body).catch((error) => error), reason);
  assertEquals(pair.open.size, 0);
});

Deno.test("Http1Client: a signal aborted after an exchange does not close the connection", async () => {
  await using pair = await exchanging(always(ANSWER));
  const controller = new AbortController();
  await textOf((await pair.get("/", controller.signal)).body);
  controller.abort();
  assertEquals(pair.open.size, 1);
  await assertRejects(() => pair.get("/", controller.signal));
  assertEquals(pair.server.requests.length, 1);
});

Deno.test("Http1Client: disposal closes all connections, idle or not", async () => {
  const pair = await exchanging(async (connection) => {
    await connection.readRequest();
    await connection.send(connection.index === 0 ? ANSWER : ANSWER.slice(0, -1));
    await connection.hold();
  });
  const bodies = (await Promise.all([pair.get(), pair.get()])).map(({ body }) => body);
  const read = bodies.map((body) => textOf(body).catch(() => "broken off"));
  assertEquals(await Promise.any(read), "abc");
  assertEquals([pair.open.size, pair.alarms.size], [2, 1]);
  await pair.client[Symbol.asyncDispose]();
  assertEquals([pair.open.size, pair.alarms.size], [0, 0]);
  await pair[Symbol.asyncDispose]();
  assertEquals((await Promise.all(read)).sort(), ["abc", "broken off"]);
});
