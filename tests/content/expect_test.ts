import { assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { checkContent, type Content } from "../../lib/content/expect.ts";
import { CronfetchError, type ErrorCode } from "../../lib/core/errors.ts";
import type { Expectations, ExpectedDigests } from "../../lib/core/task.ts";
import { DEFAULT_EXPECTATIONS } from "../helpers/task.ts";

const HEAD_BYTES = 64 * 1024;
const DIGEST = "a".repeat(64);

interface Given {
  /** Text, or bytes as Latin-1 with `latin1`. */
  readonly body: string | Uint8Array;
  readonly key?: string;
  readonly contentType?: string | null;
  readonly previousSizeBytes?: number | null;
  readonly expect?: Partial<Expectations & ExpectedDigests>;
}

/** Checks content; returns its fault, or null, and the number of times it was read whole. */
async function outcome(given: Given): Promise<{
  readonly fault: readonly [ErrorCode, string] | null;
  readonly reads: number;
}> {
  const { body, key = "file", contentType = null, previousSizeBytes = null, expect } = given;
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  let reads = 0;
  const content: Content = {
    head: bytes.subarray(0, HEAD_BYTES),
    sizeBytes: bytes.length,
    sha256: DIGEST,
    contentType,
    previousSizeBytes,
    read: () => {
      reads++;
      return Promise.resolve(bytes);
    },
    digests: (algorithms) => {
      reads++;
      return Promise.resolve(
        algorithms.map((algorithm) => createHash(algorithm).update(bytes).digest("hex")),
      );
    },
  };
  try {
    const expectations = { ...DEFAULT_EXPECTATIONS, ...expect };
    await checkContent(content, expectations, expectations, key);
    return { fault: null, reads };
  } catch (error) {
    if (!(error instanceof CronfetchError)) throw error;
    assertEquals(error.retry, "never");
    return { fault: [error.code, error.message], reads };
  }
}

const hex = (digits: string) => Uint8Array.fromHex(digits.replaceAll(" ", ""));

/** Text in UTF-16 with a byte order mark. */
function utf16(text: string, end: "little" | "big"): Uint8Array {
  const units = [...`\ufeff${text}`].map((character) => character.charCodeAt(0));
  return new Uint8Array(
    units.flatMap((unit) => end === "big" ? [unit >> 8, unit & 255] : [unit & 255, unit >> 8]),
  );
}

/** A zip file's first entry, stored. */
function zip(name: string, text: string): Uint8Array {
  const header = new Uint8Array(30);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0x504b0304);
  view.setUint32(18, text.length, true);
  view.setUint32(22, text.length, true);
  view.setUint16(26, name.length, true);
  return new Uint8Array([...header, ...new TextEncoder().encode(name + text), ...hex("504b0506")]);
}

const PDF = "%PDF-1.7\n%âãÏÓ\n";
const PNG = hex(`89504e470d0a1a0a 0000000d49484452 0000000100000001 0802000000 ${"00".repeat(32)}`);
const JPEG = hex(`ffd8ffe0 0010 4a46494600 0101 ${"00".repeat(32)}`);
const GZIP = hex("1f8b0800000000000003 4bcc01000000");
const ZIP = zip("a.txt", "a");
const XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const DOCX = zip(
  "[Content_Types].xml",
  `<Types><Override ContentType="${DOCX_TYPE}.main+xml"/></Types>`,
);
const PAGE = "<!doctype html>\n<title>404 Not Found</title>\n";

const SHA256 = "b".repeat(64);

