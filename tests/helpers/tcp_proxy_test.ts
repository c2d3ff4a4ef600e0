import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { rawServer } from "./raw_server.ts";
import { type Fault, type ProxiedRequest, tcpProxy } from "./tcp_proxy.ts";

/** A server that records requests. */
interface Listener extends AsyncDisposable {
  readonly origin: string;
  /** Method, target and body of each complete request. */
  readonly received: readonly string[];
}

type Answer = (body: Uint8Array, request: Request) => Response | Promise<Response>;

function listener(answer: Answer = () => new Response("done")): Listener {
  const received: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const body = await request.bytes().catch(() => null);
    if (body === null) return new Response(null, { status: 400 });
    const { pathname, search } = new URL(request.url);
    received.push(`${request.method} ${pathname}${search} ${body.length}`);
    return await answer(body, request);
  });
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    received,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function connect(origin: string): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(origin).port) });
}

/** Sends text over a new connection and returns the response. */
async function say(origin: string, text: string): Promise<string> {
  using connection = await connect(origin);
  await connection.write(new TextEncoder().encode(text));
  return await untilEnd(connection);
}

/** Reads until the peer closes; throws on a reset. */
async function untilEnd(connection: Deno.Conn): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for (const buffer = new Uint8Array(1_000);;) {
    const count = await connection.read(buffer);
    if (count === null) return text;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

Deno.test("tcpProxy: forwards requests of a connection, with any response framing", async () => {
  await using server = listener((_, { method, url }) => {
    switch (`${method} ${new URL(url).pathname}`) {
      case "PUT /one":
        return new Response("sized");
      case "GET /two":
        return new Response(ReadableStream.from([new Uint8Array(70_000), new Uint8Array(3)]));
      case "HEAD /three":
        return new Response("not sent");
      default:
        return new Response(null, { status: 204 });
    }
  });
  await using proxy = await tcpProxy(server.origin);
  using http = Deno.createHttpClient({});
  const ask = async (method: string, path: string, body: Uint8Array<ArrayBuffer> | null = null) => {
    const response = await fetch(proxy.origin + path, { method, body, client: http });
    return [response.status, (await response.bytes()).length];
  };
  assertEquals(await ask("PUT", "/one?a=b", new Uint8Array(200_000)), [200, 5]);
  assertEquals(await ask("GET", "/two"), [200, 70_003]);
  assertEquals(await ask("HEAD", "/three"), [200, 0]);
  assertEquals(await ask("DELETE", "/four"), [204, 0]);
  assertEquals(proxy.requests, ["PUT /one?a=b", "GET /two", "HEAD /three", "DELETE /four"]);
  assertEquals(server.received, [
    "PUT /one?a=b 200000",
    "GET /two 0",
    "HEAD /three 0",
    "DELETE /four 0",
  ]);
  assertEquals([proxy.connections, proxy.broken], [1, []]);
});

Deno.test("tcpProxy: a connection reset after accept has no request", async () => {
  await using server = listener();
  await using proxy = await tcpProxy(server.origin);
  proxy.resets = (connection) => connection === 0;
  await assertRejects(
    () => say(proxy.origin, "GET / HTTP/1.1\r\n\r\n"),
    Deno.errors.ConnectionReset,
  );
  using http = Deno.createHttpClient({});
  assertEquals(await (await fetch(proxy.origin, { client: http })).text(), "done");
  assertEquals([proxy.connections, proxy.requests, server.received], [2, ["GET /"], ["GET / 0"]]);
});

/** What server and client receive of a broken PUT of 100,000 bytes. */
const FAULTS: readonly (readonly [fault: Fault, received: readonly string[]])[] = [
  [{ at: "hold" }, []],
  [{ at: "request", afterBytes: 0 }, []],
  [{ at: "request", afterBytes: 60_000 }, []],
  [{ at: "answer" }, ["PUT /a 100000"]],
  [{ at: "answer body", afterBytes: 0 }, ["PUT /a 100000"]],
  [{ at: "answer body", afterBytes: 2 }, ["PUT /a 100000"]],
];

for (const [fault, received] of FAULTS) {
  Deno.test(`tcpProxy: fault ${JSON.stringify(fault)}`, async () => {
    await using server = listener();
    await using proxy = await tcpProxy(server.origin);
    // fetch retries by itself on a reused connection.
    using http = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    const put = async (signal: AbortSignal | null = null): Promise<string> => {
      const options = { method: "PUT", body: new Uint8Array(100_000), client: http, signal };
      return await (await fetch(`${proxy.origin}/a`, options)).text();
    };
    assertEquals(await put(), "done");

    const seen = Promise.withResolvers<ProxiedRequest>();
    proxy.rule = (request) => {
      seen.resolve(request);
      return fault;
    };
    if (fault.at === "hold") {
      const given = new AbortController();
      const held = put(given.signal);
      held.catch(() => {});
      await seen.promise;
      given.abort();
      await assertRejects(() => held, DOMException);
    } else {
      await assertRejects(() => put(), TypeError);
    }
    assertEquals(server.received, ["PUT /a 100000", ...received]);
    const { method, path, earlier, connection, headers } = await seen.promise;
    assertEquals([method, path, earlier, connection], ["PUT", "/a", 1, 1]);
    assertEquals(headers.get("content-length"), "100000");

    proxy.rule = () => null;
    assertEquals(await put(), "done");
    assertEquals([proxy.requests, proxy.broken], [Array(3).fill("PUT /a"), ["PUT /a"]]);
  });
}

Deno.test("tcpProxy: forwards the given number of bytes to the server", async () => {
  const head = "PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\n";
  for (const afterBytes of [0, 3, 9]) {
    using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using proxy = await tcpProxy(`http://127.0.0.1:${server.addr.port}`);
    proxy.rule = () => ({ at: "request", afterBytes });
    const said = assertRejects(
      () => say(proxy.origin, `${head}01234`),
      Deno.errors.ConnectionReset,
    );
    using accepted = await server.accept();
    assertEquals(await untilEnd(accepted), head + "01234".slice(0, afterBytes));
    await said;
  }
});

Deno.test("tcpProxy: forwards the given number of bytes to the client", async () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  await using server = await rawServer(async (connection) => {
    await connection.readRequest();
    await connection.send(`${head}01234`);
    await connection.hold();
  });
  await using proxy = await tcpProxy(server.origin);
  for (const afterBytes of [0, 3, 9]) {
    proxy.rule = () => ({ at: "answer body", afterBytes });
    const answer = await say(proxy.origin, "GET / HTTP/1.1\r\n\r\n");
    assertEquals(answer, head + "01234".slice(0, afterBytes));
  }
});

