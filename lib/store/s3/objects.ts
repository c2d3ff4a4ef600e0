/** Objects of a bucket and files of a store: their names and metadata. Pure. */

import type { BucketLocation } from "../../core/location.ts";
import type { PublishRequest } from "../draft.ts";
import { DriverError } from "../errors.ts";
import { OWN_PREFIX } from "../../core/key.ts";
import { parseHttpDate } from "../../core/time.ts";
import { quotedEtag } from "./answers.ts";
import type { ObjectFacts, ObjectHead } from "./bucket.ts";
import type { StoredFile } from "../store.ts";
import type { S3Response } from "./transport.ts";

/** Longest name of an object, in bytes of UTF-8. */
const LONGEST_KEY_BYTES = 1_024;

/** Longest metadata value stored, in characters: S3 allows 2 KB for all metadata of an object. */
const LONGEST_VALUE = 600;

/** Names of the metadata that objects have. */
export const METADATA_NAMES = [
  "sha256",
  "md5",
  "source",
  "source-etag",
  "source-last-modified",
  "fetched-at",
] as const;

/** The folder of drafts, below the prefix. */
const DRAFTS = `${OWN_PREFIX}drafts/`;

/** Conversion between keys of files and names of objects. */
export interface ObjectNames {
  /**
   * The name of the object of a file.
   *
   * @throws {DriverError} `store.name`: it is too long, or cannot be listed.
   */
  objectKey(key: string): string;
  /** The key of a listed object. */
  keyOf(objectKey: string): string;
  /** The name of the object of a draft. */
  draftKey(name: string): string;
  /** The common prefix of the names of all objects below a folder. */
  prefix(prefix: string): string;
  /** The common prefix of the names of all drafts. */
  readonly drafts: string;
}

/** The names of objects below the prefix of a store. */
export function objectNames({ prefix }: Pick<BucketLocation, "prefix">): ObjectNames {
  const start = prefix === "" ? "" : `${prefix}/`;
  return {
    objectKey: (key) => {
      const name = start + key;
      const fault = nameFault(name);
      if (fault !== null) throw new DriverError("store.name", fault);
      return name;
    },
    keyOf: (objectKey) => objectKey.slice(start.length),
    draftKey: (name) => `${start}${DRAFTS}${name}`,
    prefix: (below) => below === "" ? start : `${start}${below}/`,
    drafts: `${start}${DRAFTS}`,
  };
}

function nameFault(name: string): string | null {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > LONGEST_KEY_BYTES) {
    return `with the prefix, the name has ${bytes} bytes; S3 allows ${LONGEST_KEY_BYTES}`;
  }
  // Lists are XML, which cannot represent them.
  return /\p{Cc}/u.test(name) ? "a name in a bucket cannot contain control characters" : null;
}

/** Whether a text, perhaps of a damaged state, is the name of a draft. */
export function isDraftName(name: string): boolean {
  return /^[0-9a-f]{32}$/.test(name);
}

/**
 * The Content-Type and metadata of the object of a file.
 *
 * @param md5 Hexadecimal digest of bytes that are uploaded in one request, whose ETag it is; null
 * for an upload in parts.
 */
export function factsOf({ sha256, provenance }: PublishRequest, md5: string | null): ObjectFacts {
  const digests = { sha256, ...(md5 === null ? {} : { md5 }) };
  if (provenance === null) return { contentType: null, metadata: digests };
  const { contentType, etag, lastModified, fetchedAt } = provenance;
  const values = {
    "source": provenance.source,
    "source-etag": etag,
    "source-last-modified": lastModified,
    "fetched-at": fetchedAt,
  };
  const metadata: Record<string, string> = digests;
  for (const [name, value] of Object.entries(values)) {
    const written = value === null ? null : inAscii(value);
    if (written !== null && written.length <= LONGEST_VALUE) metadata[name] = written;
  }
  return { contentType: contentType === null ? null : shortType(contentType), metadata };
}

