/** Whom to ask, and as whom: from the store's location and the environment. Pure. */

import type { BucketLocation } from "../../core/location.ts";
import type { Host } from "../../core/host.ts";

/** Environment variables that a store in a bucket asks for, as all of S3's users know them. */
export const S3_VARIABLES = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  "AWS_ENDPOINT_URL_S3",
  "AWS_ENDPOINT_URL",
] as const;

/** Region of a server that is not AWS and was given none: most take this one, some take any. */
const USUAL_REGION = "us-east-1";

type Environment = Pick<Host, "env">;

/** The endpoint that a location and the environment name, or null for that of AWS. */
export function endpointOf({ endpoint }: BucketLocation, host: Environment): string | null {
  return endpoint ?? variable("AWS_ENDPOINT_URL_S3", host) ?? variable("AWS_ENDPOINT_URL", host);
}

/** The region that a location and the environment name; null leaves it to the client. */
export function regionOf(location: BucketLocation, host: Environment): string | null {
  const named = location.region ?? variable("AWS_REGION", host) ??
    variable("AWS_DEFAULT_REGION", host);
  return named ?? (endpointOf(location, host) === null ? null : USUAL_REGION);
}

/** The server that is asked; null where only the client can find out which region it is in. */
export function serverOf(location: BucketLocation, host: Environment): URL | null {
  const endpoint = endpointOf(location, host);
  if (endpoint !== null) return URL.parse(endpoint);
  const region = regionOf(location, host);
  if (region === null) return null;
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  // No certificate covers a dot in a bucket's name.
  const name = location.bucket.includes(".") ? "" : `${location.bucket}.`;
  return new URL(`https://${name}s3.${region}.${domain}`);
}

/** An empty variable is as good as none. */
function variable(name: typeof S3_VARIABLES[number], { env }: Environment): string | null {
  return env(name) || null;
}

/** Keys to sign with. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The keys that the environment holds, or null. */
export function credentialsOf(host: Environment): S3Credentials | null {
  const accessKeyId = variable("AWS_ACCESS_KEY_ID", host);
  const secretAccessKey = variable("AWS_SECRET_ACCESS_KEY", host);
  const sessionToken = variable("AWS_SESSION_TOKEN", host);
  if (accessKeyId === null || secretAccessKey === null) return null;
  return { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) };
}
