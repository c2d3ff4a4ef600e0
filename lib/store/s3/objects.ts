/** Objects of a bucket and files of a store: names, and what is kept beside the bytes. Pure. */

import type { BucketLocation } from "../../core/location.ts";
import type { PublishRequest } from "../draft.ts";
import { DriverError } from "../errors.ts";
import { OWN_PREFIX } from "../key.ts";
import type { ObjectFacts, ObjectHead } from "./bucket.ts";
import type { StoredFile } from "../store.ts";

/** The longest name of an object, in bytes of UTF-8. */
const LONGEST_KEY_BYTES = 1_024;

/** Longest value that is kept of a header or a URL: all metadata of an object have 2 KB. */
const LONGEST_VALUE = 600;

/** Where drafts are, below the prefix. */
const DRAFTS = `${OWN_PREFIX}drafts/`;

/** From keys to names of objects, and back. */
export interface S3Places {
  /**
   * Name of the object of a key.
   *
   * @throws {DriverError} `store.name`: it is too long, or no list could hold it.
   */
  objectKey(key: string): string;
  /** Key of an object in a list. */
  keyOf(objectKey: string): string;
  /** Name of the object that a draft is, while it is one. */
  draftKey(name: string): string;
  /** What the names of all objects below a prefix begin with. */
  prefix(prefix: string): string;
  /** What the names of all drafts begin with. */
  readonly drafts: string;
}

/** The places below a bucket's prefix. */
export function s3Places({ prefix }: Pick<BucketLocation, "prefix">): S3Places {
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
    return `with its prefix the name has ${bytes} bytes; a bucket allows ${LONGEST_KEY_BYTES}`;
  }
  // XML, in which lists come, has no way to write them.
  return /\p{Cc}/u.test(name) ? "a name in a bucket cannot hold control characters" : null;
}

/** Whether a text can be the name of a draft, and of nothing else. */
export function isDraftName(name: string): boolean {
  return /^[0-9a-f]{32}$/.test(name);
}

/**
 * What is kept beside the bytes of a file, as metadata of its object.
 *
 * @param md5 Hexadecimal digest of bytes that are written in one request: that is what servers
 * make the object's ETag of. Null for others.
 */
export function factsOf({ sha256, provenance }: PublishRequest, md5: string | null): ObjectFacts {
  const digests = { sha256, ...(md5 === null ? {} : { md5 }) };
  if (provenance === null) return { contentType: null, metadata: digests };
  const { contentType, source, etag, lastModified, fetchedAt } = provenance;
  const told = {
    "source": source,
    "source-etag": etag,
    "source-last-modified": lastModified,
    "fetched-at": fetchedAt,
  };
  const metadata: Record<string, string> = digests;
  for (const [name, value] of Object.entries(told)) {
    const written = value === null ? null : inAscii(value);
    if (written !== null && written.length <= LONGEST_VALUE) metadata[name] = written;
  }
  return { contentType: contentType === null ? null : inAscii(contentType), metadata };
}

/** As headers may hold it: what is not visible ASCII is percent-encoded. */
function inAscii(value: string): string {
  return value.toWellFormed().replace(/[^\x20-\x7e]/gu, encodeURIComponent);
}

/** What a store says of an object. */
export function storedObject(head: ObjectHead): StoredFile;
/** What a store says of an object that may not be there. */
export function storedObject(head: ObjectHead | null): StoredFile | null;
export function storedObject(head: ObjectHead | null): StoredFile | null {
  if (head === null) return null;
  const { sizeBytes, etag, modifiedMs, facts: { metadata } } = head;
  // The server's own time counts seconds.
  const fetchedMs = Date.parse(metadata["fetched-at"] ?? "");
  const apartMs = Math.abs(fetchedMs - modifiedMs);
  return {
    sizeBytes,
    revision: etag,
    modifiedMs: apartMs < SAME_TIME_MS ? fetchedMs : modifiedMs,
    sha256: digestOf(head, apartMs < SOON_MS),
  };
}

/** As far apart the two clocks may be that tell when a file was written. */
const SAME_TIME_MS = 24 * 60 * 60 * 1000;
/** So soon after it was fetched a file is stored, the copy of a large one and clocks included. */
const SOON_MS = 15 * 60 * 1000;

/**
 * The digest of an object that was not read: the server's own, else the noted
 * one where it can be believed to be about these bytes. Whoever replaces an object
 * may keep its metadata; but the ETag of one request's bytes is their MD5, and an
 * object in parts is one of ours if it was stored soon after it was fetched.
 */
function digestOf(
  { etag, checksum, facts: { metadata: { sha256, md5 } } }: ObjectHead,
  isClose: boolean,
): string | null {
  if (checksum !== null) return sha256 !== undefined && checksum !== sha256 ? null : checksum;
  if (sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256)) return null;
  const inParts = /-\d+"?$/.test(etag);
  const isBound = inParts ? md5 === undefined && isClose : etag === `"${md5}"`;
  return isBound ? sha256 : null;
}
