import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { formatOfExtension } from "../../lib/content/binary_format.ts";
import { sniffFault } from "../../lib/content/sniff.ts";
import { BINARY_FILES, FILE_NAMES, GARBAGE, latin1, TEXT_FILES, utf16 } from "./corpus.ts";

interface Given {
  /** Text, or bytes. */
  readonly body: string | Uint8Array;
  readonly key: string;
  readonly contentType?: string | null;
  readonly type?: string | null;
  /** Whether the head is only a part. */
  readonly cut?: boolean;
}

function sniff({ body, key, contentType = null, type = null, cut = false }: Given): string | null {
  const head = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return sniffFault({ head, sizeBytes: head.length + (cut ? 1 : 0), contentType, key, type });
}

const DIV = '<div class="alert">Session expired</div>';
const S3 = "<Error><Code>AccessDenied</Code><Message>No</Message></Error>";
const LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 5\n";
const PDF = "%PDF-1.7\n";
const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

const CASES: readonly (readonly [row: string, given: Given, fault: string | null])[] = [
  ["row 116", { body: DIV, key: "a.zip" }, "expected ZIP for a .zip file, found HTML"],
  [
    "row 116",
    { body: "Not found", key: "a/B.XLSX" },
    "expected ZIP or encrypted Office document for a .xlsx file, found text",
  ],
  [
    "row 116",
    { body: S3, key: "a.parquet" },
    "expected Parquet for a .parquet file, found an XML error document (AccessDenied)",
  ],
  [
    "row 116",
    { body: '{"error":"x"}', key: "a.png" },
    "expected PNG for a .png file, found a JSON error object",
  ],
  [
    "row 116",
    { body: LFS, key: "a.sqlite" },
    "expected SQLite for a .sqlite file, found a Git LFS pointer",
  ],
  [
    "row 116",
    { body: latin1("\x89PNG\r\n\x1a\n\0\0"), key: "a.pdf" },
    "expected PDF for a .pdf file, found PNG",
  ],
  [
    "row 116",
    { body: latin1("\0\x01\x02\x03"), key: "a.tar.gz" },
    "expected gzip for a .gz file, found bytes of unknown type",
  ],
  ["row 116", { body: "P", key: "a.zip" }, "expected ZIP for a .zip file, found text"],
  [
    "row 116",
    { body: latin1("\x1f"), key: "a.gz" },
    "expected gzip for a .gz file, found bytes of unknown type",
  ],
  ["row 116", { body: `<html>${PDF}`, key: "a.pdf" }, "expected PDF for a .pdf file, found HTML"],
  [
    "row 116",
    { body: "x".repeat(1_024) + PDF, key: "a.pdf" },
    "expected PDF for a .pdf file, found text",
  ],
  ["row 116", { body: "x".repeat(1_019) + PDF, key: "a.pdf" }, null],
  ["row 116", { body: "", key: "a.zip" }, null],
  [
    "row 116",
    { body: DIV, key: "a.zip", type: "application/gzip" },
    "expected application/gzip, found HTML",
  ],
  ["row 116", { body: PDF, key: "a.zip", type: "application/pdf" }, null],
  ["row 116", { body: "x", key: "a.zip", type: "application/vnd.example" }, null],
  [
    "row 117",
    { body: LFS, key: "a.zip", type: "application/vnd.example" },
    "expected application/vnd.example, found a Git LFS pointer",
  ],

  ["row 117", { body: DIV, key: "a.csv" }, "expected the content of a .csv file, found HTML"],
  ["row 117", { body: DIV, key: "a.dat" }, "expected the content of a .dat file, found HTML"],
  [
    "row 117",
    { body: DIV, key: "a.unheard" },
    "expected the content of a .unheard file, found HTML",
  ],
  [
    "row 117",
    { body: utf16(`\n${DIV}`, "big"), key: "a.json" },
    "expected the content of a .json file, found HTML",
  ],
  [
    "row 117",
    { body: S3, key: "a.xml" },
    "expected the content of a .xml file, found an XML error document (AccessDenied)",
  ],
  [
    "row 117",
    { body: S3, key: "a.txt" },
    "expected the content of a .txt file, found an XML error document (AccessDenied)",
  ],
  [
    "row 117",
    { body: S3, key: "nameless" },
    "expected a file, found an XML error document (AccessDenied)",
  ],
  [
    "row 117",
    { body: '<?xml version="1.0"?><a/>', key: "a.csv" },
    "expected the content of a .csv file, found XML",
  ],
  ["row 117", { body: '<?xml version="1.0"?><a/>', key: "a.txt" }, null],
  [
    "row 117",
    { body: '{"error":"x"}', key: "a.ndjson" },
    "expected the content of a .ndjson file, found a JSON error object",
  ],
  ["row 117", { body: '{"error":"x"}', key: "a.json", cut: true }, null],
  ["row 117", { body: '{"error":"x"}', key: "nameless" }, null],
  [
    "row 117",
    { body: LFS, key: "a.csv" },
    "expected the content of a .csv file, found a Git LFS pointer",
  ],
  ["row 117", { body: '{"a":1},x\n{"b":2},y\n', key: "a.csv" }, null],
  ["row 117", { body: '{"rows":1}', key: "a.csv" }, null],
  ["row 117", { body: '{"rows":1}\n{"rows":2}\n', key: "a.csv" }, null],
  ["row 117", { body: "{\\rtf1 x}", key: "a.doc" }, null],
  ["row 117", { body: '{"rows":1}', key: "a.yaml" }, null],
  ["row 117", { body: '{"rows":1}', key: "a.txt" }, null],
  ["row 117", { body: "[1]\nb=2\n", key: "a.toml" }, null],
  [
    "row 117",
    { body: "<app-root></app-root>", key: "a.json" },
    "expected the content of a .json file, found markup",
  ],
  [
    "row 117",
    { body: "<svg/>", key: "a.csv" },
    "expected the content of a .csv file, found markup",
  ],
  [
    "row 117",
    { body: '<%@ Page Language="C#" %>', key: "a.ics" },
    "expected the content of a .ics file, found markup",
  ],
  [
    "row 117",
    { body: "<?php echo 1;", key: "a.csv" },
    "expected the content of a .csv file, found markup",
  ],
  [
    "row 117",
    { body: "<?php echo 1;", key: "a.xml" },
    "expected the content of a .xml file, found PHP source",
  ],
  [
    "row 117",
    { body: '<app-root></app-root><script src="a.js"></script>', key: "a.txt" },
    "expected the content of a .txt file, found HTML",
  ],
  ["row 117", { body: "<SEC-DOCUMENT>0001.txt : 2026\n<SEC-HEADER>", key: "a.txt" }, null],
  [
    "row 117",
    { body: '<section class="error">x</section>', key: "a.xml" },
    "expected the content of a .xml file, found HTML",
  ],
  ["row 117", { body: '<object class="GtkWindow"/>', key: "a.xml" }, null],
  ["row 117", { body: "<<: *default\n", key: "a.yaml" }, null],
  ["row 117", { body: "<TITLE>, <DATE>\n", key: "a.csv" }, null],
  ["row 117", { body: "<TITLE>\t<DATE>\n", key: "a.tsv" }, null],
  ["row 117", { body: '<html xsl:version="1.0"/>', key: "a.xsl" }, null],
  ["row 117", { body: "version: 1\n", key: "a.yaml" }, null],
  ["row 117", { body: "../annex/objects", key: "a.txt" }, null],
  ["row 117", { body: DIV, key: "a.md" }, null],
  [
    "row 117",
    { body: "<!doctype html>", key: "a.md" },
    "expected the content of a .md file, found HTML",
  ],
  ["row 117", { body: DIV, key: "a.html" }, null],
  ["row 117", { body: DIV, key: "a.php" }, null],
  ["row 117", { body: DIV, key: "a.csv/page" }, null],
  ["row 117", { body: DIV, key: ".csv" }, null],
  ["row 117", { body: DIV, key: "release 1.2" }, null],
  ["row 117", { body: DIV, key: "a.csv", type: "text/html" }, null],
  ["row 117", { body: DIV, key: "a.html", type: "text/csv" }, "expected text/csv, found HTML"],
  ["row 117", { body: DIV, key: "a.xls" }, "expected the content of a .xls file, found HTML"],
  ["row 117", { body: DIV, key: "a.xls", contentType: "application/vnd.ms-excel" }, null],
  ["row 117", { body: "", key: "a.csv", contentType: "text/html" }, null],

  [
    "row 118",
    { body: "a,b\n", key: "a.csv", contentType: "text/html" },
    "expected the content of a .csv file, the Content-Type is text/html",
  ],
  [
    "row 118",
    { body: "Session expired", key: "a.json", contentType: "Text/HTML; charset=utf-8" },
    "expected the content of a .json file, the Content-Type is text/html",
  ],
  [
    "row 118",
    { body: "Session expired", key: "a.dat", contentType: "application/xhtml+xml" },
    "expected the content of a .dat file, the Content-Type is application/xhtml+xml",
  ],
  [
    "row 118",
    { body: DIV, key: "a.md", contentType: "text/html" },
    "expected the content of a .md file, the Content-Type is text/html",
  ],
  [
    "row 118",
    { body: "x", key: "a.txt", contentType: "text/html", type: "text/plain" },
    "expected text/plain, the Content-Type is text/html",
  ],
  ["row 118", { body: "x", key: "a.html", contentType: "text/html" }, null],
  ["row 118", { body: "x", key: "nameless", contentType: "text/html" }, null],
  ["row 118", { body: "x", key: "a.csv", contentType: "text/html", type: "text/html" }, null],

  ["row 119", { body: PDF, key: "a.pdf", contentType: "text/html" }, null],
  ["row 119", { body: PDF, key: "a.dat", contentType: "text/html" }, null],
  ["row 119", { body: latin1("PK\x03\x04\0"), key: "a.bin", contentType: "text/html" }, null],
  [
    "row 119",
    { body: latin1("PK\x03\x04\0"), key: "a", contentType: "text/html", type: XLSX },
    null,
  ],
  [
    "row 119",
    { body: "<?xml version='1.0'?><rss/>", key: "a.xml", contentType: "text/html" },
    null,
  ],
  ["row 119", { body: "<svg/>", key: "a.svg", contentType: "text/html" }, null],
];

