/** Rows 221 to 223: heads that deviate from RFC 9112, and whose meaning is clear. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { rawServer } from "../helpers/raw_server.ts";
import { type ByFetch, type Expected, type Fault, replying, response, row } from "./scenario.ts";
import { WHOLE, wholeResponse } from "./scenario.ts";

const SIZE = WHOLE.length;
const LENGTH = `Content-Length: ${SIZE}`;
const CHUNKED = `${SIZE.toString(16)}\r\n${WHOLE}\r\n0\r\n\r\n`;
const RANGE = `Content-Range: bytes 0-${SIZE - 1}/${SIZE}`;

const PUBLISHED: Expected = { status: "published", attempts: [null] };
const PROTOCOL: Expected = { status: "failed", attempts: ["http.protocol"] };
const UNKNOWN_LENGTH: Expected = { ...PUBLISHED, warnings: ["lengthUnknown"] };

/** `fetch` refuses what deviates. */
const STRICT: ByFetch = { reason: "it parses strictly", expected: PROTOCOL };

const FEW_FIELDS: ByFetch = { reason: "it reads at most 100 fields", expected: PROTOCOL };

/** Fields beside which curl and wget find the file. */
const FIELDS: readonly (readonly [what: string, lines: readonly string[], byFetch: ByFetch])[] = [
  ["a field continued by a tab", ["Content-Type: text/plain;\r\n\tcharset=utf-8"], STRICT],
  ["a field continued in three lines", ["X-A: a\r\n  b\r\n \tc"], STRICT],
  ["a field continued by an empty line", ["X-A: a\r\n "], STRICT],
  ["a field that starts in its second line", ["X-A:\r\n a"], STRICT],
  ["a continued name", ["Content-Disposition: attachment;\r\n filename=a.b"], STRICT],
  ["a space before a colon", ["X-Powered-By : something"], STRICT],
  ["a tab before a colon", ["X-Powered-By\t: something"], STRICT],
  ["a flood of fields", Array.from({ length: 200 }, (_, at) => `X-${at}: a`), FEW_FIELDS],
  [
    "a flood of cookies",
    Array.from({ length: 300 }, (_, at) => `Set-Cookie: c${at}=1`),
    FEW_FIELDS,
  ],
];
for (const [what, lines, byFetch] of FIELDS) {
  row(`row 221: ${what} changes nothing`, {
    stage: replying(wholeResponse(...lines)),
    expected: PUBLISHED,
    byFetch,
  });
}

row("row 221: a Content-Length with a space before its colon is the length", {
  stage: replying(async (connection) => {
    await connection.send(response([`Content-Length : ${SIZE}`], WHOLE));
    await connection.hold();
  }),
  expected: PUBLISHED,
  byFetch: STRICT,
});

row("row 221: a Transfer-Encoding with a space before its colon is the coding", {
  stage: replying(response(["Transfer-Encoding : chunked"], CHUNKED)),
  expected: PUBLISHED,
  byFetch: STRICT,
});

row("row 221: a continued Location leads to the file", {
  stage: async (stack) => {
    const server = stack.use(
      await rawServer(async (connection) => {
        const { path } = await connection.readRequest();
        const away = response(["HTTP/1.1 302 Found", "Location:\r\n /there", "Content-Length: 0"]);
        await connection.send(path === "/there" ? wholeResponse() : away);
      }),
    );
    return { url: `${server.origin}/file.bin` };
  },
  expected: PUBLISHED,
  byFetch: STRICT,
});

for (const [what, before] of [["a line end", "\r\n"], ["two line ends", "\r\n\r\n"]] as const) {
  row(`row 221: ${what} before the status line is skipped`, {
    stage: replying(before + wholeResponse()),
    expected: PUBLISHED,
  });
}

row("row 221: chunks in HTTP/1.0 are decoded", {
  stage: replying(response(["HTTP/1.0 200 OK", "Transfer-Encoding: chunked"], CHUNKED)),
  expected: PUBLISHED,
  byFetch: {
    reason: "it refuses them",
    expected: { status: "failed", attempts: ["net.failed", "net.failed"] },
  },
});

row("row 221: the transfer coding identity is none", {
  stage: replying(response(["Transfer-Encoding: identity", LENGTH], WHOLE)),
  expected: PUBLISHED,
});

row("row 221: the transfer coding Identity without a length ends with the connection", {
  stage: replying(response(["Transfer-Encoding: Identity"], WHOLE)),
  expected: UNKNOWN_LENGTH,
});

row("row 221: 203 is the file as a proxy changed it", {
  stage: replying(
    response(["HTTP/1.1 203 Non-Authoritative Information", LENGTH, "Connection: close"], WHOLE),
  ),
  expected: { ...PUBLISHED, httpStatus: 203 },
});

row("row 221: an unrequested 206 with all bytes is the file", {
  stage: replying(response(["HTTP/1.1 206 Partial Content", RANGE, LENGTH], WHOLE)),
  expected: PUBLISHED,
});

