/** Reads and changes a bucket by the S3 API, as another client. */

import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { PutObjectCommandInput } from "@aws-sdk/client-s3";
import { shown } from "./folder.ts";

/** Access to a server. */
export interface S3Place {
  /** AWS_… variables: keys, region, endpoint. */
  readonly env: Readonly<Record<string, string>>;
  /** An open client, which the caller closes. Default: a new one. */
  readonly s3?: S3Client;
}

/** A client of the SDK's own kind. Disposing of it closes its connections. */
export interface S3Access extends Disposable {
  readonly s3: S3Client;
}

/** A client for a server that a test has started. */
export function clientOf({ env, s3: open }: S3Place): S3Access {
  if (open !== undefined) return { s3: open, [Symbol.dispose]: () => {} };
  const s3 = new S3Client({
    endpoint: required(env, "AWS_ENDPOINT_URL_S3"),
    region: required(env, "AWS_REGION"),
    credentials: {
      accessKeyId: required(env, "AWS_ACCESS_KEY_ID"),
      secretAccessKey: required(env, "AWS_SECRET_ACCESS_KEY"),
    },
    forcePathStyle: true,
    // The default of the SDK contains the release of the system, which needs a permission.
    defaultUserAgentProvider: () => Promise.resolve([["cronfetch-test"]]),
  });
  return { s3, [Symbol.dispose]: () => s3.destroy() };
}

function required(env: S3Place["env"], name: string): string {
  const value = env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

/** Keys of all objects that begin with `prefix`, in the order in which the server lists them. */
export async function keys(place: S3Place, bucket: string, prefix = ""): Promise<string[]> {
  using client = clientOf(place);
  const found: string[] = [];
  const list = { Bucket: bucket, Prefix: prefix };
  for await (const page of paginateListObjectsV2({ client: client.s3 }, list)) {
    for (const { Key } of page.Contents ?? []) if (Key !== undefined) found.push(Key);
  }
  return found;
}

/** Bytes of one object. */
export async function getObject(
  place: S3Place,
  bucket: string,
  key: string,
): Promise<Uint8Array<ArrayBuffer>> {
  using client = clientOf(place);
  const { Body } = await client.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  if (Body === undefined) throw new Error(`${key} came without a body`);
  return new Uint8Array(await Body.transformToByteArray());
}

/**
 * Content of all objects that begin with `prefix`, by key, as `tree` in folder.ts shows that of
 * files: short UTF-8 as text, anything else as `sha256:` and the digest.
 */
export async function objects(
  place: S3Place,
  bucket: string,
  prefix = "",
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const key of (await keys(place, bucket, prefix)).sort()) {
    found[key] = await shown(await getObject(place, bucket, key));
  }
  return found;
}

/** Metadata of an object; null where the server sends none. */
export interface ObjectHead {
  readonly sizeBytes: number;
  /** With its quotes. */
  readonly etag: string | null;
  readonly contentType: string | null;
  /** The user's own, by lower-case name without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Base64. */
  readonly checksumSha256: string | null;
  readonly checksumCrc32: string | null;
  readonly checksumCrc64: string | null;
  /** Whether the checksums are of the whole content or made from those of its parts. */
  readonly checksumType: string | null;
  readonly lastModified: Date | null;
}

/** Requests the metadata of an object, including checksums; null if it is missing. */
export async function head(
  place: S3Place,
  bucket: string,
  key: string,
): Promise<ObjectHead | null> {
  using client = clientOf(place);
  const command = new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: "ENABLED" });
  try {
    const said = await client.s3.send(command);
    return {
      sizeBytes: said.ContentLength ?? 0,
      etag: said.ETag ?? null,
      contentType: said.ContentType ?? null,
      metadata: said.Metadata ?? {},
      checksumSha256: said.ChecksumSHA256 ?? null,
      checksumCrc32: said.ChecksumCRC32 ?? null,
      checksumCrc64: said.ChecksumCRC64NVME ?? null,
      checksumType: said.ChecksumType ?? null,
      lastModified: said.LastModified ?? null,
    };
  } catch (error) {
    if (error instanceof Error && error.name === "NotFound") return null;
    throw error;
  }
}

/** Writes or overwrites an object and returns its ETag with quotes. */
export async function putObject(
  place: S3Place,
  bucket: string,
  key: string,
  content: string | Uint8Array,
  options: Pick<PutObjectCommandInput, "ContentType" | "Metadata" | "ChecksumSHA256"> = {},
): Promise<string> {
  using client = clientOf(place);
  // The SDK treats an empty string as a stream of unknown length.
  const Body = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body, ...options });
  return (await client.s3.send(command)).ETag ?? "";
}

/** Removes an object, if it exists. */
export async function deleteObject(place: S3Place, bucket: string, key: string): Promise<void> {
  using client = clientOf(place);
  await client.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
}

/** A pending multipart upload. */
export interface PendingUpload {
  readonly key: string;
  readonly uploadId: string;
}

/** All pending uploads of a bucket. */
export async function pendingUploads(place: S3Place, bucket: string): Promise<PendingUpload[]> {
  using client = clientOf(place);
  const found: PendingUpload[] = [];
  let after = {};
  for (;;) {
    const page = await client.s3.send(
      new ListMultipartUploadsCommand({ Bucket: bucket, ...after }),
    );
    for (const { Key = "", UploadId = "" } of page.Uploads ?? []) {
      found.push({ key: Key, uploadId: UploadId });
    }
    if (page.IsTruncated !== true) return found;
    after = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
}

/** Aborts a pending upload. */
export async function abortUpload(
  place: S3Place,
  bucket: string,
  { key, uploadId }: PendingUpload,
): Promise<void> {
  using client = clientOf(place);
  await client.s3.send(
    new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId }),
  );
}