Deno.test("tcpProxy: the response is complete before the client is reset", async () => {
  const order: string[] = [];
  await using server = await rawServer(async (connection) => {
    await connection.readRequest();
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndo");
    // Turns of the event loop in which an early reset would arrive.
    for (let turn = 0; turn < 20; turn++) await delay(0);
    order.push("answered");
    await connection.send("ne");
    await connection.hold();
  });
  await using proxy = await tcpProxy(server.origin);
  proxy.rule = () => ({ at: "answer" });
  await assertRejects(
    () => say(proxy.origin, "GET / HTTP/1.1\r\n\r\n"),
    Deno.errors.ConnectionReset,
  );
  order.push("reset");
  assertEquals(order, ["answered", "reset"]);
});

Deno.test("tcpProxy: a held request receives 100 Continue", async () => {
  await using server = listener();
  await using proxy = await tcpProxy(server.origin);
  proxy.rule = () => ({ at: "hold" });
  using connection = await connect(proxy.origin);
  const head = "PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  await connection.write(new TextEncoder().encode(head));
  const buffer = new Uint8Array(100);
  const count = await connection.read(buffer) ?? 0;
  assertEquals(
    new TextDecoder().decode(buffer.subarray(0, count)),
    "HTTP/1.1 100 Continue\r\n\r\n",
  );
  assertEquals(server.received, []);
});

Deno.test("tcpProxy: forwards 100 Continue and breaks the final response", async () => {
  await using server = await rawServer(async (connection) => {
    await connection.readRequest();
    await connection.send("HTTP/1.1 100 Continue\r\n\r\n");
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone");
  });
  await using proxy = await tcpProxy(server.origin);
  const ask = () => say(proxy.origin, "PUT / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx");
  const interim = "HTTP/1.1 100 Continue\r\n\r\n";
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n";
  assertEquals(await ask(), `${interim}${head}done`);
  proxy.rule = () => ({ at: "answer body", afterBytes: 1 });
  assertEquals(await ask(), `${interim}${head}d`);
});

Deno.test("tcpProxy: closes when the server closes", async () => {
  const answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";
  const cut = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndo";
  for (const text of [answer, cut, ""]) {
    await using server = await rawServer(async (connection) => {
      await connection.readRequest();
      await connection.send(text);
    });
    await using proxy = await tcpProxy(server.origin);
    assertEquals(await say(proxy.origin, "GET / HTTP/1.1\r\n\r\n"), text);
  }
});

Deno.test("tcpProxy: errors of a rule and chunked request bodies are thrown on dispose", async () => {
  await using server = listener();
  for (
    const [header, message] of [["", "a mistake"], ["Transfer-Encoding: chunked\r\n", "chunk"]]
  ) {
    const proxy = await tcpProxy(server.origin);
    proxy.rule = () => {
      throw new RangeError("a mistake in the test");
    };
    assertEquals(await say(proxy.origin, `PUT / HTTP/1.1\r\n${header}\r\n`), "");
    const error = await assertRejects(() => Promise.resolve(proxy[Symbol.asyncDispose]()), Error);
    assert(error.message.includes(message ?? ""), error.message);
  }
  assertEquals(server.received, []);
});
