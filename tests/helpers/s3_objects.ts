/** Reads and changes a bucket by the S3 API, as another client: `fetch`, and its own reading of XML. */

import { AwsClient } from "aws4fetch";
import { shown } from "./folder.ts";

/** Access to a server. */
export interface S3Place {
  /** AWS_… variables: keys, region, endpoint. */
  readonly env: Readonly<Record<string, string>>;
}

/** A request to a bucket. */
interface Asked {
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** An error response. */
export class S3Refusal extends Error {
  /** The `Code`, or the status without one. */
  override readonly name: string;
  readonly status: number;

  /** @param text The body of the response. */
  constructor(name: string, status: number, text: string) {
    super(text);
    this.name = name;
    this.status = status;
  }
}

/** Attempts of a request whose connection breaks. */
const ATTEMPTS = 3;

/** Sends a request. */
export async function ask(
  { env }: S3Place,
  method: string,
  bucket: string,
  { key, query = {}, headers = {}, body }: Asked = {},
): Promise<Response> {
  const client = new AwsClient({
    accessKeyId: required(env, "AWS_ACCESS_KEY_ID"),
    secretAccessKey: required(env, "AWS_SECRET_ACCESS_KEY"),
    region: required(env, "AWS_REGION"),
    service: "s3",
    retries: 0,
  });
  const path = key === undefined ? "" : `/${key.split("/").map(encodeURIComponent).join("/")}`;
  const text = new URLSearchParams(query).toString().replaceAll("+", "%20");
  const url = `${required(env, "AWS_ENDPOINT_URL_S3")}/${bucket}${path}${text && `?${text}`}`;
  const init = { method, headers, ...(body ? { body } : {}) };
  for (let attempt = 1;; attempt++) {
    try {
      const request = await client.sign(url, init);
      // A Request would send its body in chunks.
      const sent = { method, headers: request.headers, ...(body ? { body } : {}) };
      const response = await fetch(request.url, sent);
      if (response.ok || response.status === 404 && method === "HEAD") return response;
      const answer = await response.text();
      throw new S3Refusal(textOf(answer, "Code") || `${response.status}`, response.status, answer);
    } catch (error) {
      if (error instanceof S3Refusal || attempt === ATTEMPTS) throw error;
    }
  }
}

function required(env: S3Place["env"], name: string): string {
  const value = env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

/** The text of the first element of that name; `""` without one. */
function textOf(xml: string, name: string): string {
  return decoded(new RegExp(`<${name}(?: [^>]*)?>([^<]*)</`).exec(xml)?.[1] ?? "");
}

/** The inner XML of all elements of that name. */
function elementsOf(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}(?: [^>]*)?>(.*?)</${name}>`, "gs"))]
    .map(([, inner = ""]) => inner);
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'" };

function decoded(text: string): string {
  return text
    .replace(
      /&#(x?)([0-9a-fA-F]+);/g,
      (_, hex, digits) => String.fromCodePoint(parseInt(digits, hex === "" ? 10 : 16)),
    )
    .replace(/&(lt|gt|quot|apos);/g, (_, name) => ENTITIES[name] ?? "")
    .replaceAll("&amp;", "&");
}

/** Creates a bucket. */
export async function createBucket(place: S3Place, bucket: string): Promise<void> {
  await (await ask(place, "PUT", bucket)).body?.cancel();
}

/** Keys of all objects that begin with `prefix`, in the order in which the server lists them. */
export async function keys(place: S3Place, bucket: string, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  let from = {};
  for (;;) {
    const query = { "list-type": "2", prefix, ...from };
    const page = await (await ask(place, "GET", bucket, { query })).text();
    found.push(...elementsOf(page, "Contents").map((entry) => textOf(entry, "Key")));
    if (textOf(page, "IsTruncated") !== "true") return found;
    from = { "continuation-token": textOf(page, "NextContinuationToken") };
  }
}

/** Bytes of one object. */
export async function getObject(
  place: S3Place,
  bucket: string,
  key: string,
): Promise<Uint8Array<ArrayBuffer>> {
  return await (await ask(place, "GET", bucket, { key })).bytes();
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
  readonly lastModified: Date | null;
}

/** Requests the metadata of an object, including checksums; null if it is missing. */
export async function head(
  place: S3Place,
  bucket: string,
  key: string,
): Promise<ObjectHead | null> {
  const asked = { key, headers: { "x-amz-checksum-mode": "ENABLED" } };
  const { status, headers } = await ask(place, "HEAD", bucket, asked);
  if (status === 404) return null;
  const own = [...headers].filter(([name]) => name.startsWith("x-amz-meta-"));
  const modified = headers.get("last-modified");
  return {
    sizeBytes: Number(headers.get("content-length") ?? 0),
    etag: headers.get("etag"),
    contentType: headers.get("content-type"),
    metadata: Object.fromEntries(own.map(([name, value]) => [name.slice(11), value])),
    checksumSha256: headers.get("x-amz-checksum-sha256"),
    lastModified: modified === null ? null : new Date(modified),
  };
}

/** What an object is written with. */
export interface PutOptions {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

function putHeaders({ contentType, metadata = {} }: PutOptions): Record<string, string> {
  const headers: Record<string, string> = contentType ? { "content-type": contentType } : {};
  for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name}`] = value;
  return headers;
}

