import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { requestHead } from "../../lib/http/head.ts";
import { originOf, serverAt } from "../../lib/http/pool.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import { toLatin1 } from "../helpers/raw_server.ts";

Deno.test("requestHead: one GET, values in Latin-1", () => {
  assertEquals(
    requestHead("/a%20b?c=d", "x.example:81", { accept: "*/*", "x-a": "\xe9\t\xff", "x-b": "" }),
    toLatin1(
      "GET /a%20b?c=d HTTP/1.1\r\nhost: x.example:81\r\n" +
        "accept: */*\r\nx-a: \xe9\t\xff\r\nx-b: \r\n\r\n",
    ),
  );
});

Deno.test("requestHead refuses targets, names and values that would inject fields", async (t) => {
  const values = ["a\r\nb: c", "\n", "\0", "\x1b", "\x7f", "\u20ac"];
  for (const value of values) {
    await t.step(`the value ${JSON.stringify(value)}`, () => {
      const error = assertThrows(() => requestHead("/", "x", { secret: value }), TypeError);
      assertEquals(error.message, "the header secret has an invalid value");
    });
  }
  for (const name of ["", "a b", "a:", "a\r\n", "\xe9"]) {
    await t.step(`the name ${JSON.stringify(name)}`, () => {
      assertThrows(() => requestHead("/", "x", { [name]: "a" }), TypeError);
    });
  }
  for (const target of ["", "a", "/a b", "/\r\n", "/\xe9"]) {
    await t.step(`the target ${JSON.stringify(target)}`, () => {
      assertThrows(() => requestHead(target, "x", {}), TypeError);
    });
  }
});

Deno.test("serverAt: host, port and Host field of an origin", () => {
  const table: [url: string, hostname: string, port: number, hostField: string][] = [
    ["http://x.example/", "x.example", 80, "x.example"],
    ["http://X.example:80/a", "x.example", 80, "x.example"],
    ["http://x.example:8080/a/b?c", "x.example", 8080, "x.example:8080"],
    ["http://[::1]:81?a", "::1", 81, "[::1]:81"],
  ];
  for (const [url, hostname, port, hostField] of table) {
    const origin = originOf(new URL(url).href);
    assertEquals(serverAt(origin), { origin, hostname, port, hostField });
  }
});

Deno.test("serverAt refuses the ports that fetch blocks, and no others", async () => {
  const refused: number[] = [];
  for (let port = 0; port < 65_536; port++) {
    try {
      serverAt(`http://127.0.0.1:${port}`);
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
