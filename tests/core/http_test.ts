import { assertEquals } from "@std/assert";
import { proxyVariable } from "../../lib/core/http.ts";

Deno.test("proxyVariable: which variable, and which hosts are exempt", () => {
  const table: [url: string, env: Record<string, string>, found: string | null][] = [
    ["http://x.example", {}, null],
    ["http://x.example", { HTTP_PROXY: "p" }, "HTTP_PROXY"],
    ["http://x.example", { HTTP_PROXY: "" }, null],
    ["http://x.example", { HTTPS_PROXY: "p" }, null],
    ["https://x.example", { ALL_PROXY: "p", https_proxy: "p", HTTPS_PROXY: "p" }, "https_proxy"],
    ["https://x.example", { ALL_PROXY: "p" }, "ALL_PROXY"],
    ["http://x.example", { HTTP_PROXY: "p", NO_PROXY: "*" }, null],
    ["http://x.example", { HTTP_PROXY: "p", NO_PROXY: "y.example, X.example" }, null],
    ["http://a.x.example", { HTTP_PROXY: "p", no_proxy: ".x.example" }, null],
    ["http://ax.example", { HTTP_PROXY: "p", NO_PROXY: "x.example,," }, "HTTP_PROXY"],
  ];
  for (const [url, env, found] of table) {
    assertEquals(proxyVariable(new URL(url), (name) => env[name]), found, JSON.stringify(env));
  }
});
