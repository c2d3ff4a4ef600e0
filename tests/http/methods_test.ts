import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { getRequest, type HttpMethod, type HttpRequest } from "../../lib/core/http.ts";
import type { Connect } from "../../lib/core/host.ts";
import { fetchTransport } from "../../lib/http/fetch_transport.ts";
import { openTransport } from "../../lib/http/transport.ts";
import { connectReally, testHost } from "../helpers/host.ts";
import { type RawConnection, rawServer } from "../helpers/raw_server.ts";
import { type Exchanging, exchanging, textOf } from "./exchanging.ts";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
const CONTENT = new TextEncoder().encode("content");

/** A request to the server of a pair. */
function requestTo(
  { server }: Exchanging,
  method: HttpMethod,
  options: Partial<HttpRequest> = {},
): HttpRequest {
  const { signal } = new AbortController();
  return { ...getRequest(`${server.origin}/a`, signal), method, ...options };
}

/** Responds to the first request of a connection, and closes it after the second. */
async function stale(connection: RawConnection): Promise<void> {
  await connection.readRequest();
  await connection.send(ANSWER);
  await connection.readRequest();
  connection.reset();
}

Deno.test("Http1Client sends the content of a request, with its length", async () => {
  const received: string[] = [];
  await using pair = await exchanging(async (connection) => {
    for (;;) {
      const { raw, headers } = await connection.readRequest();
      const size = Number(headers.get("content-length"));
      received.push(raw + await connection.readBytes(size));
      await connection.send(ANSWER);
    }
  });
  const host = pair.server.origin.slice("http://".length);
  for (const body of [CONTENT, new Uint8Array(), null]) {
    const response = await pair.send(requestTo(pair, "PUT", { body }));
    assertEquals(await textOf(response.body), "abc");
  }
  const head = (size: number) =>
    `PUT /a HTTP/1.1\r\nhost: ${host}\r\ncontent-length: ${size}\r\n\r\n`;
  assertEquals(received, [`${head(7)}content`, head(0), head(0)]);
  assertEquals(pair.server.connections, 1);
});

Deno.test("Http1Client: a response to HEAD has no body, and its connection is kept", async () => {
  await using pair = await exchanging(async (connection) => {
    for (;;) {
      const { method } = await connection.readRequest();
      await connection.send(method === "HEAD" ? ANSWER.slice(0, -3) : ANSWER);
    }
  });
  for (let count = 0; count < 2; count++) {
    const { headers, body } = await pair.send(requestTo(pair, "HEAD"));
    assertEquals([headers.get("content-length"), await textOf(body)], ["3", ""]);
  }
  assertEquals(await textOf((await pair.get()).body), "abc");
  assertEquals(pair.server.connections, 1);
});

for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] as const) {
  Deno.test(`row 151: ${method} is repeated once after a stale connection`, async () => {
    await using pair = await exchanging(stale);
    const body = method === "PUT" ? CONTENT : null;
    assertEquals(await textOf((await pair.get()).body), "abc");
    const response = await pair.send(requestTo(pair, method, { body }));
    assertEquals(response.status, 200);
    await response.body.cancel();
    assertEquals(pair.server.requests, ["GET /", `${method} /a`, `${method} /a`]);
  });
}

for (const method of ["POST", "QUERY"] as const) {
  Deno.test(`row 151: ${method} that reads is repeated once after a stale connection`, async () => {
    await using pair = await exchanging(async (connection) => {
      for (let count = 0;; count++) {
        const { headers } = await connection.readRequest();
        await connection.readBytes(Number(headers.get("content-length") ?? 0));
        if (count === 1 && connection.index === 0) return connection.reset();
        await connection.send(ANSWER);
      }
    });
    assertEquals(await textOf((await pair.get()).body), "abc");
    for (let count = 0; count < 2; count++) {
      const { body } = await pair.send(requestTo(pair, method, { body: CONTENT, isRead: true }));
      assertEquals(await textOf(body), "abc");
    }
    assertEquals(pair.server.requests, ["GET /", ...Array(3).fill(`${method} /a`)]);
    assertEquals(pair.server.connections, 2);
  });
}

for (const method of ["POST", "PATCH"] as const) {
  Deno.test(`row 151: ${method} is sent once, on a new connection`, async () => {
    await using pair = await exchanging(async (connection) => {
      await connection.readRequest();
      if (connection.index === 2) return connection.reset();
      await connection.send(ANSWER);
      await connection.hold();
    });
    assertEquals(await textOf((await pair.get()).body), "abc");
    const body = CONTENT;
    const { status } = await pair.send(requestTo(pair, method, { body }));
    assertEquals(status, 200);
    await assertRejects(() => pair.send(requestTo(pair, method, { body })));
    assertEquals(pair.server.requests, ["GET /", `${method} /a`, `${method} /a`]);
    assertEquals(pair.server.connections, 3);
  });
}

