/** Tries what the server of a bucket can do. */

import type { Host } from "../../core/host.ts";
import type { SettingsOf } from "../../core/http.ts";
import type { BucketLocation } from "../../core/location.ts";
import type { BucketAccess } from "../../store/s3/access.ts";
import { openBucket } from "../../store/s3/client.ts";
import type { ServerFeatures } from "../../store/s3/features.ts";

/** What a server can do, and the consequences of what it lacks. */
export interface ServerReport {
  /** A clause. */
  readonly abilities: string;
  /** Sentences without a full stop. */
  readonly lacks: readonly string[];
}

/**
 * Tries the server of a bucket with small objects below the prefix, which are removed again.
 *
 * @throws {DriverError} A request fails that every run needs.
 */
export async function probeServer(
  location: BucketLocation,
  settingsOf: SettingsOf,
  host: Host,
  signal: AbortSignal,
): Promise<ServerReport> {
  await using bucket = await openBucket(location, settingsOf, host);
  await bucket.probe(signal);
  return reportOf(bucket.features);
}

/** Describes what is known of a server. */
export function reportOf(features: ServerFeatures): ServerReport {
  const { ifMatch, ifNoneMatch, completionConditions, checksums, copies } = features;
  const { uploadLists, listEtags, otherRegion } = features;
  const abilities = [
    ...(ifMatch === "quoted" ? ["If-Match"] : []),
    ...(ifMatch === "unquoted" ? ["If-Match without quotes"] : []),
    ...(ifNoneMatch === "yes" ? ["If-None-Match"] : []),
    ...(completionConditions === "yes" ? ["conditions on completion"] : []),
    ...(checksums === "yes" ? ["checksums"] : []),
    ...(copies === "parts" ? ["copies of parts"] : []),
    ...(copies === "objects" ? ["copies of objects"] : []),
    ...(uploadLists === "prefix" || uploadLists === "bucket" ? ["lists of uploads"] : []),
    ...(listEtags === "yes" ? ["ETags in lists"] : []),
  ];
  const isUnconditional = ifMatch === "no" || ifNoneMatch === "no";
  const hasNoSweep = uploadLists === "key" || uploadLists === "no";
  return {
    abilities: abilities.length === 0 ? "nothing optional" : abilities.join(", "),
    lacks: [
      ...(isUnconditional
        ? ["it ignores conditions, so of two concurrent writes the last one wins"]
        : []),
      ...(completionConditions === "no" && !isUnconditional
        ? ["it ignores conditions of large files, so of two concurrent writes the last one wins"]
        : []),
      ...(copies === "objects"
        ? ["it copies only whole objects, so files of more than 5 GiB are uploaded twice"]
        : []),
      ...(copies === "no" ? ["it copies nothing, so large files are uploaded twice"] : []),
      ...(hasNoSweep
        ? [
          "it does not list the uploads of crashed runs: add a lifecycle rule that aborts " +
          "unfinished uploads after two days",
        ]
        : []),
      ...(listEtags === "no"
        ? ["its lists have no ETags, so each existing file is one request"]
        : []),
      ...(otherRegion === null
        ? []
        : [`the bucket is in the region ${otherRegion}: set AWS_REGION=${otherRegion}`]),
    ],
  };
}

/** What a run with this bucket needs besides the flags. */
export function accessNotes({ source, isRegionUnknown }: BucketAccess): string[] {
  return [
    ...(source === "environment" ? [] : [CREDENTIAL_NOTES[source]]),
    ...(isRegionUnknown
      ? ["No region is set: add the server of the bucket's region to --allow-net"]
      : []),
  ];
}

/** Where the keys come from, for people who did not set them. */
const CREDENTIAL_NOTES: Readonly<Record<Exclude<BucketAccess["source"], "environment">, string>> = {
  "profile": "The keys are those of a profile in the files of AWS's tools",
  "web identity": "The keys are requested from STS with a web identity",
  "container": "The keys are those of the container's role",
  "instance": "The keys are those of the instance's role; outside of AWS, there are none",
  "none": "There are no keys yet: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
};
