import { assertEquals, assertRejects } from "@std/assert";
import { httpProxy } from "./http_proxy.ts";
import { origin } from "./origin.ts";
import { AUTHORITY, identity } from "./transport.ts";

/** Requests a URL through a proxy. */
async function textThrough(proxy: Deno.Proxy, url: string): Promise<[number, string]> {
  using client = Deno.createHttpClient({ proxy, caCerts: [AUTHORITY] });
  const response = await fetch(url, { client });
  return [response.status, await response.text()];
}

Deno.test("httpProxy: forwards requests in absolute form", async () => {
  await using server = origin({ "/a": "text" }, { tls: null });
  await using proxy = await httpProxy({ server: server.origin });
  assertEquals(await textThrough({ url: proxy.origin }, "http://localhost:81/a"), [200, "text"]);
  assertEquals(proxy.requests, ["GET http://localhost:81/a"]);
  assertEquals(proxy.authorizations, [null]);
});

Deno.test("httpProxy: tunnels TLS, and requires its credentials", async () => {
  await using server = origin({ "/a": "text" }, { tls: identity("good") });
  await using proxy = await httpProxy({ server: server.origin, credentials: "ann:p:w" });
  const basicAuth = { username: "ann", password: "p:w" };
  const given = { url: proxy.origin, basicAuth };
  assertEquals(await textThrough(given, "https://localhost:8443/a"), [200, "text"]);
  assertEquals(proxy.requests, ["CONNECT localhost:8443"]);
  await assertRejects(() => textThrough({ url: proxy.origin }, "https://localhost/a"), TypeError);
  assertEquals(proxy.authorizations, ["Basic YW5uOnA6dw==", null]);
  assertEquals(server.hits(), 1);
});

Deno.test("httpProxy: cuts a tunnel", async () => {
  await using server = origin({ "/a": "x".repeat(50_000) }, { tls: identity("good") });
  await using proxy = await httpProxy({ server: server.origin, cutAfterBytes: 20_000 });
  await assertRejects(() => textThrough({ url: proxy.origin }, "https://localhost/a"), TypeError);
  assertEquals(server.hits(), 1);
});