Deno.test("rows 116, 117, 118 and 119: sniffFault accepts files and refuses other content", () => {
  for (const [row, given, fault] of CASES) {
    assertEquals(sniff(given), fault, `${row}: ${JSON.stringify(given)}`);
  }
});

Deno.test("rows 116 and 117: sniffFault refuses 200 bodies under 40 names", () => {
  assertEquals([GARBAGE.length, FILE_NAMES.length], [200, 40]);
  const accepted = FILE_NAMES.flatMap((key) =>
    GARBAGE.filter((body) => sniff({ body, key }) === null)
      .map((body) => `${key}: ${new TextDecoder().decode(body)}`)
  );
  assertEquals(accepted, []);
});

/** Content-Types of servers that do not know the type of a file, or assume another one. */
const WRONG_HEADERS = [
  ...[null, "text/html; charset=utf-8", "text/plain", "application/octet-stream"],
  ...["application/vnd.ms-excel", "image/jpeg", "application/json", "nonsense"],
];

Deno.test("row 119: sniffFault accepts genuine files with any header", () => {
  const refused: string[] = [];
  let files = 0;
  for (const [key, content] of BINARY_FILES) {
    for (const contentType of WRONG_HEADERS) {
      files++;
      const fault = sniff({ body: latin1(content), key, contentType });
      if (fault !== null) refused.push(`${key} as ${contentType}: ${fault}`);
    }
  }
  for (const [key, body] of TEXT_FILES) {
    for (const contentType of WRONG_HEADERS.filter((header) => !header?.includes("html"))) {
      files++;
      const fault = sniff({ body, key, contentType });
      if (fault !== null) refused.push(`${key} as ${contentType}: ${fault}`);
    }
  }
  assertEquals(refused, []);
  assertEquals(files >= 100, true, `${files} files`);
});

