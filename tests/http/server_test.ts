import { assert, assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { DIRECT, originOf, serverAt } from "../../lib/http/server.ts";

Deno.test("serverAt: host, port and Host field of an origin", () => {
  const table: [url: string, hostname: string, port: number, hostField: string][] = [
    ["http://x.example/", "x.example", 80, "x.example"],
    ["http://X.example:80/a", "x.example", 80, "x.example"],
    ["http://x.example:8080/a/b?c", "x.example", 8080, "x.example:8080"],
    ["http://[::1]:81?a", "::1", 81, "[::1]:81"],
    ["https://x.example/", "x.example", 443, "x.example"],
    ["https://x.example:80/", "x.example", 80, "x.example:80"],
  ];
  for (const [url, hostname, port, hostField] of table) {
    const origin = originOf(new URL(url).href);
    const isTls = url.startsWith("https:");
    assertEquals(serverAt(origin, DIRECT), {
      ...{ origin, isTls, hostname, port, hostField },
      ...{ route: DIRECT, isForwarded: false, authorization: null, idle: [] },
    });
  }
});

Deno.test("serverAt refuses the ports that fetch blocks, and no others", async () => {
  const refused: number[] = [];
  for (let port = 0; port < 65_536; port++) {
    try {
      serverAt(`http://127.0.0.1:${port}`, DIRECT);
    } catch (error) {
      assert(error instanceof CronfetchError, String(error));
      assertEquals([error.code, error.retry], ["net.failed", "never"]);
      refused.push(port);
    }
  }
  // Deno's fetch blocked as many when each was tried.
  assertEquals(refused.length, 83);
  for (const port of refused) {
    await assertRejects(() => fetch(`http://127.0.0.1:${port}/`), TypeError, "are blocked");
  }
});
