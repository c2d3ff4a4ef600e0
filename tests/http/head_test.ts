import { assertEquals, assertThrows } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { emptyLineBytes, endOfHead, mayBeResponse, parseHead } from "../../lib/http/head.ts";
import { toLatin1 } from "../helpers/raw_server.ts";

const OK = "HTTP/1.1 200 OK\r\n";

Deno.test("parseHead: status, version and fields", () => {
  const { minorVersion, status, headers } = parseHead(
    toLatin1('HTTP/1.0 404 Not Found\r\nETag: "1"\r\nx-a:b\r\n\r\n'),
  );
  assertEquals([minorVersion, status], [0, 404]);
  const asked = ["etag", "ETAG", "X-A", "x-b", "constructor", "__proto__"];
  assertEquals(asked.map((name) => headers.get(name)), ['"1"', '"1"', "b", null, null, null]);
});

const GOOD:
  readonly (readonly [what: string, head: string, values: Record<string, string | null>])[] = [
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
    ["5,000 fields", `${OK}${"A: 1\r\n".repeat(5000)}\r\n`, {
      a: Array(5000).fill("1").join(", "),
    }],
    ["two spaces and a tab before the status", "HTTP/1.1  \t200 OK\r\n\r\n", {}],
    ["a folded line", `${OK}A: 1\r\n 2\r\n\r\n`, { a: "1 2" }],
    ["lines folded by tabs and spaces", `${OK}A:\r\n\t1 \r\n \t 2\nB: 3\r\n\r\n`, {
      a: "1  2",
      b: "3",
    }],
    ["a line continued by an empty one", `${OK}A: 1\r\n \r\nB: 2\r\n\r\n`, { a: "1", b: "2" }],
    ["a folded first line, which continues the reason", `${OK} A: 1\r\nB: 2\r\n\r\n`, { b: "2" }],
    ["space before the colon", `${OK}A : 1\r\nB\t \t: 2\r\n\r\n`, { a: "1", b: "2" }],
    ["names that are none", `${OK}: 1\r\nA B: 2\r\n\xe9: 3\r\n(C): 4\r\nD: 5\r\n\r\n`, {
      a: null,
      b: null,
      "a b": null,
      c: null,
      d: "5",
    }],
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
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
  ["a status below 100", "HTTP/1.1 099 OK\r\n\r\n"],
  ["a control character in the reason", "HTTP/1.1 200 O\x07K\r\n\r\n"],
  ["CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n"],
  ["no colon", `${OK}A\r\n\r\n`],
  ["no colon in a folded line", `${OK}A: 1\r\nB\r\n C\r\n\r\n`],
  ["a control character in a name", `${OK}A\x01: 1\r\n\r\n`],
  ["a control character in a folded line", `${OK}A: 1\r\n \0\r\n\r\n`],
  ["5,001 fields", `${OK}${"A: 1\r\n".repeat(5001)}\r\n`],
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

Deno.test("row 22: parseHead returns at most two different Locations", () => {
  const table: [lines: string, location: string | null][] = [
    ["", null],
    ["Location: /a, b\r\n", "/a, b"],
    ["Location: /a\r\nlocation:  /a \r\n", "/a"],
    ["Location: /a\r\nLocation: /b\r\nLocation: /c\r\nLocation: /a\r\n", "/a\n/b"],
  ];
  for (const [lines, location] of table) {
    assertEquals(parseHead(toLatin1(`${OK}${lines}\r\n`)).headers.get("location"), location);
  }
});

Deno.test("emptyLineBytes counts the line ends at the start", () => {
  const table: [text: string, bytes: number][] = [["", 0], ["H", 0], ["\r\n\nH\r\n", 3], ["\r", 1]];
  for (const [text, bytes] of table) assertEquals(emptyLineBytes(toLatin1(text)), bytes);
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
