/** Endpoint, region and credentials, from the location of the store and the environment. Pure. */

import type { BucketLocation } from "../../core/location.ts";
import type { Host } from "../../core/host.ts";

/** The environment variables that are read, under the names that AWS tools use. */
export const S3_VARIABLES = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  "AWS_ENDPOINT_URL_S3",
  "AWS_ENDPOINT_URL",
] as const;

/** The region for servers other than AWS if none is set: most expect it, some accept any. */
const DEFAULT_REGION = "us-east-1";

type S3Environment = Pick<Host, "env">;

/** The endpoint of the location or the environment, or null for AWS. */
export function endpointOf({ endpoint }: BucketLocation, host: S3Environment): string | null {
  return endpoint ?? variable("AWS_ENDPOINT_URL_S3", host) ?? variable("AWS_ENDPOINT_URL", host);
}

/** The region of the location or the environment; null to let the client find it. */
export function regionOf(location: BucketLocation, host: S3Environment): string | null {
  const named = location.region ?? variable("AWS_REGION", host) ??
    variable("AWS_DEFAULT_REGION", host);
  return named ?? (endpointOf(location, host) === null ? null : DEFAULT_REGION);
}

/** The server that receives the requests; null if only the client can find its region. */
export function serverOf(location: BucketLocation, host: S3Environment): URL | null {
  const endpoint = endpointOf(location, host);
  if (endpoint !== null) return URL.parse(endpoint);
  const region = regionOf(location, host);
  if (region === null) return null;
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  // Wildcard certificates do not match a bucket name with a dot.
  const name = location.bucket.includes(".") ? "" : `${location.bucket}.`;
  return new URL(`https://${name}s3.${region}.${domain}`);
}

/** An empty variable counts as unset. */
function variable(name: typeof S3_VARIABLES[number], { env }: S3Environment): string | null {
  return env(name) || null;
}

/** The keys that sign requests. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The keys in the environment, or null. */
export function credentialsOf(host: S3Environment): S3Credentials | null {
  const accessKeyId = variable("AWS_ACCESS_KEY_ID", host);
  const secretAccessKey = variable("AWS_SECRET_ACCESS_KEY", host);
  const sessionToken = variable("AWS_SESSION_TOKEN", host);
  if (accessKeyId === null || secretAccessKey === null) return null;
  return { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) };
}
