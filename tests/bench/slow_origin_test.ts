import { assertEquals } from "@std/assert";
import { answerTo, parseRequest, rangeOf } from "../../bench/slow_origin.ts";

const RANGES:
  readonly (readonly [header: string | undefined, range: ReturnType<typeof rangeOf>])[] = [
    [undefined, null],
    ["bytes=0-", { start: 0, end: 100 }],
    ["bytes=0-0", { start: 0, end: 1 }],
    ["bytes=10-19", { start: 10, end: 20 }],
    ["bytes=90-1000", { start: 90, end: 100 }],
    ["bytes=-10", { start: 90, end: 100 }],
    ["bytes=-1000", { start: 0, end: 100 }],
    ["bytes=100-", "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=20-10", null],
    ["bytes=-", null],
    ["bytes=0-1,3-4", null],
    ["lines=1-2", null],
  ];

Deno.test("rangeOf: parses Range headers", () => {
  for (const [header, range] of RANGES) assertEquals(rangeOf(header, 100), range, header);
});

/** Status and body range of the response to a request for a file of 100 bytes. */
const ANSWERS: readonly (readonly [lines: string, status: string, length: number | null])[] = [
  ["GET /a HTTP/1.1", "200", 100],
  ["HEAD /a HTTP/1.1", "200", null],
  ["POST /a HTTP/1.1", "405", null],
  ["GET /a HTTP/1.1\r\nRange: bytes=5-9", "206", 5],
  ['GET /a HTTP/1.1\r\nrange: bytes=5-9\r\nIf-Range: "tag"', "206", 5],
  ['GET /a HTTP/1.1\r\nRange: bytes=5-9\r\nIf-Range: "other"', "200", 100],
  ["GET /a HTTP/1.1\r\nRange: bytes=100-", "416", null],
  ['GET /a HTTP/1.1\r\nIf-None-Match: "tag"', "304", null],
];

Deno.test("answerTo: methods, conditions and ranges follow HTTP", () => {
  for (const [lines, status, length] of ANSWERS) {
    const { head, body } = answerTo(parseRequest(lines), 100, '"tag"');
    assertEquals(head.split(" ")[1], status, lines);
    assertEquals(body && body.end - body.start, length, lines);
  }
  assertEquals(answerTo(parseRequest("GET /b HTTP/1.1"), null, "").head.split(" ")[1], "404");
});

Deno.test("answerTo: a partial response has Content-Range", () => {
  const request = parseRequest("GET /a HTTP/1.1\r\nRange: bytes=5-9");
  const { head } = answerTo(request, 100, '"tag"');
  assertEquals(head.split("\r\n").slice(0, 5), [
    "HTTP/1.1 206 Partial Content",
    'etag: "tag"',
    "accept-ranges: bytes",
    "content-range: bytes 5-9/100",
    "content-length: 5",
  ]);
});