const CASES: readonly (readonly [
  why: string,
  given: Given,
  fault: readonly [ErrorCode, string] | null,
])[] = [
  ["anything, where nothing is expected", { body: "x" }, null],

  ["row 33: an empty file", { body: "" }, ["body.too-small", "the server sent an empty file"]],
  ["row 33: an empty file that may be", { body: "", expect: { minSizeBytes: 0 } }, null],
  [
    "a file too small",
    { body: "abc", expect: { minSizeBytes: 4 } },
    ["body.too-small", "expected at least 4 bytes, found 3"],
  ],
  ["a file just large enough", { body: "abc", expect: { minSizeBytes: 3 } }, null],
  [
    "a file too large",
    { body: "abc", expect: { maxSizeBytes: 2 } },
    ["body.too-large", "expected at most 2 bytes, found 3"],
  ],
  [
    "a file of another size than the expected one",
    { body: "abc", expect: { minSizeBytes: 4, maxSizeBytes: 4 } },
    ["body.too-small", "expected 4 bytes, found 3"],
  ],
  ["a file just small enough", { body: "ab", expect: { maxSizeBytes: 2 } }, null],

  ["row 37: the digest", { body: "x", expect: { sha256: DIGEST } }, null],
  [
    "row 37: another digest",
    { body: "x", expect: { sha256: SHA256 } },
    ["expect.digest", `expected sha256 ${SHA256}, found ${DIGEST}`],
  ],

  ["a file that shrank a little", {
    body: "abcde",
    previousSizeBytes: 10,
    expect: { minRatio: 0.5 },
  }, null],
  [
    "a file that shrank too much",
    { body: "abcd", previousSizeBytes: 10, expect: { minRatio: 0.5 } },
    ["expect.shrunk", "expected at least 0.5 times the 10 bytes of the published file, found 4"],
  ],
  ["a first file", { body: "a", expect: { minRatio: 0.5 } }, null],
  ["a file after an empty one", {
    body: "a",
    previousSizeBytes: 0,
    expect: { minRatio: 0.5 },
  }, null],
  ["a smaller file, where it may be", { body: "a", previousSizeBytes: 10 }, null],

  ["a match", { body: "date,rate\n", expect: { matches: "^date," } }, null],
  ["a match behind a byte order mark", {
    body: "\ufeffdate,rate\n",
    expect: { matches: "^date," },
  }, null],
  ["a match in a later line", { body: "x\ndate,\n", expect: { matches: "^date,$" } }, null],
  ["a match by code points", { body: "a😀b", expect: { matches: "^a.b$" } }, null],
  [
    "no match",
    { body: "data,rate\n", expect: { matches: "^date,/" } },
    ["expect.matches", 'expected a match of "^date,/" in the first 64 KiB, found none'],
  ],
  [
    "a match that comes too late",
    { body: `${"x".repeat(HEAD_BYTES)}date`, expect: { matches: "date" } },
    ["expect.matches", 'expected a match of "date" in the first 64 KiB, found none'],
  ],

  ["a match in UTF-16, little end first", {
    body: utf16("date,rate\r\n", "little"),
    expect: { matches: "^date,rate$" },
  }, null],
  ["a match in UTF-16, big end first", {
    body: utf16("x\ndate,rate\n", "big"),
    expect: { matches: "^date,rate$" },
  }, null],

  ["JSON", { body: "[1]", expect: { json: true } }, null],
  [
    "no JSON",
    { body: "[1", expect: { json: true } },
    ["expect.type", "the content is not valid JSON"],
  ],
  [
    "no JSON at the end of a long file",
    { body: `["${"x".repeat(HEAD_BYTES)}"`, expect: { json: true } },
    ["expect.type", "the content is not valid JSON"],
  ],

  ["row 34: HTML for .html", { body: PAGE, key: "a/b.html" }, null],
  ["row 34: HTML for .php", { body: PAGE, key: "b.php" }, null],
  ["row 34: HTML for .xhtml", { body: PAGE, key: "b.xhtml" }, null],
  ["row 34: HTML for .xls, as some programs write it", {
    body: '<html xmlns:x="urn:schemas-microsoft-com:office:excel"><table>',
    key: "b.xls",
  }, null],
  ["row 34: HTML for no extension", { body: PAGE, key: "a.pdf/b" }, null],
  ["row 34: HTML for a dot file", { body: PAGE, key: "a/.zip" }, null],
  ["row 34: text that speaks of HTML for .csv", { body: `a,${PAGE}`, key: "b.csv" }, null],
  [
    "row 116: text for .pdf",
    { body: "Not found", key: "b.pdf" },
    ["expect.type", "expected PDF for a .pdf file, found text"],
  ],
  ["sniff: false accepts text for .pdf", {
    body: "Not found",
    key: "b.pdf",
    expect: { sniff: false },
  }, null],
  [
    "sniff: false keeps the check of an expected type",
    { body: "Not found", key: "b.pdf", expect: { sniff: false, type: "application/pdf" } },
    ["expect.type", "expected application/pdf, found text"],
  ],
  ["the right digest proves more than the bytes show", {
    body: "Not found",
    key: "b.pdf",
    expect: { sha256: DIGEST },
  }, null],
  [
    "row 34: HTML for .PDF",
    { body: PAGE, key: "a/b.PDF", contentType: "application/pdf" },
    ["expect.type", "expected PDF for a .pdf file, found HTML"],
  ],
  ...[
    ["pdf", "PDF for"],
    ["tar.gz", "gzip for"],
    ["tgz", "gzip for"],
    ["png", "PNG for"],
    ["exe", "Windows program for"],
    ["parquet", "Parquet for"],
    ["xlsx", "ZIP or encrypted Office document for"],
    ["woff2", "WOFF2 for"],
    ["csv", "the content of"],
    ["ndjson", "the content of"],
    ["xml", "the content of"],
  ].map(([extension = "", expected]) =>
    [
      `row 34: HTML for .${extension}`,
      { body: `\ufeff \r\n<!-- x -->\n${PAGE}`, key: `b.${extension}` },
      [
        "expect.type",
        `expected ${expected} a .${extension.split(".").at(-1)} file, found HTML`,
      ],
    ] as const
  ),
  [
    "HTML for .pdf where HTML is expected",
    { body: PAGE, key: "b.pdf", expect: { type: "text/html" } },
    null,
  ],

  ["a type by its bytes alone", { body: PDF, expect: { type: "application/pdf" } }, null],
  ["a type by its bytes under a header that says nothing", {
    body: PDF,
    contentType: "application/octet-stream",
    expect: { type: "application/pdf" },
  }, null],
  ["a type by bytes and header", {
    body: PDF,
    contentType: "Application/PDF; qs=0.001",
    expect: { type: "application/pdf" },
  }, null],
  ["row 119: magic bytes under the header text/html", {
    body: PDF,
    contentType: "text/html; charset=utf-8",
    expect: { type: "application/pdf" },
  }, null],
  ["row 119: magic bytes under the header text/plain", {
    body: PDF,
    contentType: "text/plain",
    expect: { type: "application/pdf" },
  }, null],
  ...["text/html", "text/plain", "application/vnd.ms-excel", "application/octet-stream"].map((
    contentType,
  ) =>
    [
      `row 119: a docx under the header ${contentType}`,
      { body: DOCX, contentType, expect: { type: DOCX_TYPE } },
      null,
    ] as const
  ),
  [
    "other bytes",
    { body: PNG, contentType: "application/pdf", expect: { type: "application/pdf" } },
    ["expect.type", "expected application/pdf, found PNG"],
  ],
  [
    "bytes that are text",
    { body: "Not found", contentType: "application/pdf", expect: { type: "application/pdf" } },
    ["expect.type", "expected application/pdf, found text"],
  ],
  [
    "row 34: HTML under the header of another type",
    { body: PAGE, contentType: "application/zip", expect: { type: "application/zip" } },
    ["expect.type", "expected application/zip, found HTML"],
  ],
  ["gzip by its other name", {
    body: GZIP,
    contentType: "application/x-gzip",
    expect: { type: "application/gzip" },
  }, null],
  ["a docx", { body: DOCX, contentType: DOCX_TYPE, expect: { type: DOCX_TYPE } }, null],
  ["a docx under the header of a zip", {
    body: DOCX,
    contentType: "application/x-zip-compressed",
    expect: { type: DOCX_TYPE },
  }, null],
  ["a docx whose bytes show only a zip", { body: ZIP, expect: { type: DOCX_TYPE } }, null],
  ["a docx where a zip is expected", { body: DOCX, expect: { type: "application/zip" } }, null],
  [
    "a docx where an epub is expected",
    { body: DOCX, expect: { type: "application/epub+zip" } },
    ["expect.type", `expected application/epub+zip, found ${DOCX_TYPE}`],
  ],

  ["a range", { body: JPEG, expect: { type: "image/*" } }, null],
  ["a range, the header naming another type of it", {
    body: JPEG,
    contentType: "image/png",
    expect: { type: "image/*" },
  }, null],
  ["a range with SVG", {
    body: '<?xml version="1.0"?>\n<svg xmlns="x"/>',
    contentType: "image/svg+xml",
    expect: { type: "image/*" },
  }, null],
  ["a range with a type that has no magic bytes", {
    body: "P3 1 1 1 0 0 0",
    contentType: "image/x-portable-pixmap",
    expect: { type: "image/*" },
  }, null],
  ["row 119: a range, its bytes under another header", {
    body: JPEG,
    contentType: "video/mp4",
    expect: { type: "image/*" },
  }, null],
  [
    "a type without magic bytes under another header",
    {
      body: "anything",
      contentType: "application/vnd.other",
      expect: { type: "application/vnd.example" },
    },
    [
      "expect.type",
      "expected application/vnd.example, the Content-Type is application/vnd.other",
    ],
  ],
  [
    "a range, other bytes",
    { body: PDF, contentType: "image/png", expect: { type: "image/*" } },
    ["expect.type", "expected image/*, found application/pdf"],
  ],
  [
    "a range, bytes of nothing",
    { body: "Not found", expect: { type: "image/*" } },
    ["expect.type", "expected image/*, found bytes of unknown type"],
  ],

  ["a type without magic bytes", {
    body: "anything",
    contentType: "application/vnd.example",
    expect: { type: "application/vnd.example" },
  }, null],
  [
    "row 34: HTML for a type without magic bytes",
    { body: PAGE, expect: { type: "application/vnd.example" } },
    ["expect.type", "expected application/vnd.example, found HTML"],
  ],

  ["CSV called plain text", {
    body: "a,b\n1,2\n",
    contentType: "text/plain; charset=utf-8",
    expect: { type: "text/csv" },
  }, null],
  ["row 119: CSV called a document of Excel", {
    body: "Rates of 2026\n\na;b\n1;2\n",
    contentType: "application/vnd.ms-excel",
    expect: { type: "text/csv" },
  }, null],
  ...([
    ["a;b\n1;2\n", "application/msexcel", "text/csv"],
    ["a;b\n1;2\n", XLSX_TYPE, "text/csv"],
    ["a;b\n1;2\n", "application/x-force-download", "text/csv"],
    ["a;b\n1;2\n", "application/json", "text/csv"],
    ['{"a":1}', "application/javascript", "application/json"],
    ['{"a":1}', "application/vnd.geo+json", "application/geo+json"],
    ['{"a":1}\n{"a":2}\n', "application/json", "application/x-ndjson"],
    ["<rss/>", "application/atom+xml", "application/rss+xml"],
    ["BEGIN:VCALENDAR", "application/ics", "text/calendar"],
    ["a: 1", "application/json", "application/yaml"],
    ["<http://a/> <http://b/> <http://c/> .", "text/plain", "application/n-triples"],
    ["#EXTM3U", "audio/x-mpegurl", "application/vnd.apple.mpegurl"],
  ] as const).map(([body, contentType, type]) =>
    [
      `row 119: ${type} under the header ${contentType}`,
      { body, contentType, expect: { type } },
      null,
    ] as const
  ),
  ...([
    ["\x03\x7e\x01\x0f" + "\0".repeat(29), "application/dbf"],
    ["GRIB\0\0\0\x02", "application/x-grib"],
    ["\x89HDF\r\n\x1a\n", "application/x-hdf"],
    ["CDF\x01", "application/netcdf"],
    ["SQLite format 3\0", "application/geopackage+sqlite3"],
    ["PK\x03\x04", "application/vnd.google-earth.kmz"],
    ["\xff\xff\xff\xff\x70\0", "application/vnd.apache.arrow.stream"],
  ] as const).flatMap(([body, type]) => [
    [
      `row 119: magic bytes of ${type} under the header text/html`,
      {
        body: Uint8Array.from(body, (one) => one.charCodeAt(0)),
        contentType: "text/html",
        expect: { type },
      },
      null,
    ] as const,
    [
      `row 116: text where ${type} is expected`,
      { body: "Not found", contentType: type, expect: { type } },
      ["expect.type", `expected ${type}, found text`],
    ] as const,
  ]),
  ["row 119: CSV in UTF-16", {
    body: utf16("a\tb\r\n1\t2\r\n", "little"),
    contentType: "text/tab-separated-values",
    expect: { type: "text/csv" },
  }, null],
  [
    "row 118: CSV called HTML",
    { body: "a,b\n1,2\n", contentType: "text/html", expect: { type: "text/csv" } },
    ["expect.type", "expected text/csv, the Content-Type is text/html"],
  ],
  ["CSV whose head ends within a line", {
    body: "a,b\n".repeat(HEAD_BYTES / 4) + "c",
    expect: { type: "text/csv" },
  }, null],
  [
    "row 34: HTML under the header of CSV",
    { body: PAGE, contentType: "text/csv", expect: { type: "text/csv" } },
    ["expect.type", "expected text/csv, found HTML"],
  ],
  [
    "gzip under the header of CSV",
    { body: GZIP, contentType: "text/csv", expect: { type: "text/csv" } },
    ["expect.type", "expected text/csv, found binary data"],
  ],
  ["JSON under a more special header", {
    body: '{"type":"FeatureCollection"}',
    contentType: "application/geo+json",
    expect: { type: "application/json" },
  }, null],
  [
    "JSON that is cut",
    { body: '{"type":', contentType: "application/json", expect: { type: "application/json" } },
    ["expect.type", "expected application/json, found invalid JSON"],
  ],
  ["JSON that continues after the head", {
    body: `["${"x".repeat(HEAD_BYTES)}"]`,
    expect: { type: "application/json" },
  }, null],
  ["a script called by an old name", {
    body: "export {};\n",
    contentType: "application/x-javascript",
    expect: { type: "text/javascript" },
  }, null],
  ["any text", {
    body: PAGE,
    contentType: "text/html",
    expect: { type: "text/*" },
  }, null],

  // Each has all later faults as well, to test the order of the checks.
  ...([
    [{ minSizeBytes: 1_000 }, "body.too-small"],
    [{}, "expect.digest"],
    [{ sha256: null }, "expect.type"],
    [{ sha256: null, type: null }, "expect.type"],
    [{ sha256: null, type: null, json: false }, "expect.shrunk"],
    [{ sha256: null, type: null, json: false, minRatio: null }, "expect.matches"],
  ] as const).map(([expect, code]) =>
    [
      `everything is wrong but what was mended: ${code}, with ${JSON.stringify(expect)}`,
      {
        body: "x",
        previousSizeBytes: 100,
        expect: {
          sha256: SHA256,
          type: "application/pdf",
          json: true,
          minRatio: 0.5,
          matches: "y",
          ...expect,
        },
      },
      [code, ""],
    ] as const
  ),
];

