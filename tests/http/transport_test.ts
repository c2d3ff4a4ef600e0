import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Connect, Fetch } from "../../lib/core/host.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import { NO_TELEMETRY } from "../../lib/core/telemetry.ts";
import { fetchTransport } from "../../lib/http/fetch_transport.ts";
import { openTransport } from "../../lib/http/transport.ts";
import { testHost, type TestHostOptions, withoutTls } from "../helpers/host.ts";
import { fromFileUrl } from "@std/path";
import { DEFAULT_SETTINGS, getRequest, type HttpResponse } from "../../lib/core/http.ts";

const PROXY_FAILED = "the proxy proxy.example:80: the request failed: sockets";
const FETCH_FAILED = "through the proxy proxy.example:1080: the request failed: fetch";
const HTTP = "http://x.example:8080/a";

/** How a request was sent, on a host without servers. */
async function wayOf(url: string, options: TestHostOptions = {}): Promise<string> {
  const refuse = (way: string) => () => Promise.reject(new Error(way));
  const fetch: Fetch = refuse("fetch");
  const connect: Connect = refuse("sockets");
  const host = testHost({ fetch, connect, ...options });
  await using sending = await openTransport(host);
  const { signal } = new AbortController();
  return await sending.transport(getRequest(url, signal))
    .then(() => "nothing", ({ message }) => message);
}

Deno.test("openTransport selects the client or fetch by scheme and proxy", async () => {
  const proxy = { HTTP_PROXY: "http://user:secret@proxy.example" };
  const traced = () => ({ ...NO_TELEMETRY });
  const table: [what: string, url: string, options: TestHostOptions, way: string][] = [
    ["http", HTTP, {}, "sockets"],
    ["https", "https://x.example/a", {}, "sockets"],
    ["a proxy", HTTP, { env: proxy }, PROXY_FAILED],
    ["a proxy for all", HTTP, { env: { all_proxy: "proxy.example" } }, PROXY_FAILED],
    ["a SOCKS proxy", HTTP, { env: { all_proxy: "socks5h://proxy.example:1080" } }, FETCH_FAILED],
    ["a proxy over TLS", HTTP, { env: { http_proxy: "https://proxy.example:1080" } }, FETCH_FAILED],
    ["a proxy for https", HTTP, { env: { HTTPS_PROXY: "http://proxy.example" } }, "sockets"],
    [
      "https by a proxy",
      "https://x.example/a",
      { env: { HTTPS_PROXY: "http://proxy.example" } },
      PROXY_FAILED,
    ],
    ["a proxy for others", HTTP, { env: { ...proxy, NO_PROXY: "x.example" } }, "sockets"],
    ["a trace", HTTP, { telemetry: traced() }, "sockets"],
  ];
  for (const [what, url, options, way] of table) {
    assertEquals(await wayOf(url, options), way, what);
  }
});

const BY_PROXY = "through the proxy proxy.example:80: the request failed: HTTP/1.1";

Deno.test("openTransport opens one HTTP/1.1 client of fetch on demand, and closes it", async () => {
  const happened: string[] = [];
  const host = {
    ...testHost({
      fetch: () => Promise.reject(new Error("fetch")),
      connect: refused,
      env: { HTTPS_PROXY: "socks5://proxy.example" },
    }),
    openHttp1: () => {
      happened.push("opened");
      return {
        fetch: (url: string) => Promise.reject(new Error(`HTTP/1.1 ${url}`)),
        [Symbol.dispose]: () => void happened.push("closed"),
      };
    },
  };
  const { signal } = new AbortController();
  const said: string[] = [];
  {
    await using sending = await openTransport(host);
    for (const url of [HTTP, "https://x.example/a", "https://y.example/b"]) {
      await sending.transport(getRequest(url, signal))
        .catch(({ message }) => said.push(message, happened.join()));
    }
  }
  assertEquals(said, [
    ...["sockets", ""],
    ...[`${BY_PROXY} https://x.example/a`, "opened"],
    ...[`${BY_PROXY} https://y.example/b`, "opened"],
  ]);
  assertEquals(happened, ["opened", "closed"]);
});