/** A media type, without its parameters if it is long: servers refuse long headers. */
function shortType(contentType: string): string | null {
  const type = inAscii(contentType);
  if (type.length <= LONGEST_VALUE) return type;
  const [plain = ""] = type.split(";", 1);
  return plain.length <= LONGEST_VALUE ? plain : null;
}

/** Percent-encodes all but visible ASCII and spaces, for a header. */
function inAscii(value: string): string {
  return value.toWellFormed().replace(/[^\x20-\x7e]/gu, encodeURIComponent);
}

/** An object as the store returns it. */
export function storedObject(head: ObjectHead): StoredFile;
/** An object as the store returns it, or null. */
export function storedObject(head: ObjectHead | null): StoredFile | null;
export function storedObject(head: ObjectHead | null): StoredFile | null {
  if (head === null) return null;
  const { sizeBytes, etag, modifiedMs, facts: { metadata } } = head;
  // The time of the server is in whole seconds.
  const fetchedMs = Date.parse(metadata["fetched-at"] ?? "");
  const isNear = Math.abs(fetchedMs - modifiedMs) < SAME_TIME_MS;
  return {
    sizeBytes,
    revision: etag,
    modifiedMs: isNear ? fetchedMs : modifiedMs,
    sha256: digestOf(head),
  };
}

/** Largest difference between the time of download and that of the server for the former to count. */
const SAME_TIME_MS = 24 * 60 * 60 * 1000;

/**
 * The digest of an object that was not read: the server's checksum, or the digest in the metadata
 * if that belongs to these bytes. Another program may replace an object and keep its metadata, but
 * the ETag of one request's bytes is their MD5. Nothing binds metadata to the bytes of an upload in
 * parts, whose digest only the state knows, or reading.
 */
function digestOf(
  { etag, checksum, facts: { metadata: { sha256, md5 } } }: ObjectHead,
): string | null {
  if (checksum !== null) return sha256 !== undefined && checksum !== sha256 ? null : checksum;
  if (sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256)) return null;
  return md5 !== undefined && etag === `"${md5}"` ? sha256 : null;
}

/** The object that the header of a response describes. */
export function headOf({ headers }: Pick<S3Response, "headers">): ObjectHead {
  const metadata: Record<string, string> = {};
  for (const name of METADATA_NAMES) {
    const value = headers.get(`x-amz-meta-${name}`);
    if (value !== null) metadata[name] = value;
  }
  return {
    sizeBytes: Number(headers.get("content-length") ?? 0),
    etag: quotedEtag(headers.get("etag")) ?? "",
    modifiedMs: parseHttpDate(headers.get("last-modified") ?? "", 0) ?? 0,
    checksum: wholeChecksum(headers.get("x-amz-checksum-sha256")),
    facts: { contentType: headers.get("content-type"), metadata },
  };
}

/** The ETag of a response, in quotes; null without one. */
export function etagOf({ headers }: Pick<S3Response, "headers">): string | null {
  return quotedEtag(headers.get("etag"));
}

/** The headers with which an object of these facts is written. */
export function factHeaders({ contentType, metadata }: ObjectFacts): Record<string, string> {
  const headers: Record<string, string> = contentType === null
    ? {}
    : { "content-type": contentType };
  for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name}`] = value;
  return headers;
}

/**
 * The headers of a checksum that the server verifies and stores. They name the algorithm too, since
 * some servers store only an announced checksum.
 */
export function checksumHeaders(sha256: string): Record<string, string> {
  return {
    "x-amz-sdk-checksum-algorithm": "SHA256",
    "x-amz-checksum-sha256": Uint8Array.fromHex(sha256).toBase64(),
  };
}

/** Null for an upload in parts, whose checksum (`…-3`) is one of checksums of parts. */
function wholeChecksum(base64: string | null): string | null {
  if (base64 === null || !/^[A-Za-z0-9+/]{43}=$/.test(base64)) return null;
  return Uint8Array.fromBase64(base64).toHex();
}
