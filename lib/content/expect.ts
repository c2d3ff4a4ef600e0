/** Expectations: checks of received content before it is published. */

import {
  DIGEST_ALGORITHMS,
  type DigestAlgorithm,
  type Expectations,
  type ExpectedDigests,
} from "../core/task.ts";
import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import { cutServerText } from "../core/text.ts";
import { beginsWithMarkup, formatOfType } from "./binary_format.ts";
import {
  canonicalType,
  isTypeRange,
  mediaType,
  type TextKind,
  textKind,
  typesAgree,
  widerType,
} from "./content_type.ts";
import { isHtmlIn, isSvg } from "./markup.ts";
import { describeBytes, provesOtherType, sniffFault } from "./sniff.ts";
import { decodeText, isJson, textFault } from "./text_content.ts";

/** Largest file that is parsed as JSON. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;

/** Received content. */
export interface Content {
  /** The first bytes, up to 64 KiB. */
  readonly head: Uint8Array;
  /** Total size in bytes. */
  readonly sizeBytes: number;
  /** Digest of all bytes, lower-case hexadecimal. */
  readonly sha256: string;
  /** The Content-Type header, or null. */
  readonly contentType: string | null;
  /** Size of the published file, or null without one. */
  readonly previousSizeBytes: number | null;
  /** Reads all bytes; called only for a check that needs them. */
  readonly read: () => Promise<Uint8Array>;
  /** Computes other digests by reading all bytes; called only if one is expected. */
  readonly digests: (algorithms: readonly DigestAlgorithm[]) => Promise<readonly string[]>;
}

interface Fault {
  readonly code: ErrorCode;
  readonly message: string;
}

type ContentCheck = (
  content: Content,
  expect: Expectations,
  key: string,
  digests: ExpectedDigests,
) => Fault | null | Promise<Fault | null>;

/** In this order, so that the most basic fault is reported. */
const CHECKS: readonly ContentCheck[] = [
  checkSize,
  checkDigest,
  checkType,
  checkSniffed,
  checkJson,
  checkShrinking,
  checkPattern,
];

/**
 * Checks content against the expectations of its task: size, digest, type, JSON, shrinking, pattern,
 * in this order. Unless `sniff` is false, content that cannot be the file is refused too
 * ({@linkcode sniffFault}).
 *
 * @param digests The expected digests; those of `expect` may still be checksum files.
 * @param key Key of the file.
 * @throws {CronfetchError} `body.too-small`, `body.too-large`, `expect.digest`,
 * `expect.type`, `expect.shrunk`, `expect.matches`.
 */
export async function checkContent(
  content: Content,
  expect: Expectations,
  digests: ExpectedDigests,
  key: string,
): Promise<void> {
  for (const check of CHECKS) {
    const found = check(content, expect, key, digests);
    const fault = found instanceof Promise ? await found : found;
    if (fault) throw new CronfetchError(fault.code, fault.message);
  }
}

function checkSize({ sizeBytes }: Content, { minSizeBytes, maxSizeBytes }: Expectations) {
  // The size that a list states.
  const isExact = minSizeBytes === maxSizeBytes;
  if (sizeBytes < minSizeBytes) {
    return fault(
      "body.too-small",
      sizeBytes === 0
        ? "the server sent an empty file"
        : `expected ${isExact ? "" : "at least "}${bytes(minSizeBytes)}, found ${sizeBytes}`,
    );
  }
  if (maxSizeBytes !== null && sizeBytes > maxSizeBytes) {
    return fault(
      "body.too-large",
      `expected ${isExact ? "" : "at most "}${bytes(maxSizeBytes)}, found ${sizeBytes}`,
    );
  }
  return null;
}

function checkDigest(content: Content, _: Expectations, _key: string, digests: ExpectedDigests) {
  const { sha256, sha512, sha1, md5 } = digests;
  const found = digestFault("sha256", sha256, content.sha256);
  if (found !== null || (sha512 === null && sha1 === null && md5 === null)) return found;
  return checkOtherDigests(content, digests);
}

const OTHER_DIGESTS = ["sha512", "sha1", "md5"] as const;

async function checkOtherDigests(
  content: Content,
  digests: ExpectedDigests,
): Promise<Fault | null> {
  const expected = OTHER_DIGESTS.filter((algorithm) => digests[algorithm] !== null);
  const found = await content.digests(expected);
  for (const [index, algorithm] of expected.entries()) {
    const wrong = digestFault(algorithm, digests[algorithm], found[index] ?? "");
    if (wrong !== null) return wrong;
  }
  return null;
}

function digestFault(
  algorithm: DigestAlgorithm,
  expected: string | null,
  found: string,
): Fault | null {
  if (expected === null || expected === found) return null;
  return fault("expect.digest", `expected ${algorithm} ${expected}, found ${found}`);
}

function checkType(content: Content, { type }: Expectations) {
  return type === null ? null : typeFault(content, type);
}