/** Writes or overwrites an object and returns its ETag with quotes. */
export async function putObject(
  place: S3Place,
  bucket: string,
  key: string,
  content: string | Uint8Array<ArrayBuffer>,
  options: PutOptions = {},
): Promise<string> {
  const body = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const response = await ask(place, "PUT", bucket, { key, body, headers: putHeaders(options) });
  await response.body?.cancel();
  return response.headers.get("etag") ?? "";
}

/** Writes or overwrites an object by an upload of one part, and returns its ETag. */
export async function putInParts(
  place: S3Place,
  bucket: string,
  key: string,
  body: Uint8Array<ArrayBuffer>,
  options: PutOptions = {},
): Promise<string> {
  const uploadId = await beginUpload(place, bucket, key, options);
  const query = { partNumber: "1", uploadId };
  const part = await ask(place, "PUT", bucket, { key, query, body });
  await part.body?.cancel();
  const text = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
    `${part.headers.get("etag")}</ETag></Part></CompleteMultipartUpload>`;
  const completion = { key, query: { uploadId }, body: new TextEncoder().encode(text) };
  return textOf(await (await ask(place, "POST", bucket, completion)).text(), "ETag");
}

/** Creates an upload in parts and returns its id. */
export async function beginUpload(
  place: S3Place,
  bucket: string,
  key: string,
  options: PutOptions = {},
): Promise<string> {
  const asked = { key, query: { uploads: "" }, headers: putHeaders(options) };
  return textOf(await (await ask(place, "POST", bucket, asked)).text(), "UploadId");
}

/** Removes an object, if it exists. */
export async function deleteObject(place: S3Place, bucket: string, key: string): Promise<void> {
  await (await ask(place, "DELETE", bucket, { key })).body?.cancel();
}

/** A pending multipart upload. */
export interface PendingUpload {
  readonly key: string;
  readonly uploadId: string;
}

/** All pending uploads of a bucket. */
export async function pendingUploads(place: S3Place, bucket: string): Promise<PendingUpload[]> {
  const found: PendingUpload[] = [];
  let after = {};
  for (;;) {
    const query = { uploads: "", ...after };
    const page = await (await ask(place, "GET", bucket, { query })).text();
    for (const upload of elementsOf(page, "Upload")) {
      found.push({ key: textOf(upload, "Key"), uploadId: textOf(upload, "UploadId") });
    }
    if (textOf(page, "IsTruncated") !== "true") return found;
    after = {
      "key-marker": textOf(page, "NextKeyMarker"),
      "upload-id-marker": textOf(page, "NextUploadIdMarker"),
    };
  }
}

/** Aborts a pending upload. */
export async function abortUpload(
  place: S3Place,
  bucket: string,
  { key, uploadId }: PendingUpload,
): Promise<void> {
  await (await ask(place, "DELETE", bucket, { key, query: { uploadId } })).body?.cancel();
}
