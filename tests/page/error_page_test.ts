import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createErrorPage } from "../../lib/page/error_page.tsx";
import { site } from "./site.ts";
import { testHost } from "../helpers/host.ts";

Deno.test("createErrorPage: every path has status 503 and the escaped reasons", async () => {
  const { fetch } = createErrorPage({
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

Deno.test("pages: an invalid Host is answered with 400", async () => {
  await using at = site({ isLoopback: false });
  for (const page of [at.page, createErrorPage({ title: "Broken", reasons: [] }, testHost())]) {
    await using server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen: () => {},
      onError: (error) => new Response(String(error), { status: 599 }),
    }, page.fetch);
    for (const host of ["a b", "[::1", "127.0.0.1:99999"]) {
      for (const path of ["/", "/api/status", "/actions"]) {
        using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
        const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
        await connection.write(new TextEncoder().encode(request));
        const answer = await new Response(connection.readable).text();
        assertStringIncludes(answer, "HTTP/1.1 400 ", `${host} ${path}`);
        assertStringIncludes(answer, "content-security-policy: default-src");
      }
    }
  }
});
