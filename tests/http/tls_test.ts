import { assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { ConnectTls } from "../../lib/core/host.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import { getRequest } from "../../lib/core/http.ts";
import { connectTls } from "../../lib/host.ts";
import { Http1Client } from "../../lib/http/client.ts";
import { fromFetchError } from "../../lib/http/network_error.ts";
import { DIRECT } from "../../lib/http/server.ts";
import { connectReally, testHost } from "../helpers/host.ts";
import { namedConnect } from "../helpers/named_connect.ts";
import { type RawConnection, rawServer } from "../helpers/raw_server.ts";
import { AUTHORITY, identity } from "../helpers/transport.ts";
import { exchanging, textOf } from "./exchanging.ts";

const GOOD = { tls: identity("good") };
const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
const NO_LENGTH = "HTTP/1.1 200 OK\r\n\r\nabc";
const LIVE = new AbortController().signal;

Deno.test("Http1Client: requests over TLS reuse a connection", async () => {
  await using pair = await exchanging(async (connection) => {
    for (;;) {
      await connection.readRequest();
      await connection.send(ANSWER);
    }
  }, GOOD);
  for (let count = 0; count < 3; count++) {
    assertEquals(await textOf((await pair.get()).body), "abc");
  }
  assertEquals([pair.server.origin.slice(0, 8), pair.server.connections], ["https://", 1]);
});

/** Ways to end a connection. */
type End = "close" | "closeNotify" | "reset";

for (const end of ["close", "closeNotify", "reset"] as const satisfies readonly End[]) {
  Deno.test(`row 152: a kept TLS connection that ends by ${end} causes one more request`, async () => {
    await using pair = await exchanging(async (connection) => {
      await connection.readRequest();
      await connection.send(ANSWER);
      await connection.readRequest();
      connection[end]();
      await connection.hold();
    }, GOOD);
    for (const path of ["/1", "/2"]) {
      assertEquals(await textOf((await pair.get(path)).body), "abc");
    }
    assertEquals(pair.server.requests, ["GET /1", "GET /2", "GET /2"]);
    assertEquals(pair.server.connections, 2);
  });

  Deno.test(`row 152: a new TLS connection that ends by ${end} is net.reset`, async () => {
    await using pair = await exchanging(async (connection) => {
      await connection.readRequest();
      connection[end]();
      await connection.hold();
    }, GOOD);
    const error: unknown = await pair.get().catch((reason) => reason);
    if (end === "reset") assertEquals(error instanceof Deno.errors.ConnectionReset, true);
    else assertEquals((error as CronfetchError).code, "net.reset");
    assertEquals(pair.server.requests, ["GET /"]);
  });
}

/** Sends a response, and ends the connection. */
function ending(answer: string, end: End): (connection: RawConnection) => Promise<void> {
  return async (connection) => {
    await connection.readRequest();
    await connection.send(answer);
    connection[end]();
    await connection.hold();
  };
}

for (const end of ["close", "closeNotify"] as const) {
  Deno.test(`row 153: a body without a length ends with its TLS connection, by ${end}`, async () => {
    await using pair = await exchanging(ending(NO_LENGTH, end), GOOD);
    assertEquals(await textOf((await pair.get()).body), "abc");
  });

  Deno.test(`row 153: a body with a length is truncated by the end of TLS, by ${end}`, async () => {
    await using pair = await exchanging(ending(ANSWER.slice(0, -1), end), GOOD);
    const { body } = await pair.get();
    const piece = await body.read(new Uint8Array(8));
    assertEquals(new TextDecoder().decode(piece), "ab", "bytes before the end are received");
    const error = await assertRejects(() => body.read(new Uint8Array(8)), CronfetchError);
    assertEquals(error.code, "body.truncated");
  });
}

Deno.test("row 154: a private address is refused before the TLS handshake", async () => {
  await using server = await rawServer((connection) => connection.hold(), { tls: null });
  const secure = server.origin.replace("http:", "https:");
  const { connect, written } = namedConnect(secure, { "a.example": ["10.0.0.1"] });
  await using client = new Http1Client({ connect, timers: testHost().timers });
  const send = client.to("https://a.example");
  const request = { ...getRequest("https://a.example/", LIVE), publicOnly: true };
  const error = await assertRejects(() => send(request), CronfetchError);
  assertEquals([error.code, written], ["redirect.private", []]);
});

Deno.test("row 154: each TLS connection of a name is judged", async () => {
  await using server = await rawServer(async (connection) => {
    await connection.readRequest();
    await connection.send(ANSWER.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  }, GOOD);
  const addresses = { "a.example": ["93.184.215.14", "10.0.0.1"] };
  const { connect, names } = namedConnect(server.origin, addresses);
  await using client = new Http1Client({ connect, timers: testHost().timers });
  const send = client.to("https://a.example");
  const request = { ...getRequest("https://a.example/", LIVE), publicOnly: true };
  assertEquals(await textOf((await send(request)).body), "abc");
  const error = await assertRejects(() => send(request), CronfetchError);
  assertEquals([error.code, server.requests.length], ["redirect.private", 1]);
  assertEquals(names, ["a.example:443", "a.example:443"]);
});

Deno.test("Http1Client: an aborted TLS handshake closes its connection", async () => {
  const greeted = Promise.withResolvers<void>();
  await using server = await rawServer(async (connection) => {
    await connection.readBytes(1);
    greeted.resolve();
    await connection.hold();
  }, { tls: null });
  await using client = new Http1Client({ connect: connectReally, timers: testHost().timers });
  const origin = server.origin.replace("http:", "https:");
  const controller = new AbortController();
  const sending = client.to(origin)(getRequest(`${origin}/`, controller.signal));
  await greeted.promise;
  const reason = new CronfetchError("timeout.connect", "enough");
  controller.abort(reason);
  // The resource sanitizer fails the test if a connection is left open.
  assertEquals(await sending.catch((error) => error), reason);
});

Deno.test("row 160: a server that speaks only HTTP/2, and one without TLS", async () => {
  using listener = Deno.listenTls({
    ...{ hostname: "127.0.0.1", port: 0, alpnProtocols: ["h2"] },
    ...identity("good"),
  });
  const { port } = listener.addr as Deno.NetAddr;
  const refusing = listener.accept().then(async (connection) => {
    await connection.handshake().catch(() => {});
    connection.close();
  });
  await using plain = await rawServer((connection) => connection.send(ANSWER), { tls: null });
  await using client = new Http1Client({ connect: connectReally, timers: testHost().timers });
  const messages: string[] = [];
  for (const origin of [`https://localhost:${port}`, plain.origin.replace("http:", "https:")]) {
    const error = await client.to(origin)(getRequest(`${origin}/`, LIVE)).catch((error) => error);
    const { code, message } = fromFetchError(error, LIVE);
    messages.push(`${code}: ${message}`);
  }
  await refusing;
  assertEquals(messages, [
    "tls.failed: the server speaks only HTTP/2 over TLS: its operator must permit HTTP/1.1",
    "tls.failed: the server does not speak TLS: check the port, or use http",
  ]);
});

Deno.test("row 160: an unreadable DENO_CERT fails the handshake, and closes the connection", async () => {
  const program = fromFileUrl(new URL("unreadable_cert.ts", import.meta.url));
  const args = ["run", "--quiet", "--allow-net=127.0.0.1", program];
  const env = { DENO_CERT: "/nowhere/authority.pem" };
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, env, stderr: "inherit" })
    .output();
  const text = new TextDecoder().decode(stdout);
  assertEquals([text.includes("CA file"), text.endsWith("; read null")], [true, true], text);
});

