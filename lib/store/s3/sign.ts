/** AWS Signature Version 4 for S3, by `aws4fetch`; the only file that imports it. */

import { AwsV4Signer } from "aws4fetch";

/** The keys that sign requests. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A request to sign. */
export interface UnsignedRequest {
  readonly method: string;
  /** With an encoded path and query; see {@linkcode encodePath} and {@linkcode encodeQuery}. */
  readonly url: string;
  /** Names in lower case, values in ASCII. All are signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body, in lower-case hexadecimal. */
  readonly bodySha256: string;
}

/** Whose signature, where and when. */
export interface SigningScope {
  readonly credentials: S3Credentials;
  readonly region: string;
  /** Milliseconds since the epoch, on the server's clock. */
  readonly atMs: number;
}

/** SHA-256 of an empty body. */
export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** Returns the headers of a request, with those of its signature. */
export type Sign = (
  request: UnsignedRequest,
  scope: SigningScope,
) => Promise<Readonly<Record<string, string>>>;

/** Creates a signer, which caches the keys derived for a day and a region. */
export function createSigner(): Sign {
  const cache = new Map<string, ArrayBuffer>();
  return async ({ method, url, headers, bodySha256 }, { credentials, region, atMs }) => {
    const signer = new AwsV4Signer({
      method,
      url,
      headers: { ...headers, "x-amz-content-sha256": bodySha256 },
      ...credentials,
      service: "s3",
      region,
      cache,
      // Its default is the system's clock.
      datetime: new Date(atMs).toISOString().replace(/[:-]|\.\d{3}/g, ""),
      // Otherwise a proxy could change Content-Type and Range.
      allHeaders: true,
    });
    const signed = await signer.sign();
    return Object.fromEntries(signed.headers);
  };
}

/** Encodes all but unreserved characters (RFC 3986, section 2.3), as signatures require. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Encodes the name of an object as a path; slashes are kept. */
export function encodePath(name: string): string {
  return name.split("/").map(encode).join("/");
}

/** Encodes parameters as a query, with its question mark; `""` without any. */
export function encodeQuery(parameters: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(parameters).map(([name, value]) =>
    `${encode(name)}=${encode(value)}`
  );
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}
