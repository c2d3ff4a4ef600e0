import { assertEquals, assertThrows } from "@std/assert";
import type { HttpMethod } from "../../lib/core/http.ts";
import { announcedBytes, requestHead, type RequestLine } from "../../lib/http/request_head.ts";
import { toLatin1 } from "../helpers/raw_server.ts";

const LINE: RequestLine = { method: "GET", target: "/", hostField: "x", lengthBytes: null };

Deno.test("requestHead: one GET, values in Latin-1", () => {
  assertEquals(
    requestHead(
      { method: "GET", target: "/a%20b?c=d", hostField: "x.example:81", lengthBytes: null },
      { accept: "*/*", "x-a": "\xe9\t\xff", "x-b": "" },
    ),
    toLatin1(
      "GET /a%20b?c=d HTTP/1.1\r\nhost: x.example:81\r\n" +
        "accept: */*\r\nx-a: \xe9\t\xff\r\nx-b: \r\n\r\n",
    ),
  );
});

Deno.test("requestHead announces the size of the content", () => {
  const table: [method: HttpMethod, body: Uint8Array | null, field: string][] = [
    ["GET", null, ""],
    ["DELETE", null, ""],
    ["PUT", null, "content-length: 0\r\n"],
    ["POST", null, "content-length: 0\r\n"],
    ["PUT", new Uint8Array(12), "content-length: 12\r\n"],
    ["POST", new Uint8Array(), "content-length: 0\r\n"],
  ];
  for (const [method, body, field] of table) {
    const lengthBytes = announcedBytes(method, body);
    assertEquals(
      requestHead({ method, target: "/", hostField: "x", lengthBytes }, {}),
      toLatin1(`${method} / HTTP/1.1\r\nhost: x\r\n${field}\r\n`),
    );
  }
});

Deno.test("requestHead refuses targets, names and values that would inject fields", async (t) => {
  const values = ["a\r\nb: c", "\n", "\0", "\x1b", "\x7f", "\u20ac"];
  for (const value of values) {
    await t.step(`the value ${JSON.stringify(value)}`, () => {
      const error = assertThrows(() => requestHead(LINE, { secret: value }), TypeError);
      assertEquals(error.message, "the header secret has an invalid value");
    });
  }
  for (const name of ["", "a b", "a:", "a\r\n", "\xe9"]) {
    await t.step(`the name ${JSON.stringify(name)}`, () => {
      assertThrows(() => requestHead(LINE, { [name]: "a" }), TypeError);
    });
  }
  for (const target of ["", "a", "/a b", "/\r\n", "/\xe9"]) {
    await t.step(`the target ${JSON.stringify(target)}`, () => {
      assertThrows(() => requestHead({ ...LINE, target }, {}), TypeError);
    });
  }
});
