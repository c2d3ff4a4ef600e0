import { assertEquals } from "@std/assert";
import {
  headEnd,
  type HeadStatus,
  MAX_BODY_BYTES,
  parseRequestHead,
  type RequestHead,
} from "../../lib/page/http_server.ts";

const HOST = "Host: h:1\r\n";

const READ: readonly (readonly [head: string, read: string])[] = [
  [`GET / HTTP/1.1\r\n${HOST}\r\n`, "GET http://h:1/ 0"],
  ["GET /a?b=c HTTP/1.1\nHost: [::1]:80\n\n", "GET http://[::1]:80/a?b=c 0"],
  ["GET / HTTP/1.0\r\n\r\n", "GET http://localhost/ 0"],
  [`GET //evil.example/ HTTP/1.1\r\n${HOST}\r\n`, "GET http://h:1//evil.example/ 0"],
  [`GET http://other/x HTTP/1.1\r\n${HOST}\r\n`, "GET http://other/x 0"],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: 12\r\n\r\n`, "POST http://h:1/ 12"],
  [`GET / HTTP/1.1\r\n${HOST}A:\tb \r\nA: c\r\n\r\n`, "GET http://h:1/ 0"],
];

const REFUSED: readonly (readonly [head: string, status: HeadStatus])[] = [
  ["", 400],
  ["\x16\x03\x01\x02", 400],
  [`GET /\r\n${HOST}\r\n`, 400],
  [`GET / x HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`G(T / HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`GET / HTTP/1.x\r\n${HOST}\r\n`, 400],
  [`GET / HTTP/2.0\r\n${HOST}\r\n`, 505],
  ["GET / HTTP/1.1\r\n\r\n", 400],
  [`GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400],
  ["GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400],
  [`GET a HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, 400],
  [`GET / HTTP/1.1\r\n${HOST} folded: x\r\n\r\n`, 400],
  [`GET / HTTP/1.1\r\n${HOST}A : b\r\n\r\n`, 400],
  [`GET / HTTP/1.1\r\n${HOST}A: \0\r\n\r\n`, 400],
  [`GET / HTTP/1.1\r\n${HOST}no colon\r\n\r\n`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\n`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: 1, 1\r\n\r\n`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: \u00a01\r\n\r\n`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: ${MAX_BODY_BYTES + 1}\r\n\r\n`, 413],
  [`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`, 411],
];

Deno.test("parseRequestHead: parses requests and rejects ambiguous ones", () => {
  for (const [text, read] of READ) {
    const { method, url, bodyBytes } = parseRequestHead(text) as RequestHead;
    assertEquals(`${method} ${url} ${bodyBytes}`, read);
  }
  for (const [text, status] of REFUSED) {
    assertEquals(parseRequestHead(text), { status }, JSON.stringify(text));
  }
  const { headers } = parseRequestHead(READ[6]?.[0] ?? "") as RequestHead;
  assertEquals([headers.get("a"), headers.get("host")], ["b, c", "h:1"]);
});

Deno.test("headEnd: finds the empty line", () => {
  const table: [text: string, end: number][] = [
    ["", -1],
    ["a\r\n", -1],
    ["a\r\n\r", -1],
    ["a\r\n\r\n", 5],
    ["a\n\nb", 3],
    ["a\n\r\nb", 4],
    ["a\nb\n\n", 5],
  ];
  for (const [text, end] of table) assertEquals(headEnd(new TextEncoder().encode(text)), end, text);
});
