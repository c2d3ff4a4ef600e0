import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Listener } from "../../lib/core/host.ts";
import {
  ACCEPT_PAUSE_MS,
  type HttpServer,
  MAX_CONNECTIONS,
  REQUEST_MS,
  serveHttp,
} from "../../lib/page/http_server.ts";
import { type TestHost, testHost } from "../helpers/host.ts";

interface Scene extends AsyncDisposable {
  readonly host: TestHost;
  readonly server: HttpServer;
  connect(): Promise<Deno.TcpConn>;
  /** Sends text and returns the whole response. */
  say(text: string): Promise<string>;
}

function scene(
  answer: (request: Request) => Promise<Response>,
  change: (listener: Listener) => Partial<Listener> = () => ({}),
): Scene {
  const host = testHost({ timers: "manual", sleep: "manual" });
  const listener = host.listen("127.0.0.1", 0);
  const server = serveHttp({ ...listener, ...change(listener) }, answer, host.timers);
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  return {
    host,
    server,
    connect,
    say: async (text) => {
      const connection = await connect();
      await connection.write(new TextEncoder().encode(text));
      return await textOf(connection);
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      await server.shutdown();
    },
  };
}

async function textOf(connection: Deno.TcpConn): Promise<string> {
  return await new Response(connection.readable).text();
}

/** Whether the server has closed a connection, without a byte. */
async function isDropped(connection: Deno.TcpConn): Promise<boolean> {
  const count = await connection.read(new Uint8Array(1)).catch(() => null);
  connection.close();
  return count === null;
}

const echo = async (request: Request) =>
  new Response(`${request.method} ${request.url} ${await request.text()}`);
const GET = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

Deno.test("serveHttp: responses are framed by chunks, by length, or by the end of the connection", async () => {
  await using at = scene((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/none") return Promise.resolve(new Response(null, { status: 204 }));
    if (pathname === "/fails") return Promise.reject(new Error("a bug"));
    const headers = pathname === "/sized" ? { "content-length": "3" } : {};
    return Promise.resolve(new Response("abc", { headers }));
  });
  const get = (path: string, version = "1.1", method = "GET") =>
    at.say(`${method} ${path} HTTP/${version}\r\nHost: h\r\n\r\n`);
  const PLAIN = "content-type: text/plain;charset=UTF-8\r\n";
  const CLOSE = "connection: close\r\n\r\n";
  const OK = "HTTP/1.1 200 \r\n";
  const chunked = `${OK}${PLAIN}transfer-encoding: chunked\r\n${CLOSE}3\r\nabc\r\n0\r\n\r\n`;
  assertEquals(await get("/"), chunked);
  assertEquals(await get("/", "1.0"), `${OK}${PLAIN}${CLOSE}abc`);
  assertEquals(await get("/sized"), `${OK}content-length: 3\r\n${PLAIN}${CLOSE}abc`);
  assertEquals(await get("/sized", "1.1", "HEAD"), `${OK}content-length: 3\r\n${PLAIN}${CLOSE}`);
  assertEquals(await get("/none"), `HTTP/1.1 204 \r\n${CLOSE}`);
  assertEquals(await get("/fails"), `HTTP/1.1 500 \r\ncontent-length: 0\r\n${CLOSE}`);
});