Deno.test("row 155: a client certificate is sent to the server of its settings", async () => {
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...identity("good") });
  const { port } = listener.addr as Deno.NetAddr;
  const asked: Parameters<ConnectTls>[] = [];
  await using client = new Http1Client({
    connect: () => Promise.reject(new Error("without a certificate")),
    connectTls: (...target) => {
      asked.push(target);
      return connectTls(...target);
    },
    timers: testHost().timers,
  });
  const serving = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(4096));
    await connection.write(new TextEncoder().encode(ANSWER));
    await connection.read(new Uint8Array(1)).catch(() => null);
  })();
  const own = identity("client");
  const origin = `https://localhost:${port}`;
  const send = client.to(origin, { ...DIRECT, caCerts: [AUTHORITY], identity: own });
  assertEquals(await textOf((await send(getRequest(`${origin}/`, LIVE))).body), "abc");
  const options = { hostname: "localhost", caCerts: [AUTHORITY], ...own };
  assertEquals(asked.map(([port, options]) => [port, options]), [[port, options]]);
  await client[Symbol.asyncDispose]();
  await serving;
});

Deno.test("row 155: with a client certificate, a private address gets no request", async () => {
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...identity("good") });
  const { port } = listener.addr as Deno.NetAddr;
  await using client = new Http1Client({
    connect: () => Promise.reject(new Error("without a certificate")),
    connectTls,
    timers: testHost().timers,
  });
  const received = (async () => {
    using connection = await listener.accept();
    return await connection.read(new Uint8Array(4096)).catch(() => null);
  })();
  const origin = `https://localhost:${port}`;
  const send = client.to(origin, { ...DIRECT, caCerts: [AUTHORITY], identity: identity("client") });
  const request = { ...getRequest(`${origin}/`, LIVE), publicOnly: true };
  const error = await assertRejects(() => send(request), CronfetchError);
  assertEquals([error.code, await received], ["redirect.private", null]);
});