const PARTS = [
  ["without Content-Range", []],
  ["of an unknown whole", [`Content-Range: bytes 0-${SIZE - 1}/*`]],
  ["that starts later", [`Content-Range: bytes 1-${SIZE}/${SIZE + 1}`]],
  ["that ends earlier", [`Content-Range: bytes 0-${SIZE - 1}/${SIZE + 1}`]],
] as const;
for (const [what, lines] of PARTS) {
  row(`row 221: an unrequested 206 ${what} is refused`, {
    stage: replying(response(["HTTP/1.1 206 Partial Content", ...lines, LENGTH], WHOLE)),
    expected: { ...PROTOCOL, httpStatus: 206 },
  });
}

/** Heads of which readers find different bodies. */
const AMBIGUOUS: readonly (readonly [what: string, head: readonly string[], body: string])[] = [
  ["two lengths, one with a space before its colon", [LENGTH, "Content-Length : 5"], WHOLE],
  ["two lengths, one continued", [LENGTH, "Content-Length:\r\n 5"], WHOLE],
  ["a length continued by a digit", ["Content-Length: 2\r\n 3"], WHOLE],
  ["a coding continued by another", ["Transfer-Encoding: chunked,\r\n gzip"], CHUNKED],
  ["identity after chunked", ["Transfer-Encoding: chunked, identity"], CHUNKED],
];
for (const [what, head, body] of AMBIGUOUS) {
  row(`row 221: ${what} is refused`, {
    stage: replying(response(head, body)),
    expected: PROTOCOL,
  });
}

/** Redirects by this Location field and others lead to this path. */
function redirecting(lines: readonly string[], path: string): Fault["stage"] {
  return async (stack) => {
    const server = stack.use(
      await rawServer(async (connection) => {
        const request = await connection.readRequest();
        const away = response(["HTTP/1.1 302 Found", ...lines, "Content-Length: 0"]);
        await connection.send(request.path === "/file.bin" ? away : wholeResponse());
      }),
    );
    return {
      url: `${server.origin}/file.bin`,
      check: () => assertEquals(server.requests, ["GET /file.bin", `GET ${path}`]),
    };
  };
}

/** Latin-1 of the UTF-8 of a text, as the test servers send text. */
function utf8(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

const JOINED: ByFetch = { reason: "it joins the fields by commas", expected: null };

const LOCATIONS: readonly (readonly [lines: readonly string[], path: string])[] = [
  [[`Location: ${utf8("/été/año.csv")}`], "/%C3%A9t%C3%A9/a%C3%B1o.csv"],
  [
    [`Location: ${utf8("/データ.csv?名=値")}`],
    "/%E3%83%87%E3%83%BC%E3%82%BF.csv?%E5%90%8D=%E5%80%A4",
  ],
  [["Location: /\xe9t\xe9.csv"], "/%E9t%E9.csv"],
  [["Location: /Sales, Q1, 2026.csv"], "/Sales,%20Q1,%202026.csv"],
  [["Location: /a b.csv"], "/a%20b.csv"],
  [["Location: /%C3%A9.csv"], "/%C3%A9.csv"],
  [["Location: /same.csv", "Location: /same.csv"], "/same.csv"],
  [["Location: /a, b", "location:   /a, b", "LOCATION: /a, b "], "/a,%20b"],
];
for (const [lines, path] of LOCATIONS) {
  row(`row 222: ${lines.map((line) => JSON.stringify(line)).join(" and ")} leads to ${path}`, {
    stage: redirecting(lines, path),
    expected: PUBLISHED,
    ...(lines.length > 1 ? { byFetch: JOINED } : {}),
  });
}

const DIFFERENT = [
  ["Location: /a", "Location: /b"],
  ["Location: /a, b", "Location: /a"],
  ["Location: /a", "Location: /a, /a"],
];
for (const lines of DIFFERENT) {
  row(`row 222: ${lines.join(" and ")} are refused`, {
    stage: replying(response(["HTTP/1.1 302 Found", ...lines, "Content-Length: 0"])),
    expected: PROTOCOL,
    byFetch: JOINED,
  });
}

for (const coding of ["utf-8", "binary", "UTF8", "null", "8bit", "identity, none", "false"]) {
  row(`row 223: the content coding "${coding}" is none`, {
    stage: replying(wholeResponse(`Content-Encoding: ${coding}`)),
    expected: PUBLISHED,
  });
}

for (const coding of ["COMPRESS", "dcb", "none, exi", "gzip, gzip, gzip, gzip"]) {
  row(`row 223: the content coding "${coding}" is refused`, {
    stage: replying(wholeResponse(`Content-Encoding: ${coding}`), {
      check: ({ result }) => assertStringIncludes(result.message ?? "", "coding"),
    }),
    expected: { status: "failed", attempts: ["content.coding"] },
  });
}

for (const coding of ["gzip", "x-gzip", "none, br", "ZSTD", "deflate,identity"]) {
  row(`row 223: a body that only claims to be ${coding} is refused`, {
    stage: replying(wholeResponse(`Content-Encoding: ${coding}`)),
    expected: { status: "failed", attempts: ["content.coding", "content.coding"] },
  });
}
