/** Rows 227 to 229: proxies, and the hosts that are requested without one. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ErrorCode } from "../../lib/core/errors.ts";
import type { Host } from "../../lib/core/host.ts";
import type { ConfigInput, RunReport } from "../../lib/mod.ts";
import { run } from "../helpers/library.ts";
import { connectReally, testHost } from "../helpers/host.ts";
import { type HttpProxy, httpProxy, type HttpProxyOptions } from "../helpers/http_proxy.ts";
import { type Origin, origin } from "../helpers/origin.ts";
import { identity } from "../helpers/transport.ts";
import { folderTest, hostAt, place } from "../helpers/place.ts";
import { response, WHOLE } from "./scenario.ts";

/** A proxy in front of a server over TLS and one in clear text. */
interface Scene extends AsyncDisposable {
  readonly proxy: HttpProxy;
  readonly server: Origin;
  /** Runs a task; names lead to the proxy or the server by the port of the proxy. */
  run(
    url: string,
    env: Readonly<Record<string, string>>,
    config?: Partial<ConfigInput>,
  ): Promise<RunReport>;
}

const PASSWORD = "pass-word-of-the-proxy";

async function scene(
  { isTls, ...options }: Omit<HttpProxyOptions, "server"> & { readonly isTls: boolean },
): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const tls = isTls ? identity("good") : null;
  const server = stack.use(
    origin({ "/file.bin": WHOLE, "/big.bin": "x".repeat(300_000) }, { tls }),
  );
  const proxy = stack.use(await httpProxy({ server: server.origin, ...options }));
  const portOf = (url: string) => Number(new URL(url).port);
  return {
    proxy,
    server,
    run: async (url, env, config = {}) => {
      await using store = await place();
      const host: Host = testHost({
        env,
        connect: (hostname, port, signal) => {
          const isProxy = hostname === "proxy.example" || port === portOf(proxy.origin);
          return connectReally("127.0.0.1", portOf(isProxy ? proxy.origin : server.origin), signal);
        },
      });
      const report = await run({
        store: store.location,
        state: "memory:",
        limits: { concurrency: 1 },
        tasks: [{ id: "a", url, retry: { attempts: 2 } }],
        ...config,
      }, { host: hostAt(store, host) });
      assert(!JSON.stringify(report).includes(PASSWORD), "the password is shown");
      return report;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** The environment that names the proxy for all URLs. */
function through({ proxy }: Scene, userinfo = ""): Record<string, string> {
  const url = proxy.origin.replace("://", `://${userinfo}`);
  return { HTTP_PROXY: url, HTTPS_PROXY: url };
}

const SCHEMES = [["http", false], ["https", true]] as const;

for (const [scheme, isTls] of SCHEMES) {
  const url = `${scheme}://a.example/file.bin`;
  const line = isTls ? "CONNECT a.example:443" : "GET http://a.example/file.bin";

  folderTest(
    `row 227: ${scheme}: the password of the environment is sent to the proxy only`,
    async () => {
      const credentials = `an n:${PASSWORD}:/@`;
      await using at = await scene({ isTls, credentials });
      const userinfo = `an%20n:${encodeURIComponent(credentials.slice("an n:".length))}@`;
      const { results } = await at.run(url, through(at, userinfo));
      assertEquals(results[0]?.status, "created", results[0]?.message);
      assertEquals(at.proxy.requests, [line]);
      if (isTls) assertEquals(at.server.log[0]?.headers.get("proxy-authorization"), null);
    },
  );

  for (const userinfo of ["", "ann@", `ann:${PASSWORD}x@`, `bob:${PASSWORD}@`]) {
    const shown = userinfo.replace(PASSWORD, "…") || "nothing";
    folderTest(
      `row 227: ${scheme}: a proxy that refuses ${shown} is reported once, as the proxy`,
      async () => {
        await using at = await scene({ isTls, credentials: `ann:${PASSWORD}` });
        const { results: [result], summary } = await at.run(url, through(at, userinfo));
        assertEquals([result?.status, result?.attempts.length], ["failed", 1], result?.message);
        assertMatch(result?.message ?? "", /proxy/i);
        assertMatch(result?.message ?? "", /127\.0\.0\.1/);
        assertMatch(result?.message ?? "", /407|password/);
        assertEquals(result?.httpStatus, 407);
        assertEquals([summary.exitCode, at.server.hits()], [3, 0]);
      },
    );
  }

  folderTest(
    `row 227: ${scheme}: three tasks of a host use one connection to the proxy`,
    async () => {
      await using at = await scene({ isTls });
      const tasks = [1, 2, 3].map((id) => ({ id: `${id}`, to: `${id}`, url }));
      const { results } = await at.run(url, through(at), { tasks });
      assertEquals(results.map(({ status }) => status), ["created", "created", "created"]);
      assertEquals([at.proxy.connections, at.server.hits()], [1, 3]);
    },
  );

  folderTest(`row 227: ${scheme}: the port of the URL reaches the proxy`, async () => {
    await using at = await scene({ isTls });
    const { results } = await at.run(`${scheme}://a.example:8123/file.bin?q=1`, through(at));
    assertEquals(results[0]?.status, "created", results[0]?.message);
    const odd = isTls ? "CONNECT a.example:8123" : "GET http://a.example:8123/file.bin?q=1";
    assertEquals(at.proxy.requests, [odd]);
  });
}

folderTest("row 227: a certificate for another host is refused in a tunnel, too", async () => {
  await using at = await scene({ isTls: true });
  const { results: [result] } = await at.run("https://other.example/file.bin", through(at));
  assertEquals([result?.code, result?.attempts.length], ["tls.untrusted", 1], result?.message);
});

folderTest("row 227: a proxy that is reached over TLS", async () => {
  await using at = await scene({ isTls: true, tls: identity("good"), credentials: "ann:b" });
  const proxy = at.proxy.origin.replace("://", "://ann:b@");
  // `fetch` reads the real environment.
  const hosts = { localhost: { proxy } };
  const { results: [result] } = await at.run("https://localhost:8443/file.bin", {}, { hosts });
  assertEquals(result?.status, "created", result?.message);
  assertEquals(at.proxy.requests, ["CONNECT localhost:8443"]);
});

/** How a proxy fails, the code of each attempt, and a part of the message. */
const FAULTS: readonly (readonly [
  what: string,
  fault: NonNullable<HttpProxyOptions["fault"]>,
  codes: ErrorCode[],
  part: RegExp,
])[] = [
  ["closes at once", (connection) => done(() => connection.close()), again("net.reset"), /proxy/],
  ["resets", (connection) => done(() => connection.reset()), again("net.reset"), /proxy/],
  [
    "answers garbage",
    (connection) => sent(connection.send("garbage\r\n\r\n")),
    ["http.protocol"],
    /proxy/,
  ],
  [
    "answers half of a head",
    (connection) => sent(connection.send("HTTP/1.1 20")),
    again("net.reset"),
    /proxy/,
  ],
  [
    "cannot reach the server: 502",
    (connection) => sent(connection.send(refusal("502 Bad Gateway"))),
    again("net.failed"),
    /502/,
  ],
  [
    "cannot reach the server: 504",
    (connection) => sent(connection.send(refusal("504 Gateway Timeout"))),
    again("net.failed"),
    /504/,
  ],
  [
    "limits requests: 429",
    (connection) => sent(connection.send(refusal("429 Too Many Requests"))),
    again("net.failed"),
    /429/,
  ],
  [
    "forbids the server: 403",
    (connection) => sent(connection.send(refusal("403 Forbidden"))),
    ["net.failed"],
    /403/,
  ],
  [
    "redirects",
    (connection) => sent(connection.send(refusal("302 Found", "Location: http://login.example/"))),
    ["net.failed"],
    /302/,
  ],
];
for (const [what, fault, codes, part] of FAULTS) {
  folderTest(`row 228: a proxy that ${what} is named`, async () => {
    await using at = await scene({ isTls: true, fault });
    const { results: [result] } = await at.run(
      "https://a.example/file.bin",
      through(at, `ann:${PASSWORD}@`),
    );
    assertEquals(result?.attempts.map(({ code }) => code), codes, result?.message);
    assertMatch(result?.message ?? "", part);
    assertMatch(result?.message ?? "", /proxy/);
    assertEquals(at.server.hits(), 0);
  });
}

function again(code: ErrorCode): ErrorCode[] {
  return [code, code];
}

function refusal(status: string, ...lines: readonly string[]): string {
  return response([`HTTP/1.1 ${status}`, ...lines, "Content-Length: 3"], "no\n");
}

function done(effect: () => void): Promise<boolean> {
  effect();
  return Promise.resolve(true);
}

async function sent(sending: Promise<void>): Promise<boolean> {
  await sending;
  return true;
}

for (const [scheme, isTls] of SCHEMES) {
  folderTest(`row 228: ${scheme}: a dead proxy is blamed, not the server`, async () => {
    await using at = await scene({ isTls });
    await at.proxy[Symbol.asyncDispose]();
    const { results: [result] } = await at.run(
      `${scheme}://a.example/file.bin`,
      through(at, `ann:${PASSWORD}@`),
    );
    assertEquals(result?.attempts.map(({ code }) => code), again("net.refused"), result?.message);
    assertMatch(result?.message ?? "", /proxy 127\.0\.0\.1:\d+/);
  });

  folderTest(
    `row 228: ${scheme}: a silent proxy is a failure to connect or to respond`,
    async () => {
      await using at = await scene({
        isTls,
        fault: async (connection) => {
          await connection.hold();
          return true;
        },
      });
      const { results: [result] } = await at.run(`${scheme}://a.example/file.bin`, through(at), {
        defaults: { timeout: { connect: "60ms", response: "60ms" } },
      });
      const code = isTls ? "timeout.connect" : "timeout.response";
      assertEquals(result?.attempts.map((one) => one.code), again(code), result?.message);
    },
  );

  folderTest(`row 228: ${scheme}: a proxy that cuts a file is resumed from`, async () => {
    await using at = await scene({ isTls, cutAfterBytes: 90_000 });
    const { results: [result] } = await at.run(`${scheme}://a.example/big.bin`, through(at));
    assertEquals(result?.attempts.map(({ code }) => code), again("body.truncated"));
    assertEquals(at.proxy.connections, 2);
  });
}

/** Answers of proxies that establish a tunnel all the same. */
const ESTABLISHED = [
  "HTTP/1.0 200 OK\r\n\r\n",
  "HTTP/1.1 200\r\nContent-Length: 20\r\nTransfer-Encoding: chunked\r\n\r\n",
  "HTTP/1.1 201 Created\r\n\r\n",
  `HTTP/1.1 200 OK\r\n${"X-Proxy: a\r\n".repeat(150)}\r\n`,
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
];
for (const answer of ESTABLISHED) {
  folderTest(
    `row 228: a tunnel is established by ${JSON.stringify(answer.slice(0, 40))}`,
    async () => {
      let port = 0;
      await using at = await scene({
        isTls: true,
        fault: async (connection) => {
          await connection.send(answer);
          await connection.tunnel({ port });
          return true;
        },
      });
      port = Number(new URL(at.server.origin).port);
      const { results: [result] } = await at.run("https://a.example/file.bin", through(at));
      assertEquals(result?.status, "created", result?.message);
    },
  );
}

/** Values of NO_PROXY, a URL, and whether it is requested without the proxy. */
const EXCEPTIONS: readonly (readonly [value: string, url: string, isDirect: boolean])[] = [
  ["a.example", "http://a.example", true],
  ["A.Example", "http://a.example", true],
  ["a.example.", "http://a.example", true],
  ["a.example", "http://b.a.example", true],
  [".a.example", "http://b.a.example", true],
  [".example", "http://a.example", true],
  ["example", "http://a.example", true],
  ["ample", "http://a.example", false],
  ["xa.example", "http://a.example", false],
  ["a.example.com", "http://a.example", false],
  ["*", "http://a.example", true],
  ["b.example,*", "http://a.example", true],
  [" b.example , a.example ", "http://a.example", true],
  ["b.example a.example", "http://a.example", true],
  ["b.example,\ta.example", "http://a.example", true],
  ["a.example:80", "http://a.example", true],
  ["a.example:8080", "http://a.example:8080", true],
  ["a.example:8080", "http://a.example", false],
  ["a.example:443", "http://a.example", false],
  [".example:8080", "http://a.example:8080", true],
  ["192.0.2.7", "http://192.0.2.7", true],
  ["192.0.2.7:8080", "http://192.0.2.7:8080", true],
  ["192.0.2.0/24", "http://192.0.2.7", true],
  ["192.0.2.0/30", "http://192.0.2.7", false],
  ["192.0.2.0/24", "http://a.example", false],
  ["2.7", "http://192.0.2.7", false],
  ["2001:db8::1", "http://[2001:db8::1]", true],
  ["[2001:db8::1]", "http://[2001:db8::1]", true],
  ["[2001:db8::1]:8080", "http://[2001:db8::1]:8080", true],
  ["2001:db8::/32", "http://[2001:db8::1]", true],
  ["2001:db9::/32", "http://[2001:db8::1]", false],
  ["", "http://a.example", false],
  [",", "http://a.example", false],
];
for (const [value, start, isDirect] of EXCEPTIONS) {
  folderTest(`row 229: NO_PROXY=${JSON.stringify(value)} and ${start}`, async () => {
    await using at = await scene({ isTls: false });
    const { results: [result] } = await at.run(`${start}/file.bin`, {
      ...through(at),
      NO_PROXY: value,
    }, { defaults: { allowPrivate: true } });
    assertEquals(result?.status, "created", result?.message);
    assertEquals(at.proxy.requests.length, isDirect ? 0 : 1);
  });
}

folderTest("row 229: no_proxy takes precedence over NO_PROXY, even if it is empty", async () => {
  await using at = await scene({ isTls: false });
  const env = { ...through(at), NO_PROXY: "a.example" };
  await at.run("http://a.example/file.bin", { ...env, no_proxy: "" });
  assertEquals(at.proxy.requests.length, 1);
  await at.run("http://a.example/file.bin", { ...env, no_proxy: "b.example" });
  assertEquals(at.proxy.requests.length, 2);
});
