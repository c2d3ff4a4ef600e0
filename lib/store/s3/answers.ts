/** The XML of S3's responses and requests, as data. Pure. */

import { DriverError } from "../errors.ts";
import type { ListedObject, PendingUpload, UploadedPart } from "./bucket.ts";
import { childText, escapeXmlText, parseXml, type XmlElement } from "./xml.ts";

/** The `<Error>` of a response. A field is null if the response lacks it. */
export interface ErrorAnswer {
  readonly code: string | null;
  readonly message: string | null;
  readonly region: string | null;
}

/** One page of a list, and where the next one starts; null after the last. */
export interface Page<Item, Next> {
  readonly items: readonly Item[];
  readonly next: Next | null;
}

/** Where the next page of uploads starts. */
export interface UploadMarker {
  readonly key: string;
  readonly id: string | null;
}

/**
 * Reads an `<Error>`, which may come with any status: completing an upload and copying send 200
 * before they know the result.
 *
 * @returns Null if the text is something else.
 */
export function readErrorAnswer(text: string): ErrorAnswer | null {
  if (!text.includes("<")) return null;
  try {
    const root = parseXml(text);
    // STS and some gateways wrap the element.
    const error = root.name === "Error" ? root : root.children.find(({ name }) => name === "Error");
    if (error === undefined) return null;
    return {
      code: childText(error, "Code"),
      message: childText(error, "Message"),
      region: childText(error, "Region"),
    };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * Reads a page of ListObjectsV2. An ETag is null if the list has none.
 *
 * @throws {DriverError} The response is no such page, or does not name the next one, as of a server
 * that implements the first version of the request only: objects would seem not to exist.
 */
export function readObjects(text: string): Page<ListedObject, string> {
  const root = rootOf(text, "ListBucketResult");
  const items = root.children.filter(({ name }) => name === "Contents").map((entry) => ({
    key: required(entry, "Key"),
    sizeBytes: sizeOf(required(entry, "Size")),
    etag: quotedEtag(childText(entry, "ETag")),
    modifiedMs: timeOf(childText(entry, "LastModified")),
  }));
  const next = isTruncated(root) ? required(root, "NextContinuationToken") : null;
  return { items, next };
}

/** Reads a page of ListMultipartUploads. */
export function readUploads(text: string): Page<PendingUpload, UploadMarker> {
  const root = rootOf(text, "ListMultipartUploadsResult");
  const items = root.children.filter(({ name }) => name === "Upload").map((entry) => ({
    key: required(entry, "Key"),
    id: required(entry, "UploadId"),
    initiatedMs: timeOf(childText(entry, "Initiated")),
  }));
  const key = isTruncated(root) ? childText(root, "NextKeyMarker") || null : null;
  const next = key === null ? null : { key, id: childText(root, "NextUploadIdMarker") || null };
  return { items, next };
}

/**
 * The items of all pages of a list.
 *
 * @throws {DriverError} A page repeats where it starts: the server ignores that, and would send the
 * same page for ever.
 */
export async function* pages<Item, Next>(
  request: (next: Next | null) => Promise<Page<Item, Next>>,
): AsyncGenerator<Item> {
  let next: Next | null = null;
  do {
    const page: Page<Item, Next> = await request(next);
    yield* page.items;
    if (page.next !== null && JSON.stringify(page.next) === JSON.stringify(next)) {
      throw malformed("a list does not advance");
    }
    next = page.next;
  } while (next !== null);
}

/** Reads the id of a created upload. */
export function readUploadId(text: string): string {
  return required(rootOf(text, "InitiateMultipartUploadResult"), "UploadId");
}

/** Reads the ETag of a completed upload. */
export function readCompleted(text: string): string {
  const etag = quotedEtag(childText(rootOf(text, "CompleteMultipartUploadResult"), "ETag"));
  if (etag === null) throw malformed("no ETag of the completed upload");
  return etag;
}

/** Reads the ETag of a copy of an object or a part; null if the response has none. */
export function readCopied(
  text: string,
  kind: "CopyObjectResult" | "CopyPartResult",
): string | null {
  return quotedEtag(childText(rootOf(text, kind), "ETag"));
}

/** The body of CompleteMultipartUpload. */
export function completionOf(parts: readonly UploadedPart[]): string {
  const entries = parts.map(({ number, etag }) =>
    `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXmlText(etag)}</ETag></Part>`
  );
  return '<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
    `${entries.join("")}</CompleteMultipartUpload>`;
}

/**
 * An ETag with its quotes, which some servers omit in some responses; null for an empty one. All
 * ETags in the program have this form, so that they compare as text.
 */
export function quotedEtag(etag: string | null): string | null {
  const text = etag?.trim() ?? "";
  if (text === "" || text === '""') return null;
  return /^(?:W\/)?".*"$/s.test(text) ? text : `"${text}"`;
}

function rootOf(text: string, name: string): XmlElement {
  let root: XmlElement;
  try {
    root = parseXml(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw malformed(error.message);
  }
  if (root.name !== name) throw malformed(`<${root.name.slice(0, 40)}> instead of <${name}>`);
  return root;
}

function required(element: XmlElement, name: string): string {
  const text = childText(element, name);
  if (text === null || text === "") throw malformed(`<${element.name}> has no <${name}>`);
  return text;
}

function isTruncated(root: XmlElement): boolean {
  return childText(root, "IsTruncated")?.trim() === "true";
}

function sizeOf(text: string): number {
  const size = /^\d+$/.test(text.trim()) ? Number(text) : NaN;
  if (!Number.isSafeInteger(size)) throw malformed("an object has no size");
  return size;
}

/** Milliseconds since the epoch; 0 for a time that is missing or malformed. */
function timeOf(text: string | null): number {
  const ms = Date.parse(text ?? "");
  return Number.isNaN(ms) ? 0 : ms;
}

/** The error for a response that does not follow the API of S3. */
export function malformed(fault: string): DriverError {
  return new DriverError("store.failed", `the server sent no valid response of S3: ${fault}`);
}
