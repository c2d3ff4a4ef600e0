/** Objects of a bucket and files of a store: their names and metadata. Pure. */

import type { BucketLocation } from "../../core/location.ts";
import type { PublishRequest } from "../draft.ts";
import { DriverError } from "../errors.ts";
import { OWN_PREFIX } from "../../core/key.ts";
import type { ObjectFacts, ObjectHead } from "./bucket.ts";
import type { StoredFile } from "../store.ts";

/** Longest name of an object, in bytes of UTF-8. */
const LONGEST_KEY_BYTES = 1_024;

/** Longest metadata value stored, in characters: S3 allows 2 KB for all metadata of an object. */
const LONGEST_VALUE = 600;

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
  return { contentType: contentType === null ? null : inAscii(contentType), metadata };
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
  const apartMs = Math.abs(fetchedMs - modifiedMs);
  return {
    sizeBytes,
    revision: etag,
    modifiedMs: apartMs < SAME_TIME_MS ? fetchedMs : modifiedMs,
    sha256: digestOf(head, apartMs < SOON_MS),
  };
}

/** Largest difference between the time of download and that of the server for the former to count. */
const SAME_TIME_MS = 24 * 60 * 60 * 1000;
/** Longest time from a download to its object, with the copy of a large file and clock skew. */
const SOON_MS = 15 * 60 * 1000;

/**
 * The digest of an object that was not read: the server's checksum, or the digest in the metadata
 * if that belongs to these bytes. Another program may replace an object and keep its metadata, but
 * the ETag of one request's bytes is their MD5, and an object in parts is ours if it was created
 * soon after the download.
 */
function digestOf(
  { etag, checksum, facts: { metadata: { sha256, md5 } } }: ObjectHead,
  isRecent: boolean,
): string | null {
  if (checksum !== null) return sha256 !== undefined && checksum !== sha256 ? null : checksum;
  if (sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256)) return null;
  const inParts = /-\d+"?$/.test(etag);
  const isBound = inParts ? md5 === undefined && isRecent : etag === `"${md5}"`;
  return isBound ? sha256 : null;
}
