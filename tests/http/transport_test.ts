import { assertEquals } from "@std/assert";
import type { Connect, Fetch } from "../../lib/core/host.ts";
import { NO_TELEMETRY } from "../../lib/core/telemetry.ts";
import { openTransport } from "../../lib/http/transport.ts";
import { testHost, type TestHostOptions } from "../helpers/host.ts";

const HTTP = "http://x.example:8080/a";

/** How a request was sent, on a host without servers. */
async function wayOf(url: string, options: TestHostOptions = {}): Promise<string> {
  const refuse = (way: string) => () => Promise.reject(new Error(way));
  const fetch: Fetch = refuse("fetch");
  const connect: Connect = refuse("sockets");
  const host = testHost({ fetch, connect, ...options });
  await using sending = await openTransport(host);
  const { signal } = new AbortController();
  return await sending.transport({ url, headers: {}, publicOnly: false, signal })
    .then(() => "nothing", ({ message }) => message);
}

Deno.test("openTransport selects the client or fetch by scheme and proxy", async () => {
  const proxy = { HTTP_PROXY: "http://user:secret@proxy.example" };
  const traced = () => ({ ...NO_TELEMETRY });
  const table: [what: string, url: string, options: TestHostOptions, way: string][] = [
    ["http", HTTP, {}, "sockets"],
    ["https", "https://x.example/a", {}, "fetch"],
    ["a proxy", HTTP, { env: proxy }, "fetch"],
    ["a proxy for all", HTTP, { env: { all_proxy: "http://proxy.example" } }, "fetch"],
    ["a proxy for https", HTTP, { env: { HTTPS_PROXY: "http://proxy.example" } }, "sockets"],
    ["a proxy for others", HTTP, { env: { ...proxy, NO_PROXY: "x.example" } }, "sockets"],
    ["somebody who traces", HTTP, { telemetry: traced() }, "fetch"],
  ];
  for (const [what, url, options, way] of table) {
    assertEquals(await wayOf(url, options), way, what);
  }
});

Deno.test("openTransport opens one HTTP/1.1 client of fetch on demand, and closes it", async () => {
  const happened: string[] = [];
  const host = {
    ...testHost({ fetch: () => Promise.reject(new Error("fetch")), connect: refused }),
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
      await sending.transport({ url, headers: {}, publicOnly: false, signal })
        .catch(({ message }) => said.push(message, happened.join()));
    }
  }
  assertEquals(said, [
    ...["sockets", ""],
    ...["HTTP/1.1 https://x.example/a", "opened"],
    ...["HTTP/1.1 https://y.example/b", "opened"],
  ]);
  assertEquals(happened, ["opened", "closed"]);
});

function refused(): ReturnType<Connect> {
  return Promise.reject(new Error("sockets"));
}

Deno.test("openTransport uses fetch for everything without sockets", async () => {
  const { connect: _, ...host } = testHost({ fetch: () => Promise.reject(new Error("fetch")) });
  await using sending = await openTransport(host);
  const { signal } = new AbortController();
  const said = await sending.transport({ url: HTTP, headers: {}, publicOnly: false, signal })
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
  const said = await sending.transport({ url: HTTP, headers: {}, publicOnly: false, signal })
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
  const asked = sending.transport({
    url: HTTP,
    headers: {},
    publicOnly: false,
    signal: controller.signal,
  })
    .catch((error) => error);
  const reason = new Error("enough");
  controller.abort(reason);
  assertEquals(await asked, reason);
  connected.resolve({
    remoteAddr: { hostname: "192.0.2.1" },
    read: () => Promise.resolve(null),
    write: ({ length }) => Promise.resolve(length),
    close: () => {
      isClosed = true;
    },
  });
  await connected.promise;
  assertEquals(isClosed, true);
});