for (const [why, given, expected] of CASES) {
  Deno.test(`checkContent: ${why}`, async () => {
    const { fault } = await outcome(given);
    const message = expected?.[1] === "" ? "" : fault?.[1];
    assertEquals(fault && [fault[0], message], expected && [...expected]);
  });
}

const READS: readonly (readonly [why: string, given: Given, reads: number])[] = [
  ["without a check that needs it", { body: "x", expect: { type: "text/plain" } }, 0],
  ["if the head is all of it", { body: "[1]", expect: { json: true } }, 0],
  ["for long JSON", { body: JSON.stringify("x".repeat(HEAD_BYTES)), expect: { json: true } }, 1],
  ["once something else is wrong", {
    body: JSON.stringify("x".repeat(HEAD_BYTES)),
    expect: { json: true, maxSizeBytes: 1 },
  }, 0],
];

for (const [why, given, reads] of READS) {
  Deno.test(`checkContent reads the whole content ${reads} times ${why}`, async () => {
    assertEquals((await outcome(given)).reads, reads);
  });
}

Deno.test("checkContent refuses to read JSON of more than 64 MiB", async () => {
  const sizeBytes = 64 * 1024 * 1024 + 1;
  const content: Content = {
    head: new TextEncoder().encode("[1,"),
    sizeBytes,
    sha256: DIGEST,
    contentType: null,
    previousSizeBytes: null,
    read: () => Promise.reject(new TypeError("it was read")),
    digests: () => Promise.reject(new TypeError("it was read")),
  };
  const error = await assertRejects(
    () =>
      checkContent(
        content,
        { ...DEFAULT_EXPECTATIONS, json: true },
        DEFAULT_EXPECTATIONS,
        "a.json",
      ),
    CronfetchError,
  );
  assertEquals(
    [error.code, error.message],
    ["expect.type", `expected JSON of at most 67108864 bytes, found ${sizeBytes}`],
  );
});

const ABC = {
  sha512: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
  sha1: "a9993e364706816aba3e25717850c26c9cd0d89d",
  md5: "900150983cd24fb0d6963f7d28e17f72",
};

Deno.test("row 37: checkContent checks each expected digest, by one more reading", async () => {
  assertEquals(await outcome({ body: "abc", expect: ABC }), { fault: null, reads: 1 });
  assertEquals((await outcome({ body: "abc", expect: { sha256: DIGEST } })).reads, 0);
  for (const algorithm of ["sha512", "sha1", "md5"] as const) {
    const digest = ABC[algorithm];
    assertEquals(await outcome({ body: "abc", expect: { [algorithm]: digest } }), {
      fault: null,
      reads: 1,
    });
    const { fault } = await outcome({ body: "abd", expect: { [algorithm]: digest } });
    assertEquals(fault?.[0], "expect.digest");
    assertEquals(fault?.[1].startsWith(`expected ${algorithm} ${digest}, found `), true);
  }
});