Deno.test("row 116: sniffFault refuses a file of one format under the name of another", () => {
  const formats = ["a.zip", "a.gz", "a.pdf", "a.png", "a.jpg", "a.mp4", "a.parquet", "a.tar"];
  const samples = BINARY_FILES.filter(([key]) => formats.includes(key));
  for (const [key] of samples) {
    for (const [other, content] of samples) {
      assertEquals(
        sniff({ body: latin1(content), key }) === null,
        key === other,
        `${other} as ${key}`,
      );
    }
  }
});

Deno.test("formatOfExtension: the format matches its binary file, but not the first byte of it", () => {
  for (const [key, content] of BINARY_FILES) {
    const format = formatOfExtension(key.slice(key.lastIndexOf(".") + 1));
    assertEquals(format?.matches(latin1(content)), true, key);
    if (format?.name === "binary data") continue;
    assertEquals(format?.matches(latin1(content.slice(0, 1))), false, key);
  }
});

Deno.test("property: sniffFault returns for any bytes and name, and accepts generated JSON", () => {
  const name = fc.constantFrom(...FILE_NAMES, "a", "a.html", "a.md", "a.doc", "a.svg", "a.\u00e4");
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), name, (body, key) => {
    const fault = sniff({ body, key });
    assertEquals(fault === null || fault.startsWith("expected "), true);
  }));
  fc.assert(fc.property(fc.json(), (body) => {
    assertEquals(sniff({ body, key: "a.json" }), null);
  }));
});