Deno.test("openTransport gives fetch the proxy that it has chosen, or sends nothing", async () => {
  const setting = "socks5h://setting.example:1080";
  const exempt = (proxy: string) =>
    `Deno would not use the proxy ${proxy}, since NO_PROXY exempts x.example: ` +
    "remove it from the variable";
  const lower = { all_proxy: "socks5://lower.example:1", ALL_PROXY: "socks5://upper.example:1" };
  const http = { HTTP_PROXY: "http://u:p@http.example", ALL_PROXY: "http://all.example" };
  const table: [
    what: string,
    env: Record<string, string>,
    proxy: string | null,
    sent: string,
  ][] = [
    ["the setting", lower, setting, setting],
    ["lower case", lower, null, "socks5://lower.example:1"],
    ["a scheme in upper case", { ALL_PROXY: "SOCKS5://a.example:1" }, null, "socks5://a.example:1"],
    ["the more specific one", http, null, "http://u:p@http.example/"],
    ["an exception", { NO_PROXY: "x.example" }, setting, exempt("setting.example:1080")],
    ["an exception for all", { no_proxy: "*" }, setting, exempt("setting.example:1080")],
    ["another exception", { NO_PROXY: "y.example" }, setting, setting],
    ["two exceptions", { ...lower, no_proxy: "y", NO_PROXY: "*" }, null, exempt("lower.example:1")],
    ["of http", { ...http, no_proxy: "y", NO_PROXY: "*" }, null, exempt("http.example:80")],
  ];
  for (const [what, env, proxy, sent] of table) {
    let given: string | null = null;
    const host: Parameters<typeof openTransport>[0] = {
      ...testHost({ env }),
      connect: () => Promise.reject(new Deno.errors.NotCapable("sockets")),
      openHttp1: (options) => {
        given = options.proxy;
        return { fetch: () => Promise.reject(new Error("sent")), [Symbol.dispose]: () => {} };
      },
    };
    await using opened = await openTransport(host, () => ({ ...DEFAULT_SETTINGS, proxy }));
    const send = async () => await opened.transport(getRequest(HTTP, new AbortController().signal));
    const { message } = await assertRejects(send, CronfetchError);
    assertEquals(given ?? message, sent, what);
  }
});

Deno.test("openTransport leaves the proxy of the environment to fetch without the permission", async () => {
  const refusal = "through the proxy a.example:1: Deno was not allowed to: net";
  const table: [setting: string | null, message: string][] = [
    [null, "through the proxy a.example:1: the request failed: sent by null"],
    ["socks5://a.example:1", refusal],
    ["http://a.example:1", refusal],
  ];
  for (const [proxy, message] of table) {
    const host: Parameters<typeof openTransport>[0] = {
      ...testHost({ env: { ALL_PROXY: "http://a.example:1" } }),
      connect: () => Promise.reject(new Deno.errors.NotCapable("sockets")),
      openHttp1: ({ proxy }) => {
        // As `Deno.createHttpClient` does.
        if (proxy !== null) throw new Deno.errors.NotCapable("net");
        const fetch = () => Promise.reject(new Error("sent by null"));
        return { fetch, [Symbol.dispose]: () => {} };
      },
    };
    await using opened = await openTransport(host, () => ({ ...DEFAULT_SETTINGS, proxy }));
    for (let count = 0; count < 2; count++) {
      const sent = opened.transport(getRequest(HTTP, new AbortController().signal));
      assertEquals((await assertRejects(() => sent, CronfetchError)).message, message);
    }
  }
});

function refused(): ReturnType<Connect> {
  return Promise.reject(new Error("sockets"));
}

Deno.test("openTransport uses fetch for everything without sockets", async () => {
  const { connect: _, ...host } = testHost({ fetch: () => Promise.reject(new Error("fetch")) });
  await using sending = await openTransport(host);
  const { signal } = new AbortController();
  const said = await sending.transport(getRequest(HTTP, signal))
    .catch(({ message }) => message);
  assertEquals(said, "fetch");
});

