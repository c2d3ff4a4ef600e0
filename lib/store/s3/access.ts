/** What reaching a bucket needs: servers, files and variables, by the source of its credentials. */

import type { BucketLocation } from "../../core/location.ts";
import { instanceUrl, stsUrl, TEMPORARY_VARIABLES } from "./credentials/requests.ts";
import { type CredentialOrigin, findCredentials } from "./credentials/credentials.ts";
import { PROFILE_VARIABLES, profilePaths } from "./credentials/profile.ts";
import {
  DEFAULT_REGION,
  endpointOf,
  regionOf,
  S3_VARIABLES,
  type S3Environment,
  serverIn,
  variable,
} from "./settings.ts";

/** What a run needs to reach a bucket. */
export interface BucketAccess {
  /** Where the keys come from. */
  readonly source: CredentialOrigin["kind"];
  /** Why there are no keys, or null. */
  readonly problem: string | null;
  /** Whether no region is set, so that AWS reports that of the bucket. */
  readonly isRegionUnknown: boolean;
  /** The servers that receive requests: that of the bucket first. */
  readonly servers: readonly URL[];
  /** Paths of files that are read. */
  readonly files: readonly string[];
  /** Names of variables that are read. */
  readonly variables: readonly string[];
}

/**
 * Finds out what a bucket needs, without a request. The files of profiles are read if the
 * environment names no credentials.
 */
export async function bucketAccess(
  location: BucketLocation,
  host: S3Environment,
): Promise<BucketAccess> {
  const { origin, region: profileRegion } = await findCredentials(host);
  const endpoint = endpointOf(location, host);
  const named = regionOf(location, host) ?? profileRegion;
  const region = named ?? DEFAULT_REGION;
  const more = [...PROFILE_VARIABLES, ...TEMPORARY_VARIABLES];
  const set = more.filter((name) => variable(name, host) !== null);
  return {
    source: origin.kind,
    problem: origin.kind === "none" ? origin.reason : null,
    isRegionUnknown: endpoint === null && named === null,
    servers: [serverIn(region, location, endpoint), ...serversOf(origin, region, host)]
      .map((url) => new URL(url)),
    files: filesOf(origin, host),
    variables: [...S3_VARIABLES, ...(origin.kind === "environment" ? [] : set)],
  };
}

/** URLs of the servers that keys are requested from. */
function serversOf(origin: CredentialOrigin, region: string, host: S3Environment): string[] {
  switch (origin.kind) {
    case "web identity":
      return [stsUrl(region, host)];
    case "container":
      return [origin.url];
    case "instance":
      return [instanceUrl(host)];
    case "environment":
    case "profile":
    case "none":
      return [];
    default:
      return origin satisfies never;
  }
}

/** Files that are read for the keys. */
function filesOf(origin: CredentialOrigin, host: S3Environment): string[] {
  const profiles = Object.values(profilePaths(host));
  switch (origin.kind) {
    case "web identity":
      return variable("AWS_PROFILE", host) === null
        ? [origin.identity.tokenFile]
        : [origin.identity.tokenFile, ...profiles];
    case "container": {
      const tokenFile = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", host);
      return tokenFile === null ? [] : [tokenFile];
    }
    case "profile":
    case "instance":
    case "none":
      return profiles;
    case "environment":
      return [];
    default:
      return origin satisfies never;
  }
}