async function typeFault(content: Content, type: string): Promise<Fault | null> {
  const { head } = content;
  const declared = mediaType(content.contentType);
  const kind = textKind(type);
  if (kind !== null) {
    if (declared !== null && !mayBeCalled(type, kind, declared, head)) {
      return fault(
        "expect.type",
        `expected ${type}, the Content-Type is ${cutServerText(declared)}`,
      );
    }
    const found = textFault(kind, decodeText(head), isWhole(content));
    return found === null ? null : fault("expect.type", `expected ${type}, found ${found}`);
  }
  const format = formatOfType(type);
  if (format === null) return await unlistedTypeFault(head, type, declared);
  const found = format.matches(head)
    ? await otherZip(head, type)
    : describeBytes(head, isWhole(content));
  return found === null ? null : fault("expect.type", `expected ${type}, found ${found}`);
}

/** Types under which servers send CSV, so that Excel opens it. */
const EXCEL = /^application\/(?:(?:vnd\.|x-)?ms-?excel|(?:x-)?excel|vnd\.openxmlformats-.+sheet)$/;

/** Whether a header agrees with an expected type of text, or is text of another type. */
function mayBeCalled(type: string, kind: TextKind, declared: string, head: Uint8Array): boolean {
  if (typesAgree(type, declared)) return true;
  if (typesAgree("text/html", declared)) {
    return provesOtherType(head, kind === "xml" ? "xml" : "text");
  }
  return textKind(declared) !== null || (kind === "csv" && EXCEL.test(declared));
}

/** The type of a ZIP file by its members, if it is not the expected one; or null. */
async function otherZip(head: Uint8Array, type: string): Promise<string | null> {
  if (widerType(canonicalType(type)) !== "application/zip") return null;
  const found = await detectType(head);
  const isOther = found !== null && widerType(canonicalType(found)) === "application/zip" &&
    !typesAgree(type, found);
  return isOther ? found : null;
}

/** Checks an expected type or range that is not listed in `binary_format.ts`. */
async function unlistedTypeFault(
  head: Uint8Array,
  expected: string,
  declared: string | null,
): Promise<Fault | null> {
  const wrong = (what: string) => fault("expect.type", `expected ${expected}, ${what}`);
  const text = beginsWithMarkup(head) ? decodeText(head) : "";
  if (isHtmlIn(text, "text")) return wrong("found HTML");
  const found = isSvg(text) ? "image/svg+xml" : await detectType(head);
  if (found !== null && typesAgree(expected, found)) return null;
  // For types without magic bytes the header decides; for a range, the header names the type.
  const named = isTypeRange(expected) ? declared : expected;
  if (named === null || await isDetectable(named)) {
    return wrong(`found ${found ?? "bytes of unknown type"}`);
  }
  return declared === null || typesAgree(expected, declared)
    ? null
    : wrong(`the Content-Type is ${cutServerText(declared)}`);
}

function checkSniffed(content: Content, expect: Expectations, key: string) {
  const { type, sniff } = expect;
  // A matching digest is better proof than sniffing.
  if (!sniff || DIGEST_ALGORITHMS.some((algorithm) => expect[algorithm] !== null)) return null;
  const message = sniffFault({ ...content, key, type });
  return message === null ? null : fault("expect.type", message);
}

function checkJson(content: Content, { json }: Expectations) {
  return json ? jsonFault(content) : null;
}

async function jsonFault(content: Content): Promise<Fault | null> {
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

function checkPattern({ head }: Content, { matches }: Expectations) {
  return matches === null ? null : patternFault(head, matches);
}

async function patternFault(head: Uint8Array, matches: string): Promise<Fault | null> {
  const { test } = await (await import("../core/pattern.ts")).loadPatternEngine();
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

/**
 * Detects the media type of content by its first bytes, or null.
 *
 * @throws {CronfetchError} `expect.type`: Deno may not read the environment, which the detection
 * library requires.
 */
export async function detectType(head: Uint8Array): Promise<string | null> {
  const { fileTypeFromBuffer } = await loadFileType();
  const found = await fileTypeFromBuffer(head);
  return mediaType(found?.mime ?? null);
}

/**
 * Whether {@linkcode detectType} can detect a type.
 *
 * @throws {CronfetchError} `expect.type`, as {@linkcode detectType}.
 */
async function isDetectable(type: string): Promise<boolean> {
  const { supportedMimeTypes } = await loadFileType();
  return supportedMimeTypes.values().some((known) => typesAgree(type, known));
}

/** Loaded on demand: few runs need it, and loading takes longer than a small download. */
async function loadFileType(): Promise<typeof import("file-type")> {
  try {
    return await import("file-type");
  } catch (error) {
    // One of its dependencies reads the environment when it is loaded.
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new CronfetchError(
      "expect.type",
      "a binary type cannot be checked without --allow-env or --ignore-env",
      { cause: error },
    );
  }
}
