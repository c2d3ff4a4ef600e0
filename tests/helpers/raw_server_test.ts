import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { rawServer } from "./raw_server.ts";
import { AUTHORITY, identity } from "./transport.ts";

Deno.test("rawServer: reads request heads and sends exact bytes", async () => {
  await using server = await rawServer(async (connection) => {
    for (;;) {
      const request = await connection.readRequest();
      const text = `${request.path} ${request.headers.get("x-name")} \xe9`;
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    }
  });
  for (const name of ["/one", "/two?q"]) {
    const response = await fetch(server.origin + name, { headers: { "x-name": "Ann" } });
    assertEquals(
      await response.bytes(),
      Uint8Array.from(`${name} Ann \xe9`, (c) => c.charCodeAt(0)),
    );
  }
  assertEquals(server.requests, ["GET /one", "GET /two?q"]);
  assertEquals(server.connections, 1);
});

Deno.test("rawServer: reset and close differ for the client", async () => {
  await using server = await rawServer(async (connection) => {
    const { path } = await connection.readRequest();
    await connection.send("abc");
    if (path === "/reset") connection.reset();
    else connection.close();
  });
  async function readAll(path: string): Promise<number> {
    using connection = await Deno.connect({
      hostname: "127.0.0.1",
      port: Number(new URL(server.origin).port),
    });
    await connection.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\n\r\n`));
    let count = 0;
    for (;;) {
      const read = await connection.read(new Uint8Array(10));
      if (read === null) return count;
      count += read;
    }
  }
  assertEquals(await readAll("/close"), 3);
  await assertRejects(() => readAll("/reset"), Deno.errors.ConnectionReset);
  assertEquals(server.connections, 2);
});

Deno.test("rawServer: open connections end on dispose", async () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
  const server = await rawServer(async (connection) => {
    const { path } = await connection.readRequest();
    if (path === "/held") await connection.hold();
    await connection.send(head);
    for (;;) await connection.send(new Uint8Array(65_536));
  });
  const held = fetch(`${server.origin}/held`);
  held.catch(() => {});
  const unread = await fetch(`${server.origin}/unread`);
  await server[Symbol.asyncDispose]();
  await assertRejects(() => held, TypeError);
  await assertRejects(() => unread.bytes(), TypeError);
});

Deno.test("rawServer: a handler detects a disconnected client", async () => {
  const gone = Promise.withResolvers<number>();
  await using server = await rawServer(async (connection) => {
    await connection.readRequest();
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    try {
      for (;;) await connection.send(new Uint8Array(65_536));
    } finally {
      gone.resolve(connection.sentBytes);
    }
  });
  const response = await fetch(server.origin);
  await response.body?.cancel();
  assertEquals(await gone.promise < 100_000_000, true);
});

Deno.test("rawServer: errors of handlers are thrown on dispose", async () => {
  const server = await rawServer(() => Promise.reject(new RangeError("a mistake in the test")));
  await assertRejects(() => fetch(server.origin), TypeError);
  const error = await assertRejects(
    () => Promise.resolve(server[Symbol.asyncDispose]()),
    RangeError,
  );
  assertStringIncludes(error.message, "a mistake");
});

/** Reads to the end over TLS; returns the bytes read and the error that ended them. */
async function readOverTls(origin: string, path: string): Promise<[number, string | null]> {
  using connection = await Deno.connectTls({
    hostname: "localhost",
    port: Number(new URL(origin).port),
    caCerts: [AUTHORITY],
  });
  await connection.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\n\r\n`));
  let count = 0;
  try {
    for (;;) {
      const read = await connection.read(new Uint8Array(10));
      if (read === null) return [count, null];
      count += read;
    }
  } catch (error) {
    return [count, error instanceof Error ? error.name : "unknown"];
  }
}

Deno.test("rawServer: over TLS, reset, close and closeNotify differ for the client", async () => {
  await using server = await rawServer(async (connection) => {
    const { path } = await connection.readRequest();
    await connection.send("abc");
    if (path === "/reset") connection.reset();
    else if (path === "/notify") connection.closeNotify();
    else connection.close();
  }, { tls: identity("good") });
  assertEquals(server.origin.startsWith("https://127.0.0.1:"), true);
  assertEquals(await readOverTls(server.origin, "/notify"), [3, null]);
  assertEquals(await readOverTls(server.origin, "/close"), [3, "UnexpectedEof"]);
  assertEquals((await readOverTls(server.origin, "/reset"))[1], "ConnectionReset");
  assertEquals(server.requests, ["GET /notify", "GET /close", "GET /reset"]);
});

Deno.test("rawServer: a client that refuses the certificate is no error of the test", async () => {
  await using server = await rawServer(async (connection) => {
    await connection.readRequest();
  }, { tls: identity("self_signed") });
  await assertRejects(() => readOverTls(server.origin, "/"), Deno.errors.InvalidData);
  assertEquals([server.connections, server.requests], [1, []]);
});
