import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import {
  announcedBytes,
  endOfHead,
  type Framing,
  framingOf,
  keepsConnection,
  mayBeResponse,
  parseHead,
  requestHead,
  type RequestLine,
} from "../../lib/http/head.ts";
import type { HttpMethod } from "../../lib/core/http.ts";
import { toLatin1 } from "../helpers/raw_server.ts";
import { DIRECT, originOf, serverAt } from "../../lib/http/server.ts";

const OK = "HTTP/1.1 200 OK\r\n";

Deno.test("parseHead: status, version and fields", () => {
  const { minorVersion, status, headers } = parseHead(
    toLatin1('HTTP/1.0 404 Not Found\r\nETag: "1"\r\nx-a:b\r\n\r\n'),
  );
  assertEquals([minorVersion, status], [0, 404]);
  const asked = ["etag", "ETAG", "X-A", "x-b", "constructor", "__proto__"];
  assertEquals(asked.map((name) => headers.get(name)), ['"1"', '"1"', "b", null, null, null]);
});

const GOOD: readonly (readonly [what: string, head: string, values: Record<string, string>])[] = [
  ["no fields", `${OK}\r\n`, {}],
  ["no reason", "HTTP/1.1 200 \r\n\r\n", {}],
  ["no reason, and no space before it", "HTTP/1.1 200\r\n\r\n", {}],
  ["a reason in Latin-1", "HTTP/1.1 200 \xe9t\xe9\r\n\r\n", {}],
  ["lines that end in LF", "HTTP/1.1 200 OK\nA: 1\nB: 2\n\n", { a: "1", b: "2" }],
  ["lines that end in this and that", "HTTP/1.1 200 OK\nA: 1\r\nB: 2\n\r\n", { a: "1", b: "2" }],
  ["space around a value", `${OK}A: \t 1 \t \r\n\r\n`, { a: "1" }],
  ["space within a value", `${OK}A: 1 \t 2\r\n\r\n`, { a: "1 \t 2" }],
  ["no value", `${OK}A:\r\nB: \r\n\r\n`, { a: "", b: "" }],
  ["colons in a value", `${OK}A: b: c\r\n\r\n`, { a: "b: c" }],
  ["a value in Latin-1", `${OK}A: \xe9\x80\xff\r\n\r\n`, { a: "\xe9\x80\xff" }],
  ["a space of Latin-1, which is none of HTTP", `${OK}A: \xa0b\xa0\r\n\r\n`, { a: "\xa0b\xa0" }],
  ["fields of one name", `${OK}A: 1\r\na:\r\nA: 3\r\n\r\n`, { a: "1, , 3" }],
  ["every character of a name", `${OK}!#$%&'*+-.^_\`|~09aZ: 1\r\n\r\n`, {
    "!#$%&'*+-.^_`|~09az": "1",
  }],
  ["100 fields", `${OK}${"A: 1\r\n".repeat(100)}\r\n`, { a: Array(100).fill("1").join(", ") }],
];

Deno.test("parseHead accepts", async (t) => {
  for (const [what, head, values] of GOOD) {
    await t.step(what, () => {
      const { status, headers } = parseHead(toLatin1(head));
      assertEquals(status, head.includes("404") ? 404 : 200);
      const read = Object.keys(values).map((name) => [name, headers.get(name)]);
      assertEquals(Object.fromEntries(read), values);
    });
  }
});

Deno.test("parseHead: values are those of fetch's Headers", () => {
  for (const value of ["", " a\t", "\xe9\x80", "\xa0a\xa0", "a, b"]) {
    const { headers } = parseHead(toLatin1(`${OK}A: ${value}\r\nA: ${value}\r\n\r\n`));
    assertEquals(headers.get("a"), new Headers([["a", value], ["a", value]]).get("a"));
  }
});