Deno.test("Http1Client: a response that arrives before the content was sent ends the exchange", async () => {
  await using pair = await exchanging(async (connection) => {
    await connection.readRequest();
    await connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    await connection.hold();
  });
  // More than the buffers of both sockets hold.
  const body = new Uint8Array(16 * 1024 * 1024);
  const { status } = await pair.send(requestTo(pair, "PUT", { body }));
  assertEquals([status, pair.open.size], [413, 0]);
});

Deno.test("Http1Client notifies of the phases of a request", async () => {
  await using pair = await exchanging(async (connection) => {
    for (;;) {
      const { headers } = await connection.readRequest();
      await connection.readBytes(Number(headers.get("content-length") ?? 0));
      await connection.send(ANSWER);
    }
  });
  const seen: string[] = [];
  const phases = {
    startConnect: () => void seen.push("connect"),
    startResponse: () => void seen.push("response"),
  };
  const send = async (method: HttpMethod, body: Uint8Array<ArrayBuffer> | null) => {
    const response = await pair.send(requestTo(pair, method, { body, phases }));
    await textOf(response.body);
    return seen.splice(0);
  };
  assertEquals(await send("GET", null), ["connect", "response"]);
  assertEquals(await send("GET", null), ["response"]);
  const sent = await send("PUT", new Uint8Array(600_000));
  // At least one for each piece of 256 KiB.
  assertEquals([sent.length >= 4, new Set(sent)], [true, new Set(["response"])]);
});

Deno.test("Http1Client: a request aborted while its content is sent", async () => {
  await using pair = await exchanging(async (connection) => {
    await connection.readRequest();
    await connection.hold();
  });
  const controller = new AbortController();
  const body = new Uint8Array(16 * 1024 * 1024);
  const phases = { startConnect: () => {}, startResponse: () => controller.abort(reason) };
  const reason = new CronfetchError("timeout.response", "enough");
  const { signal } = controller;
  const sending = pair.send(requestTo(pair, "PUT", { body, phases, signal }));
  assertEquals(await assertRejects(() => sending), reason);
  assertEquals(pair.open.size, 0);
});

Deno.test("fetchTransport sends the method and the content", async () => {
  let raw = "";
  await using pair = await exchanging(async (connection) => {
    ({ raw } = await connection.readRequest());
    raw += await connection.readBytes(CONTENT.length);
    await connection.send(ANSWER.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  });
  const send = fetchTransport({ fetch: (url, init) => fetch(url, init) });
  const seen: string[] = [];
  const phases = {
    startConnect: () => void seen.push("connect"),
    startResponse: () => void seen.push("response"),
  };
  const { body } = await send(requestTo(pair, "POST", { body: CONTENT, phases }));
  assertEquals(await textOf(body), "abc");
  assertEquals([raw.startsWith("POST /a HTTP/1.1\r\n"), raw.endsWith("\r\n\r\ncontent")], [
    true,
    true,
  ]);
  assertEquals(seen, ["response"]);
});

Deno.test("Http1Client sends a body of up to 64 KiB and its head by one write", async () => {
  await using server = await rawServer(async (connection) => {
    for (;;) {
      const { headers } = await connection.readRequest();
      await connection.readBytes(Number(headers.get("content-length")));
      await connection.send(ANSWER);
    }
  });
  const writes: number[] = [];
  const connect: Connect = async (...args) => {
    const tcp = await connectReally(...args);
    return {
      remoteAddr: tcp.remoteAddr,
      read: (into) => tcp.read(into),
      write: (bytes) => {
        writes.push(bytes.length);
        return tcp.write(bytes);
      },
      startTls: (...args) => tcp.startTls(...args),
      close: () => tcp.close(),
    };
  };
  const host = testHost({ connect });
  await using opened = await openTransport(host);
  const { signal } = new AbortController();
  for (const [bytes, isOne] of [[7, true], [64 * 1024, true], [64 * 1024 + 1, false]] as const) {
    writes.length = 0;
    const body = new Uint8Array(bytes);
    const request = { ...getRequest(`${server.origin}/a`, signal), method: "PUT", body } as const;
    assertEquals(await textOf((await opened.transport(request)).body), "abc");
    assertEquals((writes[0] ?? 0) > bytes, isOne, `${bytes}`);
  }
});