Deno.test("serveHttp: a body is read to its length, however it is split", async () => {
  await using at = scene(echo);
  const connection = await at.connect();
  const head = "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n";
  const text = head + "x".repeat(5_000);
  for (let start = 0; start < text.length; start += 1_000) {
    await connection.write(new TextEncoder().encode(text.slice(start, start + 1_000)));
  }
  assertStringIncludes(await textOf(connection), `POST http://h/b ${"x".repeat(5_000)}`);
  const expecting = await at.say(
    "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\ny",
  );
  assertStringIncludes(expecting, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200");
});

Deno.test("row 141: serveHttp rejects malformed and oversized requests with a status", async () => {
  let answers = 0;
  await using at = scene((request) => {
    answers++;
    return echo(request);
  });
  const table: [text: string, status: number][] = [
    ["\x16\x03\x01\r\n\r\n", 400],
    [`GET / HTTP/1.1\r\nHost: h\r\nA: ${"x".repeat(40_000)}\r\n\r\n`, 431],
    ["POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n", 413],
    ["TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ];
  for (const [text, status] of table) {
    const said = at.say(text);
    assertEquals((await said).split(" ")[1], `${status}`);
  }
  assertEquals(answers, 0);
});

Deno.test("row 141: serveHttp drops incomplete requests and silent connections after 10 s", async () => {
  await using at = scene(echo);
  for (
    const text of ["", "GET / HT", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"]
  ) {
    const connection = await at.connect();
    await connection.write(new TextEncoder().encode(text));
    // The response proves that the previous connection was accepted.
    assertStringIncludes(await at.say(GET), "GET http://h/a");
    await at.host.advance(REQUEST_MS - 1);
    const dropped = isDropped(connection);
    await at.host.advance(1);
    assertEquals(await dropped, true);
  }
});

Deno.test("row 141: serveHttp drops the oldest idle connections for new ones, not active requests", async () => {
  const released = Promise.withResolvers<void>();
  await using at = scene(async (request) => {
    if (request.url.endsWith("/slow")) await released.promise;
    return await echo(request);
  });
  const slow = at.say("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  const idle: Deno.TcpConn[] = [];
  for (let count = 0; count < MAX_CONNECTIONS + 20; count++) idle.push(await at.connect());
  assertStringIncludes(await at.say(GET), "GET http://h/a");
  for (const connection of idle.slice(0, 20)) assertEquals(await isDropped(connection), true);
  released.resolve();
  assertStringIncludes(await slow, "GET http://h/slow");
  for (const connection of idle.slice(20)) connection.close();
});

Deno.test("row 141: serveHttp accepts again after a failed accept and a pause", async () => {
  let refusals = 3;
  await using at = scene(echo, (listener) => ({
    accept: async () => {
      if (refusals-- > 0) {
        throw await Promise.resolve(new Error("Too many open files (os error 24)"));
      }
      return await listener.accept();
    },
  }));
  const asked = at.say(GET);
  for (let count = 0; count < 3; count++) await at.host.advance(ACCEPT_PAUSE_MS);
  assertStringIncludes(await asked, "GET http://h/a");
  assertEquals(at.host.slept, Array(3).fill(ACCEPT_PAUSE_MS));
});

Deno.test("serveHttp: an event stream is cancelled when the client disconnects", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using at = scene(() => {
    const body = new ReadableStream({ cancel: () => cancelled.resolve() });
    return Promise.resolve(
      new Response(body, { headers: { "content-type": "text/event-stream" } }),
    );
  });
  const connection = await at.connect();
  await connection.write(new TextEncoder().encode(GET));
  await connection.read(new Uint8Array(1_000));
  connection.close();
  await cancelled.promise;
});

Deno.test("serveHttp: shutdown waits for active responses and drops the rest; close ends all", async () => {
  const released = Promise.withResolvers<void>();
  await using at = scene(async (request) => {
    await released.promise;
    return await echo(request);
  });
  const asked = at.say(GET);
  const idle = await at.connect();
  while (!idle) await at.host.advance(0);
  for (let turn = 0; turn < 5; turn++) await at.host.advance(0);
  const ended = at.server.shutdown();
  assertEquals(await isDropped(idle), true);
  released.resolve();
  assertStringIncludes(await asked, "GET http://h/a");
  await ended;

  await using stuck = scene(() => new Promise(() => {}));
  const hanging = stuck.say(GET);
  for (let turn = 0; turn < 5; turn++) await stuck.host.advance(0);
  stuck.server.close();
  assertEquals(await hanging, "");
});