const BAD: readonly (readonly [what: string, head: string])[] = [
  ["no version", "200 OK\r\n\r\n"],
  ["a version of another time", "HTTP/2 200 OK\r\n\r\n"],
  ["a minor version beyond 1", "HTTP/1.2 200 OK\r\n\r\n"],
  ["lower case", "http/1.1 200 OK\r\n\r\n"],
  ["an empty line before", `\r\n${OK}\r\n`],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
  ["a status below 100", "HTTP/1.1 099 OK\r\n\r\n"],
  ["two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n"],
  ["a control character in the reason", "HTTP/1.1 200 O\x07K\r\n\r\n"],
  ["CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n"],
  ["a folded line", `${OK}A: 1\r\n 2\r\n\r\n`],
  ["a line folded by a tab", `${OK}A: 1\r\n\t2\r\n\r\n`],
  ["a folded first line", `${OK} A: 1\r\n\r\n`],
  ["space before the colon", `${OK}A : 1\r\n\r\n`],
  ["no name", `${OK}: 1\r\n\r\n`],
  ["no colon", `${OK}A\r\n\r\n`],
  ["a name in Latin-1", `${OK}\xe9: 1\r\n\r\n`],
  ["a name in parentheses", `${OK}(A): 1\r\n\r\n`],
  ["101 fields", `${OK}${"A: 1\r\n".repeat(101)}\r\n`],
  ...["\0", "\r", "\x01", "\x1b", "\x7f", "\v"].map((control) =>
    [`${JSON.stringify(control)} in a value`, `${OK}A: 1${control}2\r\n\r\n`] as const
  ),
  ["CR at the end of a value", `${OK}A: 1\r\r\n\r\n`],
];

Deno.test("parseHead refuses", async (t) => {
  for (const [what, head] of BAD) {
    await t.step(what, () => {
      const error = assertThrows(() => parseHead(toLatin1(head)), CronfetchError);
      assertEquals(error.code, "http.protocol");
    });
  }
});

Deno.test("row 133: parseHead returns each of 120 Set-Cookie fields separately", () => {
  const values = Array.from({ length: 120 }, (_, at) => `n${at}=v; Expires=Thu, 01 Jan 2027`);
  const lines = values.map((value) => `Set-Cookie:  ${value}\t\r\n`).join("");
  const { headers, setCookies } = parseHead(toLatin1(`${OK}${lines}A: b\r\nset-cookie: x\r\n\r\n`));
  assertEquals(setCookies, [...values, "x"]);
  assertEquals(headers.get("a"), "b");
  assertEquals(parseHead(toLatin1(`${OK}A: b\r\n\r\n`)).setCookies, []);
});

Deno.test("parseHead takes linear time for long runs of spaces", () => {
  const spaces = " ".repeat(400_000);
  const { headers } = parseHead(toLatin1(`${OK}A: ${spaces}b${spaces}\r\n\r\n`));
  assertEquals(headers.get("a"), "b");
  assertThrows(() => parseHead(toLatin1(`${OK}A: ${spaces}\0\r\n\r\n`)));
});

Deno.test("endOfHead returns the end of the first empty line, from any start of the search", () => {
  const table: [bytes: string, end: number][] = [
    ["", -1],
    ["HTTP/1.1 200 OK\r\n", -1],
    ["a\r\n\r", -1],
    ["a\n\r\r\n", -1],
    ["a\r\n\r\nb", 5],
    ["a\n\nb\n\n", 3],
    ["a\r\n\nb", 4],
    ["a\n\r\nb", 4],
    ["a\r\nb\r\n\r\n", 8],
  ];
  for (const [text, end] of table) {
    assertEquals(endOfHead(toLatin1(text), 0), end, JSON.stringify(text));
    // Byte by byte: searched bytes are not searched again.
    for (let length = 1; length <= text.length; length++) {
      const found = endOfHead(toLatin1(text.slice(0, length)), Math.max(0, length - 3));
      if (found >= 0) {
        assertEquals([found, length], [end, end], JSON.stringify(text));
        break;
      }
    }
  }
});

