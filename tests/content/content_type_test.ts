import { assertEquals } from "@std/assert";
import { mediaType, textKind, typesAgree } from "../../lib/content/content_type.ts";

const NAMED: readonly (readonly [header: string | null, type: string | null])[] = [
  ["text/csv", "text/csv"],
  ["Text/CSV", "text/csv"],
  ["text/csv; charset=utf-8; header=present", "text/csv"],
  [" text/csv ;charset=utf-8", "text/csv"],
  ["application/vnd.api+json", "application/vnd.api+json"],
  [null, null],
  ["", null],
  ["csv", null],
  ["text/", null],
  ["text/csv text/html", null],
  ["text/csv, text/html", null],
  ["application/octet-stream", null],
  ["binary/octet-stream", null],
  ["application/force-download; name=a.csv", null],
];

for (const [header, type] of NAMED) {
  Deno.test(`mediaType: ${JSON.stringify(header)} is ${type}`, () => {
    assertEquals(mediaType(header), type);
  });
}

const DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

const AGREE: readonly (readonly [expected: string, found: string])[] = [
  ["text/csv", "text/csv"],
  ["TEXT/CSV; charset=utf-8", "text/csv"],
  ["text/csv", "application/csv"],
  ["application/xml", "text/xml"],
  ["text/xml", "application/xml"],
  ["application/gzip", "application/x-gzip"],
  ["application/zip", "application/x-zip-compressed"],
  ["application/javascript", "text/javascript"],
  ["application/x-javascript", "application/ecmascript"],
  ["image/jpg", "image/jpeg"],
  ["application/json", "application/geo+json"],
  ["application/geo+json", "application/json"],
  ["application/rss+xml", "text/xml"],
  ["image/svg+xml", "application/xml"],
  [DOCX, "application/zip"],
  [DOCX, "application/x-zip-compressed"],
  ["application/zip", XLSX],
  ["application/epub+zip", "application/zip"],
  ["application/vnd.ms-excel.sheet.macroenabled.12", "application/zip"],
  ["application/vnd.ms-excel", "application/x-cfb"],
  ["audio/ogg", "application/ogg"],
  ["audio/mp4", "video/mp4"],
  ["image/*", "image/png"],
  ["image/*", "IMAGE/PNG"],
  ["image/*", "image/svg+xml"],
  ["text/*", "text/xml"],
  ["text/*", "application/javascript"],
  ["application/*", "text/xml"],
];

for (const [expected, found] of AGREE) {
  Deno.test(`typesAgree: ${found} can be ${expected}`, () => {
    assertEquals(typesAgree(expected, found), true);
  });
}

const DISAGREE: readonly (readonly [expected: string, found: string])[] = [
  ["text/csv", "text/html"],
  ["text/csv", "text/plain"],
  ["application/geo+json", "application/ld+json"],
  ["application/rss+xml", "application/atom+xml"],
  ["application/xml", "text/html"],
  [DOCX, XLSX],
  [DOCX, "application/pdf"],
  ["application/zip", "application/gzip"],
  ["image/png", "image/jpeg"],
  ["image/*", "text/html"],
  ["image/*", "images/png"],
  ["text/*", "application/json"],
];

for (const [expected, found] of DISAGREE) {
  Deno.test(`typesAgree: ${found} cannot be ${expected}`, () => {
    assertEquals(typesAgree(expected, found), false);
  });
}

const KINDS: readonly (readonly [type: string, kind: string | null])[] = [
  ["text/csv", "csv"],
  ["application/csv", "csv"],
  ["text/tab-separated-values", "csv"],
  ["application/json", "json"],
  ["application/geo+json", "json"],
  ["text/xml", "xml"],
  ["image/svg+xml", "xml"],
  ["text/html; charset=utf-8", "html"],
  ["application/xhtml+xml", "html"],
  ["text/plain", "plain"],
  ["application/javascript", "plain"],
  ["application/x-ndjson", "plain"],
  ["text/yaml", "plain"],
  ["text/*", "any"],
  ["image/*", null],
  ["application/pdf", null],
  ["application/rtf", null],
  ["application/vnd.example", null],
];

for (const [type, kind] of KINDS) {
  Deno.test(`textKind: ${type} is ${kind}`, () => {
    assertEquals(textKind(type), kind);
  });
}
