import { assertEquals, assertThrows } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { type Framing, framingOf, keepsConnection } from "../../lib/http/framing.ts";
import { parseHead } from "../../lib/http/head.ts";
import { toLatin1 } from "../helpers/raw_server.ts";

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
    [["Transfer-Encoding: identity", "Content-Length: 5"], length(5), true],
    [["Transfer-Encoding: Identity"], CONNECTION, false],
    [["Transfer-Encoding: chunked, identity"], CONNECTION, false],
    [[TE], CHUNKED, false, OLD],
    [[TE, "Connection: keep-alive"], CHUNKED, false, OLD],
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
  const table: string[][] = [
    ["Content-Length: 5", "Content-Length: 6"],
    ["Content-Length: -5"],
    ["Content-Length: "],
    ["Content-Length: \xa05"],
    ["Content-Length: 9007199254740993"],
    ["Content-Length: 2\r\n 3"],
    ["Content-Length: 5", "Content-Length : 6"],
  ];
  for (const lines of table) {
    const error = assertThrows(() => framingOf(headOf(lines), "GET"), CronfetchError);
    assertEquals(error.code, "http.protocol");
  }
});