Deno.test("mayBeResponse is false for any other start than HTTP/1.", () => {
  for (const text of ["", "H", "HTTP/1", "HTTP/1.1 200", "HTTP/1.x"]) {
    assertEquals(mayBeResponse(toLatin1(text)), true, text);
  }
  for (const text of ["S", "SSH-2.0", "HTTP/2", "\r\n", "\x15\x03\x01"]) {
    assertEquals(mayBeResponse(toLatin1(text)), false, text);
  }
});

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
    const server = { origin, isTls, hostname, port, hostField, route: DIRECT, idle: [] };
    assertEquals(serverAt(origin, DIRECT), server);
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

function headOf(lines: readonly string[], first = "HTTP/1.1 200 OK") {
  return parseHead(toLatin1([first, ...lines, "", ""].join("\r\n")));
}

const length = (lengthBytes: number): Framing => ({ kind: "length", lengthBytes });
const CHUNKED: Framing = { kind: "chunked" };
const CONNECTION: Framing = { kind: "connection" };
const TE = "Transfer-Encoding: chunked";
const OLD = "HTTP/1.0 200 OK";

Deno.test("framingOf and keepsConnection, by version, status and fields", () => {
  const table: [lines: string[], framing: Framing, isKept: boolean, first?: string][] = [
    [["Content-Length: 5"], length(5), true],
    [["Content-Length: 5", "Content-Length: 5"], length(5), true],
    [["Content-Length: 0"], length(0), true],
    [[], CONNECTION, false],
    [[TE], CHUNKED, true],
    [["Transfer-Encoding: CHUNKED"], CHUNKED, true],
    [[TE, "Content-Length: 5"], CHUNKED, false],
    [["Transfer-Encoding: gzip, chunked"], CONNECTION, false],
    [[TE, TE], CONNECTION, false],
    [["Transfer-Encoding: identity", "Content-Length: 5"], CONNECTION, false],
    [["Content-Length: 5"], length(0), true, "HTTP/1.1 304 Not Modified"],
    [["Content-Length: x"], length(0), true, "HTTP/1.1 304 Not Modified"],
    [[TE], length(0), true, "HTTP/1.1 304 Not Modified"],
    [[], length(0), true, "HTTP/1.1 204 No Content"],
    [["Content-Length: 5", "Connection: close"], length(5), false],
    [["Content-Length: 5", "Connection: x , Close"], length(5), false],
    [["Content-Length: 5", "Connection: x", "Connection: close"], length(5), false],
    [["Content-Length: 5", "Connection: closed"], length(5), true],
    [["Content-Length: 5"], length(5), false, OLD],
    [["Content-Length: 5", "Connection: Keep-Alive"], length(5), true, OLD],
    [["Content-Length: 5", "Connection: keep-alive, close"], length(5), false, OLD],
    [["Connection: keep-alive"], CONNECTION, false, OLD],
  ];
  for (const [lines, framing, isKept, first] of table) {
    const head = headOf(lines, first);
    const found = framingOf(head, "GET");
    assertEquals([found, keepsConnection(head, found)], [framing, isKept], lines.join());
  }
});

Deno.test("framingOf: a response to HEAD has no body, whatever it announces", () => {
  for (const lines of [["Content-Length: 5"], [TE], [], ["Content-Length: x"]]) {
    const head = headOf(lines);
    assertEquals(framingOf(head, "HEAD"), length(0));
    assertEquals(keepsConnection(head, framingOf(head, "HEAD")), true);
  }
});

Deno.test("framingOf: ambiguous framing is http.protocol", () => {
  const table: [lines: string[], first?: string][] = [
    [["Content-Length: 5", "Content-Length: 6"]],
    [["Content-Length: -5"]],
    [["Content-Length: "]],
    [["Content-Length: 9007199254740993"]],
    [[TE], OLD],
  ];
  for (const [lines, first] of table) {
    const error = assertThrows(() => framingOf(headOf(lines, first), "GET"), CronfetchError);
    assertEquals(error.code, "http.protocol");
  }
});
