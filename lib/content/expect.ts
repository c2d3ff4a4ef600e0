/** Expectations: what received content must be before it is published. */

import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import { loadPatternEngine } from "../core/pattern.ts";
import type { Expectations } from "../core/task.ts";
import { cutServerText } from "../core/text.ts";
import { isTypeRange, mediaType, textKind, typesAgree } from "./content_type.ts";
import { detectType, isDetectable } from "./magic_bytes.ts";
import { decodeText, isHtmlPage, isJson, isSvg, textFault } from "./text_content.ts";

/** The largest file that is read whole to see whether it is JSON. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;

/**
 * Extensions of files that are never HTML: what comes as HTML instead is an error
 * page. Not `doc` and `xls`, since there is software that gives HTML to Word and Excel.
 */
const NEVER_HTML: ReadonlySet<string> = new Set(
  [
    "7z apk br bz2 cab crx deb dmg gz iso jar lz4 msi msix pkg rar rpm tar tgz txz whl xz zip zst",
    "bin dll exe so wasm",
    "docx epub odp ods odt pdf ppt pptx rtf xlsx",
    "avif bmp gif heic ico jpeg jpg jxl png psd tif tiff webp",
    "aac avi flac m4a m4v mkv mov mp3 mp4 mpg oga ogg ogv opus wav webm",
    "eot otf ttf woff woff2",
    "arrow avro db feather gpkg h5 mdb nc orc parquet pmtiles shp sqlite sqlite3",
    "csv geojson ics json jsonl ndjson rss toml tsv txt xml yaml yml",
    "asc md5 pem sha1 sha256 sha512 sig",
  ].flatMap((line) => line.split(" ")),
);

/** Received content, as the checks want to know it. */
export interface Content {
  /** The first bytes, up to 64 KiB. */
  readonly head: Uint8Array;
  /** Size of the whole. */
  readonly sizeBytes: number;
  /** Digest of the whole, lower-case hexadecimal. */
  readonly sha256: string;
  /** The Content-Type header, or null. */
  readonly contentType: string | null;
  /** Size of the file that is published now, or null where there is none. */
  readonly previousSizeBytes: number | null;
  /** Reads the whole; called only for a check that needs it. */
  readonly read: () => Promise<Uint8Array>;
}

/** What is wrong with a content. */
interface Fault {
  readonly code: ErrorCode;
  readonly message: string;
}

type Check = (
  content: Content,
  expect: Expectations,
  key: string,
) => Fault | null | Promise<Fault | null>;

/** In this order, so that the plainest reason is the one that is told. */
const CHECKS: readonly Check[] = [
  checkSize,
  checkDigest,
  checkType,
  checkNoErrorPage,
  checkJson,
  checkShrinking,
  checkPattern,
];

/**
 * Holds content against what its task expects: size, digest, type, shrinking,
 * pattern, in this order. Without an expected type it is still refused as HTML
 * if the extension of its `key` is never that of an HTML page.
 *
 * @throws {CronfetchError} `body.too-small`, `body.too-large`, `expect.digest`,
 * `expect.type`, `expect.shrunk`, `expect.matches`.
 */
export async function checkContent(
  content: Content,
  expect: Expectations,
  key: string,
): Promise<void> {
  for (const check of CHECKS) {
    const fault = await check(content, expect, key);
    if (fault) throw new CronfetchError(fault.code, fault.message);
  }
}

function checkSize({ sizeBytes }: Content, { minSizeBytes, maxSizeBytes }: Expectations) {
  if (sizeBytes < minSizeBytes) {
    return fault(
      "body.too-small",
      sizeBytes === 0
        ? "the server sent an empty file"
        : `expected at least ${bytes(minSizeBytes)}, found ${sizeBytes}`,
    );
  }
  if (maxSizeBytes !== null && sizeBytes > maxSizeBytes) {
    return fault("body.too-large", `expected at most ${bytes(maxSizeBytes)}, found ${sizeBytes}`);
  }
  return null;
}

function checkDigest(content: Content, { sha256 }: Expectations) {
  if (sha256 === null || sha256 === content.sha256) return null;
  // To publish what was not compared would be worse than to stop.
  if (typeof sha256 === "object") throw new TypeError("the checksum file was not read");
  return fault("expect.digest", `expected sha256 ${sha256}, found ${content.sha256}`);
}

async function checkType(content: Content, { type }: Expectations) {
  if (type === null) return null;
  const declared = mediaType(content.contentType);
  const kind = textKind(type);
  // Servers that know no better name for a text call it plain.
  const plain = kind !== null && declared === "text/plain";
  if (declared !== null && !plain && !typesAgree(type, declared)) {
    return fault("expect.type", `expected ${type}, the server calls it ${cutServerText(declared)}`);
  }
  const found = kind
    ? textFault(kind, decodeText(content.head), isWhole(content))
    : await binaryFault(content.head, type, declared);
  return found === null ? null : fault("expect.type", `expected ${type}, found ${found}`);
}

/** What bytes are instead of the expected type or range, in a few words, or null. */
async function binaryFault(
  head: Uint8Array,
  expected: string,
  declared: string | null,
): Promise<string | null> {
  if (isHtmlPage(head)) return "HTML";
  // Of types without magic bytes, the bytes prove nothing; of a range, the header names one.
  const named = isTypeRange(expected) ? declared : expected;
  if (named !== null && !await isDetectable(named)) return null;
  const found = isSvg(decodeText(head)) ? "image/svg+xml" : await detectType(head);
  if (found !== null && typesAgree(expected, found)) return null;
  return found ?? "bytes of no known type";
}

function checkNoErrorPage({ head }: Content, { type }: Expectations, key: string) {
  if (type !== null) return null;
  const extension = /[^/]\.([^./]+)$/.exec(key)?.[1]?.toLowerCase();
  if (extension === undefined || !NEVER_HTML.has(extension) || !isHtmlPage(head)) return null;
  return fault("expect.type", `expected what belongs in a .${extension} file, found HTML`);
}

async function checkJson(content: Content, { json }: Expectations) {
  if (!json) return null;
  if (content.sizeBytes > MAX_JSON_BYTES) {
    return fault(
      "expect.type",
      `expected JSON of at most ${MAX_JSON_BYTES} bytes, found ${content.sizeBytes}`,
    );
  }
  const whole = isWhole(content) ? content.head : await content.read();
  return isJson(whole) ? null : fault("expect.type", "the content is not valid JSON");
}

function checkShrinking(
  { sizeBytes, previousSizeBytes }: Content,
  { minRatio }: Expectations,
) {
  if (minRatio === null || previousSizeBytes === null) return null;
  if (sizeBytes >= minRatio * previousSizeBytes) return null;
  return fault(
    "expect.shrunk",
    `expected at least ${minRatio} times the ${bytes(previousSizeBytes)} of the published file, ` +
      `found ${sizeBytes}`,
  );
}

async function checkPattern({ head }: Content, { matches }: Expectations) {
  if (matches === null) return null;
  const { test } = await loadPatternEngine();
  if (test(matches, decodeText(head))) return null;
  const pattern = JSON.stringify(matches);
  return fault("expect.matches", `expected a match of ${pattern} in the first 64 KiB, found none`);
}

function isWhole({ head, sizeBytes }: Content): boolean {
  return head.length === sizeBytes;
}

function bytes(count: number): string {
  return count === 1 ? "1 byte" : `${count} bytes`;
}

function fault(code: ErrorCode, message: string): Fault {
  return { code, message };
}
