import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createTroublePage } from "../../lib/page/trouble.tsx";
import { testHost } from "../helpers/host.ts";

Deno.test("a page of trouble says why, escaped, on every path, and that it is not well", async () => {
  const { fetch } = createTroublePage({
    title: "The config cannot be used",
    reasons: ["cronfetch.json:1:3: <b>", "and \u001b[2J"],
  }, testHost());
  const ask = (path: string, method = "GET") =>
    fetch(new Request(`https://mirror.test${path}`, { method }));
  for (const path of ["/", "/runs", "/tasks/a"]) {
    const response = await ask(path);
    assertEquals(response.status, 503);
    assertStringIncludes(response.headers.get("content-security-policy") ?? "", "default-src");
    assertEquals(response.headers.get("cache-control"), "no-store");
    const text = await response.text();
    assertStringIncludes(text, "cronfetch.json:1:3: &lt;b&gt;");
    assert(!text.includes("\u001b"));
  }
  const api = await ask("/api/status");
  assertEquals(api.status, 503);
  assertStringIncludes((await api.json()).error, "The config cannot be used: cronfetch.json:1:3");
  assertEquals((await ask("/healthz")).status, 503);
  assertEquals((await ask("/events")).status, 204);
  assertEquals((await ask("/style.css")).status, 200);
  assertEquals((await ask("/actions", "POST")).status, 503);
});
