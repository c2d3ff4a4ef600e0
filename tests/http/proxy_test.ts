import { assertEquals, assertThrows } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { chooseProxy, isExemptByFetch, proxyVariable } from "../../lib/http/proxy.ts";

Deno.test("proxyVariable: which variable applies", () => {
  const table: [url: string, env: Record<string, string>, found: string | null][] = [
    ["http://x.example", {}, null],
    ["http://x.example", { HTTP_PROXY: "p" }, "HTTP_PROXY"],
    ["http://x.example", { HTTP_PROXY: "" }, null],
    ["http://x.example", { HTTPS_PROXY: "p" }, null],
    ["https://x.example", { ALL_PROXY: "p", https_proxy: "p", HTTPS_PROXY: "p" }, "https_proxy"],
    ["https://x.example", { ALL_PROXY: "p" }, "ALL_PROXY"],
    ["http://x.example", { HTTP_PROXY: "p", no_proxy: "x.example", NO_PROXY: "y" }, null],
  ];
  for (const [url, env, found] of table) {
    assertEquals(proxyVariable(new URL(url), (name) => env[name]), found, JSON.stringify(env));
  }
});

Deno.test("row 156: proxyVariable: which hosts NO_PROXY exempts", () => {
  const table: [exceptions: string, url: string, isExempt: boolean][] = [
    ["*", "http://x.example", true],
    ["y.example, X.example", "http://x.example", true],
    ["y.example X.example\tz", "http://x.example", true],
    [" x.example ", "http://x.example", true],
    [".x.example", "http://a.x.example", true],
    [".x.example", "http://x.example", true],
    ["x.example.", "http://x.example", true],
    ["x.example", "http://x.example.", true],
    ["x.example", "http://a.b.x.example:81", true],
    ["x.example,,", "http://ax.example", false],
    ["*.x.example", "http://a.x.example", false],
    ["x.example:8080", "http://x.example:8080", true],
    ["x.example:8080", "http://a.x.example:8080", true],
    ["x.example:8080", "http://x.example", false],
    ["x.example:80", "http://x.example", true],
    ["x.example:443", "https://x.example", true],
    ["x.example:443", "http://x.example", false],
    ["192.168.1.5", "http://192.168.1.5:81", true],
    ["192.168.1.5:81", "http://192.168.1.5:81", true],
    ["192.168.1.5:82", "http://192.168.1.5:81", false],
    ["168.1.5", "http://192.168.1.5", false],
    ["192.168.0.0/16", "http://192.168.1.5", true],
    ["192.168.0.0/24", "http://192.168.1.5", false],
    ["192.168.0.0/16", "http://x.example", false],
    ["192.168.0.0/99", "http://192.168.1.5", false],
    ["::1", "http://[::1]:81", true],
    ["[::1]", "http://[::1]", true],
    ["[::1]:81", "http://[::1]:81", true],
    ["[::1]:82", "http://[::1]:81", false],
    ["fd00::/8", "http://[fd12::1]", true],
    ["fd00::/8", "http://[fe80::1]", false],
    ["", "http://x.example", false],
    [".", "http://x.example", false],
    ["/", "http://x.example", false],
  ];
  for (const [exceptions, url, isExempt] of table) {
    const env: Record<string, string> = { ALL_PROXY: "p", NO_PROXY: exceptions };
    const found = proxyVariable(new URL(url), (name) => env[name]);
    assertEquals(found, isExempt ? null : "ALL_PROXY", `${exceptions} and ${url}`);
  }
});

Deno.test("chooseProxy: the setting first, then the environment", () => {
  const env: Record<string, string> = { HTTPS_PROXY: "http://u:p%40ss@proxy.example:3128" };
  const choose = (origin: string, setting: string | null) =>
    chooseProxy(origin, setting, (name) => env[name]);
  const proxy = {
    hostname: "proxy.example",
    port: 3128,
    name: "proxy.example:3128",
    authorization: `Basic ${btoa("u:p@ss")}`,
  };
  assertEquals(choose("https://x.example", null), {
    ...{ kind: "http", url: "http://u:p%40ss@proxy.example:3128/", proxy },
  });
  assertEquals(choose("http://x.example", null), { kind: "direct" });
  assertEquals(choose("https://x.example", "direct"), { kind: "direct" });
  assertEquals(choose("https://x.example", "http://[::1]"), {
    ...{ kind: "http", url: "http://[::1]/" },
    proxy: { hostname: "::1", port: 80, name: "[::1]:80", authorization: null },
  });
  const socks = "socks5h://u:p@proxy.example:1080";
  assertEquals(choose("http://x.example", socks), {
    ...{ kind: "fetch", url: socks, name: "proxy.example:1080" },
  });
  assertEquals(choose("http://x.example", "https://proxy.example"), {
    ...{ kind: "fetch", url: "https://proxy.example/", name: "proxy.example:443" },
  });
});

Deno.test("chooseProxy: a variable without a scheme is http, and its mistakes show no password", () => {
  const choose = (value: string) =>
    chooseProxy("http://x.example", null, (name) => name === "HTTP_PROXY" ? value : undefined);
  const found = choose("u:secret@proxy.example:3128");
  assertEquals(found.kind === "http" && found.proxy.name, "proxy.example:3128");
  const mistakes = ["ftp://u:secret@p", "http://u:secret@", "http://u:secret@a b"];
  for (const value of [...mistakes, "socks4://u:secret@p", "socks4a://u:secret@p"]) {
    const error = assertThrows(() => choose(value), CronfetchError);
    assertEquals([error.code, error.retry, error.message], [
      "net.failed",
      "never",
      "the proxy in HTTP_PROXY is not a URL with http, https, socks5 or socks5h",
    ]);
  }
});

Deno.test("isExemptByFetch: NO_PROXY comes before no_proxy", () => {
  const table: [env: Record<string, string>, isExempt: boolean][] = [
    [{}, false],
    [{ NO_PROXY: "x.example" }, true],
    [{ no_proxy: "x.example" }, true],
    [{ NO_PROXY: "x.example", no_proxy: "" }, true],
    [{ NO_PROXY: "y.example", no_proxy: "x.example" }, false],
  ];
  for (const [env, isExempt] of table) {
    const found = isExemptByFetch(new URL("https://x.example"), (name) => env[name]);
    assertEquals(found, isExempt, JSON.stringify(env));
  }
});