Deno.test("openTransport uses fetch if the proxy variables may not be read", async () => {
  const host = {
    ...testHost({ fetch: () => Promise.reject(new Error("fetch")), connect: never }),
    env: () => {
      throw new Deno.errors.NotCapable("no environment");
    },
  };
  await using sending = await openTransport(host);
  const { signal } = new AbortController();
  const said = await sending.transport(getRequest(HTTP, signal))
    .catch(({ message }) => message);
  assertEquals(said, "fetch");
});

function never(): ReturnType<Connect> {
  throw new Error("connected");
}

Deno.test("Http1Client: a connection that opens after the abort is closed", async () => {
  const connected = Promise.withResolvers<Awaited<ReturnType<Connect>>>();
  let isClosed = false;
  const host = testHost({ connect: () => connected.promise });
  await using sending = await openTransport(host);
  const controller = new AbortController();
  const asked = sending.transport(getRequest(HTTP, controller.signal))
    .catch((error) => error);
  const reason = new Error("enough");
  controller.abort(reason);
  assertEquals(await asked, reason);
  connected.resolve(withoutTls({
    remoteAddr: { hostname: "192.0.2.1" },
    read: () => Promise.resolve(null),
    write: ({ length }) => Promise.resolve(length),
    close: () => {
      isClosed = true;
    },
  }));
  await connected.promise;
  assertEquals(isClosed, true);
});

Deno.test("Http1Client: a connection is closed if the abort comes while it is judged", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  let isClosed = false;
  let sentBytes = 0;
  const connect: Connect = () =>
    Promise.resolve({
      get remoteAddr() {
        controller.abort(reason);
        return { hostname: "192.0.2.1" };
      },
      startTls: () => Promise.reject(new Error("no TLS in this test")),
      read: () => Promise.resolve(null),
      write: ({ length }) => {
        sentBytes += length;
        return Promise.resolve(length);
      },
      close: () => {
        isClosed = true;
      },
    });
  await using sending = await openTransport(testHost({ connect }));
  const request = getRequest(HTTP, controller.signal);
  assertEquals(await sending.transport(request).catch((error) => error), reason);
  assertEquals([isClosed, sentBytes], [true, 0]);
});

function send(
  response: Response,
  signal = new AbortController().signal,
): Promise<HttpResponse> {
  const request = getRequest("http://host.invalid/", signal);
  return fetchTransport({ fetch: () => Promise.resolve(response) })(request);
}

Deno.test("fetchTransport reads a body into the caller's buffer, and ends with an empty piece", async () => {
  const stream = new ReadableStream({
    type: "bytes",
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode("text"));
      controller.close();
    },
  });
  const { status, headers, body } = await send(new Response(stream, { headers: { etag: '"1"' } }));
  assertEquals([status, headers.get("ETag")], [200, '"1"']);
  const piece = await body.read(new Uint8Array(16).subarray(3));
  assertEquals([piece.byteOffset, new TextDecoder().decode(piece)], [3, "text"]);
  const end = await body.read(new Uint8Array(piece.buffer, 7));
  assertEquals([end.byteLength, end.buffer.byteLength], [0, 16]);
  assertEquals(new TextDecoder().decode(new Uint8Array(end.buffer, 3, 4)), "text");
});

Deno.test("fetchTransport: a response without a body ends immediately", async () => {
  const { body } = await send(new Response(null, { status: 304 }));
  assertEquals((await body.read(new Uint8Array(8))).byteLength, 0);
  await body.cancel();
});

Deno.test("fetchTransport: the signal rejects a read with its reason", async () => {
  const controller = new AbortController();
  const { body } = await send(
    new Response(new ReadableStream({ type: "bytes" })),
    controller.signal,
  );
  const reading = body.read(new Uint8Array(8));
  const reason = new Error("too late");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => reading), reason);
});

Deno.test("fetchTransport: the signal rejects a read after a garbage collection", async () => {
  const program = fromFileUrl(new URL("abort_after_collection.ts", import.meta.url));
  const args = ["run", "--quiet", "--allow-net=127.0.0.1", "--v8-flags=--expose-gc", program];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  assertEquals(new TextDecoder().decode(stdout), "ended: in time");
});
