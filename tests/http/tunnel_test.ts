import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Connect } from "../../lib/core/host.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import { DEFAULT_SETTINGS, getRequest, type HttpResponse } from "../../lib/core/http.ts";
import { openTransport } from "../../lib/http/transport.ts";
import { fetchReally, testHost, type TestHostOptions } from "../helpers/host.ts";
import { type HttpProxy, httpProxy, type HttpProxyOptions } from "../helpers/http_proxy.ts";
import { type RawServer, rawServer } from "../helpers/raw_server.ts";
import { identity } from "../helpers/transport.ts";
import { textOf } from "./exchanging.ts";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

/** A server behind a proxy. */
interface Proxied extends AsyncDisposable {
  readonly server: RawServer;
  readonly proxy: HttpProxy;
  /** `name:port` of the proxy. */
  readonly address: string;
  /** Requests URLs with one transport. */
  get(urls: readonly string[], options?: Options): Promise<string[]>;
}

interface Options extends TestHostOptions {
  /** The proxy of the settings. Default: that of the environment. */
  readonly setting?: string;
  readonly publicOnly?: boolean;
}

async function proxied(
  scheme: "http" | "https",
  options: Partial<HttpProxyOptions> = {},
): Promise<Proxied> {
  const server = await rawServer(async (connection) => {
    for (;;) {
      await connection.readRequest();
      await connection.send(ANSWER);
    }
  }, { tls: scheme === "https" ? identity("good") : null });
  const proxy = await httpProxy({ server: server.origin, ...options });
  const address = proxy.origin.slice("http://".length);
  return {
    server,
    proxy,
    address,
    get: async (urls, { setting = null, publicOnly = true, ...hostOptions } = {}) => {
      const env = { ALL_PROXY: proxy.origin, ...hostOptions.env };
      const host = testHost({ ...hostOptions, env });
      const settings = { ...DEFAULT_SETTINGS, proxy: setting };
      await using opened = await openTransport(host, () => settings);
      const { signal } = new AbortController();
      const texts: string[] = [];
      for (const url of urls) {
        const request = { ...getRequest(url, signal), publicOnly };
        const response: HttpResponse = await opened.transport(request);
        texts.push(await textOf(response.body));
      }
      return texts;
    },
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

Deno.test("https through a proxy: one tunnel for several requests, with the name as it came", async () => {
  await using pair = await proxied("https");
  // Names that only the proxy can resolve.
  const urls = ["https://a.example/1", "https://a.example/2", "https://b.example:8443/3"];
  assertEquals(await pair.get(urls), ["abc", "abc", "abc"]);
  assertEquals(pair.proxy.requests, ["CONNECT a.example:443", "CONNECT b.example:8443"]);
  assertEquals(pair.proxy.authorizations, [null, null]);
  assertEquals(pair.server.requests, ["GET /1", "GET /2", "GET /3"]);
});

Deno.test("http through a proxy: requests in absolute form, over one connection", async () => {
  await using pair = await proxied("http");
  assertEquals(await pair.get(["http://a.example/1?a=b", "http://a.example/2"]), ["abc", "abc"]);
  assertEquals(pair.proxy.requests, ["GET http://a.example/1?a=b"]);
  assertEquals(pair.server.requests, [
    "GET http://a.example/1?a=b",
    "GET http://a.example/2",
  ]);
});

for (const scheme of ["http", "https"] as const) {
  const url = `${scheme}://a.example/`;

  Deno.test(`${scheme} through a proxy: the user name and password are sent to it alone`, async () => {
    await using pair = await proxied(scheme, { credentials: "user:p@ss word" });
    const env = { ALL_PROXY: `http://user:p%40ss%20word@${pair.address}` };
    assertEquals(await pair.get([url], { env }), ["abc"]);
    assertEquals(pair.proxy.authorizations, [`Basic ${btoa("user:p@ss word")}`]);
  });

  Deno.test(`row 157: ${scheme}: another password than the proxy requires is permanent`, async () => {
    await using pair = await proxied(scheme, { credentials: "user:secret" });
    const table: [userinfo: string, reason: string][] = [
      ["", "requires a user name and a password"],
      ["user:wrong@", "refused the user name and password"],
    ];
    for (const [userinfo, reason] of table) {
      const env = { ALL_PROXY: `http://${userinfo}${pair.address}` };
      const error = await assertRejects(() => pair.get([url], { env }), CronfetchError);
      assertEquals([error.code, error.httpStatus, error.retry, error.message], [
        ...["http.status", 407, "never", `the proxy ${pair.address} ${reason}`],
      ]);
    }
    assertEquals(pair.server.requests, []);
  });

  Deno.test(`row 158: ${scheme}: a dead proxy is named, without its password`, async () => {
    const pair = await proxied(scheme);
    await pair[Symbol.asyncDispose]();
    const env = { ALL_PROXY: `http://user:secret@${pair.address}` };
    const error = await assertRejects(() => pair.get([url], { env }), CronfetchError);
    assertEquals([error.code, error.retry, error.message], [
      ...["net.refused", "later", `the proxy ${pair.address}: the connection was refused`],
    ]);
  });

  Deno.test(`row 158: ${scheme}: the proxy of the settings takes precedence`, async () => {
    await using pair = await proxied(scheme);
    const env = { ALL_PROXY: "http://127.0.0.1:1", NO_PROXY: "*" };
    const setting = pair.proxy.origin;
    assertEquals(await pair.get([url], { env, setting }), ["abc"]);
    const direct = pair.server.origin.replace("127.0.0.1", "localhost");
    const publicOnly = false;
    assertEquals(await pair.get([direct + "/d"], { setting: "direct", publicOnly }), ["abc"]);
    assertEquals([pair.proxy.connections, pair.server.requests.at(-1)], [1, "GET /d"]);
  });

  Deno.test(`${scheme} through a proxy: without the permission to connect to it, by fetch`, async () => {
    await using pair = await proxied(scheme);
    const connect: Connect = () => Promise.reject(new Deno.errors.NotCapable("no net access"));
    const asked: string[] = [];
    const fetch = (asUrl: string) => {
      asked.push(asUrl);
      return fetchReally(`data:,${asked.length}`, {});
    };
    assertEquals(await pair.get([url, url], { connect, fetch }), ["1", "2"]);
    assertEquals(asked, [url, url]);
  });
}

/** What a proxy answers to CONNECT. */
const REFUSALS: readonly (readonly [answer: string, code: string, retry: string, part: string])[] =
  [
    ["HTTP/1.1 502 Bad Gateway\r\n\r\n", "net.failed", "later", "a.example:443: it answered 502"],
    ["HTTP/1.1 403 Forbidden\r\n\r\n", "net.failed", "never", "a.example:443: it answered 403"],
    ["", "net.reset", "later", "closed before a response"],
    ["SSH-2.0-OpenSSH\r\n", "http.protocol", "never", "not valid HTTP"],
    ["HTTP/1.1 200 OK\r\n\r\nabc", "http.protocol", "never", "bytes before the TLS handshake"],
  ];

for (const [answer, code, retry, part] of REFUSALS) {
  Deno.test(`row 158: a proxy that answers ${JSON.stringify(answer)} to CONNECT is named`, async () => {
    await using pair = await proxied("https", {
      fault: async (connection) => {
        await connection.send(answer);
        return true;
      },
    });
    const error = await assertRejects(() => pair.get(["https://a.example/"]), CronfetchError);
    assertEquals([error.code, error.retry], [code, retry]);
    assertStringIncludes(error.message, `the proxy ${pair.address}: `);
    assertStringIncludes(error.message, part);
  });
}

Deno.test("row 158: a proxy that does not answer is named in timeout.connect", async () => {
  await using pair = await proxied("https", {
    fault: async (connection) => {
      controller.abort(new CronfetchError("timeout.connect", "no connection within 10s"));
      await connection.hold();
      return true;
    },
  });
  const controller = new AbortController();
  const host = testHost({ env: { ALL_PROXY: pair.proxy.origin } });
  await using opened = await openTransport(host);
  const request = getRequest("https://a.example/", controller.signal);
  const error = await assertRejects(() => opened.transport(request), CronfetchError);
  assertEquals([error.code, error.message], [
    ...["timeout.connect", `the proxy ${pair.address}: no connection within 10s`],
  ]);
});

Deno.test("https through a proxy: the certificate is that of the server", async () => {
  await using pair = await proxied("https");
  await assertRejects(() => pair.get(["https://other.example/"]), Error, "certificate");
  await assertRejects(() => pair.get(["https://other.example/"]), Error, "certificate");
  assertEquals(pair.server.requests, []);
});
