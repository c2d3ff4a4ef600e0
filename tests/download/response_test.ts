import { assertEquals, assertThrows } from "@std/assert";
import { CronfetchError, type ErrorCode } from "../../lib/core/errors.ts";
import {
  classifyResponse,
  type RequestKind,
  type ResponseUse,
} from "../../lib/download/response.ts";

const clock = { now: () => Temporal.Instant.from("2026-01-15T12:00:00Z") };
const PLAIN: RequestKind = { conditional: false, rangeStart: null, clock };
const CONDITIONAL: RequestKind = { ...PLAIN, conditional: true };
const RANGE: RequestKind = { ...PLAIN, rangeStart: 100 };

type Head = Record<string, string>;

Deno.test("classifyResponse returns how a response can be used", () => {
  type Row = [status: number, headers: Head, asked: RequestKind, answer: ResponseUse];
  const table: Row[] = [
    [200, { "content-length": "5" }, PLAIN, { kind: "whole", lengthBytes: 5, lengthKnown: true }],
    [200, { "content-length": "0" }, PLAIN, { kind: "whole", lengthBytes: 0, lengthKnown: true }],
    // Row 17: equal lengths.
    [200, { "content-length": "6, 6" }, PLAIN, {
      kind: "whole",
      lengthBytes: 6,
      lengthKnown: true,
    }],
    [
      200,
      { "transfer-encoding": "chunked" },
      PLAIN,
      { kind: "whole", lengthBytes: null, lengthKnown: true },
    ],
    [
      200,
      { "transfer-encoding": "Chunked", "content-length": "3" },
      PLAIN,
      { kind: "whole", lengthBytes: null, lengthKnown: true },
    ],
    // Row 29: delimited by the end of the connection.
    [200, {}, PLAIN, { kind: "whole", lengthBytes: null, lengthKnown: false }],
    [
      200,
      { "content-encoding": "identity" },
      PLAIN,
      { kind: "whole", lengthBytes: null, lengthKnown: false },
    ],
    ...["none", "utf-8", "", "identity, 8bit", "x-own", "gzip", "br, gzip"].map((coding): Row => [
      200,
      { "content-encoding": coding },
      PLAIN,
      { kind: "whole", lengthBytes: null, lengthKnown: false },
    ]),
    [203, { "content-length": "5" }, PLAIN, { kind: "whole", lengthBytes: 5, lengthKnown: true }],
    [
      200,
      { "transfer-encoding": "Identity", "content-length": "5" },
      PLAIN,
      { kind: "whole", lengthBytes: 5, lengthKnown: true },
    ],
    [
      206,
      { "content-range": "bytes 0-4/5", "content-length": "5" },
      PLAIN,
      { kind: "whole", lengthBytes: 5, lengthKnown: true },
    ],
    [
      206,
      { "content-range": "bytes 0-4/5", "transfer-encoding": "chunked" },
      PLAIN,
      { kind: "whole", lengthBytes: 5, lengthKnown: true },
    ],
    [200, { "content-length": "5" }, CONDITIONAL, {
      kind: "whole",
      lengthBytes: 5,
      lengthKnown: true,
    }],
    [304, {}, CONDITIONAL, { kind: "unchanged" }],
    [206, { "content-range": "bytes 100-199/200" }, RANGE, { kind: "part" }],
    [416, {}, RANGE, { kind: "unsatisfiable" }],
  ];
  for (const [status, headers, asked, answer] of table) {
    assertEquals(classifyResponse(status, new Headers(headers), asked), answer);
  }
});

Deno.test("classifyResponse throws for any other response", () => {
  type Row = [
    name: string,
    status: number,
    headers: Head,
    asked: RequestKind,
    code: ErrorCode,
    retry: string,
  ];
  const table: Row[] = [
    ["not found", 404, {}, PLAIN, "http.status", "never"],
    ["busy", 503, {}, PLAIN, "http.status", "later"],
    ["row 35: no content", 204, {}, PLAIN, "http.status", "never"],
    ["row 35: reset content", 205, {}, PLAIN, "http.status", "never"],
    ["choices", 300, {}, PLAIN, "http.status", "never"],
    ["row 57: an unrequested 304", 304, {}, PLAIN, "http.protocol", "never"],
    ["row 57: 304 to a range", 304, {}, RANGE, "http.protocol", "never"],
    ["row 36: an unrequested 206", 206, {}, PLAIN, "http.protocol", "never"],
    ["an unrequested 416", 416, {}, PLAIN, "http.status", "never"],
    [
      "row 19: an unknown transfer coding",
      200,
      { "transfer-encoding": "chunked, x" },
      PLAIN,
      "http.protocol",
      "never",
    ],
    [
      "row 19: a compressed transfer",
      200,
      { "transfer-encoding": "gzip, chunked" },
      PLAIN,
      "http.protocol",
      "never",
    ],
    ...[
      "bytes 0-3/5",
      "bytes 1-5/5",
      "bytes 0-4/*",
      "bytes 0-4",
      "bytes 0-9007199254740992/9007199254740993",
    ]
      .map((range) =>
        ["row 36: a part", 206, { "content-range": range }, PLAIN, "http.protocol", "never"] as Row
      ),
    [
      "row 36: a whole of another length",
      206,
      { "content-range": "bytes 0-4/5", "content-length": "4" },
      PLAIN,
      "http.protocol",
      "never",
    ],
    [
      "row 55: a coded part",
      206,
      { "content-encoding": "gzip", "content-range": "bytes 100-199/200" },
      RANGE,
      "http.protocol",
      "never",
    ],
    ["row 16: two lengths", 200, { "content-length": "5, 6" }, PLAIN, "http.protocol", "never"],
    ["row 18: below zero", 200, { "content-length": "-5" }, PLAIN, "http.protocol", "never"],
    [
      "row 18: beyond all numbers",
      200,
      { "content-length": "99999999999999999999" },
      PLAIN,
      "http.protocol",
      "never",
    ],
  ];
  for (const [name, status, headers, asked, code, retry] of table) {
    const error = assertThrows(
      () => classifyResponse(status, new Headers(headers), asked),
      CronfetchError,
    );
    assertEquals([error.code, error.retry, error.httpStatus], [code, retry, status], name);
  }
});
