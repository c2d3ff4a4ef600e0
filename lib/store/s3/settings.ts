/** Endpoint and region, from the location of the store and the environment. Pure. */

import type { BucketLocation } from "../../core/location.ts";
import { CronfetchError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import { trimEndOf } from "../../core/text.ts";

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

/**
 * The region if none is set. Most servers other than AWS expect it or accept any; AWS responds with
 * the region of the bucket, which is used then.
 */
export const DEFAULT_REGION = "us-east-1";

/** The environment variables. */
export type S3Environment = Pick<Host, "env">;

/**
 * The endpoint of the location or the environment, or null for AWS.
 *
 * @throws {CronfetchError} `config.invalid`; see {@linkcode serverVariable}.
 */
export function endpointOf({ endpoint }: BucketLocation, host: S3Environment): string | null {
  return endpoint ?? serverVariable(["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"], host);
}

/**
 * The URL of a server in the first of these variables that is set; null without. A path is allowed.
 *
 * @throws {CronfetchError} `config.invalid`: paths and queries would be appended to a query or a
 * fragment, and userinfo would be shown in messages.
 */
export function serverVariable(names: readonly string[], host: S3Environment): string | null {
  const name = names.find((name) => variable(name, host) !== null);
  if (name === undefined) return null;
  const text = variable(name, host) ?? "";
  const fault = serverFault(text);
  if (fault === null) return text;
  // The value may have a password.
  throw new CronfetchError(
    "config.invalid",
    `opening the store: ${name} ${fault}; set the URL of a server such as https://s3.example.org`,
  );
}

function serverFault(text: string): string | null {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return "is no http or https URL";
  if (url.username !== "" || url.password !== "") {
    return "has credentials in its URL, which are never read from there";
  }
  // Those of `URL` are empty if nothing follows the sign.
  if (text.includes("#")) return "has a fragment";
  return text.includes("?") ? "has a query" : null;
}

/** The region of the location or the environment; null without. */
export function regionOf(location: BucketLocation, host: S3Environment): string | null {
  return location.region ?? variable("AWS_REGION", host) ?? variable("AWS_DEFAULT_REGION", host);
}

/**
 * The URL that the encoded name of an object is appended to.
 *
 * @param endpoint The server; null for AWS.
 */
export function serverIn(
  region: string,
  { bucket }: Pick<BucketLocation, "bucket">,
  endpoint: string | null,
): string {
  // Only AWS resolves bucket names as host names; every server supports paths.
  if (endpoint !== null) return `${trimEndOf(new URL(endpoint).href, "/")}/${bucket}/`;
  const server = `s3.${region}.${awsDomain(region)}`;
  // Wildcard certificates do not match a bucket name with a dot.
  return bucket.includes(".") ? `https://${server}/${bucket}/` : `https://${bucket}.${server}/`;
}

/** The domain of AWS's services in a region. */
export function awsDomain(region: string): string {
  return region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

/** An environment variable; null if it is unset or empty. */
export function variable(name: string, { env }: S3Environment): string | null {
  return env(name) || null;
}
